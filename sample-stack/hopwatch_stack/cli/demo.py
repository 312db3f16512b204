"""From a checkout to a ledger: build, start, put load on, show where the time went."""

import argparse
import subprocess
import sys
from datetime import UTC, datetime

from rich.console import Console

from hopwatch.store import open_reader

from .. import builds, toolchains
from ..errors import StackError
from ..load.conductor import put_on
from ..load.plan import LoadPlan, LoadResult
from ..settings import Settings
from ..waiting import wait_until
from . import load, options, up

NAME = "demo"
HELP = "build, start, put load on, show the ledger, keep the shop up"

RATE = 25.0
SECONDS = 20.0
VISITS = 5
# hopwatch shows what it took within 3 s; the rest is for exports and a busy machine.
VISIBLE_SECONDS = 15.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_settings(parser)
    parser.add_argument("--once", action="store_true", help="end after the ledger")


def run(args: argparse.Namespace) -> int:
    console = Console()
    settings = options.settings(args)
    runtime = options.runtime(args)
    builds.build(console)
    up.start(settings, runtime, console)
    try:
        _show_ledger(settings, console)
        if not args.once:
            console.print(f"\nThe shop is at {settings.shop_url} ; Ctrl-C stops it.")
            runtime.watch()
    finally:
        up.stop(runtime, console)
    return 0


def _show_ledger(settings: Settings, console: Console) -> None:
    since = datetime.now(UTC).isoformat()
    result = put_on(
        LoadPlan(
            shop_url=settings.shop_url,
            otlp_url=settings.otlp_http_url,
            rate=RATE,
            seconds=SECONDS,
            visits=_possible_visits(console),
        ),
        console,
    )
    console.print(load.describe(result), highlight=False)
    _wait_for_spans(settings, result)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "hopwatch.cli",
            "report",
            "--store",
            settings.store,
            "--since",
            since,
        ],
        check=False,
    )
    if done.returncode != 0:
        raise StackError(f"hopwatch report exited with {done.returncode}.")


def _possible_visits(console: Console) -> int:
    try:
        toolchains.find("chromium")
    except StackError as error:
        console.print(f"No page visits: {error}", highlight=False)
        return 0
    return VISITS


def _wait_for_spans(settings: Settings, result: LoadResult) -> None:
    """Waits until the last request of the load can be seen by other processes."""
    assert result.requests is not None
    trace_id = result.requests.last_trace_id

    def visible() -> bool:
        with open_reader(settings.store) as reader:
            found = reader.sql(f"SELECT 1 FROM spans WHERE hex(trace_id) = upper('{trace_id}')")
        return bool(found.num_rows > 1)

    if not wait_until(visible, VISIBLE_SECONDS, every=0.3):
        raise StackError(
            f"the trace {trace_id} did not reach {settings.store} within {VISIBLE_SECONDS:.0f} s: "
            "see `hopwatch-stack logs collector` and `hopwatch-stack logs hopwatch`."
        )
