"""Clock offsets between processes, from the population of calls between them.

θ of a pair (A, B) is clock of B minus clock of A. Timestamps are never rewritten; windows are
translated across each edge. A client span C in A and its server child S in B give, each with
an error of one way of the network,

    C  |------------------------|          a = S.start - C.start   (θ + way out)
    S      |---------------|               b = S.end   - C.end     (θ - way back)
        a >= θ >= b                        gap = a - b, which no offset touches

so many calls enclose θ from both sides: `bands` says how, and what they tell of drift. Here is
what follows for a single call, and for those who want to know how the clocks went.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from math import floor
from operator import attrgetter, itemgetter
from typing import Final, NamedTuple, Self

import numpy as np
import pyarrow as pa

from hopwatch.attribution.bands import WINDOW_NS, Bands, Calls, bands
from hopwatch.attribution.forest import granularity
from hopwatch.attribution.lines import FREE_PPB
from hopwatch.attribution.model import Forest, Process, Span

__all__ = ["CLOCK_SCHEMA", "WINDOW_NS", "Clocks", "Offset", "Stretch", "child_offset"]

STEP, DRIFT, CONFLICT = "step", "drift", "conflict"
_SLACK_NS: Final = 50_000
_DRIFT_PPB: Final = 1_000  # a slower trend is not worth a word
STAMPS_TO_JUDGE: Final = 3

CLOCK_SCHEMA: Final = pa.schema(
    [
        ("caller", pa.string()),
        ("caller_process", pa.string()),
        ("callee", pa.string()),
        ("callee_process", pa.string()),
        # From the first to the last call that counted, by the caller's clock.
        ("window_start_unix_nano", pa.int64()),
        ("window_end_unix_nano", pa.int64()),
        ("calls", pa.int64()),
        # Of the callee's clock minus the caller's, in the middle of the window.
        ("theta_ns", pa.int64()),
        ("low_ns", pa.int64()),
        ("high_ns", pa.int64()),
        ("base_round_trip_ns", pa.int64()),
        ("slope_ppb", pa.int64()),
        ("flags", pa.list_(pa.string())),
    ]
)
"""A row per pair of processes and window, by names and time. base_round_trip_ns: the gap of the
quickest calls. slope_ppb: how fast the offset grows, 0 where no drift shows. flags: "step" (since
the window before the clock was set), "drift", "conflict" (calls contradict each other)."""

Knots = tuple[int, int, int]
"""A value at the start, in the middle and at the end of a stretch; between them it changes
evenly."""


class Offset(NamedTuple):
    """What is known of one process pair's θ at one time, in ns. kappa: how far θ of a single
    call may lie from `theta` before the call is doubted."""

    theta: int
    low: int
    high: int
    kappa: int


@dataclass(frozen=True, slots=True)
class Stretch:
    """What is known of a pair's θ from `start` to `end`: as a row of `CLOCK_SCHEMA`; and by how
    much stamps of both processes may be too early (`grain`), ns."""

    start: int
    end: int
    theta: Knots
    low: Knots
    high: Knots
    calls: int
    base_round_trip: int
    grain: int = 0
    slope_ppb: int = 0
    flags: tuple[str, ...] = ()

    @property
    def kappa(self) -> int:
        """See `Offset`. Coarse stamps shift a call as a whole, out of the interval, too."""
        width = max(high - low for low, high in zip(self.low, self.high, strict=True))
        return width + self.grain + _SLACK_NS

    def at(self, time: int) -> Offset:
        """What is known at `time`; outside of the stretch, what was known at its nearer end."""
        since = min(max(time, self.start), self.end) - self.start
        share = 2 * float(since) / float(max(1, self.end - self.start))
        half = int(share >= 1)
        theta, low, high = (
            knots[half] + floor((knots[half + 1] - knots[half]) * (share - half))
            for knots in (self.theta, self.low, self.high)
        )
        return Offset(theta, low, high, self.kappa)


def _between(before: Stretch, after: Stretch, time: int) -> Offset:
    """What is known between two stretches: θ may be as before still, or as it is after."""
    one, other = before.at(time), after.at(time)
    nearer = other if after.start - time < time - before.end else one
    return Offset(
        nearer.theta,
        min(one.low, other.low),
        max(one.high, other.high),
        max(one.kappa, other.kappa) + abs(other.theta - one.theta),
    )


@dataclass(frozen=True, slots=True)
class Clocks:
    """What is known of θ by process pair (caller, callee): stretches of time, in order."""

    stretches: Mapping[tuple[int, int], tuple[Stretch, ...]]

    @classmethod
    def from_forest(cls, forest: Forest) -> Self:
        """Estimates from every client span with a synchronous child in another process."""
        grain = _grains(forest)
        pairs: dict[tuple[int, int], int] = {}
        calls = [
            (
                pairs.setdefault((span.process, child.process), len(pairs)),
                span.start, child.start - span.start, child.end - span.end,
                grain.get(span.process, 1), grain.get(child.process, 1),
            )
            for span in _spans(forest)
            if span.kind == "CLIENT"
            for child in span.children
            if child.is_remote_to(span)
        ]  # fmt: skip
        columns = np.array(calls, np.int64).reshape(-1, len(Calls._fields)).T
        return cls.estimated(list(pairs), Calls(*columns))

    @classmethod
    def estimated(cls, pairs: Sequence[tuple[int, int]], calls: Calls) -> Self:
        """Estimates from calls, whose `pair` is a place in `pairs`."""
        found = _stretches(bands(calls))
        return cls(
            {
                pairs[number]: _in_context([stretch for _, stretch in same])
                for number, same in groupby(found, key=itemgetter(0))
            }
        )

    @property
    def steps(self) -> int:
        """How often a clock seems to have been set."""
        return sum(STEP in one.flags for known in self.stretches.values() for one in known)

    def at(self, pair: tuple[int, int], time: int) -> Offset | None:
        """What is known of the pair at `time` (ns, clock of the first); None: nothing."""
        known = self.stretches.get(pair)
        if not known:
            return None
        after = bisect_right(known, time, key=attrgetter("start"))
        before = known[max(0, after - 1)]
        if after in (0, len(known)) or time <= before.end:
            return before.at(time)
        return _between(before, known[after], time)

    def table(self, processes: Sequence[Process]) -> pa.Table:
        """All that is known, as `CLOCK_SCHEMA` says. `processes`: by number."""
        rows = []
        for (caller, callee), known in self.stretches.items():
            for one in known:
                middle = one.at((one.start + one.end) // 2)
                rows.append(
                    (
                        *processes[caller], *processes[callee], one.start, one.end, one.calls,
                        middle.theta, middle.low, middle.high, one.base_round_trip,
                        one.slope_ppb, one.flags,
                    )
                )  # fmt: skip
        columns = zip(*sorted(rows), strict=True) if rows else [()] * len(CLOCK_SCHEMA)
        return pa.Table.from_arrays(
            [pa.array(c, field.type) for c, field in zip(columns, CLOCK_SCHEMA, strict=True)],
            schema=CLOCK_SCHEMA,
        )


def _spans(forest: Forest) -> Iterator[Span]:
    for trace in forest.traces:
        for unit in (*trace.requests, *trace.detached, *trace.fragments):
            yield from unit.spans()


def _grains(forest: Forest) -> dict[int, int]:
    """By process how much too early its stamps may be, ns.

    Runtimes that read the time of day in coarse ticks do so once per local trace and count
    finely from there (JavaScript, Java), so only the spans that begin one show the ticks.
    """
    stamps: dict[int, list[int]] = {}
    for span in _spans(forest):
        if span.parent is None or span.is_remote_to(span.parent):
            stamps.setdefault(span.process, []).append(span.start)
    return {process: granularity(starts, STAMPS_TO_JUDGE) for process, starts in stamps.items()}


def _stretches(found: Bands) -> list[tuple[int, Stretch]]:
    """Bands as (pair, stretch), in which θ is still to be settled."""
    stretches = []
    for pair, start, end, low, high, slope, calls, base, grain, agree in zip(
        *(column.tolist() for column in found), strict=True
    ):
        drifts = agree and (slope[0] > _DRIFT_PPB or slope[1] < -_DRIFT_PPB)
        one = Stretch(
            start, end, (0, 0, 0), tuple(low), tuple(high), calls, base, grain,
            (slope[0] + slope[1]) // 2 if drifts else 0,
            (DRIFT,) if drifts else () if agree else (CONFLICT,),
        )  # fmt: skip
        stretches.append((pair, one))
    return stretches


def _in_context(known: list[Stretch]) -> tuple[Stretch, ...]:
    """The stretches of a pair, with what only their neighbours tell: steps, slow drift, and
    where θ lies in its bounds.

    Between steps the narrowest stretch knows best; without others θ is 0 if it can be, for most
    clocks are right. Of a clock that drifts only the middle of the bounds is likely.
    """
    parts: list[list[Stretch]] = []
    for stretch in known:
        if parts and not _stepped(parts[-1][-1], stretch):
            parts[-1].append(stretch)
        elif parts:
            parts.append([replace(stretch, flags=_flags(stretch, STEP))])
        else:
            parts.append([stretch])
    return tuple(one for part in parts for one in _settled(part, alone=len(known) == 1))


def _flags(stretch: Stretch, flag: str) -> tuple[str, ...]:
    return tuple(sorted({*stretch.flags, flag}))


def _stepped(before: Stretch, after: Stretch) -> bool:
    """Whether θ cannot have drifted from one stretch to the next."""
    if CONFLICT in (*before.flags, *after.flags):
        return False
    free = (after.start - before.end) * FREE_PPB // 1_000_000_000
    return after.low[0] > before.high[-1] + free or after.high[0] < before.low[-1] - free


def _settled(part: list[Stretch], *, alone: bool) -> Iterator[Stretch]:
    sure = [one for one in part if CONFLICT not in one.flags]
    history = 0
    moved = False
    if sure and not alone:
        narrow = min(sure, key=lambda one: (one.kappa, one.start))
        history = (narrow.low[1] + narrow.high[1]) // 2
        moved = max(min(one.low) for one in sure) > min(max(one.high) for one in sure)
    for one in part:
        if CONFLICT not in one.flags and (moved or DRIFT in one.flags):
            slope = one.slope_ppb or _trend(sure)
            flags = _flags(one, DRIFT)
            yield replace(one, theta=_middles(one), slope_ppb=slope, flags=flags)
        else:
            yield replace(one, theta=_nearest(one, history))


def _middles(one: Stretch) -> Knots:
    begin, middle, end = ((low + high) // 2 for low, high in zip(one.low, one.high, strict=True))
    return begin, middle, end


def _nearest(one: Stretch, theta: int) -> Knots:
    bounds = zip(one.low, one.high, strict=True)
    begin, middle, end = (_clamp(theta, low, high) for low, high in bounds)
    return begin, middle, end


def _trend(part: Sequence[Stretch]) -> int:
    """How fast θ grows from the first to the last stretch, ppb."""
    first, last = part[0], part[-1]
    rise = last.low[1] + last.high[1] - first.low[1] - first.high[1]
    time = last.start + last.end - first.start - first.end
    return 1_000_000_000 * rise // time if time else 0


def _clamp(value: int, low: int, high: int) -> int:
    return max(low, min(value, high))


def child_offset(parent: Span, children: list[Span], known: Offset | None) -> int:
    """θ for all children of `parent` that run in one other process.

    Flags the children that end after their parent under this θ (`outlives`: a time-out, or
    fire and forget) and those whose clock contradicts what is known (`clock_conflict`).

    One θ must serve all children, so that each lies inside the parent where it can:

        parent |--------------------|        allowed: [max b, min a] over the children
        child     |----|   |------|          that are no longer than their parent
    """
    target, kappa = (known.theta, known.kappa) if known else (0, 0)
    ranges = [(child.end - parent.end, child.start - parent.start) for child in children]
    fitting = [(b, a) for b, a in ranges if b <= a]
    if fitting:
        low, high = max(b for b, _ in fitting), min(a for _, a in fitting)
        if low <= high:
            theta = _clamp(target, low, high)
            if known is None or abs(theta - target) <= kappa:
                _flag_outliving(parent, children, theta)
                return theta
    theta = min(target, min(a for _, a in ranges))
    if (
        known is None
        and _is_call(parent, children)
        and theta + parent.end <= min(child.start for child in children)
    ):
        # Nothing is known of the clocks and this call would not even touch its client.
        theta = min(a for _, a in ranges)
        for child in children:
            child.flags.add("clock_conflict")
    for child, (b, a) in zip(children, ranges, strict=True):
        if b <= a < target - kappa:
            child.flags.add("clock_conflict")
    _flag_outliving(parent, children, theta)
    return theta


def _is_call(parent: Span, children: list[Span]) -> bool:
    return parent.kind == "CLIENT" and all(child.kind == "SERVER" for child in children)


def _flag_outliving(parent: Span, children: list[Span], theta: int) -> None:
    for child in children:
        if child.end - theta > parent.end:
            child.flags.add("outlives")
