"""Show the end of the services' logs, or with -f what they write from now on."""

import argparse

from hopwatch.reports.text import plain

from ..errors import UsageError
from . import options

NAME = "logs"
HELP = "show the services' logs"
LINES = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_state_dir(parser)
    parser.add_argument("service", nargs="?", help="only this one's (needed with -f)")
    parser.add_argument("-f", "--follow", action="store_true", help="go on until Ctrl-C")
    parser.add_argument("-n", "--lines", type=int, default=LINES, help=f"default: {LINES}")


def run(args: argparse.Namespace) -> int:
    runtime = options.stack(args).runtime
    if args.follow and not args.service:
        raise UsageError("logs -f follows one service: name it.")
    names = [args.service] if args.service else runtime.log_names()
    for name in names:
        if len(names) > 1:
            print(f"--- {name}")
        for line in runtime.log_end(name, args.lines).splitlines():
            print(plain(line))
    if args.follow:
        for line in runtime.follow_log(args.service):
            print(plain(line), flush=True)
    return 0
