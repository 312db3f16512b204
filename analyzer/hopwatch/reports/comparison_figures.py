"""Figures of a comparison: signed, with their intervals, adding up as they are printed."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from hopwatch.comparison import Comparison
from hopwatch.comparison.result import whole_ns
from hopwatch.comparison.verdict import Judgement
from hopwatch.reports.numbers import Scale, duration, scale_for


def scale_of(found: Comparison) -> Scale:
    """The unit of all times of a comparison."""
    longest = [float(side.mean_ns) for side in (found.before, found.after)]
    longest += [ns for p in found.percentiles for ns in (p.before_ns, p.after_ns) if ns is not None]
    return scale_for(round(max(longest)))


def interval_title(found: Comparison) -> str:
    """`95% interval`."""
    return f"{100 * found.options.confidence:.4g}% interval"


def adding_up(found: Comparison, deltas: Sequence[int], scale: Scale) -> list[int]:
    """The mean before and these differences in ticks, which add up to the mean after in ticks."""
    parts = [found.before.mean_ns, *map(Fraction, deltas)]
    parts = [part / scale.tick_ns for part in parts]
    return whole_ns(parts, int(scale.ticks(found.after.mean_ns)))


def signed(ticks: int, scale: Scale) -> str:
    """`+1.234`."""
    sign = "+" if ticks > 0 else "-" if ticks < 0 else ""
    return f"{sign}{scale.show(abs(ticks))}"


def signed_duration(ns: int) -> str:
    """`+1.234 ms`."""
    return f"{'+' if ns > 0 else ''}{duration(ns)}"


def time(ns: float | None, scale: Scale) -> str:
    """`1.234`; empty where it is unknown."""
    return "" if ns is None else scale.show(scale.ticks(round(ns)))


def interval_ns(low: int | None, high: int | None, scale: Scale) -> str:
    """`-0.100 to +0.200`."""
    if low is None or high is None:
        return "unknown"
    return f"{signed(scale.ticks(low), scale)} to {signed(scale.ticks(high), scale)}"


def change(judgement: Judgement) -> tuple[str, str, str]:
    """Change, interval, verdict."""
    change = "" if judgement.change is None else _share(judgement.change)
    known = judgement.low is not None and judgement.high is not None
    interval = f"{_share(judgement.low)} to {_share(judgement.high)}" if known else "unknown"
    return change, interval, verdict_of(judgement)


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:+,.1f}%"


def points(value: float) -> str:
    """A change of a share."""
    return f"{100 * value:+.3g} percentage points"


def verdict_of(judgement: Judgement) -> str:
    """One word; `unknown` where there was too little data to judge."""
    known = judgement.low is not None or judgement.high is not None
    return judgement.verdict if known else "unknown"
