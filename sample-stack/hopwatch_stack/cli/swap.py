"""Exchange the implementation of a service of the running stack, without losing a request.

The new one starts beside the old one, which drains and leaves once the new one is ready. When the
new one does not get ready, the old one stays.
"""

import argparse
import time

from ..implementations import NAMES
from ..stack import Stack
from . import options

NAME = "swap"
HELP = "exchange the implementation of a service of the running stack"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_state_dir(parser)
    parser.add_argument("service", help="its name: orders")
    parser.add_argument("implementation", choices=NAMES, help="what is to serve from now on")


def run(args: argparse.Namespace) -> int:
    stack: Stack = options.stack(args)
    start = time.monotonic()
    stack.swap(args.service, args.implementation)
    took = time.monotonic() - start
    print(f"{args.service} is served by {args.implementation}, after {took:.1f} s")
    return 0
