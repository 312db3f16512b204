"""Start the whole stack and keep it up until Ctrl-C, or with --detach in the background."""

import argparse
import contextlib
import importlib.util
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from rich.console import Console

from .. import progress, runtimes
from ..errors import StackError
from ..process_metrics import ProcessMetrics
from ..processes import ProcessRuntime
from ..runtime import Runtime
from ..services import exchanged, labs_file, services
from ..settings import Settings
from ..stack import Stack
from ..supervisor import Supervisor
from ..waiting import wait_until
from . import options

NAME = "up"
HELP = "start the stack and keep it up until Ctrl-C"
DETACHED_START_SECONDS = 180


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_settings(parser)
    options.add_runtime(parser)
    parser.add_argument(
        "--no-dashboard",
        dest="dashboard",
        action="store_false",
        help="leave the dashboard out",
    )
    parser.add_argument("--detach", action="store_true", help="return once the stack is ready")


def run(args: argparse.Namespace) -> int:
    console = Console()
    runtime = runtimes.make(args.runtime, options.settings(args).state_dir)
    settings = with_dashboard(options.settings(args), args.dashboard, runtime, console)
    if args.detach:
        _start_detached(settings)
        _say_where(settings, console)
        console.print("`hopwatch-stack down` stops them.")
        return 0
    supervisor = supervisor_of(settings, runtime, console)
    try:
        with running(supervisor, settings, runtime, console):
            keep_up(settings, supervisor, console)
    except KeyboardInterrupt:
        if not supervisor.has_been_up:
            raise
    return 0


def supervisor_of(settings: Settings, runtime: Runtime, console: Console) -> Supervisor:
    """An owner for the stack, that says on the console what befalls it."""
    return Supervisor(settings.state_dir, runtime, partial(_say, console))


def _say(console: Console, text: str) -> None:
    console.print(text, markup=False, highlight=False, soft_wrap=True)


@contextmanager
def running(
    supervisor: Supervisor,
    settings: Settings,
    runtime: Runtime,
    console: Console,
    begins: Mapping[str, str] | None = None,
) -> Iterator[None]:
    """The stack, all that is awaited of it ready; stopped when the block ends. Services that
    `begins` names start as these variants, whatever the settings say."""
    say = partial(_say, console)
    swapped = partial(exchanged, settings, runtime.surroundings)
    described = [
        swapped(one.name, begins[one.name]) if begins and one.name in begins else one
        for one in services(settings, runtime.surroundings)
    ]
    with progress.steps(console) as show:
        supervisor.start(
            described,
            show,
            settings=settings,
            exchanged=swapped,
        )
    try:
        # A lab of the last stack is not to go on with this one.
        labs_file(settings.state_dir).unlink(missing_ok=True)
        with ProcessMetrics(supervisor.instances, settings.otlp_http_url, say):
            yield
    finally:
        for problem in supervisor.stop():
            say(f"{problem}.")


def keep_up(settings: Settings, supervisor: Supervisor, console: Console) -> None:
    """Returns at Ctrl-C, which is how this is meant to end."""
    _say_where(settings, console)
    console.print("Ctrl-C stops them.")
    with contextlib.suppress(KeyboardInterrupt):
        supervisor.watch()


def _say_where(settings: Settings, console: Console) -> None:
    console.print(f"The shop is at {settings.shop_url}", highlight=False)
    if settings.dashboard:
        console.print(
            f"The dashboard is at {settings.dashboard_url} : open it to see where the time goes.",
            highlight=False,
        )


def with_dashboard(
    settings: Settings, wanted: bool, runtime: Runtime, console: Console
) -> Settings:
    """With the dashboard where it is wanted and can be had; says so where it cannot."""
    missing = runtime.name == ProcessRuntime.name and importlib.util.find_spec("streamlit") is None
    if wanted and missing:
        console.print("No dashboard: Streamlit is missing (pip install 'hopwatch\\[dashboard]').")
    return replace(settings, dashboard=wanted and not missing)


def _start_detached(settings: Settings) -> None:
    """Lets a process of its own do what `up` does, until it says that all is ready."""
    stack = Stack(settings.state_dir)
    if stack.is_up():
        raise StackError(f"the stack in {settings.state_dir} is up already.")
    words = [word for word in sys.argv[1:] if word != "--detach"]
    log_path: Path = settings.state_dir / "up.log"
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with log_path.open("w") as log:
        owner = subprocess.Popen(
            [sys.executable, "-m", "hopwatch_stack", *words],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        wait_until(lambda: owner.poll() is not None or stack.is_up(), DETACHED_START_SECONDS)
    finally:  # Ctrl-C does not reach it.
        if not (came_up := stack.is_up()):
            owner.terminate()
            owner.wait()
    if not came_up:
        raise StackError(f"the stack did not come up:\n{log_path.read_text().rstrip()}")
