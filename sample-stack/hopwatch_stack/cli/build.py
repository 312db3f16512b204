"""Fetch the toolchains that are missing and build every service; what is done is skipped."""

import argparse

from rich.console import Console

from .. import builds

NAME = "build"
HELP = "fetch missing toolchains and build every service"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No options."""


def run(args: argparse.Namespace) -> int:
    builds.build(Console())
    return 0
