"""Options that several subcommands share, and how their words are read."""

from __future__ import annotations

import argparse
import re
import time
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from hopwatch.errors import UsageError

_UNITS = {"ms": 1_000_000, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86_400 * 10**9}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")


@dataclass(frozen=True, slots=True)
class Window:
    """[start, end) in Unix ns; None: open."""

    start: int | None = None
    end: int | None = None


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the spans come from: files and folders, else the store."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help="files or folders of traces: OTLP as JSON, JSON lines or protobuf, Parquet; "
        "plain, gzip or zstd. None: the store",
    )
    parser.add_argument(
        "--store",
        metavar="DIR",
        help="the store that `hopwatch serve` writes (default: $HOPWATCH_STORE, else .hopwatch)",
    )


def time_window(args: argparse.Namespace, now_ns: int | None = None) -> Window:
    """--last, --since and --until as a window. Raises UsageError for words it cannot read."""
    if args.last is not None:
        if args.since is not None:
            raise UsageError("--last and --since both say when to begin; give one of them")
        now = time.time_ns() if now_ns is None else now_ns
        start: int | None = now - parse_duration(args.last, "--last")
    else:
        start = None if args.since is None else parse_time(args.since, "--since")
    end = None if args.until is None else parse_time(args.until, "--until")
    if start is not None and end is not None and end <= start:
        raise UsageError(f"the window ends ({args.until}) before it begins")
    return Window(start, end)


def parse_duration(text: str, option: str) -> int:
    """`90s`, `15m`, `1.5h` in ns."""
    match = _DURATION.fullmatch(text.strip())
    if match is None:
        raise UsageError(f"{option}: {text!r} is no duration; write 90s, 15m, 2h or 1d")
    return round(float(match[1]) * _UNITS[match[2]])


def parse_time(text: str, option: str) -> int:
    """Unix ns of ISO 8601 (local time where no zone is given) or of Unix seconds or ns."""
    if re.fullmatch(r"\d+(\.\d+)?", text):
        number = Decimal(text)
        return int(number if number >= 10**15 else number * 10**9)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{option}: {text!r} is no time; write 2026-11-21T10:15:00, with +02:00 or Z for "
            "another zone, or Unix seconds"
        ) from None
    seconds = moment.astimezone().replace(microsecond=0).timestamp()
    return int(seconds) * 10**9 + moment.microsecond * 1000


def attributes(texts: list[str]) -> dict[str, str]:
    """`key=value` words of --where."""
    wanted: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"--where: {text!r} is not KEY=VALUE")
        if wanted.setdefault(key, value) != value:
            raise UsageError(f"--where: {key} is asked to be both {wanted[key]!r} and {value!r}")
    return wanted
