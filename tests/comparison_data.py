"""Ledgers for comparisons, from a few words: `ledger(request(0, cell("orders", 30)))`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from hopwatch.attribution import Ledger, buckets
from hopwatch.attribution.ledger import BLOCK_NS, CELLS_SCHEMA, REQUESTS_SCHEMA
from hopwatch.attribution.long_table import add_up, from_rows


@dataclass(frozen=True)
class Spent:
    """What one request spends in one cell."""

    hop: str
    blamed: int
    local: int
    spans: int = 1
    operation: str = "Get"
    kind: str = "self"
    caller: str = "web"
    language: str = "go"
    version: str = "1"


def cell(hop: str, blamed: int, local: int | None = None, **other: object) -> Spent:
    """Where local is not said, all of it is waited for."""
    return Spent(hop, blamed, blamed if local is None else local, **other)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Sample:
    second: int
    route: str
    cells: tuple[Spent, ...]
    outcome: str = "ok"
    threshold: int = 0


def request(
    second: int, *cells: Spent, route: str = "GET /", outcome: str = "ok", threshold: int = 0
) -> Sample:
    return Sample(second, route, cells, outcome, threshold)


def ledger(*samples: Sample) -> Ledger:
    return ledger_of(samples)


def ledger_of(samples: Iterable[Sample]) -> Ledger:
    cells, requests = [], []
    for i, sample in enumerate(samples):
        duration = sum(one.blamed for one in sample.cells)
        block = sample.second * BLOCK_NS
        head = block, sample.route, sample.outcome, sample.threshold, buckets.of(duration)
        requests.append((*head, 1, duration, i.to_bytes(16)))
        for one in sample.cells:
            cells.append(
                (*head, one.caller, one.hop, one.operation, one.language, one.version, one.kind,
                 one.blamed, one.local, 0, 0, 0, 0, one.spans, one.spans)
            )  # fmt: skip
    return Ledger(_added(cells, CELLS_SCHEMA, 11), _added(requests, REQUESTS_SCHEMA, 5), {})


def _added(rows: list[tuple[object, ...]], schema: pa.Schema, keys: int) -> pa.Table:
    return add_up(from_rows(schema, rows), schema.names[:keys])
