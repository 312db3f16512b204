"""Sampled requests: the pages' figures are of all that there were, as far as they say."""

import pytest

from hopwatch.attribution import Ledger, attribute
from hopwatch_dashboards.markup.tiles import of_ledger
from hopwatch_dashboards.views import over_time, tail, weights
from hopwatch_dashboards.views.breakdown import MEAN, SLOWEST, slowest_count, table
from hopwatch_dashboards.views.distribution import histogram
from hopwatch_dashboards.views.hop import about
from hopwatch_dashboards.views.path import request_path
from hopwatch_dashboards.views.windows import Window
from tests.dashboard_data import BEGIN, MS, SECOND, request
from tests.spans_dsl import table as spans

WINDOW = Window(BEGIN, BEGIN + 10 * SECOND)
QUARTER = "ot=th:c"  # one of four was kept
FAST, SLOW = 6 * MS, 12 * MS
"""How long they take, end to end."""


def sampled(number: int, back: int, state: str = "") -> list[dict[str, object]]:
    return [{**row, "trace_state": state} for row in request(number, number * SECOND, back=back)]


@pytest.fixture(scope="module")
def ledger() -> Ledger:
    """Two fast requests of which one in four was kept, and one slow that is one."""
    kept = [sampled(0, 4 * MS, QUARTER), sampled(1, 4 * MS, QUARTER), sampled(2, 10 * MS)]
    return attribute(spans(*(row for rows in kept for row in rows)))


def test_means_are_of_all_requests(ledger: Ledger) -> None:
    mean = round((8 * FAST + SLOW) / 9)
    assert weights.requests(ledger) == 9
    assert table(ledger, MEAN, ("hop",)).total_ns == mean
    assert "3 requests (sampled of about 9)" in table(ledger, MEAN, ("hop",)).basis
    assert sum(step.ns for step in request_path(ledger)) == 8 * FAST + SLOW
    back = about(ledger, "back")
    assert back is not None
    assert back.ns == 8 * 2 * MS + 8 * MS
    assert back.calls == 9


def test_what_happens_over_time_is_too(ledger: Ledger) -> None:
    spent = over_time.by_hop(ledger, WINDOW, 10 * SECOND)
    assert spent["ms"].sum() == pytest.approx((8 * FAST + SLOW) / 9 / 1e6)
    rate = over_time.requests(ledger, WINDOW, 10 * SECOND)
    assert rate["rate"].tolist() == [0.9]
    assert rate["p50"].iloc[0] == pytest.approx(6, rel=0.01)
    assert histogram(ledger)["requests"].sum() == 9


def test_the_tail_counts_what_was_kept(ledger: Ledger) -> None:
    assert slowest_count(ledger, 0.01) == 1
    assert slowest_count(ledger, 0.5) == 2
    shown = tail.compare(ledger, MEAN, SLOWEST, ("hop",))
    assert shown.total.high == "12.000"


def test_what_was_kept_stands_beside_it(ledger: Ledger) -> None:
    shown = of_ledger(ledger).striptags()
    assert "about 9" in shown
    assert "3 kept" in shown
