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

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from hopwatch.attribution.model import Forest, Span

Calls = tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
"""a and b of some calls."""
WINDOW_NS: Final = 60_000_000_000
CALLS_TO_JUDGE: Final = 10
"""Calls of a window without which it says nothing of θ."""
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

    `steps` counts where a clock seems to have been set: windows whose calls agree on no θ, and
    neighbouring windows whose intervals are apart.
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
        offsets = {}
        for pair, windows in calls.items():
            known = pair_offsets(
                {window: _columns(found) for window, found in windows.items()},
                *(forest.granularity[process] for process in pair),
            )
            if known:
                offsets[pair] = known
        return cls.of(offsets)

    @classmethod
    def of(cls, offsets: Mapping[tuple[int, int], Mapping[int, Offset]]) -> Self:
        """Clocks of which so much is known."""
        return cls(offsets, sum(_steps(by_window) for by_window in offsets.values()))

    def at(self, pair: tuple[int, int], time: int) -> Offset | None:
        """What is known of the pair at `time` (ns, clock of the first), from the window that is
        nearest; None: nothing."""
        windows = self.offsets.get(pair)
        if not windows:
            return None
        window = time // WINDOW_NS
        if window in windows:
            return windows[window]
        return windows[min(windows, key=lambda other: (abs(other - window), other))]


def _steps(windows: Mapping[int, Offset]) -> int:
    ordered = [windows[window] for window in sorted(windows)]
    inside = sum(offset.low > offset.high for offset in ordered)
    between = sum(
        earlier.low <= earlier.high
        and later.low <= later.high
        and (earlier.high < later.low or later.high < earlier.low)
        for earlier, later in pairwise(ordered)
    )
    return inside + between


def pair_offsets(windows: Mapping[int, Calls], g_parent: int, g_child: int) -> dict[int, Offset]:
    """What the calls between two processes tell of θ, by window: per window with enough calls
    what they say; else one offset from the calls of all."""
    bounds = {}
    for window, calls in windows.items():
        bound = _bounds(calls, g_parent, g_child)
        if bound is not None:
            bounds[window] = bound
    if not bounds:
        a, b = (np.concatenate(column) for column in zip(*windows.values(), strict=True))
        bound = _bounds((a, b), g_parent, g_child)
        if bound is None:
            return {}
        bounds[min(windows)] = bound
    agreeing = [bound for bound in bounds.values() if bound[0] <= bound[1]]
    history = 0
    if len(bounds) > 1 and agreeing:
        low, high = min(agreeing, key=lambda bound: (bound[1] - bound[0], bound))
        history = (low + high) // 2
    return {
        window: Offset(_clamp(history, *sorted(bound)), *bound) for window, bound in bounds.items()
    }


def _columns(calls: list[tuple[int, int]]) -> Calls:
    a, b = np.array(calls, np.int64).T
    return a, b


def _bounds(calls: Calls, g_parent: int, g_child: int) -> tuple[int, int] | None:
    """L and U of θ from calls (a, b); None if they are too few."""
    a, b = calls
    gap = a - b
    fitting = gap >= 0
    if np.count_nonzero(fitting) < CALLS_TO_JUDGE:
        return None
    a, b, gap = a[fitting], b[fitting], gap[fitting]
    quick = gap <= np.sort(gap)[(len(gap) - 1) // 2]
    return _quantile(b[quick], 99) - g_parent, _quantile(a[quick], 1) + g_child


def _quantile(values: npt.NDArray[np.int64], percent: int) -> int:
    """Nearest rank; of few values the extreme."""
    return int(np.sort(values)[round((len(values) - 1) * percent / 100)])


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
