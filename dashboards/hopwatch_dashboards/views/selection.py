"""Which requests of a ledger a page is about: by route and outcome, without attributing anew."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.attribution import Ledger
from hopwatch.attribution.failures import Failures
from hopwatch.attribution.long_table import LongTable

Sums = TypeVar("Sums", bound=LongTable)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a request must be; None: whatever it is. `service`: one that takes part in it;
    `attribute`: a key and a text that one of its spans has, on itself or its resource. Cells do
    not tell these two: attribution has to leave the others out."""

    service: str | None = None
    route: str | None = None
    outcome: str | None = None
    attribute: tuple[str, str] | None = None


def filtered(sums: Sums, filters: Filters) -> Sums:
    """The ledger, or the call paths, of the requests that fit by route and outcome. What was
    counted of a ledger's quality is that of all."""
    wanted = {"route": filters.route, "outcome": filters.outcome}
    given = {key: value for key, value in wanted.items() if value is not None}
    if not given:
        return sums
    return replace(sums, cells=_where(sums.cells, given), requests=_where(sums.requests, given))


def failures_of(failures: Failures, filters: Filters) -> Failures:
    """Where these of the requests failed, or it was masked: see `filtered`."""
    wanted = {} if filters.route is None else {"route": filters.route}
    failed, masked = (_where(table, wanted) for table in failures)
    return Failures(
        failed if filters.outcome != "ok" else failed.slice(0, 0),
        masked if filters.outcome != "error" else masked.slice(0, 0),
    )


def services(ledger: Ledger) -> tuple[str, ...]:
    """The services that did work of their own or waited, by name."""
    own = pc.is_in(ledger.cells["kind"], pa.array(["self", "wait"]))
    return tuple(sorted(pc.unique(ledger.cells["hop"].filter(own)).to_pylist()))


def routes(ledger: Ledger) -> tuple[str, ...]:
    """The routes of the requests, most requested first."""
    grouped = ledger.requests.group_by("route").aggregate([("requests", "sum")])
    rows = zip(grouped["route"].to_pylist(), grouped["requests_sum"].to_pylist(), strict=True)
    return tuple(route for route, _ in sorted(rows, key=lambda row: (-row[1], row[0])))


def _where(table: pa.Table, wanted: dict[str, str]) -> pa.Table:
    for key, value in wanted.items():
        table = table.filter(pc.equal(table[key], value))
    return table
