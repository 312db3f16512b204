"""Saved ledgers, for `hopwatch compare baseline:NAME AFTER` when the spans are gone.

  hopwatch baseline save main --last 15m           of the store
  hopwatch baseline save main before.json          of files, folders, running backends
  hopwatch baseline list
  hopwatch baseline remove main

They lie in the store's folder `baselines`. With --output a baseline is written to a file instead,
to be carried elsewhere: `hopwatch compare main.hopwatch after.json`.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Final

from hopwatch.cli.options import (
    add_attribution_arguments,
    add_request_arguments,
    add_source_arguments,
)
from hopwatch.errors import InputError, UsageError

NAME: Final = "baseline"
HELP: Final = "save ledgers to compare with later"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.usage = "hopwatch baseline {save,list,remove} [NAME] [PATH ...] [options]"
    parser.add_argument("action", choices=("save", "list", "remove"), help="what to do")
    add_source_arguments(parser)
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="save there, not in the store; without NAME"
    )
    add_request_arguments(parser.add_argument_group("which requests to save"))
    add_attribution_arguments(parser)


def run(args: argparse.Namespace) -> int:
    match args.action:
        case "save":
            _save(args)
        case "list":
            _list(args)
        case _:
            _remove(args)
    return 0


def _save(args: argparse.Namespace) -> None:
    from hopwatch.cli.sides import source_side
    from hopwatch.comparison import baselines

    if args.output is None:
        name, *args.paths = args.paths or [""]
        if not name:
            raise UsageError("say under which name: hopwatch baseline save NAME [PATH ...]")
        if Path(name).is_file():
            raise UsageError(f"{name} is a file; say the name first: baseline save NAME {name}")
        target = baselines.place(_store(args), name)
        if args.paths:
            args.store = None  # where it is saved, not what is read
    else:
        target = args.output
        if not target.name:
            raise UsageError(f"--output: {str(target)!r} names no file")
    side = source_side(args)
    baselines.save(target, side.ledger, side.source, time.time_ns())
    for note in side.notes:
        _say(note)
    _say(f"{side.ledger.request_count:,} requests of {side.source}, saved as {target}")


def _list(args: argparse.Namespace) -> None:
    from hopwatch.cli.console import stdout
    from hopwatch.comparison import baselines
    from hopwatch.reports.columns import table_of
    from hopwatch.reports.words import moment

    if args.paths or args.output is not None:
        raise UsageError("list takes no name: it lists all of the store")
    everything = list(baselines.all_of(_store(args)))
    damaged = [said for _, said in everything if isinstance(said, InputError)]
    found = [(name, said) for name, said in everything if isinstance(said, baselines.About)]
    if not everything:
        _say(f"no baselines in {_store(args)}; `hopwatch baseline save NAME` makes one")
    console = stdout()
    names = {"name": [name for name, _ in found], "of": [said.source for _, said in found]}
    figures = {
        "requests": [f"{said.requests:,}" for _, said in found],
        "saved": [moment(said.saved_unix_nano) for _, said in found],
    }
    if found:
        console.print(table_of(names, figures, [""] * len(found), console.width))
    if damaged:
        raise InputError("; ".join(map(str, damaged)))


def _remove(args: argparse.Namespace) -> None:
    from hopwatch.comparison import baselines

    if len(args.paths) != 1:
        raise UsageError("name one baseline: hopwatch baseline remove NAME")
    baselines.remove(_store(args), args.paths[0])


def _store(args: argparse.Namespace) -> Path:
    from hopwatch.store import default_path

    return Path(args.store) if args.store is not None else default_path()


def _say(text: str) -> None:
    from hopwatch.reports.text import plain

    print(f"hopwatch baseline: {plain(text)}", file=sys.stderr)
