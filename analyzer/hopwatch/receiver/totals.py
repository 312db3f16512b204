"""The ledger of all that was counted since the start, as counters with few enough labels.

Labels come from spans, which anyone may send: of routes and of cells only the first ones get series
of their own, all others are added to `(other)`, and texts are cut and made harmless.

A request counts for as many as its sampler says that it stands for: what is added up are estimates
of what happened, in fractions so that nothing is lost on the way.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final, NamedTuple

import pyarrow as pa

from hopwatch.attribution import Ledger, sampling

CELL_LABELS: Final = ("route", "outcome", "caller", "hop", "language", "kind")
OTHER: Final = "(other)"
BOUNDS_S: Final = (
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
)  # fmt: skip
"""Upper bounds of the histogram's buckets, inclusive."""
MOST_ROUTES: Final = 300
MOST_CELLS: Final = 4_000

_BOUNDS_NS: Final = [round(bound * 1e9) for bound in BOUNDS_S]
_LONGEST_LABEL: Final = 200


class Exemplar(NamedTuple):
    """A request: its trace id in hex, how long it took, when it began; in seconds."""

    trace_id: str
    seconds: float
    start: float


@dataclass(slots=True)
class CellSums:
    """What one cell adds up to."""

    blamed_ns: Fraction = Fraction(0)
    retry_ns: Fraction = Fraction(0)
    calls: Fraction = Fraction(0)


@dataclass(slots=True)
class Durations:
    """Requests of one route and outcome by bucket; the last bucket is open."""

    counts: list[Fraction] = field(default_factory=lambda: [Fraction(0)] * (len(BOUNDS_S) + 1))
    total_ns: Fraction = Fraction(0)
    exemplars: dict[int, Exemplar] = field(default_factory=dict)


@dataclass(slots=True)
class Totals:
    """Sums by labels (`CELL_LABELS`; of durations the first two), and counts."""

    cells: dict[tuple[str, ...], CellSums] = field(default_factory=dict)
    durations: dict[tuple[str, str], Durations] = field(default_factory=dict)
    traces: int = 0
    traces_without_request: int = 0
    folded_requests: int = 0
    _routes: set[str] = field(default_factory=set)

    def add(self, ledger: Ledger, requests: pa.Table) -> None:
        """Counts the requests of a ledger, which are those of a request table."""
        self._add_requests(requests)
        self._add_cells(ledger)

    def _add_requests(self, requests: pa.Table) -> None:
        names = (self._route(text) for text in requests["route"].to_pylist())
        rows = zip(
            names,
            requests["outcome"].to_pylist(),
            requests["duration_ns"].to_pylist(),
            requests["start_unix_nano"].to_pylist(),
            requests["trace_id"].to_pylist(),
            requests["sampling_threshold"].to_pylist(),
            strict=True,
        )
        for route, outcome, duration, start, trace_id, threshold in rows:
            durations = self.durations.setdefault((route, outcome), Durations())
            bucket = bisect_left(_BOUNDS_NS, duration)
            weight = sampling.weight(threshold)
            durations.counts[bucket] += weight
            durations.total_ns += weight * duration
            durations.exemplars[bucket] = Exemplar(trace_id.hex(), duration / 1e9, start / 1e9)
            self.folded_requests += route == OTHER

    def _add_cells(self, ledger: Ledger) -> None:
        for group in ledger.weighted_by(*CELL_LABELS):
            route, outcome, *rest = group.key
            key = (self._route(route), outcome, *map(label, rest))
            if key not in self.cells and len(self.cells) >= MOST_CELLS:
                key = (OTHER, outcome, *[OTHER] * len(rest))
            sums = self.cells.setdefault(key, CellSums())
            sums.blamed_ns += group.blamed_ns
            sums.retry_ns += group.retry_ns
            sums.calls += group.calls

    def _route(self, text: str) -> str:
        name = label(text)
        if name not in self._routes:
            if len(self._routes) >= MOST_ROUTES:
                return OTHER
            self._routes.add(name)
        return name


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All that was counted so far. `failed_spans`: could not be attributed, by a defect."""

    totals: Totals
    waiting_spans: int
    late_spans: int
    hurried_traces: int
    failed_spans: int


def label(text: str) -> str:
    """A text from a span as the value of a label: no control or direction-changing characters,
    not endless."""
    if len(text) > _LONGEST_LABEL:
        text = f"{text[: _LONGEST_LABEL - 1]}…"
    if text.isprintable():
        return text
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text
    )
