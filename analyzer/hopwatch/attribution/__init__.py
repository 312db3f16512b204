"""Span table -> ledger: a pure function. Same input, same bytes out.

forest          rows -> units of spans, repaired
clocks          offsets between processes, from all calls
critical_path   the walk over one span
units           the walk over a unit; what each span is blamed for
cells           hop x language x kind x operation of a span's time
ledger          units -> the long table, and its views
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import replace
from typing import Final

import pyarrow as pa

from hopwatch.attribution import forest as _forest
from hopwatch.attribution.clocks import Clocks
from hopwatch.attribution.intervals import union
from hopwatch.attribution.ledger import LONGEST_NS, Ledger
from hopwatch.attribution.model import Trace, Unit
from hopwatch.attribution.units import DEFAULTS, Options, UnitTime, attribute_unit

__all__ = ["Attribution", "Clocks", "Ledger", "Options", "UnitTime", "attribute"]


class Attribution:
    """Every trace of a span table, attributed on demand.

    `clocks`: offsets to use instead of those estimated from the table.
    """

    def __init__(
        self, table: pa.Table, options: Options = DEFAULTS, clocks: Clocks | None = None
    ) -> None:
        self.forest = _forest.build(table)
        self.clocks = clocks or Clocks.from_forest(self.forest)
        self._options = options

    def only(self, trace_id: bytes) -> Attribution:
        """The same for one trace, with what all traces together tell of the clocks."""
        one = copy(self)
        traces = [trace for trace in self.forest.traces if trace.trace_id == trace_id]
        one.forest = replace(self.forest, traces=traces)
        return one

    def requests(self) -> Iterator[UnitTime]:
        """One result per span without a parent, by trace id."""
        return self._attributed(lambda trace: trace.requests)

    def detached(self) -> Iterator[UnitTime]:
        """Asynchronous work: one result per CONSUMER span."""
        return self._attributed(lambda trace: trace.detached)

    def fragments(self) -> Iterator[UnitTime]:
        """What hangs below a missing parent: one result per fragment."""
        return self._attributed(lambda trace: trace.fragments)

    def _attributed(self, units_of: Callable[[Trace], list[Unit]]) -> Iterator[UnitTime]:
        for trace in self.forest.traces:
            extents = union((f.root.start, f.root.end) for f in trace.fragments)
            for unit in units_of(trace):
                missing = [] if unit.kind == "fragment" else extents
                yield attribute_unit(unit, trace, self.forest, self.clocks, self._options, missing)

    def ledger(
        self, select: Callable[[UnitTime], bool] | None = None, *, detached: bool = False
    ) -> Ledger:
        """The ledger of the requests (`detached`: of the asynchronous work) that `select`
        keeps; None keeps all."""
        quality: Counter[str] = Counter()
        counted: set[bytes] = set()

        def kept() -> Iterator[UnitTime]:
            for unit in self.detached() if detached else self.requests():
                if select is not None and not select(unit):
                    continue
                if unit.duration > LONGEST_NS:
                    quality["absurd_duration"] += 1
                    continue
                counted.add(unit.trace.trace_id)
                quality.update(_oddities(unit))
                yield unit

        units = list(kept())
        for trace in self.forest.traces:
            if select is None or trace.trace_id in counted:
                quality.update(_completeness(trace))
        quality["clock_steps"] = self.clocks.steps
        ledger = Ledger.of_units(units, dict(quality))
        ledger.check()
        return ledger


_COUNTED_FLAGS: Final = frozenset({"outlives", "clock_conflict", "no_client_span", "retry"})


def _oddities(unit: UnitTime) -> Counter[str]:
    found: Counter[str] = Counter(spans=len(unit.spans))
    for time in unit.spans:
        found["clipped_ns"] += time.clipped
        found["late_spans"] += time.late
        found.update(time.span.flags & _COUNTED_FLAGS)
    return found


def _completeness(trace: Trace) -> Counter[str]:
    return trace.repairs + Counter(
        traces=1,
        incomplete_traces=int(bool(trace.fragments)),
        fragments=len(trace.fragments),
        detached_units=len(trace.detached),
        traces_without_root=int(not trace.requests and not trace.detached),
    )


def attribute(table: pa.Table, options: Options = DEFAULTS) -> Ledger:
    """The ledger of all requests in a span table (`hopwatch.spans.SCHEMA`, any order).

    Raises ConservationError if cells and requests differ, which is a defect of hopwatch.
    """
    return Attribution(table, options).ledger()
