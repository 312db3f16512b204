"""The ledger's table: what is printed adds up to what is printed below it."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hopwatch.reports.numbers import scale_for
from hopwatch_dashboards.views.breakdown import KEYS, quantile_of, table
from hopwatch_dashboards.views.distribution import histogram, percentile_word
from hopwatch_dashboards.views.exemplars import exemplars
from hopwatch_dashboards.views.selection import Filters, filtered, routes
from tests.dashboard_data import MS, SECOND, ledger_of, request
from tests.spans_dsl import trace_id


def printed(text: str) -> int:
    return int(text.replace(",", "").replace(".", "").rstrip("%"))


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(min_value=1, max_value=10**9), min_size=1, max_size=12), st.data())
def test_printed_rows_add_up_to_the_printed_total(extra: list[int], data: st.DataObject) -> None:
    ledger = ledger_of(*(request(i, back=2 * MS + ns) for i, ns in enumerate(extra)))
    keys = data.draw(st.sampled_from([c for n in (1, 3) for c in combinations(KEYS, n)]))
    at = data.draw(st.sampled_from(["mean", "p50", "p90", "p99"]))
    shown = table(ledger, at, keys)
    assert sum(printed(row.time) for row in shown.rows) == printed(shown.total)
    assert sum(printed(row.share) for row in shown.rows) == 1000
    assert sum(row.ns for row in shown.rows) == shown.total_ns


def test_at_the_mean_the_total_is_the_mean_request() -> None:
    ledger = ledger_of(*(request(i, back=(3 + i) * MS) for i in range(7)))
    shown = table(ledger, "mean", ("hop",))
    scale = scale_for(shown.total_ns)
    assert shown.total_ns == round(ledger.mean_ns)
    assert shown.total == scale.show(scale.ticks(ledger.total_ns, ledger.request_count))
    assert shown.note == ""


def test_a_percentile_of_too_few_requests_is_the_mean_of_the_slowest_and_says_so() -> None:
    ledger = ledger_of(*(request(i, back=(3 + i) * MS) for i in range(100)))
    shown = table(ledger, "p99", ("hop",))
    assert shown.total_ns == 104 * MS  # the slowest of a hundred
    assert "20,000" in shown.note
    assert "slowest 1 %" in shown.basis


def test_a_percentile_of_enough_requests_is_of_requests_around_it() -> None:
    ledger = ledger_of(*(request(i, back=(4 if i % 10 else 40) * MS) for i in range(2100)))
    shown = table(ledger, "p90", ("hop", "kind"))
    assert shown.note == ""
    assert "p90" in shown.basis


def test_many_rows_are_folded_without_loss() -> None:
    ledger = ledger_of(*(request(i, back_name=f"service {i}") for i in range(30)))
    shown = table(ledger, "mean", ("hop", "kind"), most=5)
    assert len(shown.rows) == 5
    assert "smaller" in shown.rows[-1].key[0]
    assert sum(row.ns for row in shown.rows) == shown.total_ns


@pytest.mark.parametrize("word", ["", "p", "p0", "p100", "pnan", "pinf", "q5", "95", "p-1"])
def test_a_word_that_is_no_statistic_is_refused(word: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        quantile_of(word)


def test_a_route_is_picked_without_losing_the_sum() -> None:
    ledger = ledger_of(request(1), request(2, route="GET /others", status="ERROR"), request(3))
    assert routes(ledger) == ("GET /things", "GET /others")
    failed = filtered(ledger, Filters(outcome="error"))
    assert failed.request_count == 1
    failed.check()
    assert filtered(ledger, Filters(route="GET /things")).request_count == 2
    assert filtered(ledger, Filters(route="nowhere")).request_count == 0


def test_an_exemplar_is_a_trace_that_has_the_row() -> None:
    ledger = ledger_of(
        request(1, back_name="fast"), request(2, 2 * SECOND, back_name="slow", back=30 * MS)
    )
    found = exemplars(ledger, ("hop", "kind"), [("slow", "self"), ("fast", "self")])
    assert found == {
        ("slow", "self"): trace_id("t2").hex(), ("fast", "self"): trace_id("t1").hex(),
    }  # fmt: skip


def test_an_exemplar_shows_the_rows_time_not_its_absence() -> None:
    usual = [request(i, i * SECOND, back=3 * MS) for i in range(20)]
    ledger = ledger_of(*usual, request(99, 99 * SECOND, back=500 * MS))
    found = exemplars(ledger, ("hop", "kind"), [("back", "self")])
    assert found[("back", "self")] == trace_id("t99").hex()


def test_the_histogram_holds_every_request_once() -> None:
    ledger = ledger_of(*(request(i, back=(2 + i * i) * MS) for i in range(40)))
    bars = histogram(ledger)
    assert bars["requests"].sum() == 40
    assert bars["upto"].iloc[-1] == 1
    assert (bars["low"] < bars["high"]).all()
    assert len(bars) <= 40


@pytest.mark.parametrize(
    ("share", "word"), [(0.5, "p50"), (0.934, "p93"), (0.9951, "p99.5"), (1.0, "p99.9")]
)
def test_a_bar_stands_for_a_percentile(share: float, word: str) -> None:
    assert percentile_word(share) == word
    assert quantile_of(word)
