"""Realistic spans in any number, as span tables or as a trace store.

    python -m benchmarks.many_spans --spans 1000000 --store DIR

The same seed gives the same spans. Times follow a log-normal law; every service runs as two
processes with clocks of their own. Some spans come twice, some never.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from benchmarks.shapes import LANGUAGES, Node, draw
from hopwatch import spans
from hopwatch.receiver.bodies import decode_logged
from hopwatch.signals import SPANS
from hopwatch.store import Retention, Store, UnavailableError

Integers = npt.NDArray[np.int64]

EPOCH_NS: Final = 1_790_000_000_000_000_000
_BLOCK: Final = 50_000
_INSTANCES: Final = 2
_CUSTOMERS: Final = 50
_COPIED: Final = 0.003
_LOST: Final = 0.001
_CLOCKS_NS: Final = (0, 1_700_000, -350_000, 40_000_000, 0, 2_000, -9_000_000, 800_000)


def tables(
    count: int, *, seed: int = 1, start_ns: int = EPOCH_NS, seconds: float = 900.0
) -> Iterator[pa.Table]:
    """About `count` spans in blocks of whole traces, which begin within `seconds` of `start_ns`."""
    shapes = draw(seed)
    random = np.random.default_rng(seed)
    weights = random.pareto(1.2, len(shapes)) + 0.2
    weights /= weights.sum()
    mean_spans = float(weights @ np.array([len(shape.walk()) for shape in shapes]))
    content = _Content(shapes)
    blocks = max(1, round(count / _BLOCK))
    slice_ns = seconds * 1e9 / blocks
    for block in range(blocks):
        traces = random.multinomial(round(count / blocks / mean_spans) or 1, weights)
        first = start_ns + round(block * slice_ns)
        yield _block(random, content, traces, first, slice_ns)


def table(count: int, *, seed: int = 1) -> pa.Table:
    """About `count` spans as one table."""
    return SPANS.concat(list(tables(count, seed=seed)))


class _Content:
    """What spans say beside ids and times: a table of all that any span can say, to take from.

    A node has `_INSTANCES` rows, one for each process; a root that many for each customer.
    """

    def __init__(self, shapes: list[Node]) -> None:
        self.shapes = shapes
        self.first_row: dict[int, int] = {}
        rows: list[dict[str, Any]] = []
        for shape in shapes:
            for node in shape.walk():
                self.first_row[id(node)] = len(rows)
                customers = (
                    [f"c{number}" for number in range(_CUSTOMERS)] if node is shape else [""]
                )
                rows += [
                    _row(node, instance, f"c{customer}" if node is shape else None)
                    for customer in customers
                    for instance in range(_INSTANCES)
                ]
        self.table = spans.table_from_columns(
            {name: [row[name] for row in rows] for name in rows[0]}
        )


def _row(node: Node, instance: int, customer: str | None) -> dict[str, Any]:
    resource = {
        "service.name": node.service,
        "service.version": "1.4.2",
        "service.instance.id": f"{node.service}-{instance}",
        "host.name": f"host-{instance}",
        "process.pid": str(1000 + instance),
        "telemetry.sdk.language": LANGUAGES[node.service],
        "telemetry.sdk.name": "opentelemetry",
    }
    attributes = {**node.attributes, **({"customer.id": customer} if customer else {})}
    return {
        "trace_id": bytes(16),
        "span_id": bytes(8),
        "start_time_unix_nano": 0,
        "duration_nano": 0,
        "name": node.name,
        "kind": node.kind,
        "status_code": "ERROR" if node.failed else "UNSET",
        "scope_name": f"example.com/{node.service}",
        "resource_attributes": list(resource.items()),
        "resource_attribute_types": "s" * len(resource),
        "span_attributes": list(attributes.items()),
        "span_attribute_types": "s" * len(attributes),
        **{column: resource.get(key) for key, column in spans.PROMOTED.items()},
    }


def _block(
    random: np.random.Generator, content: _Content, traces: Integers, first: int, slice_ns: float
) -> pa.Table:
    parts: list[_Spans] = []
    for shape, n in zip(content.shapes, traces, strict=True):
        starts = first + (random.random(n) * slice_ns).astype(np.int64)
        parts.extend(_spans(random, content, shape, starts))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    total = len(columns[0])
    kept = np.flatnonzero(random.random(total) >= _LOST)
    copied = kept[random.random(len(kept)) < _COPIED]
    order = random.permutation(np.concatenate([kept, copied]))
    rows = _Spans(*(column[order] for column in columns))
    table = content.table.take(pa.array(rows.content))
    for name, values in {
        "trace_id": _binary(rows.trace_id),
        "span_id": _binary(rows.span_id),
        "parent_span_id": pc.if_else(pa.array(rows.is_root), None, _binary(rows.parent_id)),
        "start_time_unix_nano": pa.array(rows.start),
        "duration_nano": pa.array(rows.duration),
    }.items():
        position = spans.SCHEMA.get_field_index(name)
        table = table.set_column(position, spans.SCHEMA.field(name), values)
    return table


class _Spans(NamedTuple):
    """Columns of spans; `content`: rows of `_Content.table`."""

    content: Integers
    trace_id: npt.NDArray[np.void]
    span_id: npt.NDArray[np.void]
    parent_id: npt.NDArray[np.void]
    start: Integers
    duration: Integers
    is_root: npt.NDArray[np.bool_]


def _spans(
    random: np.random.Generator, content: _Content, shape: Node, starts: Integers
) -> Iterator[_Spans]:
    """The spans of `len(starts)` traces of one shape, a node at a time."""
    n = len(starts)
    extents: dict[int, tuple[Integers, Integers]] = {}
    _place(random, shape, starts, random.lognormal(0, 0.4, n), extents)
    trace_ids, instance = _ids(random, n, 16), random.integers(0, _INSTANCES, n)
    own_ids = {id(shape): _ids(random, n, 8)}
    parent_ids = {id(shape): np.zeros(n, own_ids[id(shape)].dtype)}
    for node in shape.walk():
        for child in node.children:
            own_ids[id(child)] = _ids(random, n, 8)
            parent_ids[id(child)] = own_ids[id(node)]
        start, end = extents[id(node)]
        customer = random.integers(0, _CUSTOMERS, n) if node is shape else 0
        yield _Spans(
            content.first_row[id(node)] + instance + _INSTANCES * customer,
            trace_ids,
            own_ids[id(node)],
            parent_ids[id(node)],
            start + _clock(node.service, instance),
            end - start,
            np.full(n, node is shape),
        )


def _place(
    random: np.random.Generator,
    node: Node,
    start: Integers,
    pace: npt.NDArray[np.float64],
    extents: dict[int, tuple[Integers, Integers]],
) -> Integers:
    """Lays a node and all below it out from `start` on; gives its end."""

    def own() -> Integers:
        share = node.own_ns / (len(node.children) + 1)
        times: Integers = (share * pace * random.lognormal(0, 0.5, len(start))).astype(np.int64)
        return times

    cursor = start + own()
    last = cursor
    for child in node.children:
        end = _place(random, child, cursor, pace, extents)
        if child.kind == "CONSUMER":
            continue
        last = np.maximum(last, end + own())
        if not node.parallel:
            cursor = last
    extents[id(node)] = (start, last)
    return last


def _clock(service: str, instance: Integers) -> Integers:
    clocks = np.array(_CLOCKS_NS)
    return clocks[(_INSTANCES * list(LANGUAGES).index(service) + instance) % len(clocks)]


def _ids(random: np.random.Generator, n: int, width: int) -> npt.NDArray[np.void]:
    return np.frombuffer(random.bytes(width * n), np.dtype((np.void, width)))


def _binary(ids: npt.NDArray[np.void]) -> pa.Array:
    width = ids.dtype.itemsize
    return pa.Array.from_buffers(pa.binary(width), len(ids), [None, pa.py_buffer(ids.tobytes())])


def write_store(path: Path, blocks: Iterator[pa.Table]) -> int:
    """Appends the blocks to the store at `path`; gives the number of spans."""
    written = 0
    with Store(
        path,
        decode=decode_logged,
        retention=Retention(),
        on_problem=print,
    ) as store:
        for number, block in enumerate(blocks):
            while True:
                try:
                    store.append(0, f"{path} {number} {time.time_ns()}".encode(), block)
                    break
                except UnavailableError:  # until what waits is written
                    time.sleep(0.2)
            written += block.num_rows
    return written


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--spans", type=int, default=1_000_000, help="about how many")
    parser.add_argument("--store", type=Path, required=True, help="folder of the store")
    parser.add_argument("--minutes", type=float, default=15, help="how long a time they cover")
    parser.add_argument("--end", type=float, help="Unix time at which they end; default: now")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    end_ns = time.time_ns() if args.end is None else round(args.end * 1e9)
    start_ns = end_ns - round(args.minutes * 60e9)
    blocks = tables(args.spans, seed=args.seed, start_ns=start_ns, seconds=args.minutes * 60)
    written = write_store(args.store, blocks)
    print(f"{written:,} spans in {args.store}")


if __name__ == "__main__":
    main()
