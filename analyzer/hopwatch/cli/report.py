"""Where the time of requests goes: the ledger by hop, language and kind."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import TYPE_CHECKING

from hopwatch.cli.options import (
    add_source_arguments,
    add_tau_argument,
    add_window_arguments,
    attributes,
    tau_ns,
    time_window,
)
from hopwatch.errors import UsageError

if TYPE_CHECKING:
    from hopwatch.attribution import UnitTime

NAME = "report"
HELP = "where the time of requests goes, by hop, language and kind"

_KEYS = ("hop", "language", "kind", "caller", "route", "operation", "version", "outcome")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_source_arguments(parser)
    choose = parser.add_argument_group("which requests")
    add_window_arguments(choose)
    choose.add_argument("--service", metavar="NAME", help="that pass through this service")
    choose.add_argument("--route", metavar="GLOB", help="of this route, such as 'GET /api/*'")
    choose.add_argument(
        "--where",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="with a span of this attribute; repeat to ask for several",
    )
    show = parser.add_argument_group("what to show")
    show.add_argument(
        "--by",
        metavar="KEYS",
        default="hop,language,kind",
        help=f"rows by these, comma-separated, of {', '.join(_KEYS)} (default: %(default)s)",
    )
    show.add_argument("--top", type=int, default=24, metavar="N", help="rows at most (default 24)")
    show.add_argument("--per-trace", action="store_true", help="one line per request")
    show.add_argument(
        "--detached", action="store_true", help="asynchronous work (consumers), not requests"
    )
    show.add_argument("--json", action="store_true", help="as JSON: hopwatch.ledger/1")
    add_tau_argument(parser)


def run(args: argparse.Namespace) -> int:
    keys = _keys(args.by)
    window = time_window(args)
    wanted = attributes(args.where)
    tau = tau_ns(args)
    if args.top < 2:
        raise UsageError(f"--top: {args.top} rows cannot hold a ledger; give 2 or more")

    from hopwatch.attribution import Attribution, Options
    from hopwatch.attribution.select import Selection
    from hopwatch.cli.sources import load

    loaded = load(args, window)
    attribution = Attribution(loaded.table, Options(tau_ns=tau))
    selection = Selection(
        start=window.start,
        end=window.end,
        service=args.service,
        route=args.route,
        attributes=wanted,
    )
    if args.per_trace:
        loaded.warn()
        units = attribution.detached() if args.detached else attribution.requests()
        _print_per_trace(filter(selection.predicate(loaded.table), units), as_json=args.json)
        return 0
    ledger = attribution.ledger(selection, detached=args.detached)
    if args.json:
        import json

        from hopwatch.reports.documents import ledger_document

        document = ledger_document(ledger)
        document["quality"]["rejected"] = loaded.left_out
        print(json.dumps(document, indent=2))
        return 0

    from hopwatch.cli.console import stdout
    from hopwatch.reports.ledger_terminal import print_ledger

    print_ledger(stdout(), ledger, loaded.source, keys=keys, most=args.top, notes=loaded.notes)
    return 0


def _keys(text: str) -> list[str]:
    keys = [key.strip() for key in text.split(",") if key.strip()]
    unknown = [key for key in keys if key not in _KEYS]
    if unknown or not keys or len(set(keys)) < len(keys):
        wrong = unknown[0] if unknown else text
        raise UsageError(f"--by: {wrong!r} is none of {', '.join(_KEYS)}, each at most once")
    return keys


def _print_per_trace(units: Iterable[UnitTime], *, as_json: bool) -> None:
    import json

    from hopwatch.reports.documents import unit_document
    from hopwatch.reports.numbers import duration
    from hopwatch.reports.text import plain

    for unit in units:
        document = unit_document(unit)
        if as_json:
            print(json.dumps(document, separators=(",", ":")))
            continue
        dearest = max(document["cells"], key=lambda cell: cell["ns"])
        print(
            f"{document['trace_id']}  {duration(unit.duration):>10}  {plain(unit.route)}  "
            f"most in {plain(dearest['hop'])} {dearest['kind']} {duration(dearest['ns'])}"
        )
