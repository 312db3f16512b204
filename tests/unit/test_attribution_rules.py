"""Rules of the attribution beyond the specification's cases: repair, clocks, kinds, retries."""

from __future__ import annotations

from typing import Any

import pytest

from hopwatch.attribution import Attribution, Options, UnitTime, attribute, buckets
from hopwatch.attribution.forest import granularity
from hopwatch.attribution.ledger import _interval_ranks
from hopwatch.attribution.select import Selection
from tests.spans_dsl import FixedClocks, span, span_id, table, trace_id

US = 1_000
MS = 1_000_000


def attributed(*rows: dict[str, Any], tau: int | None = 0) -> UnitTime:
    (unit,) = Attribution(table(*rows), Options(tau_ns=tau)).requests()
    return unit


def own(unit: UnitTime) -> dict[str, int]:
    return {time.span.name: time.own for time in unit.spans}


def kind_and_hop(unit: UnitTime, name: str) -> tuple[str, str, str]:
    cell = next(time.cell for time in unit.spans if time.span.name == name)
    return cell.kind, cell.hop, cell.language


# Repair


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
    assert kind_and_hop(unit, "call") == ("gap", "A -> B", "-")


def test_a_negative_span_is_a_call_without_time() -> None:
    unit = attributed(span("R", 0, 100), span("n", 50, 40, "R", kind="CLIENT"))
    assert own(unit) == {"R": 100, "n": 0}
    assert unit.flags() == ["negative_duration"]


def test_parent_of_zeros_is_no_parent() -> None:
    row = {**span("R", 0, 100), "parent_span_id": bytes(8)}
    assert len(list(Attribution(table(row)).requests())) == 1


def test_a_chain_of_100_000_spans_is_walked_without_recursion() -> None:
    n = 100_000
    rows = [span("0", 0, 2 * n)]
    rows += [span(str(i), i, 2 * n - i, str(i - 1)) for i in range(1, n)]
    unit = attributed(*rows)
    assert sum(own(unit).values()) == 2 * n


# Clocks


@pytest.mark.parametrize(
    ("unit_ns", "step"), [(MS, 7 * MS), (US, 7 * US), (256, 256 * 7), (1, 1001)]
)
def test_granularity_is_the_coarsest_that_fits(unit_ns: int, step: int) -> None:
    assert granularity(i * step for i in range(100)) == unit_ns
    assert granularity([i * step for i in range(10)]) == 1


def test_tau_grows_with_the_childrens_stamps() -> None:
    """Consecutive calls of a JavaScript service overlap by up to its 1 ms stamps."""
    filler = [span(f"f{i}", i * MS, i * MS + 5, trace=f"f{i}", service="js") for i in range(30)]
    rows = [
        span("R", 0, 100 * MS),
        span("a", 10 * MS, 50 * MS + 900 * US, "R", service="js"),
        span("b", 50 * MS, 90 * MS, "R", service="js"),
    ]
    units = {u.unit.root.name: u for u in Attribution(table(*rows, *filler)).requests()}
    assert own(units["R"]) == {"R": 20 * MS, "a": 40 * MS, "b": 40 * MS}


def population(offset: int, calls: int = 40) -> list[dict[str, Any]]:
    """Calls from A to B, whose clock is `offset` ahead, with gaps of 100 to 400 µs."""
    rows = []
    for i in range(calls):
        start, out, back = i * 10 * MS + 333, (50 + 7 * i % 150) * US, (50 + 11 * i % 150) * US
        rows += [
            span(f"C{i}", start, start + 5 * MS, kind="CLIENT", trace=f"p{i}"),
            span(
                f"S{i}", start + out + offset, start + 5 * MS - back + offset, f"C{i}",
                kind="SERVER", service="B", trace=f"p{i}",
            ),
        ]  # fmt: skip
    return rows


@pytest.mark.parametrize("offset", [0, 3 * MS, -4000 * MS])
def test_population_encloses_the_offset(offset: int) -> None:
    (by_window,) = Attribution(table(*population(offset))).clocks.offsets.values()
    (known,) = by_window.values()
    assert known.low <= offset <= known.high
    assert known.high - known.low < 200 * US


def test_a_time_out_is_not_taken_for_a_skewed_clock_when_others_tell_the_offset() -> None:
    late = [
        span("C", 0, 10 * MS, kind="CLIENT", trace="late"),
        span("S", 9 * MS, 30 * MS, "C", kind="SERVER", service="B", trace="late"),
    ]
    units = {u.unit.root.name: u for u in Attribution(table(*population(0), *late)).requests()}
    assert own(units["C"]) == {"C": 9 * MS, "S": 1 * MS}
    assert units["C"].flags() == ["outlives"]


def test_a_single_skewed_call_without_population_is_moved_into_its_client() -> None:
    hour = 3600 * 1000 * MS
    unit = attributed(
        span("C", 0, 10 * MS, kind="CLIENT"),
        span("S", hour, hour + 10 * MS + 5, "C", kind="SERVER", service="B"),
    )
    assert own(unit) == {"C": 0, "S": 10 * MS}
    assert unit.flags() == ["clock_conflict", "outlives"]


def test_what_few_calls_say_of_the_clocks_is_not_believed() -> None:
    assert Attribution(table(*population(0, calls=9))).clocks.offsets == {(0, 1): {}}
    assert Attribution(table(*population(0, calls=10))).clocks.offsets[(0, 1)]


def test_thin_windows_learn_from_all_calls_and_from_their_neighbours() -> None:
    minute = 60_000 * MS
    ahead = 4000 * MS
    thin = [call for i in range(12) for call in one_call(i, i * minute, ahead)]
    clocks = Attribution(table(*thin)).clocks
    known = clocks.at((0, 1), 5 * minute)
    assert known is not None
    assert known.low <= ahead <= known.high


def test_narrowest_window_that_agrees_with_itself_is_the_history_of_the_others() -> None:
    """The first minute knows θ = 120 µs to 20 µs, the second only to 500 µs; the third was
    stepped in the middle and must not count."""
    minute = 60_000 * MS
    rows = []
    for i in range(40):
        rows += one_call(i, i * 10 * MS, 120 * US, out=10 * US, back=10 * US)
        rows += one_call(100 + i, minute + i * 10 * MS, 120 * US, out=250 * US, back=250 * US)
        stepped = 120 * US if i < 20 else 121 * US
        rows += one_call(200 + i, 2 * minute + i * 10 * MS, stepped, out=0, back=0)
    clocks = Attribution(table(*rows)).clocks
    first, second = clocks.at((0, 1), 0), clocks.at((0, 1), minute)
    assert first is not None
    assert second is not None
    assert (first.low, first.high) == (110 * US - 1, 130 * US + 1)
    assert (second.low, second.high) == (-130 * US - 1, 370 * US + 1)
    assert first.theta == second.theta == 120 * US
    assert clocks.steps == 1


def test_a_jump_between_windows_is_a_step() -> None:
    minute = 60_000 * MS
    rows = []
    for i in range(20):
        rows += one_call(i, i * 10 * MS, 0)
        rows += one_call(100 + i, minute + i * 10 * MS, 5 * MS)
    assert Attribution(table(*rows)).clocks.steps == 1


def test_slow_calls_do_not_widen_what_is_known() -> None:
    rows = [row for i in range(20) for row in one_call(i, i * 10 * MS, 0)]
    slow = [
        row
        for i in range(19)
        for row in one_call(50 + i, (i + 30) * 10 * MS, 0, out=3 * MS, back=0)
    ]
    (quick,) = Attribution(table(*rows)).clocks.offsets[(0, 1)].values()
    (both,) = Attribution(table(*rows, *slow)).clocks.offsets[(0, 1)].values()
    assert (both.low, both.high) == (quick.low, quick.high)


def test_coarse_stamps_widen_what_is_known_by_their_grain() -> None:
    def width(grain: int) -> int:
        rows = [row for i in range(40) for row in one_call(i, i * 10 * MS, 0, grain=grain)]
        (known,) = Attribution(table(*rows)).clocks.offsets[(0, 1)].values()
        return known.high - known.low

    # The client stamps whole ms, the server whole µs; then both ns.
    assert width(0) - width(1) == (MS - 1) + (US - 1)


def test_a_call_within_kappa_of_what_is_known_keeps_its_own_offset() -> None:
    def outcome(late: int) -> tuple[int, set[str]]:
        rows = [
            span("C", 0, 1000, kind="CLIENT"),
            span("S", 500 + late, 1000 + late, "C", kind="SERVER", service="B"),
        ]
        (unit,) = Attribution(table(*rows), Options(tau_ns=0), FixedClocks(0, 30)).requests()
        return own(unit)["S"], set(unit.flags())

    assert outcome(30) == (500, set())
    assert outcome(31) == (469, {"outlives"})
    assert outcome(-531) == (500, {"clock_conflict"})


def one_call(
    i: int, start: int, offset: int, *, out: int = 50 * US, back: int = 50 * US, grain: int = 1
) -> list[dict[str, Any]]:
    start += 331 * grain * (i % 7)
    return [
        span(f"C{i}", start, start + 5 * MS, kind="CLIENT", trace=f"p{i}"),
        span(
            f"S{i}", start + out + offset, start + 5 * MS - back + offset, f"C{i}",
            kind="SERVER", service="B", trace=f"p{i}",
        ),
    ]  # fmt: skip


# The walk


def test_of_two_ends_equally_near_the_one_below_is_taken() -> None:
    unit = attributed(
        span("R", 0, 100),
        span("last", 50, 100, "R"),
        span("above", 10, 53, "R"),
        span("below", 20, 47, "R"),
        tau=10,
    )
    # `above` stays remembered, and ends 33 above the cursor by then.
    assert own(unit) == {"R": 23, "last": 50, "above": 0, "below": 27}


def test_a_call_around_a_shorter_one_is_still_taken_after_it() -> None:
    """`around` ends 1 above the cursor and stays remembered while `nested` is taken."""
    unit = attributed(
        span("R", 0, 1000),
        span("last", 503, 1000, "R"),
        span("around", 100, 504, "R"),
        span("nested", 500, 502, "R"),
        tau=10,
    )
    assert own(unit) == {"R": 101, "last": 497, "nested": 2, "around": 400}


def test_a_child_is_looked_at_again_after_the_one_above_it() -> None:
    """`below` begins where `above` does: under the lowered cursor it has nothing left."""
    unit = attributed(
        span("R", 0, 100),
        span("last", 50, 100, "R"),
        span("above", 40, 51, "R"),
        span("below", 40, 45, "R"),
        span("first", 10, 40, "R"),
        tau=10,
    )
    assert own(unit) == {"R": 10, "last": 50, "above": 10, "below": 0, "first": 30}


def test_local_time_is_of_the_whole_span_also_off_the_path() -> None:
    unit = attributed(span("R", 0, 100), span("a", 0, 90, "R"), span("b", 50, 150, "R"))
    local = {time.span.name: (time.own, time.local) for time in unit.spans}
    assert local == {"R": (50, 50), "a": (0, 90), "b": (50, 100)}


def test_what_begins_after_the_request_is_not_counted() -> None:
    rows = [span("R", 0, 100), span("late", 150, 300, "R", kind="CLIENT", db_system="redis")]
    ledger = attribute(table(*rows))
    assert [group.key for group in ledger.group_by("hop", "kind")] == [("A", "self")]
    assert ledger.quality["late_spans"] == 1


def test_consumers_are_asynchronous_work_with_or_without_a_parent() -> None:
    attribution = Attribution(
        table(span("R", 0, 100), span("K", 0, 100_000, service="B", kind="CONSUMER", trace="u"))
    )
    assert attribution.ledger().total_ns == 100
    assert attribution.ledger(detached=True).total_ns == 100_000


def test_parallel_calls_without_client_spans_are_flagged() -> None:
    def flags(second_start: int) -> list[str]:
        return attributed(
            span("R", 0, 100),
            span("S1", 10, 50, "R", kind="SERVER", service="B"),
            span("S2", second_start, 90, "R", kind="SERVER", service="C"),
        ).flags()

    assert flags(40) == ["no_client_span"]
    assert flags(50) == []


def test_processes_are_told_apart_by_service_host_and_pid() -> None:
    def process_of(service: str, pid: str) -> dict[str, Any]:
        name = f"{service}{pid}"
        row = span(name, 0, 9, trace=name, service=service)
        resource = [("host.name", "h"), ("process.pid", pid)]
        return {**row, "service_instance_id": None, "resource_attributes": resource}

    rows = [process_of("A", "1"), process_of("A", "2"), process_of("B", "1"), process_of("A", "1")]
    forest = Attribution(table(*rows)).forest
    assert len(forest.granularity) == 3


# Kinds


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


# Retries


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


# Names


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


# The ledger's views


def test_calls_are_entries_and_spans_are_spans() -> None:
    unit = [
        span("R", 0, 100),
        span("step", 10, 20, "R"),
        span("C", 30, 90, "R", kind="CLIENT"),
        span("S", 40, 80, "C", kind="SERVER", service="B"),
        span("step in S", 50, 60, "S", service="B"),
    ]
    groups = attribute(table(*unit)).group_by("hop", "caller")
    assert {g.key: (g.calls, g.spans) for g in groups} == {
        ("A", ""): (1, 2),
        ("A -> B", "A"): (1, 1),
        ("B", "A"): (1, 2),
    }


def test_at_least_leaves_out_doubtful_time_once() -> None:
    rows = [
        span("R", 0, 1000), span("a", 100, 503, "R"), span("b", 500, 900, "R"),
        span("o", 50, 500, "lost"),
    ]  # fmt: skip
    (group, _) = Attribution(table(*rows), Options(tau_ns=0)).ledger().group_by("operation")[:2]
    assert (group.blamed_ns, group.concurrent_ns, group.hidden_ns) == (600, 400, 450)
    assert group.low_ns == 150


def test_wrong_stamps_neither_stop_the_report_nor_spoil_it() -> None:
    century = 3 * 10**18
    rows = [span(f"R{i}", i + 1, century + i, trace=f"t{i}") for i in range(7)]
    ledger = attribute(table(*rows, span("fine", 0, 9)))
    assert (ledger.total_ns, ledger.quality["absurd_duration"]) == (9, 7)
    assert sum(g.blamed_ns for g in ledger.group_by("hop")) == 9


def test_percentiles_and_their_exemplars() -> None:
    rows = [span(f"R{i}", 0, i * MS, trace=f"t{i}") for i in range(1, 1001)]
    ledger = attribute(table(*rows))
    for q, rank in ((0.5, 500), (0.9, 900), (0.99, 990)):
        point = ledger.percentile(q)
        assert point is not None
        assert point.value == pytest.approx(rank * MS, rel=0.005)
        exemplar = next(i for i in range(1, 1001) if trace_id(f"t{i}") == ledger.exemplar(q))
        assert exemplar == pytest.approx(rank, rel=0.01)
    assert _interval_ranks(1000, 0.5) == (469, 532)


# Selection and percentiles


def test_selection_asks_for_all_that_is_given() -> None:
    rows = [
        span("GET", 10, 90, trace="a", service="x", http_route="/a", user="u1"),
        span("GET", 20, 90, trace="b", service="y", http_route="/b", user="u1"),
        span("GET", 30, 90, trace="c", service="y", http_route="/a", user="u2"),
    ]
    spans = table(*rows)
    attribution = Attribution(spans)

    def starts(**wanted: Any) -> list[int]:
        selected = Selection(**wanted).predicate(spans)
        return sorted(
            u.unit.root.start for u in attribution.requests() if selected is None or selected(u)
        )

    assert starts() == [10, 20, 30]
    assert starts(service="y") == [20, 30]
    assert starts(route="/a") == [10, 30]
    assert starts(attributes={"user": "u1"}, service="y") == [20]
    assert starts(start=20, end=30) == [20]
    assert starts(route="/c*") == []
    assert starts(route="?a") == [10, 30]


def test_buckets_are_at_most_half_a_percent_off() -> None:
    for duration in [*range(2000), *(7**i for i in range(4, 22))]:
        middle = buckets.middle(buckets.of(duration))
        assert abs(middle - duration) <= max(1, duration * 0.005)


@pytest.mark.parametrize(
    ("n", "q", "ranks"),
    [(10, 0.5, (2, 9)), (100, 0.5, (40, 61)), (4, 0.5, (0, 5)), (59, 0.95, (52, 60))],
)
def test_interval_ranks_are_those_of_the_binomial(n: int, q: float, ranks: tuple[int, int]) -> None:
    """n = 10 and 100 at the median are in every table of the sign test's intervals."""
    assert _interval_ranks(n, q) == ranks
