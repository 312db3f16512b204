"""Rules of the attribution beyond the specification's cases: repair, clocks, kinds, retries."""

from __future__ import annotations

from typing import Any

import pytest

from hopwatch.attribution import Attribution, Options, UnitTime, attribute, buckets
from hopwatch.attribution.forest import granularity
from hopwatch.attribution.ledger import _interval_ranks
from hopwatch.attribution.select import Selection
from tests.spans_dsl import span, span_id, table

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
