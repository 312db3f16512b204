"""From a checkout to a verdict: build, start, put load on while orders move from Node to Go, show
where the time went before and after, and what the move changed.

What they move to is what --orders says; --story tells of something else that changes. In
containers, and where there is nothing to compare, it is one ledger.
"""

import argparse
from dataclasses import replace

from rich.console import Console

from .. import runtimes
from ..migration import story
from . import build, options, up

NAME = "demo"
HELP = "build, start, move orders to Go under load, show what that changed, keep the shop up"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_settings(parser)
    options.add_runtime(parser)
    parser.add_argument("--once", action="store_true", help="end after the verdict")
    parser.add_argument(
        "--story",
        choices=list(story.THEMES),
        default="orders",
        help="what changes: what orders are written in (default), payments from a module of "
        "orders to a service, or the protocol from gRPC to REST",
    )


def run(args: argparse.Namespace) -> int:
    """Exit code 1 when a request or a visit failed."""
    console = Console()
    # The demo is for trying things out, faults among them. Its pages are for people who stay.
    settings = replace(options.settings(args), labs=True)
    runtime = runtimes.make(args.runtime, settings.state_dir)
    settings = up.with_dashboard(settings, not args.once, runtime, console)
    told = story.story_of(args.story, settings, args.runtime, console)
    build.build_for(args.runtime, console, told.languages)
    supervisor = up.supervisor_of(settings, runtime, console)
    with up.running(supervisor, told.settings, runtime, console, told.begins):
        result = story.tell(told, supervisor, console)
        if not args.once:
            story.say_way_back(told, console)
            console.print()
            up.keep_up(told.settings, supervisor, console)
    return 1 if result.failures else 0
