"""Run a small experiment on a claim that is made of languages or protocols; docs/claims.md says
what came of each."""

import argparse
import json
import os
import sys
from dataclasses import asdict

from rich.console import Console
from rich.table import Table

from ..experiments import EXPERIMENTS
from ..experiments.finding import Finding
from ..matrix.machine import this_machine
from . import options

NAME = "experiment"
HELP = "run a small experiment on a claim"
# Of the minute before, in processes for each core: from there on, timings are of a busy machine.
BUSY = 0.5


def add_arguments(parser: argparse.ArgumentParser) -> None:
    options.add_state_dir(parser)
    told = "; ".join(f"{name}: {module.HELP}" for name, module in EXPERIMENTS.items())
    parser.add_argument("experiment", choices=list(EXPERIMENTS), help=told)
    parser.add_argument("--json", action="store_true", help="machine-readable, every run")


def run(args: argparse.Namespace) -> int:
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    console = Console(stderr=True)
    found: Finding = EXPERIMENTS[args.experiment].measure(args.state_dir.resolve(), console)
    machine = this_machine()
    if args.json:
        document = {"machine": asdict(machine), "load_per_core": busy, "figures": found.figures}
        json.dump(document, sys.stdout, indent=1)
        print()
        return 0
    _show(found, Console())
    print(f"{machine.processor}, {machine.cores} cores, {machine.memory_gb:g} GB, {machine.system}")
    if busy > BUSY:
        print(f"The machine was busy with other things: {busy:.1f} processes for each core.")
    return 0


def _show(found: Finding, console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for number, title in enumerate(found.head):
        table.add_column(title, justify="right" if number else "left")
    for row in found.rows:
        table.add_row(*row)
    console.print(table, markup=False, highlight=False)
    for note in found.notes:
        console.print(note, markup=False, highlight=False)
