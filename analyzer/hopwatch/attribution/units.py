"""One unit of spans -> how every nanosecond of its root is blamed.

The walk of `critical_path` is applied from the root down: each chosen child is walked over the
window it is blamed for, moved into its own clock. Every span is also walked over its own full
extent, on the root's path or not: its *local* own time.

Conservation holds by construction and is checked all the same: the blamed times of a unit's
spans add up to the root's duration, to the nanosecond.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from hopwatch.attribution import cells
from hopwatch.attribution.cells import Cell
from hopwatch.attribution.clocks import Clocks, child_offset
from hopwatch.attribution.critical_path import DEFAULT_TAU_NS, Placed, Walk, walk
from hopwatch.attribution.model import Forest, Span, Trace, Unit
from hopwatch.errors import ConservationError


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
    spans"). retry: the part spent on attempts that were repeated, or between attempts.
    clipped: time in children after this span had ended. shift: this span's clock minus the
    root's.
    """

    span: Span
    cell: Cell
    own: int
    local: int
    concurrent: int
    hidden: int
    retry: int
    clipped: int
    shift: int
    segments: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class UnitTime:
    """A unit, attributed. `spans`: parents before their children."""

    unit: Unit
    trace: Trace
    route: str
    outcome: str
    spans: tuple[SpanTime, ...]

    @property
    def duration(self) -> int:
        return self.unit.root.duration

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
    unit: Unit, trace: Trace, forest: Forest, clocks: Clocks, options: Options = DEFAULTS
) -> UnitTime:
    """Blames every nanosecond of `unit.root` on one of the unit's spans."""
    spans = unit.spans()
    placed = {id(span): _place_children(span, clocks) for span in spans}
    taus = {id(span): _tau(span, forest, options) for span in spans}
    local = {
        id(span): walk(span.start, span.end, placed[id(span)], taus[id(span)]) for span in spans
    }
    blamed, shifts = _blame(unit.root, placed, taus, local)
    retried, pauses = _mark_retries(spans, shifts, options)
    # A fragment's clock is known only as that of its own stamps: extents are taken as they are.
    fragments = _union((f.root.start, f.root.end) for f in trace.fragments if f is not unit)
    callers = _callers(spans)
    times = []
    for span in spans:
        result, shift = blamed.get(id(span)), shifts[id(span)]
        pieces = reversed(result.segments) if result else ()
        segments = tuple((low - shift, high - shift) for low, high in pieces)
        own = result.own if result else 0
        retry = own if id(span) in retried else _overlap(segments, pauses.get(id(span), []))
        if retry and id(span) not in retried:
            span.flags.add("back-off")
        times.append(
            SpanTime(
                span=span,
                cell=cells.classify(span, callers[id(span)], options.waits),
                own=own,
                local=local[id(span)].own,
                concurrent=result.concurrent if result else 0,
                hidden=_overlap(segments, fragments),
                retry=retry,
                clipped=_clipped(span, placed[id(span)]),
                shift=shift,
                segments=segments,
            )
        )
    attributed = UnitTime(
        unit, trace, cells.route(unit.root), cells.outcome(unit.root), tuple(times)
    )
    attributed.check()
    return attributed


def _place_children(parent: Span, clocks: Clocks) -> list[Placed]:
    """The children in the parent's clock: one θ per process that they run in."""
    placed = []
    remote: dict[int, list[Span]] = {}
    for child in parent.children:
        if child.is_remote_to(parent):
            remote.setdefault(child.process, []).append(child)
        else:
            placed.append(Placed(child, child.start, child.end))
    for process, children in remote.items():
        known = clocks.at((parent.process, process), parent.start)
        theta = child_offset(parent, children, known)
        if parent.kind != "CLIENT" and len(parent.children) > 1:
            for child in children:
                child.flags.add("no_client_span")
        placed.extend(Placed(child, child.start - theta, child.end - theta) for child in children)
    return placed


def _tau(span: Span, forest: Forest, options: Options) -> int:
    if options.tau_ns is not None:
        return options.tau_ns
    stamps = (forest.granularity[child.process] for child in span.children)
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
        if child.end > span.end
    )


def _mark_retries(
    spans: list[Span], shifts: Mapping[int, int], options: Options
) -> tuple[set[int], dict[int, list[tuple[int, int]]]]:
    """Spans of attempts that were repeated, and of what these called, by id(span); and per
    parent the pauses between attempts, in the root's clock.

        parent |---------------------------------|
        call      |--x--|         |--x--|   |--|     two attempts, two pauses, one success
    """
    retried: set[int] = set()
    pauses: dict[int, list[tuple[int, int]]] = {}
    for parent in spans:  # parents first
        if id(parent) in retried:
            retried.update(id(child) for child in parent.children)
            continue
        attempts: dict[tuple[str, str, str], list[Span]] = {}
        for child in parent.children:  # by start
            if child.kind == "CLIENT" and not child.is_remote_to(parent):
                cell = cells.classify(child, "", options.waits)
                attempts.setdefault((cell.kind, cell.hop, cell.operation), []).append(child)
        between = []
        for same in attempts.values():
            for earlier, later in pairwise(same):
                resent = later.fields.get("resend_count", "0") != "0"
                failed = cells.outcome(earlier) == "error"
                if (resent or failed) and later.start >= earlier.end:
                    retried.add(id(earlier))
                    earlier.flags.add("retry")
                    shift = shifts[id(parent)]
                    between.append((earlier.end - shift, later.start - shift))
        if between:
            pauses[id(parent)] = _union(between)
    return retried, pauses


def _overlap(segments: tuple[tuple[int, int], ...], union: list[tuple[int, int]]) -> int:
    """Length of the part of `segments` (disjoint) that `union` (see `_union`) covers."""
    total = 0
    for start, end in segments:
        first = max(0, bisect_right(union, (start,)) - 1)
        for low, high in union[first : bisect_left(union, (end,))]:
            total += max(0, min(end, high) - max(start, low))
    return total


def _union(intervals: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same points as disjoint intervals, in order."""
    union: list[tuple[int, int]] = []
    for start, end in sorted(intervals):
        if union and start <= union[-1][1]:
            union[-1] = (union[-1][0], max(union[-1][1], end))
        else:
            union.append((start, end))
    return union
