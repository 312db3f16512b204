"""Resolve collector/builder.yaml into the collector's go.mod and go.sum. Needs the network."""

import argparse
import sys

from .. import builds

NAME = "lock"
HELP = "resolve the collector's parts into its lock files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No options."""


def run(args: argparse.Namespace) -> int:
    builds.lock_collector(sys.stdout)
    return 0
