"""Look at traces in the browser: where the time goes, each trace, each hop.

Shows the store that `hopwatch serve` writes, as it grows, or the files and folders named, or
what running backends answer when the first page is opened (say which in the address:
`jaeger+http://HOST:16686?service=orders&last=15m`).
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import socket
import sys
from pathlib import Path
from typing import Final

from hopwatch.cli.options import add_source_arguments, address
from hopwatch.errors import InputError, UsageError

NAME: Final = "dashboard"
HELP: Final = "look at traces in the browser"

_PACKAGE: Final = "hopwatch_dashboards"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_source_arguments(parser)
    parser.add_argument(
        "--against",
        nargs="+",
        default=[],
        metavar="PATH",
        help="traces from before a change, or a baseline: the page Compare shows what changed "
        "since (hopwatch dashboard after.json --against before.json)",
    )
    parser.add_argument(
        "--matrix",
        metavar="FILE.json",
        help="a result of `hopwatch-stack matrix`, for the page Matrix (the stack's last)",
    )
    parser.add_argument(
        "--listen",
        type=address,
        default=("127.0.0.1", 8501),
        metavar="HOST:PORT",
        help="where to listen (127.0.0.1:8501)",
    )


def run(args: argparse.Namespace) -> int:
    if args.paths and args.store is not None:
        raise UsageError("give files to show, or --store, not both")
    for name in ("streamlit", "altair", "pandas", _PACKAGE):
        if importlib.util.find_spec(name) is None:
            raise UsageError(
                f"the dashboard needs {name}, which is not installed: pip install"
                " 'hopwatch[dashboard]'"
            )
    from hopwatch.backends import is_url

    for path in (*args.paths, *args.against, *([args.matrix] if args.matrix else [])):
        if not is_url(path) and not Path(path).exists():
            raise InputError(f"{path}: no such file or folder")
    _require_spans(args.paths, args.against)
    host, port = args.listen
    _require_free(host, port)
    environment = dict(os.environ)
    if args.store is not None:
        environment["HOPWATCH_STORE"] = os.path.abspath(args.store)
    if args.paths:
        environment["HOPWATCH_DASHBOARD_PATHS"] = json.dumps(args.paths)
    if args.against:
        environment["HOPWATCH_DASHBOARD_AGAINST"] = json.dumps(args.against)
    if args.matrix:
        environment["HOPWATCH_DASHBOARD_MATRIX"] = os.path.abspath(args.matrix)
    if args.paths or args.against:
        environment["HOPWATCH_DASHBOARD_LIMIT"] = str(args.limit)
        environment["HOPWATCH_HEADERS"] = _headers(args.header, environment)
    shown = f"[{host}]" if ":" in host else host
    print(f"hopwatch dashboard: http://{shown}:{port}", flush=True)
    # Another program, not an import: the analyzer knows nothing of the dashboard's code.
    command = [sys.executable, "-m", _PACKAGE, host, str(port)]
    os.execve(sys.executable, command, environment)


def _headers(given: list[str], environment: dict[str, str]) -> str:
    """--header, where another process can read it."""
    from urllib.parse import quote

    from hopwatch.backends import header

    said = [f"{name}={quote(value)}" for name, value in map(header, given)]
    return ",".join(filter(None, [environment.get("HOPWATCH_HEADERS"), *said]))


def _require_spans(paths: list[str], against: list[str]) -> None:
    """A baseline has none: it can only be what all is compared with."""
    from hopwatch.comparison import baselines

    for path in filter(baselines.is_baseline, paths):
        raise UsageError(
            f"{path} is a baseline, which keeps sums and no spans to show; compare with it: "
            f"hopwatch dashboard AFTER --against {path}"
        )
    if len(against) > 1 and any(map(baselines.is_baseline, against)):
        raise UsageError("--against: one baseline, or files and folders of traces, not both")


def _require_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise UsageError(
            f"cannot listen at {host}:{port} ({_reason(error)}): choose another with --listen"
            " HOST:PORT"
        ) from error


def _reason(error: OSError) -> str:
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error)
