"""How soon the command line answers. Wall seconds, the least of some runs.

python -m benchmarks.start
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.many_spans import table

_SMALL = 1_000


def measure(runs: int = 5) -> dict[str, float]:
    """Seconds by command."""
    hopwatch = [sys.executable, "-m", "hopwatch.cli"]
    with tempfile.TemporaryDirectory() as folder:
        few, many = Path(folder, "few.parquet"), Path(folder, "many.parquet")
        pq.write_table(table(_SMALL), few)
        pq.write_table(table(50_000), many)
        commands = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "hopwatch --help": [*hopwatch, "--help"],
            f"hopwatch report, {_SMALL:,} spans": [*hopwatch, "report", str(few)],
            "hopwatch report, 50,000 spans": [*hopwatch, "report", str(many)],
        }
        return {
            name: min(_seconds(command) for _ in range(runs)) for name, command in commands.items()
        }


def _seconds(command: list[str]) -> float:
    before = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - before


def show(seconds: dict[str, float]) -> None:
    """As a table."""
    for name, taken in seconds.items():
        print(f"{name:32}{1_000 * taken:8,.0f} ms")


def main() -> None:
    argparse.ArgumentParser(description=__doc__.partition("\n")[0]).parse_args()
    show(measure())


if __name__ == "__main__":
    main()
