"""Who is charged for the way between two services.

The way belongs to whom it leads to, for what a busy service does to its callers is seen as gap. But
a caller whose own network or processor is slow makes all its ways longer, to and from it:

    web --+2-> travel --+2-> seat --0-> config      travel is charged for its way to seat, too: its
                  `-----+2-> basic --0-> route      other ways rose alike, those of seat did not

So where the time of a call on one way changed by as much as matters, and that of most calls on the
caller's other ways did alike, and on the callee's other ways, and on those that are not the
caller's, did not, the caller is charged, on both sides and for all of that way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from hopwatch.comparison.roles import Alignment, Place
from hopwatch.comparison.windows import Window

_MATTERS: Final = 0.05
"""Of the mean request before: a smaller change of a way is charged to whom it leads to."""
_MOST: Final = 0.5
_CLEARLY: Final = 0.25


class Way(NamedTuple):
    """Between two hops, by their common names."""

    caller: str
    callee: str


class _Change(NamedTuple):
    """Of a way: calls per request, the mean of both sides; ns that a call takes longer."""

    calls: float
    ns: float


def charged(windows: Sequence[Window], alignment: Alignment) -> Alignment:
    """The alignment with the ways that are their callers' doing among the callers' roles."""
    theirs = callers_ways(_changes(windows, alignment), float(windows[0].mean_ns))
    if not theirs:
        return alignment
    before, after = ([_charge(place, theirs) for place in side] for side in alignment.sides)
    return replace(alignment, sides=(before, after))


def callers_ways(changes: Mapping[Way, _Change], mean_ns: float) -> frozenset[Way]:
    """Those of the ways that callers are charged for."""
    found = set()
    for way, change in changes.items():
        if way.caller == way.callee or abs(change.calls * change.ns) < _MATTERS * mean_ns:
            continue
        others = [other for other in changes if other != way]
        caller = _alike(way, [other for other in others if way.caller in other], changes)
        callee = _alike(way, [other for other in others if way.callee in other], changes)
        elsewhere = _alike(way, [other for other in others if way.caller not in other], changes)
        if caller >= _MOST and caller >= max(callee, elsewhere) + _CLEARLY:
            found.add(way)
    return frozenset(found)


def _alike(way: Way, others: Iterable[Way], changes: Mapping[Way, _Change]) -> float:
    """How much of the change of a way a call on others shows; 0 to 1."""
    calls = shared = 0.0
    for other in others:
        change = changes[other]
        calls += change.calls
        shared += change.calls * min(1.0, max(0.0, change.ns / changes[way].ns))
    return shared / calls if calls else 0.0


def _changes(windows: Sequence[Window], alignment: Alignment) -> dict[Way, _Change]:
    """Of the ways that are on both sides."""
    sides = []
    for window, places in zip(windows, alignment.sides, strict=True):
        sums: dict[Way, tuple[float, float]] = {}
        for place, (spans, ns, _, _) in zip(places, window.floats.cells[:, :, 0], strict=True):
            if place.role.kind == "gap":
                way = _way(place)
                there = sums.get(way, (0.0, 0.0))
                sums[way] = there[0] + float(spans), there[1] + float(ns)
        sides.append({way: found for way, found in sums.items() if found[0]})
    before, after = sides
    requests = [float(window.weighted_requests) for window in windows]
    return {
        way: _Change(
            (before[way][0] / requests[0] + after[way][0] / requests[1]) / 2,
            after[way][1] / after[way][0] - before[way][1] / before[way][0],
        )
        for way in sorted(before.keys() & after.keys())
    }


def _way(place: Place) -> Way:
    return Way(place.variant.caller, place.role.hop)


def _charge(place: Place, theirs: frozenset[Way]) -> Place:
    if place.role.kind != "gap" or (way := _way(place)) not in theirs:
        return place
    # By whom it leads to, or else the ways of a caller would be one role.
    operation = f"{place.role.operation} -> {way.callee}"
    return place._replace(role=place.role._replace(hop=way.caller, operation=operation))
