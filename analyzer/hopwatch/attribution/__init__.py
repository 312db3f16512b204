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

import pyarrow as pa

from hopwatch.attribution import forest as _forest
from hopwatch.attribution.clocks import Clocks
from hopwatch.attribution.ledger import Ledger
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

    def requests(self) -> Iterator[UnitTime]:
        """One result per span without a parent, by trace id."""
        return self._attributed(trace_units=lambda trace: trace.requests)

    def detached(self) -> Iterator[UnitTime]:
        """Asynchronous work: one result per detached CONSUMER span."""
        return self._attributed(trace_units=lambda trace: trace.detached)

    def fragments(self) -> Iterator[UnitTime]:
        """What hangs below a missing parent: one result per fragment."""
        return self._attributed(trace_units=lambda trace: trace.fragments)

    def _attributed(self, trace_units: Callable[[Trace], list[Unit]]) -> Iterator[UnitTime]:
        for trace in self.forest.traces:
            for unit in trace_units(trace):
                yield attribute_unit(unit, trace, self.forest, self.clocks, self._options)

    def ledger(self, select: Callable[[UnitTime], bool] | None = None) -> Ledger:
        """The ledger of the requests that `select` keeps (None: of all)."""
        quality = Counter(self.forest.repairs)
        quality["clock_steps"] = self.clocks.steps
        for trace in self.forest.traces:
            quality["traces"] += 1
            quality["incomplete_traces"] += bool(trace.fragments)
            quality["fragments"] += len(trace.fragments)
            quality["detached_units"] += len(trace.detached)
            quality["traces_without_root"] += not trace.requests

        def kept() -> Iterator[UnitTime]:
            for unit in self.requests():
                if select is not None and not select(unit):
                    continue
                for time in unit.spans:
                    quality["spans"] += 1
                    quality["clipped_ns"] += time.clipped
                    for flag in time.span.flags:
                        if flag in ("outlives", "clock_conflict", "no_client_span", "retry"):
                            quality[flag] += 1
                yield unit

        units = list(kept())
        ledger = Ledger.of_units(units, dict(quality))
        ledger.check()
        return ledger


def attribute(table: pa.Table, options: Options = DEFAULTS) -> Ledger:
    """The ledger of all requests in a span table (`hopwatch.spans.SCHEMA`, any order).

    Raises ConservationError if cells and requests differ, which is a defect of hopwatch.
    """
    return Attribution(table, options).ledger()
