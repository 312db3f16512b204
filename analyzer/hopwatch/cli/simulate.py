"""Traffic of known truth: executes a scenario, writes the spans that it leaves, and beside them
who was truly waited for. The same scenario, seed and number of requests give the same bytes.

  hopwatch simulate shop --requests 20000 --out shop.parquet --truth truth.json
  hopwatch report shop.parquet

A scenario is one that comes along (--list) or a TOML file; SCENARIO --show prints one to begin
with.

Before and after a change (--changes lists them; several are made one after the other):

  hopwatch simulate migration --change "time:orders,0.5" --requests 20000 \
    --out before.parquet --out-after after.parquet --truth answer.json

The traffic after the change comes later, with a chance of its own, as in life; with --turns both
versions serve the same stream in turns. The answer (hopwatch.change/1) is what the change does to
the same requests. Every span says which side it is of, in its resource's `hopwatch.side`.
"""

from __future__ import annotations

import argparse
import os
import sys
import textwrap
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from hopwatch.cli.options import parse_time
from hopwatch.errors import InputError, UsageError

if TYPE_CHECKING:
    from hopwatch.simulation import Scenario, Simulation

NAME = "simulate"
HELP = "traffic of known truth, to files or to a receiver"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "scenario", nargs="?", metavar="SCENARIO", help="a scenario's name, or a TOML file"
    )
    parser.add_argument("--list", action="store_true", help="the scenarios that come along")
    parser.add_argument("--show", action="store_true", help="print the scenario's TOML")
    parser.add_argument(
        "--requests", type=int, default=1000, metavar="N", help="how many (default 1000)"
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of chance (default 1)")
    parser.add_argument(
        "--start",
        metavar="TIME",
        help="when the first request comes: `now`, ISO 8601 or Unix time (default: the scenario's)",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--out",
        type=Path,
        metavar="PATH",
        help="a file, .jsonl, .binpb (also .gz, .zst) or .parquet; or a folder",
    )
    where.add_argument("--send", metavar="URL", help="OTLP/HTTP, such as http://127.0.0.1:4319")
    parser.add_argument(
        "--truth",
        type=Path,
        metavar="FILE",
        help="the true ledger and clocks, or what the change does, as JSON",
    )
    change = parser.add_argument_group("before and after")
    change.add_argument(
        "--change",
        action="append",
        default=[],
        metavar="NAME[:ARGUMENT,...]",
        help="what is changed; can be repeated",
    )
    change.add_argument("--changes", action="store_true", help="the changes that there are")
    change.add_argument("--out-after", type=Path, metavar="PATH", help="as --out, of the changed")
    change.add_argument(
        "--after-seed",
        type=int,
        metavar="N",
        help="of chance after the change (default: another; that of --seed: the same requests)",
    )
    change.add_argument(
        "--turns", metavar="TIME", help="such as 10s: both versions serve in turns (A B A B)"
    )


def run(args: argparse.Namespace) -> int:
    from hopwatch.cli.compiling import compiling_is_said
    from hopwatch.simulation import shipped

    if args.changes:
        _list_changes()
        return 0
    if args.list:
        for name in shipped.names():
            print(f"{name:12} {shipped.load(name).description}")
        return 0
    if args.scenario is None:
        raise UsageError(f"name a scenario, {', '.join(shipped.names())}, or a TOML file")
    if args.show:
        sys.stdout.write(shipped.text(args.scenario))
        return 0
    _check_where(args)
    scenario = _scenario(args.scenario)
    if args.start is not None:
        start = time.time_ns() if args.start == "now" else parse_time(args.start, "--start")
        scenario = replace(scenario, start=start)
    with compiling_is_said(NAME):
        if args.change:
            _run_pair(scenario, args)
        else:
            _run_one(scenario, args)
    if args.truth is not None:
        print(f"what is true of them: {args.truth}", file=sys.stderr)
    return 0


def _list_changes() -> None:
    from hopwatch.simulation.changes import CHANGES

    for name, change in CHANGES.items():
        print(f"{name}:{change.usage}" if change.usage else name)
        print(textwrap.fill(change.help, 78, initial_indent="    ", subsequent_indent="    "))


def _check_where(args: argparse.Namespace) -> None:
    """Raises UsageError unless it is clear where to, before anything is executed."""
    from hopwatch.simulation.output import form_of

    if args.out is None and args.send is None:
        raise UsageError("where to: give --out FILE, --out FOLDER or --send URL")
    if args.change and args.out is not None and args.out_after is None:
        raise UsageError("where to after the change: give --out-after as well")
    if args.out_after is not None and args.out is None:
        raise UsageError("--out-after goes with --out; --send sends both")
    for option in ("out_after", "after_seed", "turns"):
        if getattr(args, option) is not None and not args.change:
            raise UsageError(f"--{option.replace('_', '-')} is for a --change; see --changes")
    if args.out_after is not None and args.out_after == args.out:
        raise UsageError("--out and --out-after are the same")
    for path in (args.out, args.out_after):
        if path is not None and not path.is_dir():
            form_of(path)


def _run_one(scenario: Scenario, args: argparse.Namespace) -> None:
    from hopwatch.simulation import Simulation

    simulation = Simulation(scenario, args.seed, args.requests, name=args.scenario)
    _put(simulation, args.out, args.send, f"{args.requests:,} requests")
    if args.truth is not None:
        _write_text(args.truth, simulation.truth().to_json())


def _run_pair(scenario: Scenario, args: argparse.Namespace) -> None:
    from hopwatch.simulation import Pair, changed
    from hopwatch.simulation.values import lasting

    turn = None if args.turns is None else lasting(args.turns, "--turns")
    pair = Pair(
        changed(scenario, args.change),
        args.seed,
        args.requests,
        after_seed=args.after_seed,
        turn=turn,
        name=args.scenario,
    )
    of = f"{args.requests:,} requests" if turn is None else f"a part of {args.requests:,} requests"
    _put(pair.before, args.out, args.send, f"{of} before")
    _put(pair.after, args.out_after, args.send, f"{of} after")
    if args.truth is not None:
        _write_text(args.truth, pair.truth().to_json())


def _scenario(word: str) -> Scenario:
    """The scenario of a name or of a file."""
    from hopwatch.simulation import shipped

    if word.endswith(".toml") or os.sep in word:
        return shipped.load_file(Path(word))
    return shipped.load(word)


def _put(simulation: Simulation, out: Path, url: str | None, of: str) -> None:
    """Writes to a file or sends, and says what."""
    from hopwatch.simulation import output

    progress = _Progress()
    try:
        if url is not None:
            spans = output.send(url, simulation.contents, simulation.received(), progress)
        else:
            spans = output.write(out, simulation.contents, simulation.received(), progress)
    finally:
        progress.end()
    print(f"{spans:,} spans of {of}: {url or out}", file=sys.stderr)


class _Progress:
    """A line on a terminal's standard error, ten times a second at most."""

    def __init__(self) -> None:
        self._shown = 0.0
        self._on = sys.stderr.isatty()

    def __call__(self, spans: int) -> None:
        now = time.monotonic()
        if self._on and now - self._shown > 0.1:
            self._shown = now
            print(f"\r{spans:,} spans", end="", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)


def _write_text(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from error
