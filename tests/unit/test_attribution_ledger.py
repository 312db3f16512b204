"""The ledger's views, percentiles and selections."""

from __future__ import annotations

from typing import Any

import pytest

from hopwatch.attribution import Attribution, Ledger, Options, attribute, buckets
from hopwatch.attribution.columnar import Engine
from hopwatch.attribution.ledger import interval_ranks
from hopwatch.attribution.select import Selection
from hopwatch.attribution.units import LONGEST_NS
from hopwatch.errors import InputError
from tests.spans_dsl import MS, span, table, trace_id


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


def test_sums_beyond_64_bits_are_refused() -> None:
    rows = table(*(span("R", 0, LONGEST_NS, trace=f"t{i}") for i in range(3600)))
    for add_up in (attribute, lambda rows: Engine(rows, Options()).ledger()):
        with pytest.raises(InputError, match="more than 292 years"):
            add_up(rows)
    half = attribute(rows.slice(0, 2000))
    with pytest.raises(InputError, match="more than 292 years"):
        half.merge(attribute(rows.slice(2000)).merge(half))


def test_percentiles_and_their_exemplars() -> None:
    rows = [span(f"R{i}", 0, i * MS, trace=f"t{i}") for i in range(1, 1001)]
    ledger = attribute(table(*rows))
    for q, rank in ((0.5, 500), (0.9, 900), (0.99, 990)):
        point = ledger.percentile(q)
        assert point is not None
        assert point.value == pytest.approx(rank * MS, rel=0.005)
        exemplar = next(i for i in range(1, 1001) if trace_id(f"t{i}") == ledger.exemplar(q))
        assert exemplar == pytest.approx(rank, rel=0.01)
    assert interval_ranks(1000, 0.5) == (469, 532)


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
        return sorted(u.unit.root.start for u in attribution.requests() if selected(u))

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
    assert interval_ranks(n, q) == ranks


def test_a_percentile_is_exact_where_its_bucket_holds_one_request() -> None:
    def ledger(*durations: int) -> Ledger:
        rows = [span("R", 0, ns, trace=f"{ns}", status="OK") for ns in durations]
        return Attribution(table(*rows)).ledger()

    def p50(of: Ledger) -> int:
        found = of.percentile(0.5)
        assert found is not None
        return found.value

    alone, near = ledger(30 * MS), ledger(30 * MS + 1)
    assert p50(alone) == 30 * MS
    assert p50(alone.merge(ledger(10 * MS)).merge(ledger(50 * MS))) == 30 * MS
    middle = buckets.middle(buckets.of(30 * MS))
    assert p50(alone.merge(near)) == p50(ledger(30 * MS, 30 * MS + 1)) == middle
