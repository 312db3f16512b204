"""Measure orders in each language and by each protocol under the same loads, and say which is
ahead in what, as far as it can be told.

Turns are short and interleaved, in an order drawn anew for each block; each begins with a new
process. Ctrl-C ends it, and keeps what was measured.
"""

import argparse
import math
import random
import sys
import time
from datetime import datetime
from pathlib import Path

from rich.console import Console

from .. import builds, implementations, progress
from ..errors import StackError, UsageError
from ..matrix import compare, document, loadgen, running, words
from ..matrix.bench import standing
from ..matrix.contenders import Contender, contenders
from ..matrix.turn import Plan
from ..settings import PROTOCOLS
from . import options

NAME = "matrix"
HELP = "measure orders in each language under the same loads"
MOST_SEEDS = 2**31


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_state_dir(parser)
    parser.add_argument(
        "--implementations",
        default=",".join(implementations.NAMES),
        metavar="NAME,...",
        help=f"which (default: {','.join(implementations.NAMES)}, as far as they can be had)",
    )
    parser.add_argument(
        "--protocols",
        default=",".join(PROTOCOLS),
        metavar="NAME,...",
        help=f"by which, where they are served (default: {','.join(PROTOCOLS)})",
    )
    for name, kind, default, what in (
        ("rate", float, 100.0, "requests a second at the fixed rate"),
        ("turn", float, 10.0, "seconds that it is measured in a turn"),
        ("warmup", float, 5.0, "seconds of the same load before, not measured"),
        ("turns", int, 8, "turns of each"),
        ("limit", float, 20.0, "bound of p99 in the search for the top rate, ms"),
    ):
        parser.add_argument(
            f"--{name}", type=kind, default=default, metavar="N", help=f"{what} ({default:g})"
        )
    parser.add_argument("--seed", type=int, help="of all that is drawn by chance (drawn anew)")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="FILE.json",
        help="where the result goes (default: matrix/DATE-TIME.json in the state folder)",
    )
    parser.add_argument(
        "--compare",
        nargs=2,
        type=Path,
        metavar="FILE.json",
        help="measure nothing; say whether two results have the same order",
    )


def run(args: argparse.Namespace) -> int:
    """Exit code 1 where two results have another order."""
    console = Console(soft_wrap=True, highlight=False)
    if args.compare:
        return _compare(args.compare, console)
    plan = _plan(args)
    names = [name for name in args.implementations.split(",") if name]
    chosen = _that_can_be_had(contenders(names, args.protocols.split(",")))
    seed = random.SystemRandom().randrange(MOST_SEEDS) if args.seed is None else args.seed
    output = args.output or _default_output(args.state_dir)
    document.require_writable(output)
    builds.build(console, {one.implementation for one in chosen}, also=[loadgen.step()])
    found = running.new_document(chosen, plan, args.turns, seed)
    try:
        _measure(args.state_dir.resolve(), chosen, plan, found, output, console)
    finally:
        if found.turns:
            console.print(f"The result is in {output}.", markup=False)
    for line in words.matrix(document.read(output)):
        console.print(line)
    return 0


def _measure(
    state_dir: Path,
    chosen: list[Contender],
    plan: Plan,
    found: document.Document,
    output: Path,
    console: Console,
) -> None:
    turns = len(chosen) * int(found.options["turns"])
    console.print(f"It takes {words.planned(turns, plan.expected_seconds)}.", markup=False)
    begun = time.monotonic()

    def left(done: int) -> str:
        each = (time.monotonic() - begun) / done if done else plan.expected_seconds
        return f"about {words.minutes((turns - done) * each)} left"

    def keep() -> None:
        found.write(output)
        done = len(found.turns) + len(found.lost)
        if not console.is_terminal and done < turns:
            console.print(f"{done} of {turns} turns, {left(done)}", markup=False)

    with (
        progress.bar(console, ", ".join(one.name for one in chosen), turns) as shown,
        standing(state_dir / "matrix") as bench,
    ):
        running.run(
            bench,
            chosen,
            plan,
            found,
            lambda done, what: shown(done, f"{what}; {left(done)}"),
            keep,
        )


def _plan(args: argparse.Namespace) -> Plan:
    numbers = (args.rate, args.turn, args.limit, args.turns, args.warmup)
    if not all(map(math.isfinite, numbers)) or min(numbers[:-1]) <= 0 or args.warmup < 0:
        raise UsageError("--rate, --turn, --turns and --limit must be above 0, --warmup 0 or more.")
    if args.seed is not None and not 0 <= args.seed < MOST_SEEDS:
        raise UsageError(f"--seed must be a whole number from 0 to {MOST_SEEDS - 1}.")
    return Plan(args.rate, args.turn, args.warmup, args.limit)


def _that_can_be_had(wanted: list[Contender]) -> list[Contender]:
    """Says what is missing, and goes on with the rest."""
    lacking = {
        name: reason
        for name in dict.fromkeys(one.implementation for one in wanted)
        if (reason := implementations.ORDERS[name].missing())
    }
    for name, reason in lacking.items():
        print(f"Without orders in {name}: {reason}.", file=sys.stderr)
    chosen = [one for one in wanted if one.implementation not in lacking]
    if not chosen:
        raise StackError("nothing is left to measure.")
    return chosen


def _default_output(state_dir: Path) -> Path:
    return state_dir / "matrix" / f"{datetime.now():%Y%m%d-%H%M%S}.json"


def _compare(paths: list[Path], console: Console) -> int:
    first, second = (document.read(path) for path in paths)
    try:
        rows, unlike = compare.agreement(first, second), compare.differences(first, second)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StackError(f"{paths[0]} or {paths[1]} is damaged: {error!r}.") from error
    if not any(row.pairs for row in rows):
        raise StackError(f"{paths[0]} and {paths[1]} have no two contenders in common.")
    for line in words.agreement(rows, unlike):
        console.print(line)
    return 1 if any(row.turned for row in rows) else 0
