"""The critical path of one span: which child each moment of it waited for, last first.

A span's *own* time is what lies between the chosen children. Chosen by a scan from the end
(attribution.md section 2; Jaeger's "last finishing child", made robust against the few µs
by which consecutive calls overlap in real data):

    R |------------------------------------------|      cursor starts at R's end
    a     |---------------|                              3. ends 3 µs above the cursor: taken
    b                    |------------------|            2. nearest below the cursor: taken
    c        |------------------------------------|      1. ends above R: clipped, taken first

The scan is linear after the sort, and nothing recurses: a chain of 10^6 spans is walked with
an explicit stack by the caller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from hopwatch.attribution.intervals import Interval, length, union
from hopwatch.attribution.model import Span

DEFAULT_TAU_NS: Final = 50_000


@dataclass(frozen=True, slots=True)
class Placed:
    """A child in its parent's clock: `start` and `end` are the child's minus θ, in ns."""

    span: Span
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Chosen:
    """A child on the critical path, with the window [low, high) it is blamed for, in the
    parent's clock."""

    child: Placed
    low: int
    high: int


@dataclass(frozen=True, slots=True)
class Walk:
    """The walk over one span's window. own + Σ (high - low) of `chosen` = the window.

    `own` is the span's own time; `segments` are its pieces, last first. `concurrent` is the
    part of it in which children ran that were not chosen, so that the span may in truth have
    been waiting.
    """

    own: int
    concurrent: int
    segments: tuple[Interval, ...]
    chosen: tuple[Chosen, ...]


def walk(low: int, high: int, children: Sequence[Placed], tau: int) -> Walk:
    """Walks the window [low, high) of a span over its children, all in the span's clock.

    `tau`: ns by which a child may end above the cursor and still be taken; 0 is the strict
    rule of Jaeger.
    """
    clipped = [
        (max(child.start, low), min(child.end, high), child)
        for child in sorted(children, key=lambda c: (-c.end, c.start, c.span.id))
        if min(child.end, high) > max(child.start, low)
    ]
    cursor = high
    chosen: list[Chosen] = []
    segments: list[Interval] = []

    def take(start: int, end: int, child: Placed) -> None:
        nonlocal cursor
        if end < cursor:
            segments.append((end, cursor))
        chosen.append(Chosen(child, start, min(end, cursor)))
        cursor = start

    above: tuple[int, int, Placed] | None = None

    def above_distance() -> int | None:
        """How far the remembered child ends above the cursor, if it can still be taken."""
        if above is None or above[0] >= cursor or above[1] - cursor > tau:
            return None
        return above[1] - cursor

    for start, end, child in clipped:
        if cursor < end <= cursor + tau and start < cursor:
            above = (start, end, child)
        elif start < cursor and end <= cursor:
            distance = above_distance()
            if distance is not None and distance < cursor - end:
                assert above is not None
                take(*above)
                above = None
                # The same child again, under the lowered cursor.
                if start >= cursor or end > cursor + tau:
                    continue
                if end > cursor:
                    above = (start, end, child)
                    continue
            take(start, end, child)
    if above_distance() is not None:
        assert above is not None
        take(*above)
    if low < cursor:
        segments.append((low, cursor))
    covered = length(union((start, end) for start, end, _ in clipped))
    return Walk(
        own=length(segments),
        concurrent=covered - sum(step.high - step.low for step in chosen),
        segments=tuple(segments),
        chosen=tuple(chosen),
    )
