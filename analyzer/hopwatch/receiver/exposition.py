"""/metrics: the receiver's own counters and the ledger, for Prometheus.

As OpenMetrics with exemplars where the scraper takes that, else in the classic text format.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    Exemplar,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from hopwatch.receiver.feed import Feed
from hopwatch.receiver.totals import BOUNDS_S, CELL_LABELS, Durations, Totals

_Bucket = tuple[str, float] | tuple[str, float, Exemplar]


class Exposition:
    """What some collectors say, encoded as a scraper asks for it."""

    def __init__(self, *collectors: Collector) -> None:
        self._registry = CollectorRegistry()
        for collector in collectors:
            self._registry.register(collector)

    def answer(self, accept: str) -> tuple[bytes, str]:
        """Body and content type, by the Accept header."""
        encode: Callable[[CollectorRegistry], bytes]
        encode, content_type = choose_encoder(accept)
        return encode(self._registry), content_type


class LedgerCollector:
    """The counted ledger of a feed, and what was not counted."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed

    def collect(self) -> Iterator[Metric]:
        """See the module's docstring."""
        yield _counter(
            "unqueued_spans", "Spans left out because counting fell behind.",
            self._feed.left_out_spans,
        )  # fmt: skip
        yield _counter(
            "restarts", "Times that the process that counts had to be started again.",
            self._feed.restarts,
        )  # fmt: skip
        snapshot = self._feed.snapshot
        if snapshot is None:
            return
        totals = snapshot.totals
        yield _counter("traces", "Traces counted.", totals.traces)
        yield _counter(
            "traces_without_request", "Traces counted that have no root, and so no request.",
            totals.traces_without_request,
        )  # fmt: skip
        yield _counter(
            "late_spans", "Spans left out because their trace had been counted.",
            snapshot.late_spans,
        )  # fmt: skip
        yield _counter(
            "hurried_traces", "Traces counted before they had settled, for too much waited.",
            snapshot.hurried_traces,
        )  # fmt: skip
        yield _counter(
            "failed_spans", "Spans that could not be attributed, which is a defect of hopwatch.",
            snapshot.failed_spans,
        )  # fmt: skip
        yield _counter(
            "folded_requests", "Requests counted as of route (other), for there are too many.",
            totals.folded_requests,
        )  # fmt: skip
        waiting = "hopwatch_ledger_waiting_spans"
        yield GaugeMetricFamily(
            waiting, "Spans whose traces have not settled.", snapshot.waiting_spans
        )
        yield from _cells(totals)
        yield _durations(totals)


def _counter(name: str, meaning: str, value: int) -> Metric:
    return CounterMetricFamily(f"hopwatch_ledger_{name}", meaning, value)


def _cells(totals: Totals) -> Iterator[Metric]:
    seconds = CounterMetricFamily(
        "hopwatch_ledger_seconds",
        "Time for which a cell is to blame; adds up to the requests' durations. Beyond 4,000 "
        "cells the rest is (other).",
        labels=CELL_LABELS,
    )
    retries = CounterMetricFamily(
        "hopwatch_ledger_retry_seconds",
        "The part of it in repeated attempts and between attempts.",
        labels=CELL_LABELS,
    )
    calls = CounterMetricFamily(
        "hopwatch_ledger_calls", "How often the hop was entered.", labels=CELL_LABELS
    )
    for labels, sums in totals.cells.items():
        seconds.add_metric(labels, float(sums.blamed_ns / 10**9))
        calls.add_metric(labels, float(sums.calls))
        if sums.retry_ns:
            retries.add_metric(labels, float(sums.retry_ns / 10**9))
    yield from (seconds, retries, calls)


def _durations(totals: Totals) -> Metric:
    requests = HistogramMetricFamily(
        "hopwatch_ledger_request_duration_seconds",
        "End-to-end time of requests.",
        labels=CELL_LABELS[:2],
    )
    for labels, durations in totals.durations.items():
        requests.add_metric(labels, list(_buckets(durations)), float(durations.total_ns / 10**9))
    return requests


def _buckets(durations: Durations) -> Iterator[_Bucket]:
    """Cumulative, as they are exposed."""
    exactly = Fraction(0)
    for place, bound in enumerate((*map(str, BOUNDS_S), "+Inf")):
        exactly += durations.counts[place]
        seen = round(exactly)  # OpenMetrics asks for whole numbers
        shown = durations.exemplars.get(place)
        if shown is None:
            yield bound, seen
        else:
            yield bound, seen, Exemplar({"trace_id": shown.trace_id}, shown.seconds, shown.start)
