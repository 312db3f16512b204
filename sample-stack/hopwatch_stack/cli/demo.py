"""From a checkout to a ledger: build, start, put load on, show where the time went."""

import argparse
import subprocess
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime

from rich.console import Console

from .. import runtimes, toolchains
from ..errors import StackError
from ..settings import Settings
from ..supervisor import Supervisor
from ..waiting import settling
from . import build, options, up

NAME = "demo"
HELP = "build, start, put load on, show the ledger, keep the shop up"

RATE = 25.0
SECONDS = 20.0
VISITS = 5
SETTLE_SECONDS = 10.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_settings(parser)
    options.add_runtime(parser)
    parser.add_argument("--once", action="store_true", help="end after the ledger")


def run(args: argparse.Namespace) -> int:
    console = Console()
    # The demo is for trying things out, faults among them. Its pages are for people who stay.
    settings = replace(options.settings(args), labs=True)
    runtime = runtimes.make(args.runtime, settings.state_dir)
    settings = up.with_dashboard(settings, not args.once, runtime, console)
    build.build_for(args.runtime, console, [settings.orders])
    supervisor = up.supervisor_of(settings, runtime, console)
    with up.running(supervisor, settings, runtime, console):
        _show_ledger(settings, supervisor, console)
        if not args.once:
            console.print()
            up.keep_up(settings, supervisor, console)
    return 0


def _show_ledger(settings: Settings, supervisor: Supervisor, console: Console) -> None:
    since = datetime.now(UTC).isoformat()
    ports = ",".join(f"{name}={port}" for name, port in vars(settings.ports).items())
    _run(
        supervisor,
        *("hopwatch_stack", "load", "--ports", ports, f"--rate={RATE}", f"--seconds={SECONDS}"),
        *("--visits", str(_possible_visits(console))),
    )
    # Traffic of others may go on for ever; the ledger is then of what has arrived.
    settled = settling(settings.store)
    deadline = time.monotonic() + SETTLE_SECONDS
    supervisor.watch(until=lambda: settled() or time.monotonic() > deadline)
    _run(
        supervisor,
        *("hopwatch.cli", "report", "--store", str(settings.store), "--since", since),
    )


def _run(supervisor: Supervisor, module: str, *words: str) -> None:
    """A command of ours, while the stack is watched."""
    with subprocess.Popen([sys.executable, "-m", module, *words]) as process:
        try:
            supervisor.watch(until=lambda: process.poll() is not None)
        except BaseException:
            process.terminate()
            raise
    if process.returncode != 0:
        raise StackError(f"{module} {words[0]} exited with {process.returncode}.")


def _possible_visits(console: Console) -> int:
    try:
        toolchains.find("chromium")
    except StackError as error:
        console.print(f"No page visits: {error}", highlight=False)
        return 0
    return VISITS
