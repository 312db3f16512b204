"""Receive traces, logs and metrics over OTLP/HTTP and keep them.

Point an exporter at http://HOST:PORT (OTEL_EXPORTER_OTLP_ENDPOINT). A request is answered
once what it holds would survive a power cut; about a second later `hopwatch report` and
`hopwatch trace` see it. Also served: /healthz, /readyz, and /metrics for Prometheus: what was
received, and the ledger of the traces that have settled since the start, as counters.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from hopwatch.cli.options import address, parse_duration
from hopwatch.errors import UsageError

NAME: Final = "serve"
HELP: Final = "receive traces, logs and metrics over OTLP/HTTP and keep them"

_MIB: Final = 1 << 20
_SHORTEST_SETTLE_S: Final = 1
_LONGEST_SETTLE_S: Final = 600


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--listen",
        type=address,
        default=("127.0.0.1", 4319),
        metavar="HOST:PORT",
        help="where to listen (127.0.0.1:4319)",
    )
    parser.add_argument(
        "--store",
        type=Path,
        metavar="DIR",
        help="where they are kept ($HOPWATCH_STORE, else ./.hopwatch)",
    )
    parser.add_argument(
        "--keep",
        default="10GB",
        metavar="AGE|SIZE",
        help="how much to keep: the last 24h or 7d, or the newest 500MB or 10GB (10GB)",
    )
    parser.add_argument(
        "--max-body",
        type=_positive,
        default=64,
        metavar="MIB",
        help="the largest request, uncompressed, in MiB (64)",
    )
    parser.add_argument(
        "--settle",
        default="10s",
        metavar="DURATION",
        help="count a trace in the ledger at /metrics once no span of it has come for so long; "
        "0s: no ledger there, and no process that counts (10s)",
    )


def run(args: argparse.Namespace) -> int:
    import contextlib
    import logging
    import os
    import signal

    # Arrow's own allocators keep what a merge needed; this one gives it back. It is read when
    # pyarrow is loaded.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

    from hopwatch.receiver.app import create_app
    from hopwatch.receiver.bodies import decode_logged
    from hopwatch.receiver.feed import Feed
    from hopwatch.receiver.server import Server
    from hopwatch.store import Store, default_path, parse_retention

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    logger = logging.getLogger("hopwatch")

    def on_problem(problem: str) -> None:
        logger.error("%s", problem)
        if store.failed.is_set():
            os.kill(os.getpid(), signal.SIGTERM)

    settle_s = parse_duration(args.settle, "--settle") / 1e9
    if settle_s and not _SHORTEST_SETTLE_S <= settle_s <= _LONGEST_SETTLE_S:
        raise UsageError(f"--settle: {args.settle} is not from 1s to 10m, nor 0s for no ledger")
    path = args.store or default_path()
    host, port = args.listen
    max_body = args.max_body * _MIB
    store = Store(
        path,
        decode=decode_logged,
        retention=parse_retention(args.keep),
        on_problem=on_problem,
    )
    feed = Feed(settle_s) if settle_s else None
    with store, feed or contextlib.nullcontext():
        for damage in store.recovery.damages:
            logger.warning("%s", damage)
        if store.recovery.batches:
            logger.info("recovered %d rows from the log", store.recovery.rows)
        server = Server(create_app(store, max_body, feed), host, port, max_body)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, _stop)
        shown = f"[{host}]" if ":" in host else host
        logger.info("receiving OTLP at http://%s:%d, storing in %s", shown, server.port, path)
        server.run()
        logger.info("stopping")
    return 3 if store.failed.is_set() else 0


def _stop(*_: object) -> None:
    import signal

    # Not SIG_IGN: Python complains about a signal that is pending when it is set.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    raise SystemExit


def _positive(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1024:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 to 1024")
    return int(text)
