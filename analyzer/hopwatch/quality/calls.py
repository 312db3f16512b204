"""Calls between processes whose spans contradict each other, or say too little."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from hopwatch.attribution.details import FLAGS, KINDS
from hopwatch.attribution.units import LONGEST_NS
from hopwatch.quality.examined import Examined, Found, ms, parts, percent, total
from hopwatch.quality.model import Finding

_FEW: Final = 0.01
"""Up to this share of negative gaps is the jitter of stamps, or time-outs."""
_MANY: Final = 0.05
"""A larger share of calls at odds with their clocks is a problem."""


def findings(examined: Examined) -> Iterator[Found]:
    """What is odd about calls."""
    yield from _negative_gaps(examined)
    yield from _conflicts(examined)
    yield from _outliving(examined)
    yield from _without_clients(examined)


def _negative_gaps(examined: Examined) -> Iterator[Found]:
    child, parent = examined.calls
    serves = examined.details.kind[child] == KINDS["SERVER"]
    child, parent = child[serves], parent[serves]
    longer = examined.duration[child] - examined.duration[parent]
    negative = longer > 0
    if not negative.any():
        return
    by = longer[negative]
    touched = examined.touch(child[negative], by)
    count, calls, most = len(by), len(child), int(by.max())
    finding = Finding(
        "negative_gaps",
        "warning" if count > _FEW * calls else "note",
        count,
        calls,
        "calls",
        f"Calls whose server took longer than its client waited: {count:,} of {calls:,}, by"
        f" {ms(int(np.median(by)))} in the median, by up to {ms(most)}. The client gave up early,"
        " or one of the two stamps its spans coarsely. Their gap counts as zero.",
        "Nothing if clients time out; else have both stamp their spans finer than milliseconds.",
        examined.examples(child[negative], by),
        "trace",
        total(touched),
        parts(examined.edge_names(parent, child), negative, touched[child]),
    )
    yield finding, touched


def _conflicts(examined: Examined) -> Iterator[Found]:
    spans = examined.flagged("clock_conflict")
    if not len(spans):
        return
    parent = examined.details.parent[spans]
    touched = np.maximum(examined.touch(spans), examined.touch(parent))
    calls = int(examined.edges.remote.sum())
    finding = Finding(
        "clock_conflicts",
        "problem" if len(spans) > _MANY * calls else "warning",
        len(spans),
        calls,
        "calls",
        "Calls that do not fit the clock offset which all other calls between their processes show:"
        f" {len(spans):,} of {calls:,}. They were placed by their own stamps.",
        "Look at one of them: a queue or a proxy may answer for the server, or two hosts share one"
        " service.instance.id.",
        examined.examples(spans, examined.blamed[spans]),
        "trace",
        total(touched),
        parts(examined.edge_names(parent, spans), touched=examined.touch(spans)[spans]),
    )
    yield finding, touched


def _outliving(examined: Examined) -> Iterator[Found]:
    """Only calls to other processes are flagged; what is clipped is clipped of any child."""
    details, edges = examined.details, examined.edges
    theta = details.shift[edges.child] - details.shift[edges.parent]
    over = details.end[edges.child] - theta - details.end[edges.parent]
    over = np.minimum(over, np.minimum(examined.duration[edges.child], LONGEST_NS))
    clipped = (over > 0) & details.counted[edges.child]
    outlives = clipped & ((details.flags[edges.child] & FLAGS["outlives"]) > 0)
    if not outlives.any():
        return
    spans, ns = edges.child[outlives], over[outlives]
    outside = int(over[clipped].sum())
    finding = Finding(
        "outlives",
        "note",
        len(spans),
        int(edges.remote.sum()),
        "calls",
        f"Calls that go on after their caller has stopped waiting: {len(spans):,}, by"
        f" {ms(int(np.median(ns)))} in the median. Only the part that was waited for counts;"
        f" with steps inside services {ms(outside)} lie outside"
        f" ({percent(outside, examined.ledger.total_ns)} of what is counted).",
        "Nothing if the callers time out or fire and forget on purpose.",
        examined.examples(spans, ns),
        "trace",
        parts=parts(examined.edge_names(edges.parent[edges.remote], edges.child[edges.remote]),
                    outlives[edges.remote]),
    )  # fmt: skip
    yield finding, None


def _without_clients(examined: Examined) -> Iterator[Found]:
    spans = examined.flagged("no_client_span")
    if not len(spans):
        return
    parent = examined.details.parent[spans]
    touched = np.maximum(examined.touch(spans), examined.touch(parent))
    finding = Finding(
        "no_client_span",
        "note",
        len(spans),
        int(examined.edges.remote.sum()),
        "calls",
        f"Calls that run side by side without client spans around them: {len(spans):,}. The way to"
        " the callee cannot be told from the caller's own work, and which of them was waited for"
        " depends on clocks.",
        "Instrument the client library that makes these calls.",
        examined.examples(spans, examined.blamed[spans]),
        "trace",
        total(touched),
        parts(examined.edge_names(parent, spans), touched=examined.touch(spans)[spans]),
    )
    yield finding, touched
