"""Span table -> ledger: a pure function. Same input, same bytes out.

forest          rows -> units of spans, repaired
clocks          offsets between processes, from all calls
placement       children in their parent's clock
late            what begins after its unit's root has ended -> units of its own
critical_path   the walk over one span
units           the walk over a unit; what each span is blamed for
cells           hop x language x kind x operation of a span's time
ledger          units -> the long table, and its views
stacks          units -> the same by call path
columnar        all of these at once, as columns, for many spans; the same results
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from hopwatch.attribution import delays, details, failures, late, request_table, times
from hopwatch.attribution import forest as _forest
from hopwatch.attribution.cells import Cell
from hopwatch.attribution.clocks import Clocks
from hopwatch.attribution.details import Details
from hopwatch.attribution.failures import Failures
from hopwatch.attribution.forest import COLUMNS
from hopwatch.attribution.intervals import union
from hopwatch.attribution.ledger import Ledger
from hopwatch.attribution.model import Forest, Trace, Unit
from hopwatch.attribution.sampling import MALFORMED
from hopwatch.attribution.select import Selection
from hopwatch.attribution.source import Source, as_source, whole
from hopwatch.attribution.stacks import Stacks
from hopwatch.attribution.times import CellFilter
from hopwatch.attribution.units import DEFAULTS, LONGEST_NS, Options, UnitTime, attribute_unit
from hopwatch.spans import require

if TYPE_CHECKING:
    from hopwatch.attribution.columnar import Engine

__all__ = [
    "COLUMNS",
    "Attribution",
    "CellFilter",
    "Clocks",
    "Ledger",
    "Options",
    "Selection",
    "Stacks",
    "UnitTime",
    "attribute",
]


_MANY: Final = 20_000
"""Rows from which on the columnar engine is faster than the reference: to load it takes as long
as the reference takes for so many."""


class Attribution:
    """Every trace of a span table, attributed on demand. The table may have only the `COLUMNS`
    that attribution reads, and its text may be dictionary-encoded anywhere. It may come part by
    part, as a `source.Source`, for those who have more spans than fit into memory.

    `clocks`: offsets to use instead of those estimated from the table. Raises UsageError and
    InputError for what is no span table (see `spans.require`).
    """

    def __init__(
        self,
        spans: pa.Table | Source,
        options: Options = DEFAULTS,
        clocks: Clocks | None = None,
    ) -> None:
        if not isinstance(spans, Source):
            require(spans, COLUMNS)
        self._source = as_source(spans)
        self._options = options
        self._given_clocks = clocks

    @cached_property
    def table(self) -> pa.Table:
        """All spans as one table."""
        return whole(self._source, COLUMNS)

    @cached_property
    def forest(self) -> Forest:
        """All spans as trees."""
        return late.set_apart(self._whole_trees, self.clocks)

    @cached_property
    def _whole_trees(self) -> Forest:
        """The same before anything is late; see there."""
        return _forest.build(self.table)

    @cached_property
    def clocks(self) -> Clocks:
        """What the calls tell of the processes' clocks, or what was given."""
        if self._given_clocks is not None:
            return self._given_clocks
        return self._engine.clocks if self._engine else Clocks.from_forest(self._whole_trees)

    def clock_table(self) -> pa.Table:
        """What is known of the clocks: a row (`clocks.CLOCK_SCHEMA`) per pair of processes and
        window, by names and time."""
        if self._engine:
            return self.clocks.table(self._engine.processes())
        return self.clocks.table(_forest.processes(self.table))

    @cached_property
    def _engine(self) -> Engine | None:
        """The columnar engine, where there are many spans."""
        if self._source.most_rows < _MANY:
            return None
        from hopwatch.attribution.columnar import Engine

        return Engine(self._source, self._options, self._given_clocks)

    def only(self, trace_id: bytes) -> Attribution:
        """The same for one trace, with what all traces together tell of the clocks."""
        one = Attribution(self._source, self._options, self.clocks)
        if self._engine is None:
            traces = [trace for trace in self.forest.traces if trace.trace_id == trace_id]
            one.forest = replace(self.forest, traces=traces)
        else:
            trees = _forest.build(self.table, self._engine.excerpt(trace_id))
            one.forest = late.set_apart(trees, self.clocks)
        one._engine = None
        return one

    def requests(self) -> Iterator[UnitTime]:
        """One result per span without a parent, by trace id."""
        return self._attributed(lambda trace: trace.requests)

    def detached(self) -> Iterator[UnitTime]:
        """Asynchronous work: one result per CONSUMER span, and per span that is late."""
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
        self,
        select: Selection | Callable[[UnitTime], bool] | None = None,
        *,
        detached: bool = False,
    ) -> Ledger:
        """The ledger of the requests (`detached`: of the asynchronous work) that `select`
        keeps; None keeps all. A function has to see each unit, which is slow for many."""
        if select == Selection():
            select = None
        if self._engine and not callable(select):
            return self._engine.ledger(select, detached=detached)
        keeps = select.predicate(self.table) if isinstance(select, Selection) else select
        quality: Counter[str] = Counter()
        counted: set[bytes] = set()

        def kept() -> Iterator[UnitTime]:
            for unit in self.detached() if detached else self.requests():
                if keeps is not None and not keeps(unit):
                    continue
                if unit.duration > LONGEST_NS:
                    quality["absurd_duration"] += 1
                    continue
                counted.add(unit.trace.trace_id)
                quality.update(_oddities(unit))
                yield unit

        units = list(kept())
        for trace in self.forest.traces:
            if keeps is None or trace.trace_id in counted:
                quality.update(_completeness(trace))
        quality["clock_steps"] = self.clocks.steps
        ledger = Ledger.of_units(units, dict(quality))
        ledger.check()
        return ledger

    def stacks(self, select: Selection | None = None, *, detached: bool = False) -> Stacks:
        """The call paths of the requests that the ledger counts (see `ledger`)."""
        if self._engine:
            return self._engine.stacks(select, detached=detached)
        stacks = Stacks.of_units(self._counted(select, detached=detached))
        stacks.check()
        return stacks

    def request_table(self, select: Selection | None = None) -> pa.Table:
        """One row (`request_table.SCHEMA`) for each request that the ledger counts, by trace
        id."""
        if self._engine:
            return self._engine.request_table(select)
        return request_table.of_units(self._counted(select))

    def delays(self, select: Selection | None = None) -> pa.Table:
        """How long messages were under way: a row (`delays.SCHEMA`) for each that one of the
        counted pieces of asynchronous work received, by the receiver's trace id."""
        if self._engine:
            return self._engine.delays(select)
        return delays.of_units(self._counted(select, detached=True), self.forest, self.clocks)

    def times(
        self, cells: CellFilter, select: Selection | None = None, *, detached: bool = False
    ) -> pa.Table:
        """What each request that the ledger counts (`detached`: each piece of asynchronous work)
        spends in some cells: a row (`times.SCHEMA`) each, by trace id."""
        if self._engine:
            return self._engine.times(cells, select, detached=detached)
        return times.of_units(self._counted(select, detached=detached), cells)

    def details(self) -> Details:
        """What was found out about every span: see `details`."""
        if self._engine:
            return self._engine.details()
        units = chain(self.requests(), self.detached(), self.fragments())
        return details.of_units(self.forest, units, _forest.processes(self.table))

    def blamed_under(self, clocks: Clocks) -> dict[Cell, int]:
        """By cell what the requests that the ledger counts would be blamed for, ns, if these were
        the clocks."""
        if self._engine:
            return self._engine.blamed_under(clocks)
        other = Attribution(self._source, self._options, clocks)
        sums: Counter[Cell] = Counter()
        for unit in other._counted(None):
            sums.update(unit.cells())
        return dict(sums)

    def failures(self, select: Selection | None = None, *, detached: bool = False) -> pa.Table:
        """Where each failed request that the ledger counts (`detached`: each failed piece of
        asynchronous work) began to fail: a row (`failures.SCHEMA`) each, by trace id."""
        if self._engine:
            return self._engine.failures(select, detached=detached)
        return failures.of_units(self._counted(select, detached=detached))

    def masked_failures(self, select: Selection | None = None) -> pa.Table:
        """Where something failed in requests that the ledger counts and that ended well: a row
        (`failures.SCHEMA`) for each request and cell, by trace id."""
        if self._engine:
            return self._engine.masked_failures(select)
        return failures.masked_of_units(self._counted(select))

    def where_failed(self, select: Selection | None = None) -> Failures:
        """Both of these: what a comparison looks at."""
        return Failures(self.failures(select), self.masked_failures(select))

    def _counted(self, select: Selection | None, *, detached: bool = False) -> Iterator[UnitTime]:
        """The units that the ledger counts."""
        keeps = None if select is None else select.predicate(self.table)
        for unit in self.detached() if detached else self.requests():
            if unit.duration <= LONGEST_NS and (keeps is None or keeps(unit)):
                yield unit


_COUNTED_FLAGS: Final = frozenset({"outlives", "clock_conflict", "no_client_span", "retry"})


def _oddities(unit: UnitTime) -> Counter[str]:
    found: Counter[str] = Counter(spans=len(unit.spans))
    for time in unit.spans:
        found["clipped_ns"] += time.clipped
        found.update(time.span.flags & _COUNTED_FLAGS)
    found.update(+_sampling(unit))
    return found


def _sampling(unit: UnitTime) -> Counter[str]:
    """What is odd about how a unit was sampled: see `sampling`."""
    spans = [time.span for time in unit.spans]
    said = max(0, unit.threshold)
    return Counter(
        malformed_sampling=sum(span.threshold == MALFORMED for span in spans),
        strictly_sampled=any(span.threshold > said for span in spans),
        tail_sampled=any(span.tail_sampled for span in spans),
    )


def _completeness(trace: Trace) -> Counter[str]:
    return trace.repairs + Counter(
        traces=1,
        incomplete_traces=int(bool(trace.fragments)),
        fragments=len(trace.fragments),
        detached_units=len(trace.detached),
        late_units=sum(unit.root.begun_by is not None for unit in trace.detached),
        traces_without_root=int(not trace.requests and not trace.detached),
    )


def attribute(table: pa.Table, options: Options = DEFAULTS) -> Ledger:
    """The ledger of all requests in a span table (`hopwatch.spans.SCHEMA`, any order).

    Raises ConservationError if cells and requests differ, which is a defect of hopwatch.
    """
    return Attribution(table, options).ledger()
