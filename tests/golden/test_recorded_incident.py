"""A recorded minute of another system against the same with a fault: whose it is comes first."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from hopwatch.attribution import Attribution
from hopwatch.comparison import Comparison, compare
from hopwatch.formats import read_files

Span = dict[str, Any]
_COLUMNS = (
    "trace_id", "span_id", "parent_span_id", "kind", "service_name", "start_time_unix_nano",
    "duration_nano",
)  # fmt: skip
_MS = 1_000_000


@pytest.fixture(scope="module")
def minute(shared_data: Path) -> pa.Table:
    return read_files([shared_data / "nezha"]).table


def end(span: Span) -> int:
    return int(span["start_time_unix_nano"] + span["duration_nano"])


def with_fault(table: pa.Table, ns: int, slow: Callable[[Span, list[Span]], bool]) -> pa.Table:
    """Each span that is `slow` (of itself and its children) ends so much later; whom it is called
    by waits, and what comes after in its trace comes later."""
    traces: dict[bytes, list[Span]] = defaultdict(list)
    spans = table.select(_COLUMNS).to_pylist()
    for span in spans:
        traces[span["trace_id"]].append(span)
    for trace in traces.values():
        by_id = {span["span_id"]: span for span in trace}
        children: dict[bytes, list[Span]] = defaultdict(list)
        for span in trace:
            children[span["parent_span_id"]].append(span)
        for late in sorted(filter(lambda s: slow(s, children[s["span_id"]]), trace), key=end)[::-1]:
            at, waiting = end(late), set[bytes]()
            above: Span | None = late
            while above is not None:
                waiting.add(above["span_id"])
                above = by_id.get(above["parent_span_id"])
            for span in trace:
                if span["span_id"] in waiting:
                    span["duration_nano"] += ns
                elif span["start_time_unix_nano"] >= at:
                    span["start_time_unix_nano"] += ns
    for name in ("start_time_unix_nano", "duration_nano"):
        index = table.schema.get_field_index(name)
        column = pa.array([span[name] for span in spans], table.schema.field(name).type)
        table = table.set_column(index, table.schema.field(name), column)
    return table


def compared(before: pa.Table, after: pa.Table) -> Comparison:
    return compare(Attribution(before).ledger(), Attribution(after).ledger())


@pytest.mark.parametrize("service", ["ts-contacts-service", "ts-route-service", "ts-food-service"])
def test_a_slow_service_comes_first(minute: pa.Table, service: str) -> None:
    def serves(span: Span, _: list[Span]) -> bool:
        return bool(span["kind"] == "SERVER" and span["service_name"] == service)

    found = compared(minute, with_fault(minute, 50 * _MS, serves))
    assert found.hops[0].hop == service
    assert found.hops[0].delta_ns > 0.9 * found.delta_ns


@pytest.mark.parametrize(
    "service", ["ts-travel-service", "ts-basic-service", "ts-seat-service", "ts-order-service"]
)
def test_a_service_whose_network_is_slow_comes_first(minute: pa.Table, service: str) -> None:
    def passes(span: Span, children: list[Span]) -> bool:
        callees = {c["service_name"] for c in children if c["kind"] == "SERVER"}
        return bool(callees and service in callees | {span["service_name"]})

    found = compared(minute, with_fault(minute, 100 * _MS, passes))
    assert found.hops[0].hop == service
    assert found.hops[0].delta_ns > 0.8 * found.delta_ns


def test_of_few_requests_a_slow_service_comes_before_luck(minute: pa.Table) -> None:
    """Random half against random half, 35 requests each, of which 4 call the service: luck alone
    moves other services by more than the fault does."""
    services = ("ts-food-service", "ts-station-food-service", "ts-train-food-service",
                "ts-security-service")  # fmt: skip
    traces = sorted(set(minute["trace_id"].to_pylist()))
    first = []
    for seed in (1, 2):
        shuffled = Random(seed).sample(traces, len(traces))
        before, after = (
            minute.filter(pa.compute.is_in(minute["trace_id"], pa.array(half, pa.binary(16))))
            for half in (shuffled[: len(traces) // 2], shuffled[len(traces) // 2 :])
        )
        for service in services:

            def serves(span: Span, _: list[Span], service: str = service) -> bool:
                return bool(span["kind"] == "SERVER" and span["service_name"] == service)

            found = compared(before, with_fault(after, 50 * _MS, serves))
            first.append(found.hops[0].hop == service)
    assert sum(first) >= 6


def test_too_coarse_routes_are_said_to_be(minute: pa.Table) -> None:
    found = compared(minute, minute)
    assert found.delta_ns == 0
    assert any("share the route /*" in caution for caution in found.cautions)
