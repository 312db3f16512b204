"""A comparison in words: where a difference comes from, its sides, its figures. The verdict's own
sentence is that of the reports."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from hopwatch.comparison import Comparison
from hopwatch.comparison.result import HopEffect, SideSummary
from hopwatch.comparison.verdict import percent
from hopwatch.reports.numbers import count
from hopwatch_dashboards.theme import readable, time

_MINUS: Final = "\N{MINUS SIGN}"


def where(found: Comparison) -> str:
    """Which hop contributed most, of what is more than chance."""
    certain = [hop for hop in found.hops if hop.judgement.verdict in ("faster", "slower")]
    if not found.delta_ns and not certain:
        said = "Nothing changed."
    elif found.shortage:
        most = found.hops[0 if found.same_mix.delta_ns > 0 else -1]
        said = f"{_hop(most)}; whether by chance cannot be told."
    elif not certain:
        said = "Of no hop by itself is the change more than chance."
    else:
        most = max(certain, key=lambda hop: abs(hop.delta_ns))
        others = len(certain) - 1
        more = f"; {count(others, 'other hop')} changed beyond chance too" if others else ""
        said = f"{_hop(most)}{more}."
    return said


def verdict(found: Comparison) -> str:
    """The verdict, and of what it is where the mean request says otherwise."""
    word = found.verdict.capitalize()
    against = found.delta_ns * found.same_mix.delta_ns < 0
    return f"{word} for requests of the same routes" if against else word


def side(summary: SideSummary) -> str:
    """When, and how many requests."""
    first, last = (
        datetime.fromtimestamp(ns / 1e9).astimezone()
        for ns in (summary.start_unix_nano, summary.end_unix_nano)
    )
    weighted = round(summary.weighted_requests)
    standing = f" for about {weighted:,}" if weighted != summary.requests else ""
    day = "%Y-%m-%d %H:%M:%S"
    return (
        f"{count(summary.requests, 'request')}{standing}, {first:{day}} to "
        f"{last:{'%H:%M:%S' if first.date() == last.date() else day}}, "
        f"{percent(summary.failed_share)} failed"
    )


def change(ns: int) -> str:
    """A change with its sign: `+1.20 ms`."""
    return f"{'+' if ns > 0 else _MINUS if ns < 0 else ''}{time(abs(ns))}"


def share(part: float) -> str:
    """A relative change with its sign: `+1.2 %`."""
    return f"{'+' if part > 0 else _MINUS if part < 0 else ''}{percent(part)}"


def _hop(hop: HopEffect) -> str:
    sure = ""
    if hop.low_ns is not None and hop.high_ns is not None:
        sure = f" (between {change(hop.low_ns)} and {change(hop.high_ns)})"
    return f"What changed most is {readable(hop.hop, 120)}: {change(hop.delta_ns)} a request{sure}"
