"""Bring back services of a running stack that have ended, also those that were given up."""

import argparse

from . import options

NAME = "start"
HELP = "bring back services that have ended"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_state_dir(parser)
    parser.add_argument("service", nargs="+", help="its name, as `hopwatch-stack status` says it")


def run(args: argparse.Namespace) -> int:
    options.stack(args).start(args.service)
    return 0
