"""Sets up, builds, runs and loads the sample stack of hopwatch.

One file per subcommand; only `main` catches errors and sets exit codes."""

import argparse
import os
import sys

from ..errors import StackError
from ..interrupts import end_as_interrupted
from . import (
    build,
    demo,
    down,
    experiment,
    lab,
    load,
    lock,
    logs,
    matrix,
    restart,
    start,
    status,
    swap,
    up,
)

SUBCOMMANDS = (
    build,
    up,
    load,
    status,
    logs,
    restart,
    start,
    swap,
    lab,
    down,
    demo,
    matrix,
    experiment,
    lock,
)
INTERRUPTED = 130


def main() -> int:
    """Entry point. 0 done, 1 failed, 2 wrong usage, 130 interrupted."""
    parser = argparse.ArgumentParser(prog="hopwatch-stack", description=__doc__.partition("\n")[0])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for module in SUBCOMMANDS:
        command = commands.add_parser(
            module.NAME, help=module.HELP, description=module.__doc__, allow_abbrev=False
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    args = parser.parse_args()
    end_as_interrupted()
    try:
        return int(args.run(args))
    except StackError as error:
        print(f"hopwatch-stack: {error}", file=sys.stderr)
        return error.exit_code
    except PermissionError as error:
        print(
            f"hopwatch-stack: {error.filename}: {error.strerror}. If it is another user's, choose "
            "another folder with --state-dir.",
            file=sys.stderr,
        )
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output has left; keep Python from failing once more on flush.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
