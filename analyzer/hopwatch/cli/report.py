"""Where the time of requests goes: the ledger by hop, language and kind."""

from __future__ import annotations

import argparse

from hopwatch.cli.options import add_source_arguments, attributes, time_window

NAME = "report"
HELP = "where the time of requests goes, by hop, language and kind"

_KEYS = ("hop", "language", "kind", "caller", "route", "operation", "version", "outcome")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_source_arguments(parser)
    choose = parser.add_argument_group("which requests")
    choose.add_argument("--last", metavar="DURATION", help="those of the last 90s, 15m, 2h, 1d")
    choose.add_argument("--since", metavar="TIME", help="started at or after; ISO 8601 or Unix")
    choose.add_argument("--until", metavar="TIME", help="started before; ISO 8601 or Unix")
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
    show.add_argument("--json", action="store_true", help="as JSON: hopwatch.ledger/1")
    show.add_argument(
        "--tau",
        type=int,
        metavar="NS",
        help="ns by which consecutive calls may overlap (default: 50 µs, or the clock's stamp)",
    )


def run(args: argparse.Namespace) -> int:
    keys = _keys(args.by)
    window = time_window(args)
    wanted = attributes(args.where)
    _check_numbers(args)

    from hopwatch.attribution import Attribution, Options
    from hopwatch.attribution.select import Selection
    from hopwatch.cli.sources import load

    loaded = load(args, window)
    attribution = Attribution(loaded.table, Options(tau_ns=args.tau))
    selected = Selection(
        start=window.start,
        end=window.end,
        service=args.service,
        route=args.route,
        attributes=wanted,
    ).predicate(loaded.table)
    if args.per_trace:
        return _print_per_trace(attribution, selected, as_json=args.json)
    ledger = attribution.ledger(selected)
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
    from hopwatch.errors import UsageError

    keys = [key.strip() for key in text.split(",") if key.strip()]
    unknown = [key for key in keys if key not in _KEYS]
    if unknown or not keys or len(set(keys)) < len(keys):
        wrong = unknown[0] if unknown else text
        raise UsageError(f"--by: {wrong!r} is none of {', '.join(_KEYS)}, each at most once")
    return keys


def _check_numbers(args: argparse.Namespace) -> None:
    from hopwatch.errors import UsageError

    if args.top < 2:
        raise UsageError(f"--top: {args.top} rows cannot hold a ledger; give 2 or more")
    if args.tau is not None and args.tau < 0:
        raise UsageError(f"--tau: {args.tau} ns is negative; give 0 or more")


def _print_per_trace(attribution, selected, *, as_json: bool) -> int:  # type: ignore[no-untyped-def]
    import json

    from hopwatch.reports.documents import unit_document
    from hopwatch.reports.numbers import duration
    from hopwatch.reports.text import plain

    for unit in attribution.requests():
        if not selected(unit):
            continue
        document = unit_document(unit)
        if as_json:
            print(json.dumps(document, separators=(",", ":")))
            continue
        dearest = max(document["cells"], key=lambda cell: cell["ns"])
        print(
            f"{document['trace_id']}  {duration(unit.duration):>10}  {plain(unit.route)}  "
            f"most in {plain(dearest['hop'])} {dearest['kind']} {duration(dearest['ns'])}"
        )
    return 0
