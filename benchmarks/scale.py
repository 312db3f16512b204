"""What a report costs by the number of spans, and how much memory it takes.

    python -m benchmarks.scale --spans 10000 100000 1000000 10000000 --stores DIR

Each report is a process of its own, so that its memory is its own (but not less than that of the
process that starts it, which the system counts in). CPU seconds, the least of
three rounds (of one from 10^7 on); the kernels have been loaded before. Stores are made once.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from benchmarks.many_spans import EPOCH_NS, table, tables, write_store
from benchmarks.reading import ALL, read_dictionaries, read_plainly
from benchmarks.timing import Stages
from hopwatch.attribution import Options
from hopwatch.attribution.columnar import Engine
from hopwatch.store import Scan, is_store, open_reader

_ONE_ROUND: Final = 10_000_000
_PERCENTILES: Final = (0.5, 0.95, 0.99)


def _report(scan: Scan) -> int:
    """What `hopwatch report` computes; gives the number of requests."""
    ledger = Engine(scan, Options()).ledger()
    ledger.group_by("hop", "language", "kind")
    for q in _PERCENTILES:
        ledger.percentile(q)
    return ledger.request_count


def one(store: Path, rounds: int) -> dict[str, Any]:
    """The figures of one store, measured in this process. Memory: of the report alone, for it
    comes first."""
    with open_reader(store) as reader:
        files, scan = reader.files(), reader.scan(*ALL)
        spans = reader.extent().rows
    Engine(table(1_000), Options()).ledger()
    stages = Stages()
    peak = 0.0
    for _ in range(rounds):
        with stages.round():
            stages.run("report", lambda: _report(scan))
            peak = peak or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            stages.run("read", lambda: read_plainly(files))
            stages.run("read_dictionaries", lambda: read_dictionaries(files))
    return {"spans": spans, "peak_memory_mb": peak, "seconds": stages.seconds}


def measure(sizes: Sequence[int], stores: Path | None = None) -> list[dict[str, Any]]:
    """The figures of each size. `stores`: where stores are, and stay; None: nowhere."""
    with tempfile.TemporaryDirectory() as scratch:
        found = []
        for size in sizes:
            store = (stores or Path(scratch)) / f"spans-{size}"
            if not is_store(store):
                write_store(store, tables(size, start_ns=EPOCH_NS))
            rounds = 1 if size >= _ONE_ROUND else 3
            command = [sys.executable, "-m", "benchmarks.scale", "--one", str(store), str(rounds)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            found.append(json.loads(output))
    return found


def show(documents: Sequence[dict[str, Any]]) -> None:
    """As a table."""
    print(f"{'spans':>12}{'report s':>10}{'ns/span':>9}{'/ read':>8}{'/ dict.':>9}{'peak MB':>9}")
    for document in documents:
        seconds = document["seconds"]
        report = seconds["report"]
        print(
            f"{document['spans']:12,}{report:10.2f}{report / document['spans'] * 1e9:9,.0f}"
            f"{report / seconds['read']:8.2f}{report / seconds['read_dictionaries']:9.2f}"
            f"{document['peak_memory_mb']:9,.0f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--spans", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--stores", type=Path, help="folder of the stores, to use them again")
    parser.add_argument("--one", nargs=2, metavar=("STORE", "ROUNDS"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.one:
        print(json.dumps(one(Path(args.one[0]), int(args.one[1]))))
    else:
        show(measure(args.spans, args.stores))


if __name__ == "__main__":
    main()
