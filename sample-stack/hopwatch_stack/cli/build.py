"""Fetch the toolchains that are missing and build every service; what is done is skipped."""

import argparse
from collections.abc import Iterable

from rich.console import Console

from .. import builds, implementations, progress, runtimes
from . import options

NAME = "build"
HELP = "fetch missing toolchains and build every service"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_runtime(parser)


def run(args: argparse.Namespace) -> int:
    build_for(args.runtime, Console())
    return 0


def build_for(
    runtime: str, console: Console, orders: Iterable[str] = implementations.NAMES
) -> None:
    """All that a stack of this runtime with these implementations of orders is made of, and what
    the load and the tests need."""
    builds.build(console, orders)
    if runtime == runtimes.DOCKER:
        from ..containers import bases, engine, images

        client = engine.connect()
        if reason := bases.why_not_public(client):
            console.print(f"Building upon local stand-ins: {reason}", markup=False)
        with progress.steps(console) as show:
            images.build(client, show)
