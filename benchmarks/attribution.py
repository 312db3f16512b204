"""What attribution costs, stage by stage, beside what cannot be avoided.

    python -m benchmarks.attribution --spans 1000000

The stages are of a report of a store. The reference is measured on fewer spans; its rate hardly
depends on their number.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from benchmarks.many_spans import EPOCH_NS, table, tables, write_store
from benchmarks.reading import ALL, read_dictionaries, read_plainly
from benchmarks.timing import Stages
from hopwatch.attribution import Attribution, Ledger, Options
from hopwatch.attribution.columnar import Engine, blame, engine, nodes, offsets
from hopwatch.store import open_reader

_REFERENCE_SPANS: Final = 20_000
_BASELINE: Final = "pyarrow reads the columns"
_WATCHED: Final = (
    (engine, "read", "  rows and contents"),
    (nodes, "build", "  forest"),
    (offsets, "calls", "  calls"),
    (offsets, "estimate", "  clocks"),
    (engine, "walk", "  walk and cells"),
    (blame.Blame, "block", "    kernel"),
)


def _round(stages: Stages, store: Path) -> Ledger:
    """Measures each way once; gives the ledger of the store."""
    with open_reader(store) as reader:
        files, scan = reader.files(), reader.scan(*ALL)
    stages.run(_BASELINE, lambda: read_plainly(files))
    stages.run("the same, with dictionaries", lambda: read_dictionaries(files))
    made = stages.run("read and attribute", lambda: Engine(scan, Options()))
    ledger: Ledger = stages.run("add up to a ledger", made.ledger)
    stages.run("ledger by hop, language, kind", lambda: ledger.group_by("hop", "language", "kind"))
    return ledger


def measure(spans: int, rounds: int = 3) -> dict[str, Any]:
    """All figures as a document."""
    stages = Stages()
    few = table(_REFERENCE_SPANS)
    first = time.perf_counter()
    Engine(few, Options()).ledger()
    load = time.perf_counter() - first
    reference = Attribution(few)
    reference._engine = None
    with stages.round():
        stages.run("reference", reference.ledger)
    rate = few.num_rows / stages.seconds.pop("reference")
    for owner, name, stage in _WATCHED:
        stages.watch(owner, name, stage)
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        count = write_store(store, tables(spans, start_ns=EPOCH_NS))
        for _ in range(rounds):
            with stages.round():
                ledger = _round(stages, store)
    return {
        "spans": count,
        "requests": ledger.request_count,
        "cells": ledger.cells.num_rows,
        "stages": {
            stage: {"seconds": seconds, "spans_per_second": count / max(seconds, 1e-9)}
            for stage, seconds in stages.seconds.items()
        },
        "reference_spans_per_second": rate,
        "load_kernels_seconds": load,
    }


def show(document: dict[str, Any]) -> None:
    """As a table."""
    read = document["stages"][_BASELINE]["seconds"]
    print(f"{document['spans']:,} spans, {document['requests']:,} requests, "
          f"{document['cells']:,} cells; CPU seconds")  # fmt: skip
    print(f"{'':32}{'s':>8}{'M spans/s':>11}{'/ read':>8}")
    for stage, rate in document["stages"].items():
        print(
            f"{stage:32}{rate['seconds']:8.3f}{rate['spans_per_second'] / 1e6:11.2f}"
            f"{rate['seconds'] / read:8.2f}"
        )
    print(
        f"reference: {document['reference_spans_per_second']:,.0f} spans/s; loading the kernels: "
        f"{document['load_kernels_seconds']:.1f} s"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--spans", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    show(measure(args.spans, args.rounds))


if __name__ == "__main__":
    main()
