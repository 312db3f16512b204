"""Traffic of known truth: executes a scenario, writes the spans that it leaves, and beside them
who was truly waited for. The same scenario, seed and number of requests give the same bytes.

  hopwatch simulate shop --requests 20000 --out shop.parquet --truth truth.json
  hopwatch report shop.parquet

A scenario is one that comes along (--list) or a TOML file; --show NAME prints one to begin with.
"""

from __future__ import annotations

import argparse
import os
import sys
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
        "--truth", type=Path, metavar="FILE", help="the true ledger and clocks, as JSON"
    )


def run(args: argparse.Namespace) -> int:
    from hopwatch.simulation import Simulation, shipped

    if args.list:
        for name in shipped.names():
            print(f"{name:12} {shipped.load(name).description}")
        return 0
    if args.scenario is None:
        raise UsageError(f"name a scenario, {', '.join(shipped.names())}, or a TOML file")
    if args.show:
        sys.stdout.write(shipped.text(args.scenario))
        return 0
    if args.out is None and args.send is None:
        raise UsageError("where to: give --out FILE, --out FOLDER or --send URL")
    if args.out is not None and not args.out.is_dir():
        from hopwatch.simulation.output import form_of

        form_of(args.out)
    scenario = _scenario(args.scenario)
    if args.start is not None:
        start = time.time_ns() if args.start == "now" else parse_time(args.start, "--start")
        scenario = replace(scenario, start=start)
    simulation = Simulation(scenario, args.seed, args.requests, name=args.scenario)
    spans = _put(simulation, args)
    if args.truth is not None:
        _write_text(args.truth, simulation.truth().to_json())
    beside = f", their truth in {args.truth}" if args.truth else ""
    print(
        f"{spans:,} spans of {args.requests:,} requests: {args.out or args.send}{beside}",
        file=sys.stderr,
    )
    return 0


def _scenario(word: str) -> Scenario:
    """The scenario of a name or of a file."""
    from hopwatch.simulation import shipped

    if word.endswith(".toml") or os.sep in word:
        return shipped.load_file(Path(word))
    return shipped.load(word)


def _put(simulation: Simulation, args: argparse.Namespace) -> int:
    from hopwatch.simulation import output

    progress = _Progress()
    try:
        if args.send is not None:
            return output.send(args.send, simulation.contents, simulation.received(), progress)
        return output.write(args.out, simulation.contents, simulation.received(), progress)
    finally:
        progress.end()


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
