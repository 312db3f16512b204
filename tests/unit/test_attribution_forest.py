"""Spans repaired, put under their parents, told apart by process."""

from __future__ import annotations

from typing import Any

from hopwatch.attribution import Attribution, attribute
from tests.spans_dsl import attributed, own, span, table


def test_identical_copies_count_once() -> None:
    rows = [span("R", 0, 100), span("a", 10, 50, "R"), span("a", 10, 50, "R")]
    attribution = Attribution(table(*rows))
    assert attribution.forest.traces[0].repairs == {"duplicate": 1}
    assert attribute(table(*rows)).group_by("operation")[1].spans == 1


def test_copies_that_differ_give_the_widest_times_and_are_flagged() -> None:
    unit = attributed(
        span("R", 0, 100), span("a", 10, 50, "R", x="2"), span("a", 20, 60, "R", x="1")
    )
    assert own(unit) == {"R": 50, "a": 50}
    assert unit.flags() == ["conflicting_copies"]


def test_children_of_a_shared_id_belong_to_the_server_unless_the_client_recorded_them() -> None:
    client = span("call", 10, 90, "R", kind="CLIENT", service="A")
    server = span("call", 20, 80, "R", kind="SERVER", service="B", span_name="serve")
    unit = attributed(
        span("R", 0, 100),
        client,
        server,
        span("work", 30, 40, "call", service="B"),
        span("connect", 11, 15, "call", service="A"),
    )
    assert own(unit) == {"R": 20, "call": 16, "connect": 4, "serve": 50, "work": 10}
    call = next(time.cell for time in unit.spans if time.span.name == "call")
    assert (call.kind, call.hop, call.language) == ("gap", "A -> B", "-")


def test_a_negative_span_is_a_call_without_time() -> None:
    unit = attributed(span("R", 0, 100), span("n", 50, 40, "R", kind="CLIENT"))
    assert own(unit) == {"R": 100, "n": 0}
    assert unit.flags() == ["negative_duration"]


def test_parent_of_zeros_is_no_parent() -> None:
    row = {**span("R", 0, 100), "parent_span_id": bytes(8)}
    assert len(list(Attribution(table(row)).requests())) == 1


def test_a_chain_of_20_000_spans_is_walked_without_recursion() -> None:
    n = 20_000
    rows = [span("0", 0, 2 * n)]
    rows += [span(str(i), i, 2 * n - i, str(i - 1)) for i in range(1, n)]
    unit = attributed(*rows)
    assert sum(own(unit).values()) == 2 * n


def test_processes_are_told_apart_by_service_host_and_pid() -> None:
    def process_of(service: str, pid: str) -> dict[str, Any]:
        name = f"{service}{pid}"
        row = span(name, 0, 9, trace=name, service=service)
        resource = [("host.name", "h"), ("process.pid", pid)]
        return {**row, "service_instance_id": None, "resource_attributes": resource}

    rows = [process_of("A", "1"), process_of("A", "2"), process_of("B", "1"), process_of("A", "1")]
    forest = Attribution(table(*rows)).forest
    assert len(forest.granularity) == 3
