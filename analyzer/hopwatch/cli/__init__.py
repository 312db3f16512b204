"""The command line. Each subcommand is a module here with

NAME                    the word to call it by
HELP                    one line for `hopwatch --help`
add_arguments(parser)   its options
run(args) -> int        the work; returns the exit code

Its docstring is the text of `hopwatch NAME --help`. It imports what is slow to load inside
`run`, so that `hopwatch --help` answers at once.

Exit codes: 0 done, 1 a check failed, 2 wrong usage or input, 3 internal error.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import io
import os
import sys
import traceback
from collections.abc import Sequence
from typing import Any, Final

from hopwatch.errors import HopwatchError, UsageError

_SUBCOMMANDS: Final = (
    "report", "compare", "baseline", "trace", "doctor", "import_", "simulate", "serve", "dashboard",
)  # fmt: skip

_INTERNAL_ERROR: Final = 3
_INTERRUPTED: Final = 130
_BROKEN_PIPE: Final = 141
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""What a full or failing disk says."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run `hopwatch` with the arguments and return its exit code."""
    args = _parse(argv)
    if sys.stdout is None:  # closed by who called us, who wants the exit code only
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (until the end)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that cannot show a character shows `?` for it.
            stream.reconfigure(errors="replace")
    try:
        code: int = args.run(args)
        sys.stdout.flush()
        return code
    except HopwatchError as error:
        from hopwatch.reports.text import plain

        # An error may quote what it could not read.
        print(f"hopwatch {args.subcommand}: {plain(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt:
        return _INTERRUPTED
    except BrokenPipeError:
        _drop_output()
        return _BROKEN_PIPE
    except OSError as error:
        if error.errno not in _NO_ROOM:
            return _defect()
        _drop_output()
        said = f"hopwatch {args.subcommand}: the output cannot be written: {error.strerror}"
        print(said, file=sys.stderr)
        return UsageError.exit_code
    except Exception:
        return _defect()


def _drop_output() -> None:
    """Standard output takes nothing more, at exit neither."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _defect() -> int:
    traceback.print_exc()
    print("hopwatch: this is a defect of hopwatch; please report it", file=sys.stderr)
    return _INTERNAL_ERROR


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    """The arguments. argparse ends a list of paths at the first option: those behind it are
    added here."""
    parser = _parser()
    args, rest = parser.parse_known_args(argv)
    if rest and (not hasattr(args, "paths") or any(word.startswith("-") for word in rest)):
        parser.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        args.paths += rest
    if "" in getattr(args, "paths", ()):  # a variable that is not set; it would mean this folder
        parser.error("a path is empty")
    return args


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hopwatch",
        description="A stopwatch for every hop of a request: where the time went, exactly.",
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="print the version and exit")
    subparsers = parser.add_subparsers(dest="subcommand", metavar="COMMAND", required=True)
    for name in _SUBCOMMANDS:
        module: Any = importlib.import_module(f"hopwatch.cli.{name}")
        subparser = subparsers.add_parser(
            module.NAME,
            help=module.HELP,
            description=module.__doc__,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        module.add_arguments(subparser)
        subparser.set_defaults(run=module.run)
    return parser


class _Version(argparse.Action):
    """Looks the version up only when it is asked for: that takes longer than all the rest."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib import metadata

        try:
            version = metadata.version("hopwatch")
        except metadata.PackageNotFoundError:
            version = "(not installed)"
        print(f"hopwatch {version}")
        parser.exit()
