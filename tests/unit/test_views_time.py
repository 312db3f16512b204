"""Windows, blocks of time, and what is said to have changed lately."""

import random

import pytest

from hopwatch.attribution import Ledger
from hopwatch_dashboards.views import over_time, windows
from hopwatch_dashboards.views.changes import lately
from hopwatch_dashboards.views.headline import headline
from hopwatch_dashboards.views.windows import Window, default_choice, step_ns, window
from tests.dashboard_data import BEGIN, MS, SECOND, ledger_of, request


def test_fresh_data_is_shown_by_its_last_minutes_and_old_data_whole() -> None:
    assert default_choice(BEGIN - 60 * SECOND, BEGIN, live=True) == "15m"
    assert default_choice(BEGIN - 3600 * SECOND, BEGIN, live=True) == windows.ALL
    assert default_choice(BEGIN, BEGIN, live=False) == windows.ALL
    assert default_choice(None, BEGIN, live=True) == windows.ALL


def test_all_is_from_the_first_span_to_the_last() -> None:
    found = window(windows.ALL, 5, 10, BEGIN)
    assert (found.start, found.end) == (5, 11)


@pytest.mark.parametrize("seconds", [0, 1, 59, 900, 86_400, 10**9])
def test_blocks_are_few_whatever_the_window(seconds: int) -> None:
    length = seconds * SECOND
    step = step_ns(Window(BEGIN, BEGIN + length), most=90)
    assert step % SECOND == 0
    assert length / step <= 91


def steady(seconds: int, change_at: int | None, **changed: int) -> Ledger:
    """Fifteen requests a second, whose back end varies around 4 ms."""
    rng = random.Random(7)
    requests = []
    for second in range(seconds):
        for i in range(15):
            late = change_at is not None and second >= change_at
            back = int(rng.gauss(4, 0.5) * MS) + (changed.get("slower", 0) if late else 0)
            at = second * SECOND + i * 60 * MS
            requests.append(request(len(requests), at, back=max(back, 3 * MS), database=2 * MS))
    return ledger_of(*requests)


def test_nothing_is_said_to_have_changed_where_nothing_did() -> None:
    found = lately(steady(60, None), Window(BEGIN, BEGIN + 60 * SECOND))
    assert found.enough
    assert found.change is None


def test_a_slower_hop_is_named_with_its_size_and_time() -> None:
    found = lately(steady(60, 48, slower=10 * MS), Window(BEGIN, BEGIN + 60 * SECOND))
    assert found.change is not None
    assert found.change.row == ("back", "go", "self")
    assert found.change.row_mean - found.change.row_mean_before == pytest.approx(10e6, rel=0.2)
    assert found.change.late_ns <= 13 * SECOND


def test_what_lies_before_the_first_request_is_no_time_to_compare_with() -> None:
    long = Window(BEGIN - 840 * SECOND, BEGIN + 60 * SECOND)
    found = lately(steady(60, 48, slower=10 * MS), long)
    assert found.change is not None
    assert found.change.row == ("back", "go", "self")


def test_too_few_requests_say_nothing() -> None:
    found = lately(ledger_of(request(1), request(2)), Window(BEGIN, BEGIN + 60 * SECOND))
    assert not found.enough
    assert "n = 2" in headline(ledger_of(request(1), request(2)), Window(BEGIN, BEGIN + 1))[1]


def test_words_name_what_dominates_and_what_changed() -> None:
    says = headline(steady(60, 48, slower=10 * MS), Window(BEGIN, BEGIN + 60 * SECOND))
    assert "own work in back (go)" in says[0]
    assert "own work in back (go) rose from" in says[1]


def test_blocks_add_up_to_the_mean_request() -> None:
    ledger = ledger_of(*(request(i, i * SECOND, back=(3 + i) * MS) for i in range(10)))
    span = Window(BEGIN, BEGIN + 10 * SECOND)
    frame = over_time.by_hop(ledger, span, 5 * SECOND)
    per_block = frame.groupby("time")["ms"].sum()
    assert per_block.mean() == pytest.approx(ledger.mean_ns / 1e6)


def test_rows_beyond_the_most_are_added_up() -> None:
    ledger = ledger_of(*(request(i, back_name=f"s{i}") for i in range(9)))
    frame = over_time.by_hop(ledger, Window(BEGIN, BEGIN + SECOND), SECOND, most=4)
    assert len(frame) == 4
    assert frame["hop"].iloc[-1] == "others"
    assert frame["ms"].sum() == pytest.approx(ledger.mean_ns / 1e6)


def test_rates_and_percentiles_by_block() -> None:
    slow = [request(i, 10 * SECOND + i, back=80 * MS, status="ERROR") for i in range(4)]
    fast = [request(10 + i, i) for i in range(6)]
    frame = over_time.requests(ledger_of(*slow, *fast), Window(BEGIN, BEGIN + 15 * SECOND),
                               5 * SECOND)  # fmt: skip
    assert list(frame["rate"]) == [6 / 5, 0, 4 / 5]
    assert list(frame["failed"]) == [0, 0, 4 / 5]
    assert frame["p95"].iloc[0] == pytest.approx(6, rel=0.01)
    assert frame["p50"].isna().iloc[1]
    assert frame["p50"].iloc[2] == pytest.approx(82, rel=0.01)


def test_span_of_a_wrong_clock_does_not_stretch_the_last_minutes() -> None:
    now, year = 1_000_000 * SECOND, 365 * 86_400 * SECOND
    chosen = window("15m", 0, now + year, now)
    assert chosen.start == now - 900 * SECOND
    assert now < chosen.end <= now + 60 * SECOND
    assert window("15m", 0, now + 5, now).end == now + 6
