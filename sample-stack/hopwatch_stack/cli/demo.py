"""From a checkout to a ledger: build, start, put load on, show where the time went."""

import argparse
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime

from rich.console import Console

from .. import builds, toolchains
from ..errors import StackError
from ..load.conductor import put_on
from ..load.plan import LoadPlan
from ..settings import Settings
from ..waiting import wait_until_settled
from . import load, options, up

NAME = "demo"
HELP = "build, start, put load on, show the ledger, keep the shop up"

RATE = 25.0
SECONDS = 20.0
VISITS = 5
SETTLE_SECONDS = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_settings(parser)
    parser.add_argument("--once", action="store_true", help="end after the ledger")


def run(args: argparse.Namespace) -> int:
    console = Console()
    # The demo is for trying things out, faults among them.
    settings = replace(options.settings(args), labs=True)
    runtime = options.runtime(args)
    builds.build(console)
    up.start(settings, runtime, console)
    try:
        _show_ledger(settings, console)
        if not args.once:
            console.print()
            up.keep_up(settings, runtime, console)
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
    # Traffic of others may go on for ever; the ledger is then of what has arrived.
    wait_until_settled(settings.store, SETTLE_SECONDS)
    report = [sys.executable, "-m", "hopwatch.cli", "report", "--store", str(settings.store)]
    done = subprocess.run([*report, "--since", since], check=False)
    if done.returncode != 0:
        raise StackError(f"hopwatch report exited with {done.returncode}.")


def _possible_visits(console: Console) -> int:
    try:
        toolchains.find("chromium")
    except StackError as error:
        console.print(f"No page visits: {error}", highlight=False)
        return 0
    return VISITS
