"""Which cell a span belongs to, what it is called, which calls are retries."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from hopwatch.attribution import Attribution, Options, UnitTime, attribute
from tests.spans_dsl import attributed, span, span_id, table


def kind_and_hop(unit: UnitTime, name: str) -> tuple[str, str, str]:
    cell = next(time.cell for time in unit.spans if time.span.name == name)
    return cell.kind, cell.hop, cell.language


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"db_system_name": "postgresql", "db_namespace": "shop"}, ("db", "postgresql/shop", "-")),
        ({"db_system": "redis"}, ("db", "redis", "-")),
        ({"messaging_system": "kafka"}, ("messaging", "kafka", "-")),
        ({"peer_service": "bank"}, ("remote", "bank", "-")),
        ({"server_address": "10.0.0.1", "server_port": 443}, ("remote", "10.0.0.1:443", "-")),
        ({"url_full": "https://u:p@api.example/x"}, ("remote", "api.example", "-")),
        ({}, ("remote", "unknown", "-")),
    ],
)
def test_kind_of_a_client_without_children(
    attributes: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    unit = attributed(span("R", 0, 100), span("C", 10, 90, "R", kind="CLIENT", **attributes))
    assert kind_and_hop(unit, "C") == expected


@pytest.mark.parametrize("skew", [0, 10_000, -10_000])
def test_a_gap_is_named_after_the_longest_callee_whatever_the_clocks(skew: int) -> None:
    unit = attributed(
        span("R", 0, 100),
        span("C", 10, 90, "R", kind="CLIENT"),
        span("S", 20, 60, "C", kind="SERVER", service="proxy"),
        span("T", 30 + skew, 80 + skew, "C", kind="SERVER", service="bank"),
    )
    assert kind_and_hop(unit, "C") == ("gap", "A -> bank", "-")


def test_a_client_that_wraps_spans_of_its_own_process_is_self() -> None:
    unit = attributed(
        span("R", 0, 100),
        span("sdk", 10, 90, "R", kind="CLIENT"),
        span("http", 20, 80, "sdk", kind="CLIENT", server_address="bank"),
    )
    assert kind_and_hop(unit, "sdk") == ("self", "A", "go")
    assert kind_and_hop(unit, "http") == ("remote", "bank", "-")


def test_pool_acquire_is_waiting_whatever_its_kind() -> None:
    unit = attributed(
        span("R", 0, 100),
        span("w", 10, 90, "R", kind="CLIENT", span_name="pool.acquire", db_system="postgresql"),
    )
    assert kind_and_hop(unit, "pool.acquire") == ("wait", "A", "go")


def test_a_language_that_was_inferred_is_marked() -> None:
    row = {**span("R", 0, 9), "telemetry_sdk_language": None, "scope_name": "@opentelemetry/x"}
    unit = attributed(row)
    assert kind_and_hop(unit, "R") == ("self", "A", "nodejs?")


@pytest.mark.parametrize(
    ("name", "attributes", "operation"),
    [
        ("GET /orders/42", {}, "GET /orders/{id}"),
        ("job 3f2504e0-4f89-11d3-9a0c-0305e82c3301 v2", {}, "job {id} v2"),
        ("GET", {"http_route": "/a/:id", "http_request_method": "GET"}, "GET /a/:id"),
        ("x", {"rpc_service": "shop.Orders", "rpc_method": "Place"}, "shop.Orders/Place"),
        ("x", {"rpc_method": "shop.Orders/Place"}, "shop.Orders/Place"),
        ("x", {"db_system": "mysql", "db_operation": "SELECT", "db_sql_table": "t"}, "SELECT t"),
        ("x", {"db_system_name": "mysql", "db_query_summary": "SELECT t u"}, "SELECT t u"),
    ],
)
def test_operation_of_a_span(name: str, attributes: dict[str, Any], operation: str) -> None:
    unit = attributed(span("R", 0, 9, span_name=name, **attributes))
    assert unit.spans[0].cell.operation == unit.route == operation


def test_failed_attempts_and_the_pause_before_the_next_are_retry_time() -> None:
    calls = {"kind": "CLIENT", "span_name": "GET", "server_address": "bank"}
    unit = attributed(
        span("R", 0, 100),
        span("1", 10, 20, "R", status="ERROR", **calls),
        span("2", 50, 60, "R", **calls),
    )
    retry = {time.span.id: time.retry for time in unit.spans}
    assert retry == {span_id("R"): 30, span_id("1"): 10, span_id("2"): 0}
    assert unit.flags() == ["back-off", "retry"]


def test_attempts_are_one_operation_whether_they_reached_the_server_or_not() -> None:
    calls = {"kind": "CLIENT", "span_name": "GET", "server_address": "bank"}
    unit = attributed(
        span("R", 0, 100),
        span("1", 10, 22, "R", **calls),
        span("2", 20, 40, "R", **{"http.request.resend_count": 1}, **calls),
        span("S", 25, 35, "2", kind="SERVER", service="bank"),
        span("in 1", 12, 14, "1"),
        tau=5,
    )
    retry = {time.span.id: time.retry for time in unit.spans if time.retry}
    assert retry == {span_id("1"): 8, span_id("in 1"): 2}


def test_a_transaction_that_runs_again_is_a_retry_as_a_whole() -> None:
    begin = {"kind": "CLIENT", "span_name": "BEGIN", "server_address": "db"}
    insert = {"kind": "CLIENT", "span_name": "INSERT orders", "server_address": "db"}
    unit = attributed(
        span("R", 0, 100),
        span("1", 10, 20, "R", **begin),
        span("2", 20, 30, "R", status="ERROR", **insert),
        span("3", 50, 60, "R", **{"hopwatch.resend_count": 1}, **begin),
        span("4", 60, 70, "R", **{"hopwatch.resend_count": 1}, **insert),
    )
    retry = {
        time.span.id: time.retry
        for time in unit.spans
        if time.retry and time.span.id != span_id("R")
    }
    assert retry == {span_id("1"): 10, span_id("2"): 10}


def test_retries_of_retries_count_once() -> None:
    """An SDK that retries inside of a call that is retried itself: 10 + 12 + 8 + 20 ns lost."""
    outer = {"kind": "CLIENT", "span_name": "SDK call", "server_address": "queue"}
    inner = {"kind": "CLIENT", "span_name": "POST", "server_address": "queue"}
    unit = attributed(
        span("R", 0, 200),
        span("1", 10, 50, "R", status="ERROR", **outer),
        span("1a", 15, 25, "1", status="ERROR", **inner),
        span("1b", 30, 45, "1", status="ERROR", **inner),
        span("2", 70, 150, "R", **outer),
        span("2a", 75, 85, "2", status="ERROR", **inner),
        span("2b", 97, 145, "2", **inner),
    )
    by_id = {span_id(name): name for name in ("R", "1", "1a", "1b", "2", "2a", "2b")}
    retry = {by_id[time.span.id]: time.retry for time in unit.spans}
    # R paused from 50 to 70; all of 1 and below is lost; in 2, attempt 2a and the pause to 97.
    assert retry == {"R": 20, "1": 15, "1a": 10, "1b": 15, "2": 12, "2a": 10, "2b": 0}
    assert sum(retry.values()) == (70 - 10) + (97 - 75)


def test_only_consecutive_attempts_that_failed_are_retries() -> None:
    """A failed call and a later one that runs beside it are two calls; the last never retries."""
    calls = {"kind": "CLIENT", "span_name": "GET", "server_address": "bank"}
    unit = attributed(
        span("R", 0, 100),
        span("1", 10, 60, "R", status="ERROR", **calls),
        span("2", 20, 50, "R", status="ERROR", **calls),
        span("3", 70, 90, "R", status="ERROR", **calls),
    )
    # 1 was still running when 2 began; 2 had ended when 3 began.
    retried = {time.span.id for time in unit.spans if "retry" in time.span.flags}
    assert retried == {span_id("2")}
    (root, *_) = unit.spans
    assert root.retry == 10  # of the pause from 50 to 70, R waited for 1 until 60


def test_waits_come_before_all_other_kinds_and_can_be_added() -> None:
    rows = [
        span("R", 0, 100),
        span("W", 10, 40, "R", kind="CLIENT", span_name="Pool.Acquire", db_system="postgresql"),
        span("Q", 40, 60, "R", kind="CLIENT", span_name="throttled", db_system="postgresql"),
        span("L", 60, 90, "R", span_name="Lock.Acquire"),
        span("S", 70, 80, "L", kind="SERVER", service="B"),
    ]
    for waits, db in ((frozenset[str](), 20), (frozenset({"throttled"}), 0)):
        (unit,) = Attribution(table(*rows), Options(tau_ns=0, waits=waits)).requests()
        kinds: Counter[str] = Counter()
        for cell, ns in unit.cells().items():
            kinds[cell.kind] += ns
        assert (kinds["self"], kinds["wait"], kinds["db"]) == (30, 70 - db, db)


def test_different_requests_are_no_attempts_of_one_another() -> None:
    def flags(second: str) -> list[str]:
        calls = {"kind": "CLIENT", "span_name": "GET", "http_request_method": "GET"}
        return attributed(
            span("R", 0, 100),
            span("1", 10, 20, "R", status="ERROR", url_full="http://bank/stock/1", **calls),
            span("2", 50, 60, "R", url_full=f"http://bank/{second}", **calls),
        ).flags()

    assert flags("price/1") == []
    assert flags("stock/1") == ["back-off", "retry"]


def test_a_5xx_answer_is_a_failure() -> None:
    rows = [
        span("R", 0, 9, **{"http.response.status_code": 503}),
        span("Q", 0, 9, trace="u", **{"http.response.status_code": 404}),
    ]
    assert attribute(table(*rows)).failed_count == 1


def test_the_pause_between_attempts_of_a_server_whose_clock_is_ahead() -> None:
    unit = attributed(
        span("R", 0, 1000),
        span("C", 100, 900, "R", kind="CLIENT"),
        span("S", 5200, 5800, "C", kind="SERVER", service="B"),
        span("1", 5250, 5300, "S", kind="CLIENT", service="B", status="ERROR", peer_service="p",
             span_name="call"),
        span("2", 5400, 5500, "S", kind="CLIENT", service="B", peer_service="p",
             span_name="call"),
    )  # fmt: skip
    retry = {time.span.id: time.retry for time in unit.spans if time.retry}
    assert retry == {span_id("S"): 100, span_id("1"): 50}


@pytest.mark.parametrize(("start", "retries"), [(49, 0), (50, 1), (60, 1)])
def test_attempts_may_overlap_by_tau(start: int, retries: int) -> None:
    unit = attributed(
        span("R", 0, 100),
        span("1", 10, 60, "R", kind="CLIENT", status="ERROR", peer_service="p", span_name="call"),
        span("2", start, 90, "R", kind="CLIENT", peer_service="p", span_name="call"),
        tau=10,
    )
    assert sum("retry" in time.span.flags for time in unit.spans) == retries


def test_steps_of_a_service_that_failed_are_no_attempts() -> None:
    unit = attributed(
        span("R", 0, 100),
        span("1", 10, 40, "R", status="ERROR", span_name="step"),
        span("2", 50, 90, "R", span_name="step"),
    )
    assert unit.flags() == []
