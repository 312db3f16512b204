"""Clock offsets between processes, from the population of calls between them.

θ of a pair (A, B) is clock of B minus clock of A. Timestamps are never rewritten; windows are
translated across each edge. A client span C in A and its server child S in B give, each with
an error of one way of the network,

    C  |------------------------|          a = S.start - C.start   (θ + way out)
    S      |---------------|               b = S.end   - C.end     (θ - way back)
        a >= θ >= b                        gap = a - b, which no offset touches

so over many calls the largest b and the smallest a enclose θ. Quantiles of the calls with
small gaps stand for both, for a single odd span must not decide (attribution.md section 4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Self

from hopwatch.attribution.model import Forest, Span

WINDOW_NS: Final = 60_000_000_000
_CALLS_TO_JUDGE: Final = 10
_SLACK_NS: Final = 50_000


@dataclass(frozen=True, slots=True)
class Offset:
    """What is known of one process pair's θ at one time, in ns."""

    theta: int
    low: int
    high: int

    @property
    def kappa(self) -> int:
        """How far θ of a single call may lie from `theta` before the call is doubted."""
        return max(0, self.high - self.low) + _SLACK_NS


@dataclass(frozen=True, slots=True)
class Clocks:
    """Offsets by process pair and time window of `WINDOW_NS`.

    `steps` counts the windows whose calls agree on no θ: a clock was set in between.
    """

    offsets: Mapping[tuple[int, int], Mapping[int, Offset]]
    steps: int = 0

    @classmethod
    def from_forest(cls, forest: Forest) -> Self:
        """Estimates from every client span with a synchronous child in another process."""
        calls: dict[tuple[int, int], dict[int, list[tuple[int, int]]]] = {}
        for trace in forest.traces:
            for unit in (*trace.requests, *trace.detached, *trace.fragments):
                for span in unit.spans():
                    if span.kind != "CLIENT":
                        continue
                    for child in span.children:
                        if child.is_remote_to(span):
                            windows = calls.setdefault((span.process, child.process), {})
                            windows.setdefault(span.start // WINDOW_NS, []).append(
                                (child.start - span.start, child.end - span.end)
                            )
        offsets = {
            pair: _pair_offsets(windows, *(forest.granularity[process] for process in pair))
            for pair, windows in calls.items()
        }
        steps = sum(o.low > o.high for by_window in offsets.values() for o in by_window.values())
        return cls(offsets, steps)

    def at(self, pair: tuple[int, int], time: int) -> Offset | None:
        """What is known of the pair at `time` (ns, clock of the first); None: nothing."""
        return self.offsets.get(pair, {}).get(time // WINDOW_NS)


def _pair_offsets(
    windows: Mapping[int, list[tuple[int, int]]], g_parent: int, g_child: int
) -> dict[int, Offset]:
    bounds = {}
    for window, calls in windows.items():
        fitting = sorted((a - b, a, b) for a, b in calls if a >= b)
        if len(fitting) < _CALLS_TO_JUDGE:
            continue
        median_gap = fitting[(len(fitting) - 1) // 2][0]
        quick = [(a, b) for gap, a, b in fitting if gap <= median_gap]
        low = _quantile((b for _, b in quick), 99) - g_parent
        high = _quantile((a for a, _ in quick), 1) + g_child
        bounds[window] = (low, high)
    if not bounds:
        return {}
    narrowest = min(bounds.values(), key=lambda bound: (abs(bound[1] - bound[0]), bound))
    history = (narrowest[0] + narrowest[1]) // 2 if len(bounds) > 1 else 0
    return {
        window: Offset(_clamp(history, *sorted(bound)), *bound) for window, bound in bounds.items()
    }


def _quantile(values: Iterable[int], percent: int) -> int:
    """Nearest rank, rounded to the inside."""
    ordered = sorted(values)
    return ordered[round((len(ordered) - 1) * percent / 100)]


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
    target = known.theta if known else 0
    ranges = [(child.end - parent.end, child.start - parent.start) for child in children]
    fitting = [(b, a) for b, a in ranges if b <= a]
    if fitting:
        low, high = max(b for b, _ in fitting), min(a for _, a in fitting)
        if low <= high:
            theta = _clamp(target, low, high)
            if known is None or abs(theta - target) <= known.kappa:
                _flag_outliving(parent, children, theta)
                return theta
        if high < target:
            for child in children:
                child.flags.add("clock_conflict")
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
    _flag_outliving(parent, children, theta)
    return theta


def _is_call(parent: Span, children: list[Span]) -> bool:
    return parent.kind == "CLIENT" and all(child.kind == "SERVER" for child in children)


def _flag_outliving(parent: Span, children: list[Span], theta: int) -> None:
    for child in children:
        if child.end - theta > parent.end:
            child.flags.add("outlives")
