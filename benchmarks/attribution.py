"""What attribution costs, stage by stage, beside what cannot be avoided.

    python -m benchmarks.attribution --spans 1000000 --json FILE

CPU seconds of this process on one thread, the least of some rounds, for the machine may be
busy. The reference is measured on fewer spans; its rate hardly depends on their number.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.many_spans import EPOCH_NS, table, tables, write_store
from hopwatch.attribution import COLUMNS, Attribution, Ledger, Options
from hopwatch.attribution.columnar import Engine, engine, nodes, offsets
from hopwatch.store import open_reader

_REFERENCE_SPANS: Final = 20_000
_ALL: Final = (-(2**63), 2**63 - 1)

Rates = dict[str, dict[str, float]]


class Stages:
    """Least CPU seconds by stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    def run(self, stage: str, work: Callable[[], Any]) -> Any:
        """What `work` gives, timed."""
        before = time.process_time()
        result = work()
        taken = time.process_time() - before
        self.seconds[stage] = min(taken, self.seconds.get(stage, taken))
        return result

    def timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, timed whenever it is called."""
        return lambda *args, **kwargs: self.run(stage, lambda: function(*args, **kwargs))


def _round(stages: Stages, store: Path, plain: pa.Table) -> Ledger:
    """Measures each way once; gives the ledger of the store."""
    with open_reader(store) as reader:
        files = reader.files()
        read = stages.run("read the columns with pyarrow", lambda: _columns(files))
        window = stages.run(
            "read them as a window of the store", lambda: reader.window(*_ALL, columns=COLUMNS)
        )
    assert read.num_rows == window.num_rows
    made = stages.run("attribute: all stages", lambda: Engine(window, Options()))
    ledger: Ledger = stages.run("add up to a ledger", made.ledger)
    stages.run("ledger by hop, language, kind", lambda: ledger.group_by("hop", "language", "kind"))
    stages.run("attribute and add up, plain text", lambda: Engine(plain, Options()).ledger())
    return ledger


def _columns(files: list[str]) -> pa.Table:
    maps = [f"{name}.key_value.value" for name in COLUMNS if name.endswith("_attributes")]
    return pa.concat_tables(
        pq.read_table(file, columns=list(COLUMNS), read_dictionary=maps) for file in files
    )


def _watch(stages: Stages) -> None:
    """Has the engine's own stages timed as it calls them."""
    for stage, module, name in (
        ("  rows and contents", engine, "read"),
        ("  forest", nodes, "build"),
        ("  calls", offsets, "calls"),
        ("  clocks", offsets, "estimate"),
        ("  records", engine, "lay_out"),
        ("  kernel", engine, "blame"),
    ):
        setattr(module, name, stages.timed(stage, getattr(module, name)))


def measure(spans: int, rounds: int) -> dict[str, Any]:
    """All figures as a document."""
    pa.set_cpu_count(1)
    pa.set_io_thread_count(1)
    stages = Stages()
    few, many = table(_REFERENCE_SPANS), table(spans)
    first = time.perf_counter()
    Engine(few, Options()).ledger()
    load = time.perf_counter() - first
    reference = Attribution(few)
    reference._engine = None
    stages.run("the reference", reference.ledger)
    rate = few.num_rows / stages.seconds.pop("the reference")
    _watch(stages)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        count = write_store(store, tables(spans, start_ns=EPOCH_NS))
        for _ in range(rounds):
            ledger = _round(stages, store, many)
    rates: Rates = {
        stage: {"seconds": seconds, "spans_per_second": count / max(seconds, 1e-9)}
        for stage, seconds in stages.seconds.items()
    }
    return {
        "schema": "hopwatch.benchmark/1",
        "machine": platform.machine(),
        "python": platform.python_version(),
        "spans": count,
        "requests": ledger.request_count,
        "cells": ledger.cells.num_rows,
        "stages": rates,
        "reference_spans_per_second": rate,
        "load_kernels_seconds": load,
        "peak_memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def _print(document: dict[str, Any]) -> None:
    read = document["stages"]["read the columns with pyarrow"]["seconds"]
    print(f"{document['spans']:,} spans, {document['requests']:,} requests, "
          f"{document['cells']:,} cells; CPU time on one thread")  # fmt: skip
    print(f"{'':36}{'s':>8}{'M spans/s':>11}{'/ read':>8}{'/ reference':>13}")
    for stage, rate in document["stages"].items():
        times = rate["spans_per_second"] / document["reference_spans_per_second"]
        print(
            f"{stage:36}{rate['seconds']:8.3f}{rate['spans_per_second'] / 1e6:11.2f}"
            f"{rate['seconds'] / read:8.2f}{times:13.0f}"
        )
    print(
        f"reference: {document['reference_spans_per_second']:,.0f} spans/s; loading the kernels: "
        f"{document['load_kernels_seconds']:.1f} s; peak {document['peak_memory_mb']:,.0f} MB"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="file for the figures, to compare two runs")
    args = parser.parse_args()
    document = measure(args.spans, args.rounds)
    _print(document)
    if args.json:
        args.json.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
