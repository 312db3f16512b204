"""Options that several subcommands share, and how their words are read."""

from __future__ import annotations

import argparse
import re
import time
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from hopwatch.errors import UsageError

if TYPE_CHECKING:
    from hopwatch.attribution import Options

_UNITS = {"ms": 1_000_000, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9, "d": 86_400 * 10**9}
_LONGEST = 100 * 365 * _UNITS["d"]
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


def add_window_arguments(group: argparse._ArgumentGroup) -> None:
    """When the requests began; read by `time_window`."""
    group.add_argument("--last", metavar="DURATION", help="those of the last 90s, 15m, 2h, 1d")
    group.add_argument("--since", metavar="TIME", help="started at or after; ISO 8601 or Unix")
    group.add_argument("--until", metavar="TIME", help="started before; ISO 8601 or Unix")


def add_attribution_arguments(parser: argparse.ArgumentParser) -> None:
    """How to attribute; read by `attribution_options`."""
    parser.add_argument(
        "--tau",
        type=int,
        metavar="NS",
        help="ns by which consecutive calls may overlap (default: 50 µs, or the clock's stamp)",
    )
    parser.add_argument(
        "--wait",
        metavar="NAME",
        action="append",
        default=[],
        help="spans of this name stand for waiting for a resource (beside those of pools that "
        "hopwatch knows); repeat for several",
    )


def attribution_options(args: argparse.Namespace) -> Options:
    """--tau and --wait. Raises UsageError for a negative τ."""
    from hopwatch.attribution import Options

    tau: int | None = args.tau
    if tau is not None and tau < 0:
        raise UsageError(f"--tau: {tau} ns is negative; give 0 or more")
    return Options(tau_ns=tau, waits=frozenset(name.lower() for name in args.wait))


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


def address(text: str) -> tuple[str, int]:
    """HOST:PORT of --listen, an IPv6 host in brackets. Raises ArgumentTypeError."""
    match = re.fullmatch(
        r"(?:\[(?P<v6>[0-9a-fA-F:.]+)\]|(?P<host>[^:\[\]]+)):(?P<port>\d{1,5})", text
    )
    if match is None or int(match["port"]) > 65535:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no address; write HOST:PORT, for example 127.0.0.1:4319"
        )
    return match["v6"] or match["host"], int(match["port"])


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
