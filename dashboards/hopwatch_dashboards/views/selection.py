"""Which requests of a ledger a page is about: by route and outcome, without attributing anew."""

from __future__ import annotations

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.attribution import Ledger


@dataclass(frozen=True, slots=True)
class Filters:
    """What a request must be; None: whatever it is."""

    route: str | None = None
    outcome: str | None = None


def filtered(ledger: Ledger, filters: Filters) -> Ledger:
    """The ledger of the requests that fit. What was counted of its quality is that of all."""
    wanted = {"route": filters.route, "outcome": filters.outcome}
    given = {key: value for key, value in wanted.items() if value is not None}
    if not given:
        return ledger
    return Ledger(_where(ledger.cells, given), _where(ledger.requests, given), ledger.quality)


def between(ledger: Ledger, start_ns: int, end_ns: int) -> Ledger:
    """The ledger of the time blocks that begin in [start, end)."""
    return Ledger(
        _between(ledger.cells, start_ns, end_ns),
        _between(ledger.requests, start_ns, end_ns),
        ledger.quality,
    )


def routes(ledger: Ledger) -> tuple[str, ...]:
    """The routes of the requests, most requested first."""
    grouped = ledger.requests.group_by("route").aggregate([("requests", "sum")])
    rows = zip(grouped["route"].to_pylist(), grouped["requests_sum"].to_pylist(), strict=True)
    return tuple(route for route, _ in sorted(rows, key=lambda row: (-row[1], row[0])))


def _where(table: pa.Table, wanted: dict[str, str]) -> pa.Table:
    for key, value in wanted.items():
        table = table.filter(pc.equal(table[key], value))
    return table


def _between(table: pa.Table, start_ns: int, end_ns: int) -> pa.Table:
    block = table["block_start_unix_nano"]
    return table.filter(pc.and_(pc.greater_equal(block, start_ns), pc.less(block, end_ns)))
