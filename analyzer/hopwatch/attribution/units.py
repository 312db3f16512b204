"""One unit of spans -> how every nanosecond of its root is blamed.

The walk of `critical_path` is applied from the root down: each chosen child is walked over the
window it is blamed for, moved into its own clock. Every span is also walked over its own full
extent, on the root's path or not: its *local* own time.

Conservation holds by construction and is checked all the same: the blamed times of a unit's
spans add up to the root's duration, to the nanosecond.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from hopwatch.attribution import cells, retries
from hopwatch.attribution.cells import Cell
from hopwatch.attribution.clocks import Clocks
from hopwatch.attribution.critical_path import DEFAULT_TAU_NS, Placed, Walk, walk
from hopwatch.attribution.intervals import Interval, overlap, union
from hopwatch.attribution.model import Forest, Span, Trace, Unit
from hopwatch.attribution.placement import place_children
from hopwatch.attribution.sampling import UNSAID
from hopwatch.attribution.tabular import Tabular
from hopwatch.errors import ConservationError

LONGEST_NS: Final = 30 * 86_400 * 10**9
"""A span that took longer was stamped wrongly. Such a root is left out of ledgers, and counted;
of any other span no more than this is local time or clipped, so that sums stay within 64 bits."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to attribute.

    `tau_ns`: see `critical_path.walk`; None: 50 µs, or the coarsest stamp of the children's
    processes. `waits`: names of spans (lower case) that stand for waiting, beside those of
    `semconv.WAIT_NAMES`.
    """

    tau_ns: int | None = None
    waits: frozenset[str] = frozenset()


DEFAULTS: Final = Options()


@dataclass(frozen=True, slots=True)
class SpanTime:
    """What one span is blamed for. All times in ns.

    own: its share of the root's duration; segments: its pieces, in the root's clock, first
    first. local: its own time over its full extent. concurrent, hidden: parts of `own` in which
    children ran that were not chosen, and which fragments of the trace cover ("may hide missing
    spans"); doubtful: the part that is either. retry: the part spent on attempts that were
    repeated, or between attempts. clipped: time in children after this span had ended, but for
    late ones, which are units of their own. shift: this span's clock minus the root's.
    """

    span: Span
    cell: Cell
    own: int
    local: int
    concurrent: int
    hidden: int
    doubtful: int
    retry: int
    clipped: int
    shift: int
    segments: tuple[Interval, ...]

    def measures(self) -> tuple[int, ...]:
        """What the span adds to its cell, in the order of `long_table.MEASURES`."""
        entered = int(cells.enters_hop(self.span, self.cell.kind))
        return (
            self.own, self.local, self.concurrent, self.hidden, self.doubtful, self.retry,
            entered, 1,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class UnitTime(Tabular):
    """A unit, attributed. `spans`: parents before their children."""

    unit: Unit
    trace: Trace
    route: str
    outcome: str
    spans: tuple[SpanTime, ...]

    @property
    def duration(self) -> int:
        return self.unit.root.duration

    @property
    def threshold(self) -> int:
        """How the request was sampled, as its root says: see `sampling`."""
        return max(UNSAID, self.unit.root.threshold)

    def to_arrow(self) -> pa.Table:
        """A row a span (`unit_table.SCHEMA`), parents before their children."""
        from hopwatch.attribution.unit_table import of_unit

        return of_unit(self)

    def _repr_html_(self) -> str:
        from hopwatch.attribution.display import unit_html

        return unit_html(self)

    def cells(self) -> dict[Cell, int]:
        """Blamed ns per cell; they add up to `duration`."""
        totals: dict[Cell, int] = {}
        for time in self.spans:
            totals[time.cell] = totals.get(time.cell, 0) + time.own
        return totals

    def flags(self) -> list[str]:
        """What was odd about any span of the unit, sorted."""
        return sorted({flag for time in self.spans for flag in time.span.flags})

    def check(self) -> None:
        """Raises ConservationError where the parts do not add up to the root."""
        blamed = sum(time.own for time in self.spans)
        if blamed != self.duration:
            raise ConservationError(
                f"trace {self.trace.trace_id.hex()}, root span {self.unit.root.id.hex()}: blamed "
                f"{blamed} ns of {self.duration} ns; please report this with the trace"
            )


def attribute_unit(
    unit: Unit,
    trace: Trace,
    forest: Forest,
    clocks: Clocks,
    options: Options = DEFAULTS,
    missing: Sequence[Interval] = (),
) -> UnitTime:
    """Blames every nanosecond of `unit.root` on one of the unit's spans.

    `missing`: where fragments of the trace lie (see `intervals.union`). A fragment's clock is
    known only as that of its own stamps, so these are taken as they are.
    """
    spans = unit.spans()
    placed = {id(span): place_children(span, clocks) for span in spans}
    taus = {id(span): _tau(span, forest, options) for span in spans}
    local = {
        id(span): walk(span.start, span.end, placed[id(span)], taus[id(span)]) for span in spans
    }
    blamed, shifts = _blame(unit.root, placed, taus, local)
    retried, pauses = retries.find(spans, shifts, lambda parent: taus[id(parent)])
    callers = _callers(spans)
    times = [
        _span_time(
            span,
            blamed.get(id(span), _OFF_THE_PATH),
            placed[id(span)],
            shifts[id(span)],
            local=local[id(span)].own,
            cell=cells.classify(span, callers[id(span)], options.waits),
            retried=id(span) in retried,
            pauses=pauses.get(id(span), []),
            missing=list(missing),
        )
        for span in spans
    ]
    attributed = UnitTime(
        unit, trace, cells.route(unit.root), cells.outcome(unit.root), tuple(times)
    )
    attributed.check()
    return attributed


_OFF_THE_PATH: Final = Walk(own=0, concurrent=0, segments=(), chosen=())


def _span_time(
    span: Span,
    result: Walk,
    children: list[Placed],
    shift: int,
    *,
    local: int,
    cell: Cell,
    retried: bool,
    pauses: list[Interval],
    missing: list[Interval],
) -> SpanTime:
    segments = tuple((low - shift, high - shift) for low, high in reversed(result.segments))
    hidden = overlap(segments, missing)
    if hidden and result.concurrent:
        running = [(child.start - shift, child.end - shift) for child in children]
        doubtful = overlap(segments, union([*missing, *running]))
    else:
        doubtful = hidden or result.concurrent
    retry = result.own if retried else overlap(segments, pauses)
    if retry and not retried:
        span.flags.add("back-off")
    return SpanTime(
        span=span,
        cell=cell,
        own=result.own,
        local=min(local, LONGEST_NS),
        concurrent=result.concurrent,
        hidden=hidden,
        doubtful=doubtful,
        retry=retry,
        clipped=min(_clipped(span, children), LONGEST_NS),
        shift=shift,
        segments=segments,
    )


def _tau(span: Span, forest: Forest, options: Options) -> int:
    if options.tau_ns is not None:
        return options.tau_ns
    stamps = (forest.granularity[child.process] for child in span.all_children)
    return max(DEFAULT_TAU_NS, max(stamps, default=0))


def _blame(
    root: Span,
    placed: Mapping[int, list[Placed]],
    taus: Mapping[int, int],
    local: Mapping[int, Walk],
) -> tuple[dict[int, Walk], dict[int, int]]:
    """The walk of each span on the root's path, by id(span), and every span's clock minus the
    root's."""
    blamed: dict[int, Walk] = {}
    windows = {id(root): (root.start, root.end)}
    shifts = {id(root): 0}
    stack = [root]
    while stack:
        span = stack.pop()
        window = windows.get(id(span))
        if window is not None:
            full = window == (span.start, span.end)
            result = local[id(span)] if full else walk(*window, placed[id(span)], taus[id(span)])
            blamed[id(span)] = result
            for step in result.chosen:
                theta = step.child.span.start - step.child.start
                windows[id(step.child.span)] = (step.low + theta, step.high + theta)
        for child in placed[id(span)]:
            if child.span.parent is not span:
                continue
            shifts[id(child.span)] = shifts[id(span)] + child.span.start - child.start
            stack.append(child.span)
    return blamed, shifts


def _callers(spans: list[Span]) -> dict[int, str]:
    """By id(span): the hop that called the span's service; empty where none did."""
    callers: dict[int, str] = {}
    for span in spans:  # parents first
        parent = span.parent
        if parent is None:
            callers[id(span)] = ""
        else:
            remote = span.is_remote_to(parent)
            callers[id(span)] = parent.hop if remote else callers[id(parent)]
    return callers


def _clipped(span: Span, children: list[Placed]) -> int:
    return sum(
        min(child.end - span.end, child.end - child.start)
        for child in children
        if child.end > span.end and child.span.parent is span
    )
