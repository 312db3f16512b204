"""Labs: whether a guess is right, and what the requests themselves say of the truth."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.attribution import Attribution, UnitTime

KINDS: Final = {
    "self": "its own work",
    "gap": "the way to it or from it",
    "db": "a database",
    "wait": "waiting for a resource",
}
"""Kinds of time to guess from, in words."""
LATEST: Final = 2_000
"""Requests that are looked at to tell the truth of a lab, the latest."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to say of a guess."""

    right: bool
    words: str


@dataclass(frozen=True, slots=True)
class Side:
    """Requests with the fault, or without. `ns` and `calls`: per request, in the cell where the
    fault is."""

    requests: int
    ns: float
    calls: float


@dataclass(frozen=True, slots=True)
class Truth:
    """A lab's recorded truth beside what the ledger says, over requests of the same routes.

    `measure`: the median of what the services recorded, per request with the fault.
    """

    measure: float
    faulty: Side
    clean: Side


def verdict(hop: str, kind: str, right_hop: str, right_kind: str) -> Verdict:
    """Of a guess against the answer."""
    match hop == right_hop, kind == right_kind:
        case True, True:
            return Verdict(True, "Found: that hop, and that kind of time.")
        case True, False:
            return Verdict(False, "The right hop; its time is of another kind.")
        case False, True:
            return Verdict(False, "The right kind of time, in another hop.")
        case _:
            return Verdict(False, "Not there. Compare slow requests with fast ones.")


def truth(
    table: pa.Table, name_key: str, name: str, measure_key: str, hop: str, kind: str
) -> Truth | None:
    """What the requests of a span table say of lab `name`; None where none carries it.

    `name_key`, `measure_key`: span attributes in which the service that obeyed says so.
    """
    measures = _measures(table, name_key, name, measure_key)
    units = list(Attribution(table).requests())
    units = sorted(units, key=lambda unit: unit.unit.root.start)[-LATEST:]
    faulty = [unit for unit in units if unit.trace.trace_id in measures]
    if not faulty:
        return None
    routes = {unit.route for unit in faulty}
    clean = [u for u in units if u.route in routes and u.trace.trace_id not in measures]
    return Truth(
        measure=median(measures[unit.trace.trace_id] for unit in faulty),
        faulty=_side(faulty, hop, kind),
        clean=_side(clean, hop, kind),
    )


def _measures(table: pa.Table, name_key: str, name: str, measure_key: str) -> dict[bytes, float]:
    """Trace id -> how much of the fault its services recorded."""
    attributes = table["span_attributes"].combine_chunks()
    obeyed = pc.equal(pc.map_lookup(attributes, name_key, "first"), name)
    rows = pc.indices_nonzero(pc.fill_null(obeyed, False))
    found: dict[bytes, float] = {}
    for trace_id, text in zip(
        table["trace_id"].take(rows).to_pylist(),
        pc.map_lookup(attributes.take(rows), measure_key, "first").to_pylist(),
        strict=True,
    ):
        if text is not None:
            found[trace_id] = found.get(trace_id, 0.0) + float(text)
    return found


def _side(units: Iterable[UnitTime], hop: str, kind: str) -> Side:
    requests = ns = calls = 0
    for unit in units:
        requests += 1
        for time in unit.spans:
            if (time.cell.hop, time.cell.kind) == (hop, kind):
                ns += time.own
                calls += 1
    return Side(requests, ns / requests if requests else 0, calls / requests if requests else 0)
