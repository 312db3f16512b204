"""What changed from before to after, where, by how much, and whether that is more than chance.

  hopwatch compare before.json after/              files, folders, running backends
  hopwatch compare baseline:main after/            what `hopwatch baseline save main` has saved
  hopwatch compare baseline:main --last 10m        and the store as it is now
  hopwatch compare 20m/10m 10m/10m                 windows of the store: START/LENGTH, START/END,
                                                   a start being a time, or how long ago
  hopwatch compare --split 2026-11-21T10:30        the store before and after a moment
  hopwatch compare --by service.version 1.4 1.5    requests with a span of the one value, or of
                                                   the other: a canary, versions in turns

Windows, --split and --by are of the store, or of what --from names.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hopwatch.cli.options import (
    FILES_AND_BACKENDS,
    MOST_TRACES,
    add_attribution_arguments,
    add_backend_arguments,
    add_request_arguments,
)
from hopwatch.cli.output import add_format_arguments, emit, written
from hopwatch.errors import UsageError

if TYPE_CHECKING:
    from hopwatch.checks.comparing import JudgedCheck
    from hopwatch.checks.comparison_file import CheckFile
    from hopwatch.cli.sides import Side
    from hopwatch.comparison import Comparison

NAME: Final = "compare"
HELP: Final = "what changed from before to after, where, and how surely"

_FORMATS: Final = ("table", "json", "markdown", "junit")
_EPILOG: Final = """\
The hops' differences and the traffic mix add up to the difference of the means, exactly. Services
that were renamed, split or merged are found again; --mapping corrects that:

  [hops]
  shop-bff = "shop-gateway"          # name before = name after
  [routes]
  "GET /api/order" = "GET /api/v2/orders"
  [[operations]]
  before = { hop = "orders", operation = "shop.Orders/Get" }
  after = { hop = "catalog", operation = "shop.Catalog/Get" }

--checks takes a file (hopwatch.toml):

  [[check]]                          # the mean request: not slower by more than the margin
  [[check]]
  route = "POST /api/*"              # also: outcome = "ok"
  statistic = "p95"                  # mean, p50, p90, p95, p99
  margin = "10%"
  [[check]]
  hop = "shop-orders"                # what these hops add to the mean request
  max-rise = "2ms"                   # as measured; or "5%"
  [compare]                          # margin, confidence, power of all of them
  margin = "5%"
  [mapping.hops]                     # as in a mapping file

exit codes: 1 a check failed; 2 none did, and one cannot be judged (too little data), or words that
cannot be read; 0 otherwise, and always without checks
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "hopwatch compare BEFORE AFTER [options]"
    parser.add_argument(
        "paths",
        nargs="*",
        metavar="SIDE",
        help=f"BEFORE and AFTER: see above. {FILES_AND_BACKENDS}",
    )
    add_side_arguments(parser)
    choose = parser.add_argument_group("which sides, which requests")
    choose.add_argument("--split", metavar="TIME", help="before and after this moment (10m: ago)")
    choose.add_argument(
        "--by", metavar="KEY", help="BEFORE and AFTER are values of this attribute of spans"
    )
    add_request_arguments(choose)
    judge = parser.add_argument_group("how to judge")
    judge.add_argument(
        "--margin", type=_share, metavar="SHARE", help="a change of no consequence (default 5%%)"
    )
    judge.add_argument(
        "--confidence", type=_share, metavar="SHARE", help="of intervals, verdicts (default 95%%)"
    )
    judge.add_argument("--mapping", type=Path, metavar="FILE", help="names that changed; see below")
    judge.add_argument("--checks", type=Path, metavar="FILE", help="what must hold; see below")
    judge.add_argument(
        "--not-slower",
        action="store_true",
        help="check that the mean request is not slower by more than the margin",
    )
    show = parser.add_argument_group("what to show")
    show.add_argument("--top", type=int, default=12, metavar="N", help="rows at most (default 12)")
    add_format_arguments(show, _FORMATS, "hopwatch.comparison/1")
    add_attribution_arguments(parser)
    parser.epilog = _EPILOG


def add_side_arguments(parser: argparse.ArgumentParser) -> None:
    """Where the spans of windows and of values come from; read by `sides`."""
    parser.add_argument(
        "--from",
        dest="source",
        action="append",
        default=[],
        metavar="PATH",
        help="files, folders or backends that windows, --split and --by are of; repeat for several "
        "(default: the store)",
    )
    parser.add_argument(
        "--store",
        metavar="DIR",
        help="the store that `hopwatch serve` writes (default: $HOPWATCH_STORE, else .hopwatch)",
    )
    add_backend_arguments(parser, MOST_TRACES)


def run(args: argparse.Namespace) -> int:
    if args.top < 2:
        raise UsageError(f"--top: {args.top} rows cannot hold a bridge; give 2 or more")
    if args.format == "junit" and not (args.checks or args.not_slower):
        raise UsageError("--format junit is of checks: give --checks FILE or --not-slower")

    asked = _asked(args)
    from hopwatch.checks.comparing import judge_checks
    from hopwatch.cli.sides import sides
    from hopwatch.comparison import compare

    with written(args):
        before, after = sides(args)
        ledgers = before.ledger, after.ledger
        failures = (before.failures, after.failures) if before.failures and after.failures else None
        found = compare(*ledgers, asked.options, asked.stated, failures)
        checks = judge_checks(asked.checks, *ledgers, asked.options, asked.stated)
        _show(args, found, (before, after), checks)
    verdicts = [judged.verdict for judged in checks]
    return 1 if "failed" in verdicts else 2 if "unjudged" in verdicts else 0


def _asked(args: argparse.Namespace) -> CheckFile:
    """What the check file says; the command line's options come first."""
    from hopwatch.checks.comparison_file import CheckFile, of_the_mean, read_check_file
    from hopwatch.checks.mapping import read_mapping
    from hopwatch.comparison import Options, Stated

    instead = _overridden(args)
    said = CheckFile(Options(), Stated(), ())
    if args.checks is not None:
        said = read_check_file(args.checks, instead)
    options, stated = replace(said.options, **instead), said.stated
    if args.mapping is not None:
        if stated != Stated():
            raise UsageError(f"{args.checks} has a mapping already; leave out --mapping")
        stated = read_mapping(args.mapping)
    checks = (*said.checks, *([of_the_mean(options)] if args.not_slower else []))
    return CheckFile(options, stated, checks)


def _overridden(args: argparse.Namespace) -> dict[str, float]:
    return {
        name: value
        for name in ("margin", "confidence")
        if (value := getattr(args, name)) is not None
    }


def _show(
    args: argparse.Namespace,
    found: Comparison,
    sides: tuple[Side, Side],
    checks: Sequence[JudgedCheck],
) -> None:
    sources = sides[0].source, sides[1].source
    notes = list(dict.fromkeys(note for side in sides for note in side.notes))
    match args.format:
        case "table":
            from hopwatch.cli.console import stdout
            from hopwatch.reports.comparison_terminal import print_comparison

            print_comparison(stdout(), found, sources, most=args.top, checks=checks, notes=notes)
        case "markdown":
            from hopwatch.reports.comparison_markdown import markdown

            emit(markdown(found, sources, most=args.top, checks=checks, notes=notes))
        case "junit":
            from hopwatch.reports.junit import junit

            emit(junit(checks))
        case _:
            import json

            from hopwatch.reports.documents import comparison_document

            print(json.dumps(comparison_document(found, sources, checks, notes), indent=2))


def _share(text: str) -> float:
    """`5%` or `0.05`."""
    from hopwatch.checks.toml_tables import share

    try:
        return share(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r}: {error}") from None
