"""Time windows, and how people write durations and times."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from hopwatch.errors import UsageError

_UNITS = {"ms": 1_000_000, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86_400 * 10**9}
_LONGEST = 100 * 365 * _UNITS["d"]
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")


@dataclass(frozen=True, slots=True)
class Window:
    """[start, end) in Unix ns; None: open."""

    start: int | None = None
    end: int | None = None


def window(
    last: str | None, since: str | None, until: str | None, now_ns: int, prefix: str = "--"
) -> Window:
    """A window from what people write; `prefix` is how the words' names are shown. Raises
    UsageError for words it cannot read."""
    if last is not None and since is not None:
        raise UsageError(f"{prefix}last and {prefix}since both say when to begin; give one of them")
    start = None if since is None else parse_time(since, f"{prefix}since")
    if last is not None:
        start = now_ns - parse_duration(last, f"{prefix}last")
    end = None if until is None else parse_time(until, f"{prefix}until")
    if start is not None and end is not None and end <= start:
        raise UsageError(f"the window ends ({until}) before it begins")
    return Window(start, end)


def parse_duration(text: str, option: str) -> int:
    """`90s`, `15m`, `1.5h` in ns."""
    match = _DURATION.fullmatch(text.strip())
    ns = int(Decimal(match[1]) * _UNITS[match[2]]) if match and len(match[1]) < 20 else None
    if ns is None or ns > _LONGEST:
        raise UsageError(f"{option}: {text!r} is no duration; write 90s, 15m, 2h or 1d")
    return ns


def parse_time(text: str, option: str) -> int:
    """Unix ns of ISO 8601 (local time where no zone is given), or of a Unix time in s, ms, µs
    or ns, told apart by its size."""
    if re.fullmatch(r"\d{1,19}(\.\d{1,9})?", text) and len(text) != len("20261121"):
        number = Decimal(text)
        for unit in (1, 1_000, 1_000_000, 10**9):
            if number * unit >= 10**17 or unit == 10**9:
                return int(number * unit)
    try:
        moment = datetime.fromisoformat(text).astimezone()
        seconds = int(moment.replace(microsecond=0).timestamp())
    except (ValueError, OverflowError):
        raise UsageError(
            f"{option}: {text!r} is no time; write 2026-11-21T10:15:00, with +02:00 or Z for "
            "another zone, or Unix seconds"
        ) from None
    return seconds * 10**9 + moment.microsecond * 1000
