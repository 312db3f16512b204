"""Go's garbage collector Green Tea against the one before it, on the same allocations."""

import random
from pathlib import Path

from rich.console import Console

from .. import progress
from ..matrix.statistics import Estimate, estimate
from ..steps import run_steps
from . import programs
from .finding import Finding, of_runs, said

NAME = "pauses"
HELP = "pauses and CPU time of Go's collector Green Tea, and of the one before"
RUNS = 10
MILLIONS = 100
GREEN_TEA, OLDER = "green tea", "older"
_EXPERIMENT = {GREEN_TEA: "greenteagc", OLDER: "nogreenteagc"}
_ROWS = {
    "cpu_s": ("CPU, s", ".2f"),
    "cycles": ("collections", ".0f"),
    "p50_ms": ("p50 pause, ms", ".3f"),
    "p99_ms": ("p99 pause, ms", ".3f"),
    "longest_ms": ("longest, ms", ".3f"),
}


def measure(state_dir: Path, console: Console) -> Finding:
    built = {
        name: programs.go("pauses", f"pauses-{experiment}", {"GOEXPERIMENT": experiment})
        for name, experiment in _EXPERIMENT.items()
    }
    with progress.steps(console) as show:
        run_steps([programs.GO, *(step for step, _ in built.values())], show)
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in built}
    with progress.bar(console, f"{RUNS} runs of each, in turns", RUNS) as shown:
        for done in range(RUNS):
            # Who comes first is drawn, so that what drifts hits both alike.
            for name in random.sample(list(built), k=len(built)):
                runs[name].append(programs.said_by([built[name][1], str(MILLIONS)]))
            shown(done + 1, "")
    return Finding(
        head=["", *runs, "ratio"],
        rows=[
            [
                title,
                *(said(estimate([run[key] for run in found]), form) for found in runs.values()),
                said(_ratio(runs, key), ".2f"),
            ]
            for key, (title, form) in _ROWS.items()
        ],
        notes=[
            of_runs(RUNS),
            f"The ratio is of {GREEN_TEA} to {OLDER}, run by run. Both make {MILLIONS} million "
            "small objects beside a million that stay. Pauses are known to a quarter.",
        ],
        figures=runs,
    )


def _ratio(runs: dict[str, list[dict[str, float]]], key: str) -> Estimate:
    pairs = zip(runs[GREEN_TEA], runs[OLDER], strict=True)
    return estimate([new[key] / old[key] for new, old in pairs])
