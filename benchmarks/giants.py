"""Single traces that are odd and very large: none may take more than seconds.

python -m benchmarks.giants --spans 1000000
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hopwatch import spans
from hopwatch.attribution import Options
from hopwatch.attribution.columnar import Engine

Integers = npt.NDArray[np.int64]

_START: Final = 1_790_000_000_000_000_000
_NOBODY: Final = 1 << 40
"""Ids from here on are of no span."""


def trace(
    parent: Integers, start: Integers, duration: Integers, *, ids: Integers | None = None,
    client: Integers | None = None, failed: Integers | None = None,
    process: Integers | None = None,
) -> pa.Table:  # fmt: skip
    """One trace. Spans are numbered from 1; parent 0: none. start: ns after the trace's."""
    count = len(parent)
    none = np.zeros(count, np.int64)

    def text(values: list[str], which: Integers | None) -> pa.Array:
        codes = pa.array(none if which is None else which, pa.int32())
        return pa.DictionaryArray.from_arrays(codes, pa.array(values))

    columns = {field.name: pa.nulls(count, field.type) for field in spans.SCHEMA} | {
        "trace_id": _binary(np.ones(2 * count, np.int64), 16),
        "span_id": _binary(np.arange(1, count + 1) if ids is None else ids, 8),
        "parent_span_id": pc.if_else(pa.array(parent == 0), None, _binary(parent, 8)),
        "name": text(["work"], None),
        "service_name": text(["one"], None),
        "service_instance_id": text(
            ["one-0"] if process is None else [f"one-{number}" for number in range(count)], process
        ),
        "kind": text(["INTERNAL", "CLIENT"], client),
        "status_code": text(["UNSET", "ERROR"], failed),
        "start_time_unix_nano": pa.array(_START + start),
        "duration_nano": pa.array(duration),
    }
    return pa.Table.from_arrays(list(columns.values()), schema=spans.SCHEMA)


def _binary(values: Integers, width: int) -> pa.Array:
    data = np.ascontiguousarray(values, ">u8")
    return pa.Array.from_buffers(
        pa.binary(width), 8 * len(data) // width, [None, pa.py_buffer(data)]
    )


def traces(count: int) -> Mapping[str, Callable[[], pa.Table]]:
    """Makers of odd traces of `count` spans."""
    random = np.random.default_rng(1)
    every = np.arange(count)
    later = every > 0
    below_root = later.astype(np.int64)
    one_by_one = 1_000 * every
    short = np.where(later, 900, 1_000 * (count + 1))
    odd = every % 2
    chain = trace(every, every, 2 * (count - every))
    return {
        "a tree": lambda: trace(
            np.where(later, (every + 5) // 6, 0), 10 * every, 20 * (count - every)
        ),
        "a chain": lambda: chain,
        "a chain, shuffled": lambda: chain.take(pa.array(random.permutation(count))),
        "siblings one by one": lambda: trace(below_root, one_by_one, short),
        "siblings at once": lambda: trace(
            below_root,
            below_root * random.integers(0, 100 * count, count),
            np.where(later, random.integers(1, 50 * count, count), 1_000 * count),
        ),
        "siblings of own processes": lambda: trace(
            below_root, one_by_one - 10**6 * below_root, short, process=every
        ),
        "siblings at one moment": lambda: trace(below_root, 0 * every, 0 * every + 1_000),
        "retries": lambda: trace(
            below_root, one_by_one, short, client=below_root, failed=below_root
        ),
        "identical copies": lambda: trace(
            below_root, 10 * below_root, np.where(later, 900, 9_000), ids=1 + below_root
        ),
        "fragments": lambda: trace(np.where(later, _NOBODY + every, 0), one_by_one, short),
        "fragments beside siblings": lambda: trace(
            np.where(later, np.where(odd, 1, _NOBODY + every), 0), one_by_one, short + 600
        ),
        "fragments beside a chain": lambda: trace(
            np.where(later, np.where(odd, np.maximum(1, every - 1), _NOBODY + every), 0),
            np.where(odd, every, 10 * every),
            np.where(odd, 20 * (count - every), 3) + 10**9 * (1 - below_root),
            client=odd,
        ),
        "a cycle": lambda: trace(np.where(later, every, count), every, 0 * every + 10),
    }


def measure(count: int) -> dict[str, float]:
    """CPU seconds from the span table to the ledger, by trace."""
    found = {}
    Engine(traces(10)["a tree"](), Options()).ledger()
    for name, make in traces(count).items():
        table = make()
        before = time.process_time()
        Engine(table, Options()).ledger()
        found[name] = time.process_time() - before
    return found


def show(count: int, seconds: Mapping[str, float]) -> None:
    """As a table."""
    print(f"one trace of {count:,} spans, to its ledger; CPU seconds")
    for name, taken in seconds.items():
        print(f"{name:32}{taken:8.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--spans", type=int, default=1_000_000)
    args = parser.parse_args()
    show(args.spans, measure(args.spans))


if __name__ == "__main__":
    main()
