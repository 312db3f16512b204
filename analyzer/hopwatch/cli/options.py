"""Options that several subcommands share, and how their words are read."""

from __future__ import annotations

import argparse
import re
import time
from typing import TYPE_CHECKING

from hopwatch.errors import UsageError
from hopwatch.window import Window, parse_duration, parse_time, window

if TYPE_CHECKING:
    from hopwatch.attribution import Options, Selection

__all__ = [
    "FILES_AND_BACKENDS",
    "Window",
    "add_attribution_arguments",
    "add_backend_arguments",
    "add_request_arguments",
    "add_source_arguments",
    "add_window_arguments",
    "address",
    "attribution_options",
    "parse_duration",
    "parse_time",
    "selection",
    "time_window",
]


MOST_TRACES = 20_000
FILES_AND_BACKENDS = (
    "files or folders of traces: OTLP (JSON, JSON lines, protobuf), Jaeger, Zipkin, Tempo, "
    "OpenSearch, ClickHouse, Parquet; plain, gzip or zstd. Or running backends: "
    "jaeger+http://HOST:16686, tempo+http://HOST:3200, zipkin+http://HOST:9411; what to ask for "
    "can stand there too: ?service=NAME&last=15m."
)


def add_source_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the spans come from: files, folders and running backends, else the store."""
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="PATH",
        help=f"{FILES_AND_BACKENDS} None: the store",
    )
    parser.add_argument(
        "--store",
        metavar="DIR",
        help="the store that `hopwatch serve` writes (default: $HOPWATCH_STORE, else .hopwatch)",
    )
    add_backend_arguments(parser, MOST_TRACES)


def add_backend_arguments(parser: argparse.ArgumentParser, most: int | None) -> None:
    """How to ask running backends, of which at most `most` traces are read; read by
    `sources.query_of`."""
    group = parser.add_argument_group("running backends")
    group.add_argument(
        "--header",
        metavar="'NAME: VALUE'",
        action="append",
        default=[],
        help="sent along, such as 'Authorization: Bearer ...'; repeat for several "
        "(also $HOPWATCH_HEADERS: Name=value,Name=value)",
    )
    group.add_argument(
        "--limit",
        type=_traces,
        default=most,
        metavar="N",
        help=f"traces at most, the newest (default: {'all' if most is None else f'{most:,}'})",
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
    now = time.time_ns() if now_ns is None else now_ns
    return window(args.last, args.since, args.until, now)


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


def _traces(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of traces")
    return int(text)


def add_request_arguments(group: argparse._ArgumentGroup) -> None:
    """Which requests count; `selection` reads what was said."""
    add_window_arguments(group)
    group.add_argument("--service", metavar="NAME", help="that pass through this service")
    group.add_argument("--route", metavar="GLOB", help="of this route, such as 'GET /api/*'")
    group.add_argument("--outcome", choices=("ok", "error"), help="that succeeded, or that failed")
    group.add_argument(
        "--where",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="with a span of this attribute; repeat to ask for several",
    )


def selection(
    args: argparse.Namespace, window: Window, also: dict[str, str] | None = None
) -> Selection:
    """The requests of the window that `add_request_arguments` was told of, with the attributes
    `also`, which --by asks for."""
    from hopwatch.attribution import Selection

    wanted = _attributes(args.where)
    for key, value in (also or {}).items():
        if wanted.setdefault(key, value) != value:
            raise UsageError(f"--by {key} and --where {key}=... exclude each other")
    return Selection(
        start=window.start,
        end=window.end,
        service=args.service,
        route=args.route,
        outcome=args.outcome,
        attributes=wanted,
    )


def _attributes(texts: list[str]) -> dict[str, str]:
    """`key=value` words of --where."""
    wanted: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise UsageError(f"--where: {text!r} is not KEY=VALUE")
        if wanted.setdefault(key, value) != value:
            raise UsageError(f"--where: {key} is asked to be both {wanted[key]!r} and {value!r}")
    return wanted
