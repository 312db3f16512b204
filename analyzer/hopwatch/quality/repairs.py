"""What attribution mended: copies, wrong stamps, circles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.attribution.details import REQUEST
from hopwatch.attribution.units import LONGEST_NS
from hopwatch.quality.examined import Examined, Found, ms, parts
from hopwatch.quality.model import Finding, Level


@dataclass(frozen=True, slots=True)
class _Rule:
    """A repair, when it is worth saying, and how. problem_above: a larger share of all spans is
    a problem."""

    code: str
    unit: str
    level: Level
    sentence: str
    advice: str
    problem_above: float = 1.0


_RULES: Final = {
    "duplicate": _Rule(
        "duplicates",
        "spans",
        "note",
        "Copies of spans: {count}. Each span is counted once.",
        "Nothing: exporters that lose an answer send again. If it goes on, look for two pipelines"
        " to the same place.",
    ),
    "conflicting_copies": _Rule(
        "conflicting_copies",
        "spans",
        "warning",
        "Spans that share their id with another one that differs: {count}. They were merged, from"
        " the earliest start to the latest end.",
        "Look for a generator of span ids that repeats itself (a seed that is copied when a"
        " process forks).",
    ),
    "negative_duration": _Rule(
        "negative_duration",
        "spans",
        "warning",
        "Spans that end before they start: {count}. They count as zero long, and their time as"
        " that of what called them.",
        "Use a monotonic clock for durations where they come from, or a newer SDK.",
        problem_above=0.01,
    ),
    "cycle": _Rule(
        "cycles",
        "cycles",
        "problem",
        "Circles of spans that are their own ancestors: {count}. They were cut open.",
        "Look for code that sets a span's parent by hand.",
    ),
}
"""Repair -> what to say of it."""


def findings(examined: Examined) -> Iterator[Found]:
    """What had to be mended."""
    for repair, rule in _RULES.items():
        by_trace = examined.details.repaired(repair)
        if not (count := int(by_trace.sum())):
            continue
        traces = np.flatnonzero(by_trace)
        spans = examined.table.num_rows
        touched = None
        words = rule.sentence.format(count=f"{count:,}")
        if repair == "conflicting_copies":
            touched = _differing_ns(examined, traces)
            words += f" Together the copies differ by {ms(touched)}."
        finding = Finding(
            rule.code,
            "problem" if count > rule.problem_above * spans else rule.level,
            count,
            spans if rule.unit == "spans" else None,
            rule.unit,
            words,
            rule.advice,
            examined.trace_ids(traces[np.lexsort((traces, -by_trace[traces]))]),
            "trace",
            touched,
        )
        yield finding, None
    yield from _absurd(examined)


def _differing_ns(examined: Examined, traces: pa.Array) -> int:
    """By how much spans that were merged from copies are longer than their shortest copy."""
    ids = [examined.details.trace_ids[trace].tobytes() for trace in traces.tolist()]
    table = examined.table.select(
        ["trace_id", "span_id", "kind", "start_time_unix_nano", "duration_nano"]
    )
    rows = table.filter(pc.is_in(table["trace_id"], pa.array(ids, pa.binary(16))))
    start, duration = rows["start_time_unix_nano"], rows["duration_nano"]
    rows = rows.append_column("end", pc.add(start, duration))
    # The two halves of a shared id are two spans.
    server = pc.fill_null(pc.equal(rows["kind"], "SERVER"), False)
    grouped = (
        rows.append_column("server", server)
        .group_by(["trace_id", "span_id", "server"])
        .aggregate(
            [("start_time_unix_nano", "min"), ("end", "max"), ("duration_nano", "min"),
             ("span_id", "count")]
        )
    )  # fmt: skip
    grouped = grouped.filter(pc.greater(grouped["span_id_count"], 1))
    merged = pc.subtract(grouped["end_max"], grouped["start_time_unix_nano_min"])
    longer = pc.subtract(merged, grouped["duration_nano_min"])
    return sum(min(max(0, ns), LONGEST_NS) for ns in longer.to_pylist())


def _absurd(examined: Examined) -> Iterator[Found]:
    details = examined.details
    roots = np.flatnonzero((details.parent < 0) & (details.unit_kind == REQUEST))
    absurd = roots[examined.duration[roots] > LONGEST_NS]
    if not len(absurd):
        return
    finding = Finding(
        "absurd_duration",
        "problem",
        len(absurd),
        len(roots),
        "requests",
        f"Requests that seem to have taken more than 30 days: {len(absurd):,}. They are left out.",
        "Look for a wrong clock or a unit other than nanoseconds where they come from.",
        examined.examples(absurd, examined.duration[absurd]),
        "trace",
        parts=parts(examined.hop_names(absurd), share=False),
    )
    yield finding, None
