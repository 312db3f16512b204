"""Stop the stack that is up in the state folder; nothing is left running."""

import argparse

from . import options

NAME = "down"
HELP = "stop the stack"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_state_dir(parser)


def run(args: argparse.Namespace) -> int:
    for problem in options.stack(args).stop():
        print(f"{problem}.")
    return 0
