"""One trace: its spans as a waterfall with the critical path, and where its time went; with
--logs also what its services logged meanwhile."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from hopwatch.cli.options import (
    add_attribution_arguments,
    add_source_arguments,
    attribution_options,
)
from hopwatch.cli.output import add_format_arguments, emit, written
from hopwatch.errors import UsageError

if TYPE_CHECKING:
    from hopwatch.attribution import Attribution

NAME = "trace"
HELP = "one trace as a waterfall with its critical path"

_EPILOG = """\
formats (--format):
  table        the waterfall; json: hopwatch.trace/1
  csv          a row for each span, with its own time
  folded       ns by call path, for flame graphs
  speedscope   what was waited for at every moment, for speedscope.app
  perfetto     the spans as a timeline with the critical path, for ui.perfetto.dev
"""
_FORMATS = ("table", "json", "csv", "folded", "speedscope", "perfetto")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("trace_id", metavar="ID", help="the trace's id in hex, or its beginning")
    add_source_arguments(parser)
    parser.add_argument("--all", action="store_true", help="every span, however many")
    parser.add_argument("--logs", action="store_true", help="with the trace's log records")
    add_attribution_arguments(parser)
    add_format_arguments(parser, _FORMATS, "hopwatch.trace/1")
    parser.epilog = _EPILOG


def run(args: argparse.Namespace) -> int:
    options = attribution_options(args)
    if args.logs and args.format not in ("table", "json"):
        raise UsageError(f"--logs: --format {args.format} has no place for log records")

    from hopwatch.attribution import Attribution
    from hopwatch.cli.sources import load_around, load_logs

    with written(args):
        loaded, trace_id = load_around(args, args.trace_id)
        attribution = Attribution(loaded.spans, options).only(trace_id)
        loaded.warn()
        if args.format not in ("table", "json"):
            _export(attribution, args.format, trace_id)
            return 0
        logs = load_logs(args, loaded, trace_id) if args.logs else None
        if args.format == "json":
            import json

            from hopwatch.reports.documents import trace_document

            print(json.dumps(trace_document(attribution, logs), indent=2))
            return 0

        from hopwatch.cli.console import stdout
        from hopwatch.reports.trace_terminal import print_trace

        console = stdout()
        print_trace(console, attribution, every_span=args.all)
        if logs is not None:
            from hopwatch.reports.logs_terminal import print_logs

            print_logs(console, attribution, logs)
    return 0


def _export(attribution: Attribution, format_: str, trace_id: bytes) -> None:
    """All units of the trace for other programs."""
    units = [*attribution.requests(), *attribution.detached(), *attribution.fragments()]
    match format_:
        case "csv":
            from hopwatch.reports.tables import trace_csv

            emit(trace_csv(units))
        case "folded":
            from hopwatch.reports.folded import folded_units

            emit(folded_units(units))
        case "speedscope":
            from hopwatch.reports import speedscope

            emit(speedscope.of_units(units, f"trace {trace_id.hex()}"))
        case "perfetto":
            from hopwatch.reports.perfetto import timeline

            emit(timeline(units))
