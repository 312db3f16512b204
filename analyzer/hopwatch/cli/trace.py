"""One trace: its spans as a waterfall with the critical path, and where its time went; with
--logs also what its services logged meanwhile."""

from __future__ import annotations

import argparse

from hopwatch.cli.options import add_source_arguments, add_tau_argument, tau_ns

NAME = "trace"
HELP = "one trace as a waterfall with its critical path"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("trace_id", metavar="ID", help="the trace's id in hex, or its beginning")
    add_source_arguments(parser)
    parser.add_argument("--all", action="store_true", help="every span, however many")
    parser.add_argument("--logs", action="store_true", help="with the trace's log records")
    add_tau_argument(parser)
    parser.add_argument("--json", action="store_true", help="as JSON: hopwatch.trace/1")


def run(args: argparse.Namespace) -> int:
    tau = tau_ns(args)

    from hopwatch.attribution import Attribution, Options
    from hopwatch.cli.sources import load_around, load_logs

    loaded, trace_id = load_around(args, args.trace_id)
    attribution = Attribution(loaded.table, Options(tau_ns=tau)).only(trace_id)
    logs = load_logs(args, loaded, trace_id) if args.logs else None
    loaded.warn()
    if args.json:
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
