"""What a goroutine that waits costs in memory, and what a thread of the system."""

from pathlib import Path

from rich.console import Console

from .. import progress
from ..matrix.statistics import estimate
from ..steps import run_steps
from . import programs
from .finding import Finding, of_runs, said

NAME = "stacks"
HELP = "memory of a goroutine and of a thread"
RUNS = 5
GOROUTINES = 100_000
THREADS = 1_000
_ROWS = {"stack": "stack_bytes", "resident": "resident_bytes", "reserved": "reserved_bytes"}


def measure(state_dir: Path, console: Console) -> Finding:
    goroutine_step, goroutines = programs.go("goroutines", "goroutines")
    thread_step, threads = programs.c("threads.c", "threads")
    with progress.steps(console) as show:
        run_steps([programs.GO, goroutine_step, thread_step], show)
    runs = {
        "goroutine": [programs.said_by([goroutines, str(GOROUTINES)]) for _ in range(RUNS)],
        "thread": [programs.said_by([threads, str(THREADS)]) for _ in range(RUNS)],
    }
    return Finding(
        head=["bytes of each", *runs],
        rows=[[row, *(_cell(found, key) for found in runs.values())] for row, key in _ROWS.items()],
        notes=[
            f"{of_runs(RUNS)} {GOROUTINES:,} goroutines, {THREADS:,} threads; all wait.",
            "Resident is memory that is used, reserved is address space. A thread of C reserves "
            "what `ulimit -s` says, and touches little of it.",
        ],
        figures=runs,
    )


def _cell(runs: list[dict[str, float]], key: str) -> str:
    return said(estimate([run[key] for run in runs])) if key in runs[0] else ""
