"""Restart services of a running stack, one after the other.

Services that can overlap (orders, payments, bff) are replaced without losing a request: the new
instance starts beside the old one, which drains and leaves once the new one is ready. The others
are stopped and started; their clients try again meanwhile.
"""

import argparse
import time

from ..stack import Stack
from . import options

NAME = "restart"
HELP = "restart services of the running stack"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_state_dir(parser)
    parser.add_argument("service", nargs="+", help="its name, as `hopwatch-stack status` says it")


def run(args: argparse.Namespace) -> int:
    stack: Stack = options.stack(args)
    for service in args.service:
        start = time.monotonic()
        stack.restart([service])
        print(f"{service} restarted in {time.monotonic() - start:.1f} s")
    return 0
