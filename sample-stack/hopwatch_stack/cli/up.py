"""Start the whole stack and keep it up until Ctrl-C, or with --detach in the background."""

import argparse
import contextlib
import subprocess
import sys

from rich.console import Console

from .. import progress
from ..errors import StackError
from ..services import services
from ..settings import Settings
from ..stack import Stack
from ..surroundings import ThisMachine
from ..waiting import wait_until
from . import options

NAME = "up"
HELP = "start the stack and keep it up until Ctrl-C"
DETACHED_START_SECONDS = 180


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_settings(parser)
    parser.add_argument("--detach", action="store_true", help="return once the stack is ready")


def run(args: argparse.Namespace) -> int:
    console = Console()
    settings = options.settings(args)
    runtime = options.runtime(args)
    if args.detach:
        _start_detached(settings, runtime)
        console.print(f"The shop is at {settings.shop_url} ; `hopwatch-stack down` stops it.")
        return 0
    start(settings, runtime, console)
    try:
        keep_up(settings, runtime, console)
    finally:
        stop(runtime, console)
    return 0


def start(settings: Settings, runtime: Stack, console: Console) -> None:
    """Starts all services, showing each as it becomes ready."""
    with progress.steps(console) as show:
        runtime.start(services(settings, ThisMachine()), show)


def keep_up(settings: Settings, runtime: Stack, console: Console) -> None:
    """Returns at Ctrl-C, which is how this is meant to end."""
    console.print(f"The shop is at {settings.shop_url} ; Ctrl-C stops it.", highlight=False)
    with contextlib.suppress(KeyboardInterrupt):
        runtime.watch()


def stop(runtime: Stack, console: Console) -> None:
    """Stops all services; says what went amiss."""
    for problem in runtime.stop():
        console.print(f"{problem}.")


def _start_detached(settings: Settings, runtime: Stack) -> None:
    """Lets a process of its own do what `up` does, until it says that all is ready."""
    if runtime.is_up():
        raise StackError(f"the stack in {settings.state_dir} is up already.")
    words = [word for word in sys.argv[1:] if word != "--detach"]
    log_path = settings.state_dir / "up.log"
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("w") as log:
        owner = subprocess.Popen(
            [sys.executable, "-m", "hopwatch_stack", *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    wait_until(lambda: owner.poll() is not None or runtime.is_up(), DETACHED_START_SECONDS)
    if not runtime.is_up():
        owner.terminate()
        raise StackError(f"the stack did not come up:\n{log_path.read_text().rstrip()}")
