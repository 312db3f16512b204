"""Stop the stack that is up in the state folder; nothing is left running."""

import argparse

from rich.console import Console

from . import options, up

NAME = "down"
HELP = "stop the stack"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_state_dir(parser)


def run(args: argparse.Namespace) -> int:
    up.stop(options.runtime(args), Console())
    return 0
