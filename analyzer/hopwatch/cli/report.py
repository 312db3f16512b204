"""Where the time of requests goes: the ledger by hop, language and kind."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hopwatch.cli.options import (
    add_attribution_arguments,
    add_request_arguments,
    add_source_arguments,
    attribution_options,
    selection,
    time_window,
)
from hopwatch.cli.output import add_format_arguments, emit, quantile, written
from hopwatch.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

    from hopwatch.attribution import Attribution, Ledger, Selection, UnitTime
    from hopwatch.checks import Checked
    from hopwatch.cli.sources import Loaded

NAME = "report"
HELP = "where the time of requests goes, by hop, language and kind"

_EPILOG = """\
formats (--format):
  table                the terminal's; json: hopwatch.ledger/1
  csv, parquet         the ledger's long table, from which everything else is computed
  folded, speedscope   a request's time by call path, in ns, for flame graphs: of the mean request
                       or at a percentile (--at p99), adding up to it
  perfetto             the requests as a timeline for ui.perfetto.dev

conditions (--fail-if):
  'hop=shop-orders,p95>200ms'         p95 of the time for which the ledger blames this hop, over
                                      the requests that have any
  'route=POST *,errors>=1%'           parts with commas between them; * and ? are wild
  'p99>1.5s,requests>=100'            holds where all of its comparisons do: so not at night
  'requests<1'                        nothing came in at all
keys: route, outcome, service choose requests; hop, caller, language, kind, operation, version
  choose what is measured in them. Without any of these it is the end-to-end time.
statistics: percentiles from p1 to p99.99, mean, max, retry (in repeated attempts and between
  them): in ns, us, ms or s; share (of the end-to-end time of all requests), errors (failed
  requests): in %; calls (per request); requests (how many there are of the route, outcome and
  service). Comparisons: > >= < <=
A percentile needs a request beyond it (p95: 20 requests, p99: 100), the others need one.

exit codes: 1 a condition holds; 2 none does, and one cannot be judged: too few requests, or
words that cannot be read; 0 otherwise
"""
_FORMATS = ("table", "json", "csv", "parquet", "folded", "speedscope", "perfetto")
_OF_PATHS = ("folded", "speedscope")
_KEYS = ("hop", "language", "kind", "caller", "route", "operation", "version", "outcome")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_source_arguments(parser)
    choose = parser.add_argument_group("which requests")
    add_request_arguments(choose)
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
        "--detached",
        action="store_true",
        help="asynchronous work (consumers, what begins late), not requests",
    )
    show.add_argument(
        "--fail-if",
        metavar="CONDITION",
        action="append",
        default=[],
        help="exit with 1 where this holds, such as 'hop=orders,p95>200ms'; see below; repeat "
        "for several",
    )
    add_format_arguments(show, _FORMATS, "hopwatch.ledger/1")
    show.add_argument(
        "--at",
        metavar="POINT",
        help="call paths (folded, speedscope) of requests at p50, p99, ...; default: mean",
    )
    add_attribution_arguments(parser)
    parser.epilog = _EPILOG


def run(args: argparse.Namespace) -> int:
    keys = _keys(args.by)
    window = time_window(args)
    chosen = selection(args, window)
    options = attribution_options(args)
    if args.top < 2:
        raise UsageError(f"--top: {args.top} rows cannot hold a ledger; give 2 or more")
    if args.per_trace and args.fail_if:
        raise UsageError("--fail-if is of all requests together, --per-trace of each; give one")
    if args.per_trace and args.format not in ("table", "json"):
        raise UsageError(
            "--per-trace gives lines of text or JSON; csv of a request: hopwatch trace"
        )
    if args.at is not None and args.format not in _OF_PATHS:
        raise UsageError(f"--at is for --format {' and '.join(_OF_PATHS)}")
    q = None if args.at is None else quantile(args.at)

    from hopwatch.attribution import Attribution
    from hopwatch.checks import judge, parse
    from hopwatch.cli.sources import load

    conditions = [parse(text) for text in args.fail_if]
    with written(args):
        loaded = load(args, window)
        attribution = Attribution(loaded.spans, options)
        asked = _Asked(args, loaded, attribution, chosen)
        if args.per_trace:
            loaded.warn()
            _print_per_trace(asked.units(), as_json=args.format == "json")
            return 0
        checks = [
            judge(condition, attribution, chosen, detached=args.detached)
            for condition in conditions
        ]
        match args.format:
            case "table":
                asked.print_table(keys, checks)
            case "json":
                asked.print_json(checks)
            case _:
                asked.export(q, checks)
    return _exit_code(checks)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What was asked for, of which requests."""

    args: argparse.Namespace
    loaded: Loaded
    attribution: Attribution
    selection: Selection

    def units(self) -> Iterable[UnitTime]:
        found = self.attribution.detached() if self.args.detached else self.attribution.requests()
        return filter(self.selection.predicate(self.attribution.table), found)

    def ledger(self) -> Ledger:
        return self.attribution.ledger(self.selection, detached=self.args.detached)

    def failures(self) -> pa.Table:
        return self.attribution.failures(self.selection, detached=self.args.detached)

    def print_table(self, keys: list[str], checks: Sequence[Checked]) -> None:
        from hopwatch.cli.console import stdout
        from hopwatch.reports.checks import print_checks
        from hopwatch.reports.ledger_terminal import print_ledger
        from hopwatch.reports.outcomes import print_outcomes

        console, ledger, loaded = stdout(), self.ledger(), self.loaded
        most, notes = self.args.top, loaded.notes
        print_ledger(console, ledger, loaded.source, keys=keys, most=most, notes=notes)
        if self.args.detached:
            from hopwatch.reports.messages import print_messages

            print_messages(console, self.attribution.delays(self.selection))
        print_outcomes(console, ledger, self.failures())
        print_checks(console, checks)

    def print_json(self, checks: Sequence[Checked]) -> None:
        import json

        from hopwatch.reports.checks import check_document
        from hopwatch.reports.documents import ledger_document
        from hopwatch.reports.outcomes import outcome_documents

        ledger = self.ledger()
        document = ledger_document(ledger)
        document["quality"]["rejected"] = self.loaded.left_out
        document |= outcome_documents(ledger, self.failures())
        if self.args.detached:
            from hopwatch.reports.messages import message_documents

            document["messages"] = message_documents(self.attribution.delays(self.selection))
        document["checks"] = [check_document(checked) for checked in checks]
        print(json.dumps(document, indent=2))

    def export(self, q: float | None, checks: Sequence[Checked]) -> None:
        """For other programs: the result alone on standard output, the rest on standard error."""
        from hopwatch.cli.console import stderr
        from hopwatch.reports.checks import print_checks

        self.loaded.warn()
        match self.args.format:
            case "csv":
                from hopwatch.reports.tables import ledger_csv

                emit(ledger_csv(self.ledger()))
            case "parquet":
                from hopwatch.reports.tables import ledger_parquet

                emit(ledger_parquet(self.ledger()))
            case "perfetto":
                from hopwatch.reports.perfetto import timeline

                emit(timeline(self.units()))
            case _:
                self._export_paths(q)
        print_checks(stderr(), checks)

    def _export_paths(self, q: float | None) -> None:
        from hopwatch.attribution.quantile import at_mean, at_quantile
        from hopwatch.reports import folded, speedscope
        from hopwatch.reports.numbers import count

        stacks = self.attribution.stacks(self.selection, detached=self.args.detached)
        n = stacks.request_count
        if not n:
            raise UsageError("no requests here: widen the time window, or the filters")
        found = at_mean(stacks, "path") if q is None else at_quantile(stacks, q, "path")
        bars = stacks.bars(found)
        if self.args.format == "folded":
            emit(folded.folded(bars))
        else:
            point = self.args.at or "mean"
            emit(speedscope.of_bars(bars, f"{point} of {count(n, 'request')}"))


def _exit_code(checks: Sequence[Checked]) -> int:
    verdicts = [checked.verdict for checked in checks]
    return 1 if "failed" in verdicts else 2 if "unjudged" in verdicts else 0


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
