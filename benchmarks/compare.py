"""How long `compare` takes once the ledgers are there, by its stages.

    python -m benchmarks.compare --requests 1000000 --routes 10 --roles 20

Each side has so many requests in ten minutes, and so many roles on each route. CPU seconds, and
`wall` for the whole; the least of three rounds. A million requests a side take about 5 GB of
memory.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa

from benchmarks.timing import Stages
from hopwatch.attribution import Ledger, buckets
from hopwatch.attribution.ledger import BLOCK_NS, CELLS_SCHEMA, REQUESTS_SCHEMA
from hopwatch.attribution.long_table import MEASURES
from hopwatch.comparison import Comparison, comparing, effects

_SECONDS: Final = 600
_ROUNDS: Final = 3
_STAGES: Final = {
    comparing: ("aligned", "cautions", "tails"),
    effects.Effects: (
        "terms", "overall", "same_mix", "hops", "languages", "routes", "percentiles", "failures",
    ),
}  # fmt: skip


def ledger(seed: int, requests: int, routes: int, roles: int) -> Ledger:
    """A side, whose requests take about 20 ms and spend it evenly in the roles of their route."""
    random = np.random.default_rng(seed)
    second = random.integers(0, _SECONDS, requests)
    route = random.integers(0, routes, requests)
    bucket = np.searchsorted(buckets.BOUNDS, 2e7 * np.exp(0.5 * random.standard_normal(requests)))
    keys, count = np.unique(np.stack([second, route, bucket]), axis=1, return_counts=True)
    second, route, bucket = keys
    duration = np.array([buckets.middle(one) for one in range(bucket.max() + 1)])[bucket] * count
    rows = len(count)
    head = {
        "block_start_unix_nano": second * BLOCK_NS,
        "route": _texts([f"GET /route-{one}" for one in range(routes)], route),
        "outcome": _texts(["ok"], np.zeros(rows, np.int64)),
        "sampling_threshold": np.zeros(rows, np.int64),
        "bucket": bucket,
    }
    exemplars = pa.array([bytes(16)] * rows, pa.binary(16))
    asked = pa.table(
        {**head, "requests": count, "duration_ns": duration, "exemplar_trace_id": exemplars}
    )
    role = np.tile(np.arange(roles), rows)
    role_of_route = np.repeat(route, roles) * roles + role
    names = range(routes * roles)
    blamed = np.repeat(duration // roles, roles) + (role == 0) * np.repeat(duration % roles, roles)
    calls = np.repeat(count, roles)
    cells = {
        **{name: np.repeat(column, roles) if isinstance(column, np.ndarray)
           else column.take(pa.array(np.repeat(np.arange(rows), roles)))
           for name, column in head.items()},
        "caller": _texts([f"caller-{one % roles}" for one in names], role_of_route),
        "hop": _texts([f"service-{one % 50}" for one in names], role_of_route),
        "operation": _texts([f"shop.Service/Operation{one}" for one in names], role_of_route),
        "language": _texts(["go", "nodejs", "java"], role_of_route % 3),
        "version": _texts([str(seed)], 0 * role_of_route),
        "kind": _texts(["self"], 0 * role_of_route),
        **{name: np.zeros(rows * roles, np.int64) for name in MEASURES},
        "blamed_ns": blamed, "local_ns": blamed, "calls": calls, "spans": calls,
    }  # fmt: skip
    found = pa.table(cells).select(CELLS_SCHEMA.names).cast(CELLS_SCHEMA)
    return Ledger(found, asked.select(REQUESTS_SCHEMA.names).cast(REQUESTS_SCHEMA), {})


def _texts(texts: Sequence[str], which: Any) -> pa.Array:
    return pa.array(texts).take(pa.array(which))


def measure(requests: int, routes: int, roles: int) -> dict[str, Any]:
    """Seconds by stage, and the sizes of what is compared."""
    before, after = (ledger(seed, requests, routes, roles) for seed in (1, 2))
    stages = Stages()
    for owner, names in _STAGES.items():
        for name in names:
            stages.watch(owner, name, name)
    found: Comparison | None = None

    def work() -> Comparison:
        return comparing.compare(before, after)

    for _ in range(_ROUNDS):
        with stages.round():
            found = stages.run("wall", lambda: stages.run("compare", work), time.perf_counter)
    assert found is not None
    return {
        "requests": requests, "roles": routes * roles, "cells": before.cells.num_rows,
        "terms": len(found.terms), "seconds": stages.seconds,
    }  # fmt: skip


def show(found: dict[str, Any]) -> None:
    """As a table."""
    print(f"{found['requests']:,} requests and {found['cells']:,} cells a side, "
          f"{found['roles']} roles, {found['terms']} terms")  # fmt: skip
    for stage, seconds in found["seconds"].items():
        print(f"  compare: {stage:14}{seconds:8.2f} s")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--requests", type=int, default=1_000_000, help="on each side")
    parser.add_argument("--routes", type=int, default=10)
    parser.add_argument("--roles", type=int, default=20, help="of each route")
    parser.add_argument("--json", type=Path, help="file for the figures")
    args = parser.parse_args()
    found = measure(args.requests, args.routes, args.roles)
    show(found)
    if args.json:
        args.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
