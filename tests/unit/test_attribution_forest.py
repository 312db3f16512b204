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


def test_a_shared_id_works_however_zipkin_reports_parents() -> None:
    """The server's half may name the client's parent, as the wire says, or none at all."""
    client = span("call", 10, 90, "R", kind="CLIENT", service="A")
    for parent in ("R", None):
        server = span("call", 20, 80, parent, kind="SERVER", service="B", span_name="serve")
        unit = attributed(
            span("R", 0, 100), server, client, span("work", 30, 40, "call", service="B")
        )
        assert own(unit) == {"R": 20, "call": 20, "serve": 50, "work": 10}
        assert unit.flags() == ["shared_id"]


def test_copies_of_both_halves_of_a_shared_id_collapse_apart() -> None:
    client = span("call", 10, 90, "R", kind="CLIENT", service="A")
    server = span("call", 20, 80, "R", kind="SERVER", service="B", span_name="serve")
    attribution = Attribution(
        table(span("R", 0, 100), client, client, server, {**server, "duration_nano": 65})
    )
    (trace,) = attribution.forest.traces
    assert trace.repairs == {"shared_id": 1, "duplicate": 1, "conflicting_copies": 1}
    (unit,) = attribution.requests()
    assert own(unit) == {"R": 20, "call": 15, "serve": 65}


def test_a_server_alone_under_a_shared_id_is_a_child_of_the_clients_parent() -> None:
    unit = attributed(span("R", 0, 100), span("call", 20, 80, "R", kind="SERVER", service="B"))
    assert own(unit) == {"R": 40, "call": 60}


def test_a_consumer_in_a_cycle_is_asynchronous_work_and_the_rest_hangs_below_it() -> None:
    rows = [
        span("u", 10, 20, "v", kind="CONSUMER"), span("v", 12, 18, "u"), span("R", 0, 30),
    ]  # fmt: skip
    (trace,) = Attribution(table(*rows)).forest.traces
    assert [(unit.kind, len(unit.spans())) for unit in trace.detached] == [("detached", 2)]
    assert trace.fragments == []


def test_a_span_that_is_its_own_parent_is_a_fragment() -> None:
    (trace,) = Attribution(table(span("R", 0, 9), span("x", 1, 5, "x"))).forest.traces
    assert [unit.root.flags for unit in trace.fragments] == [{"cycle"}]


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
