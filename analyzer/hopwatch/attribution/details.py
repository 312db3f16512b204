"""What attribution found out about every span, for those who judge how far it can be trusted.

Arrays instead of objects, for there may be millions of spans; the reference and the columnar
engine fill them alike. Spans are those after repair, of requests, asynchronous work and fragments,
in no promised order.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hopwatch import semconv
from hopwatch.attribution.cells import Cell
from hopwatch.attribution.clocks import Clocks, Stretch
from hopwatch.attribution.model import Forest, Process
from hopwatch.attribution.units import LONGEST_NS, UnitTime

Integers = npt.NDArray[np.signedinteger[Any]]
Mask = npt.NDArray[np.bool_]

REQUEST, DETACHED, FRAGMENT = range(3)
KINDS: Final = {"SERVER": 1, "CLIENT": 2, "PRODUCER": 3, "CONSUMER": 4}
"""Numbers in `Details.kind`; 0 is any other."""
FLAGS: Final = {"outlives": 1, "clock_conflict": 2, "no_client_span": 4, "retry": 8}
"""Bits in `Details.flags`; see `docs/json.md` for what they mean."""
REPAIRS: Final = (
    "duplicate", "conflicting_copies", "shared_id", "negative_duration", "missing_parent",
    "cycle", "detached",
)  # fmt: skip
"""Columns of `Details.repairs`; see `forest`."""
_COLUMNS: Final = (
    "trace", "row", "parent", "root", "unit_kind", "kind", "hop", "process", "cell", "start", "end",
    "own", "doubtful", "shift", "flags", "threshold", "failed",
)  # fmt: skip
_UNIT_KINDS: Final = {"request": REQUEST, "detached": DETACHED, "fragment": FRAGMENT}


@dataclass(frozen=True)
class Details:
    """Of traces: trace_ids (n x 16 bytes, sorted), repairs (n x `REPAIRS`, how many spans). Of
    processes: who they are, and the granularity of their stamps in ns. Of spans, an entry each:

    trace, hop, process, cell   places among those
    row                         of the span table; of copies, of the one that was kept
    parent, root                places of spans; parent -1 for the root of a unit
    unit_kind, kind, flags      `REQUEST` ...; `KINDS`; bits of `FLAGS`
    start, end                  Unix ns, as stamped
    own, doubtful               ns of the unit's time that is blamed on the span, and the part of it
                                in which it may have waited for a child that was not chosen, or
                                for one that is missing
    shift                       the span's clock minus its root's, ns
    failed                      the span says so
    threshold                   see `sampling`
    """

    trace_ids: npt.NDArray[np.uint8]
    repairs: Integers
    processes: Sequence[Process]
    granularity: Integers
    hops: Sequence[str]
    cells: Sequence[Cell]
    trace: Integers
    row: Integers
    parent: Integers
    root: Integers
    unit_kind: Integers
    kind: Integers
    hop: Integers
    process: Integers
    cell: Integers
    start: Integers
    end: Integers
    own: Integers
    doubtful: Integers
    shift: Integers
    flags: Integers
    threshold: Integers
    failed: Mask

    @property
    def counted(self) -> Mask:
        """The spans whose blamed time is in the ledger of requests."""
        root = self.root
        counted: Mask = (self.unit_kind == REQUEST) & (
            self.end[root] - self.start[root] <= LONGEST_NS
        )
        return counted

    def repaired(self, what: str) -> Integers:
        """By trace how many spans were repaired so, of `REPAIRS`."""
        return self.repairs[:, REPAIRS.index(what)]


def of_units(forest: Forest, units: Iterable[UnitTime], processes: Sequence[Process]) -> Details:
    """The details of all units of a forest."""
    place = {trace.trace_id: number for number, trace in enumerate(forest.traces)}
    hops: dict[str, int] = {}
    cells: dict[Cell, int] = {}
    rows: list[tuple[int, ...]] = []
    for unit in units:
        root = len(rows)
        at = {id(time.span): root + number for number, time in enumerate(unit.spans)}
        for time in unit.spans:
            span = time.span
            rows.append(
                (
                    place[span.trace_id], span.row,
                    at[id(span.parent)] if span.parent is not None else -1, root,
                    _UNIT_KINDS[unit.unit.kind], KINDS.get(span.kind, 0),
                    hops.setdefault(span.hop, len(hops)), span.process,
                    cells.setdefault(time.cell, len(cells)), span.start, span.end, time.own,
                    time.doubtful, time.shift,
                    sum(bit for flag, bit in FLAGS.items() if flag in span.flags),
                    span.threshold, semconv.is_failure(span.status, span.fields),
                )
            )  # fmt: skip
    found = np.array(rows, np.int64).reshape(-1, len(_COLUMNS)).T
    columns: dict[str, Any] = dict(zip(_COLUMNS, found, strict=True))
    columns["failed"] = columns["failed"].astype(np.bool_)
    ids = b"".join(trace.trace_id for trace in forest.traces)
    return Details(
        np.frombuffer(ids, np.uint8).reshape(-1, 16),
        np.array(
            [[trace.repairs[what] for what in REPAIRS] for trace in forest.traces], np.int64
        ).reshape(-1, len(REPAIRS)),
        processes, np.array(forest.granularity, np.int64), list(hops), list(cells),
        **columns,
    )  # fmt: skip


def at_bounds(clocks: Clocks, *, lower: bool) -> Clocks:
    """The same clocks with every offset at the lower, else at the upper end of its interval."""

    def at_bound(one: Stretch) -> Stretch:
        return replace(one, theta=one.low if lower else one.high)

    known: Mapping[tuple[int, int], tuple[Stretch, ...]] = clocks.stretches
    return Clocks({pair: tuple(map(at_bound, stretches)) for pair, stretches in known.items()})
