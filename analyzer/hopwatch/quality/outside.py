"""What the ledger of requests holds only in part, or not at all: work that nobody waits for,
requests that were sampled away, time that ran side by side, stamps that are coarse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import pyarrow.compute as pc

from hopwatch.attribution import Selection, sampling
from hopwatch.attribution.details import DETACHED
from hopwatch.quality.examined import Examined, Found, ms, parts, percent
from hopwatch.quality.model import MOST_PARTS, Finding, Part

_COARSE_NS: Final = 1_000_000
_MOST_DELAYS: Final = 1_000
"""Of so many traces with asynchronous work the delays are looked at."""
_PARALLEL: Final = 0.001
"""Less of the time beside unchosen children is not worth a finding."""


def findings(examined: Examined) -> Iterator[Found]:
    """What the ledger does not hold."""
    yield from _parallel(examined)
    yield from _detached(examined)
    yield from _sampled(examined)
    yield from _unweighable(examined)
    yield from _strictly_sampled(examined)
    yield from _coarse(examined)


def _parallel(examined: Examined) -> Iterator[Found]:
    groups = [g for g in examined.ledger.group_by("hop", "kind") if g.concurrent_ns]
    ns = sum(group.concurrent_ns for group in groups)
    whole = examined.ledger.total_ns
    if ns <= _PARALLEL * whole:
        return
    groups.sort(key=lambda group: (-group.concurrent_ns, group.key))
    finding = Finding(
        "parallel",
        "note",
        ns,
        whole,
        "ns",
        f"Time beside calls or steps that overlap: {ms(ns)}, {percent(ns, whole)} of all. Who"
        " seemed to work himself may have waited for one of them, so `at least` leaves it out.",
        "Nothing: parallel work is so. Client spans around each call make it clearer.",
        touched_ns=ns,
        parts=tuple(
            Part(" ".join(group.key), group.spans, touched_ns=group.concurrent_ns)
            for group in groups[:MOST_PARTS]
        ),
    )
    yield finding, None  # it is among what the ledger calls doubtful


def _detached(examined: Examined) -> Iterator[Found]:
    details = examined.details
    roots = np.flatnonzero((details.parent < 0) & (details.unit_kind == DETACHED))
    if not len(roots):
        return
    ns = sum(examined.duration[roots].tolist())
    late = examined.ledger.quality.get("late_units", 0)
    finding = Finding(
        "detached",
        "note",
        len(roots),
        None,
        "units of work",
        f"Pieces of asynchronous work, which nobody waits for: {len(roots):,}, of {ms(ns)} in all"
        f" ({percent(ns, examined.ledger.total_ns)} of the time of requests)"
        f"{f'; {late:,} of them began when their request had ended' if late else ''}. They are no"
        f" part of a request's time.{_delays(examined)}",
        "See their own ledger: `hopwatch report --detached`.",
        examined.examples(roots, examined.duration[roots]),
        "trace",
        parts=parts(examined.hop_names(roots), share=False),
    )
    yield finding, None


def _delays(examined: Examined) -> str:
    """How long messages were under way, as far as clocks tell."""
    details = examined.details
    began = np.unique(details.trace[(details.parent < 0) & (details.unit_kind == DETACHED)])
    # Trace ids are random, so every n-th of them is a fair sample.
    sample = began[:: 1 + len(began) // _MOST_DELAYS].tolist()
    traces = frozenset(details.trace_ids[trace].tobytes() for trace in sample)
    delays = examined.attribution.delays(Selection(traces=traces))
    known = delays.filter(pc.is_valid(delays["low_ns"]))
    if not delays.num_rows:
        return ""
    some = "some " if len(sample) < len(began) else ""
    words = f" Of {some}{delays.num_rows:,} messages that started them"
    if not known.num_rows:
        return f"{words} it is not known how long they were under way: nothing tells their clocks."
    low, high = (int(np.median(known[name].to_numpy())) for name in ("low_ns", "high_ns"))
    return (
        f"{words}, {known.num_rows:,} were under way for {ms(low)} to {ms(high)} in the median;"
        " how far these two lie apart is what clocks leave open."
    )


def _sampled(examined: Examined) -> Iterator[Found]:
    ledger = examined.ledger
    kept = ledger.requests.group_by("sampling_threshold").aggregate([("requests", "sum")])
    by_threshold = dict(
        zip(*(kept[name].to_pylist() for name in kept.column_names), strict=True)
    )  # fmt: skip
    if ledger.is_weighted:
        unsaid = by_threshold.get(sampling.UNSAID, 0)
        words = (
            f"Sampled requests: {ledger.request_count:,} were kept and stand for about"
            f" {round(ledger.weighted_requests):,}. The mean and percentiles count each as often"
            " as it stands for."
        )
        if unsaid:
            words += f" {unsaid:,} say nothing of sampling, and count once."
        yield (
            Finding(
                "sampled",
                "warning" if unsaid else "note",
                ledger.request_count,
                round(ledger.weighted_requests),
                "requests",
                words,
                "Have every entry service write its probability (`ot=th` in tracestate)."
                if unsaid
                else "Nothing. Rare cases are known as well as the requests that were kept allow.",
                parts=tuple(
                    Part(_kept(threshold), count, ledger.request_count)
                    for threshold, count in sorted(
                        by_threshold.items(), key=lambda item: (-item[1], item[0])
                    )
                )[:MOST_PARTS],
            ),
            None,
        )


def _unweighable(examined: Examined) -> Iterator[Found]:
    """Requests and spans of which nobody knows what they stand for."""
    ledger = examined.ledger
    if count := ledger.quality.get("tail_sampled", 0):
        yield (
            Finding(
                "tail_sampled",
                "warning",
                count,
                ledger.request_count,
                "requests",
                "Requests that were kept for what they turned out to be (tail sampling):"
                f" {count:,} of {ledger.request_count:,}. Slow or failed ones are over-represented,"
                " by how much nobody knows: means and percentiles are not those of all traffic.",
                "Compare such data with data sampled alike, or sample by probability at the entry.",
            ),
            None,
        )
    if count := ledger.quality.get("malformed_sampling", 0):
        yield (
            Finding(
                "malformed_sampling",
                "warning",
                count,
                examined.table.num_rows,
                "spans",
                f"Spans whose sampling probability cannot be read: {count:,}. They count once.",
                "Look at their tracestate (`ot=th:`) or `sampler.param`.",
                examined.examples(
                    (odd := np.flatnonzero(examined.details.threshold == sampling.MALFORMED)),
                    np.ones(len(odd), np.int64),
                ),
                "trace",
            ),
            None,
        )


def _kept(threshold: int) -> str:
    if threshold < 0:
        return "says nothing"
    return f"kept {percent(float(1 / sampling.weight(threshold)), 1)}"


def _strictly_sampled(examined: Examined) -> Iterator[Found]:
    """Requests of which some service keeps fewer spans than the entry does."""
    details = examined.details
    stricter = details.threshold > np.maximum(0, details.threshold[details.root])
    spans = np.flatnonzero(stricter & details.counted)
    if not len(spans):
        return
    requests = len(np.unique(details.root[spans]))
    finding = Finding(
        "strictly_sampled",
        "warning",
        requests,
        examined.ledger.request_count,
        "requests",
        f"Requests in which a service samples more strictly than the entry does: {requests:,}. In"
        " other requests its spans are missing, and its time counts as its caller's.",
        "Let all services follow the decision of the entry (a parent-based sampler).",
        examined.examples(spans, examined.blamed[spans]),
        "trace",
        parts=parts(examined.hop_names(spans), share=False),
    )
    yield finding, None


def _coarse(examined: Examined) -> Iterator[Found]:
    """Processes that stamp whole milliseconds."""
    details = examined.details
    coarse = details.granularity >= _COARSE_NS
    if not coarse.any():
        return
    spans = np.flatnonzero(coarse[details.process] & details.counted)
    off = np.minimum(examined.blamed[spans], details.granularity[details.process[spans]])
    names = sorted({process.hop for process, is_so in
                    zip(details.processes, coarse.tolist(), strict=True) if is_so})  # fmt: skip
    yield (
        Finding(
            "coarse_stamps",
            "note",
            int(coarse.sum()),
            len(coarse),
            "processes",
            f"Processes that stamp whole milliseconds: {int(coarse.sum()):,} of {len(coarse):,}, of"
            f" {len(names):,} services. In a single request each of their spans may lie 1 ms beside"
            " where it is shown; over many requests that evens out.",
            "Stamp finer where the runtime can; durations of JavaScript's SDK are exact anyway.",
            parts=parts(examined.hop_names(spans), touched=off, share=False),
        ),
        None,
    )
