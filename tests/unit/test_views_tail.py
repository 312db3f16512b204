"""The tail's chart and table: whatever the requests, everything adds up as it is printed."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hopwatch.attribution import Ledger
from hopwatch.attribution.quantile import at_quantile, of_slowest
from hopwatch_dashboards.markup.tail import row_name
from hopwatch_dashboards.views import tail
from hopwatch_dashboards.views.breakdown import KEYS, MEAN, SLOWEST, is_statistic
from hopwatch_dashboards.views.exemplars import of_length
from hopwatch_dashboards.views.tail_words import headline, refused
from tests.dashboard_data import MS, ledger_of, request

HOPS = ("hop", "language", "kind")


def printed(text: str) -> int:
    """A figure in its last digit."""
    sign = -1 if text.startswith("\N{MINUS SIGN}") else 1
    return sign * int(text.lstrip("+\N{MINUS SIGN}").replace(",", "").replace(".", ""))


def slow_database(count: int) -> Ledger:
    """Requests of which every tenth waits for its database."""
    return ledger_of(
        *(
            request(i, back=(4 + 40 * (i % 10 == 0)) * MS + i * 1000,
                    database=(2 + 40 * (i % 10 == 0)) * MS)
            for i in range(count)
        )
    )  # fmt: skip


LARGE = slow_database(4200)


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(min_value=1, max_value=10**10), min_size=1, max_size=12), st.data())
def test_a_comparison_adds_up_down_and_across(extra: list[int], data: st.DataObject) -> None:
    ledger = ledger_of(*(request(i, back=2 * MS + ns) for i, ns in enumerate(extra)))
    keys = data.draw(st.sampled_from([c for n in (1, 3) for c in combinations(KEYS, n)]))
    words = (MEAN, SLOWEST, "p50", "p99")
    low, high = data.draw(st.sampled_from(words)), data.draw(st.sampled_from(words))
    shown = tail.compare(ledger, low, high, keys, most=3)
    for column in ("low", "high", "more"):
        figures = [printed(getattr(row, column)) for row in shown.rows]
        assert sum(figures) == printed(getattr(shown.total, column))
    for row in (*shown.rows, shown.total):
        assert printed(row.high) - printed(row.low) == printed(row.more)
    assert sum(row.more_ns for row in shown.rows) == shown.total.more_ns
    assert len(shown.rows) <= 3


def test_the_slowest_against_all_is_of_means() -> None:
    shown = tail.compare(LARGE, MEAN, SLOWEST, HOPS)
    slowest = of_slowest(LARGE, 0.01, *HOPS)
    assert shown.total.more_ns == slowest.total_ns - round(LARGE.mean_ns)
    assert shown.rows[0].key == ("postgresql/shop", "-", "db")
    assert shown.high == "the mean of the slowest 1 % of requests (42)"
    assert shown.notes == ()


def test_what_requests_are_too_few_for_is_said() -> None:
    few = slow_database(300)
    shown = tail.compare(few, "p50", "p99", HOPS)
    assert "needs 400 requests" in shown.notes[0]
    assert "needs 20,000 requests" in shown.notes[1]
    assert "p50 needs 400" in refused(few)
    assert tail.usual_pair(few) == (MEAN, SLOWEST)
    assert tail.curve(few, HOPS).empty
    assert "Percentiles by hop need 400 requests" in headline(few)[1]


@pytest.mark.parametrize("most", [2, 10])
def test_at_every_percentile_the_rows_are_the_smoothed_quantile(most: int) -> None:
    frame = tail.curve(LARGE, HOPS, most)
    sums = frame.groupby("percent").agg({"ns": "sum", "total_ns": "first", "row": "nunique"})
    assert (sums["ns"] == sums["total_ns"]).all()
    assert (sums["row"] <= most).all()
    for percent, total in sums["total_ns"].items():
        assert at_quantile(LARGE, float(str(percent)) / 100, "hop").total_ns == total


def test_the_curve_goes_as_far_as_there_are_requests() -> None:
    frame = tail.curve(LARGE, HOPS)
    assert (frame["percent"].min(), frame["percent"].max()) == pytest.approx((4.8, 95.2))
    assert frame["percent"].is_monotonic_increasing
    steps = frame[frame["row"] == 0]
    assert (steps["left"].iloc[1:].to_numpy() == steps["right"].iloc[:-1].to_numpy()).all()
    assert tail.answerable(LARGE) == ("p50", "p75", "p90", "p95")


def test_exactly_enough_requests_give_one_percentile() -> None:
    frame = tail.curve(slow_database(400), HOPS)
    assert set(frame["percent"]) == {50.0}
    assert len(frame["place"].unique()) == 1


def test_what_grows_most_lies_on_top() -> None:
    frame = tail.curve(LARGE, HOPS)
    assert frame[frame["row"] == 0]["key"].iloc[0] == ("postgresql/shop", "-", "db")
    row, grown = tail.ends(frame)[0]
    assert row == 0
    assert " to " in grown


def test_the_words_name_what_grows() -> None:
    slowest, percentile = headline(LARGE)
    assert slowest.startswith("The slowest 1 % (42 requests of 4,200) take 49.9 ms")
    assert "the database postgresql/shop grows most" in slowest
    assert percentile.startswith("A request at p95 takes 4")
    assert "more than one at p50" in percentile


def test_requests_that_are_all_alike_have_no_tail() -> None:
    alike = ledger_of(*(request(i) for i in range(500)))
    assert "grows most" not in "".join(headline(alike))
    shown = tail.compare(alike, "p50", SLOWEST, HOPS)
    assert {row.more for row in shown.rows} == {"0.000"}


def test_requests_without_time_are_told_of() -> None:
    nothing = ledger_of(*(request(i, back=0, database=0) for i in range(3)))
    assert "requests of 3" not in headline(nothing)[0]


def test_a_percentile_needs_no_more_than_is_said() -> None:
    assert [tail.needed(word) for word in tail.PERCENTILES] == [
        400, 800, 2_000, 4_000, 20_000, 200_000,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("keys", "key", "name"),
    [
        (HOPS, ("back", "go", "self"), "back"),
        (HOPS, ("a -> b", "-", "gap"), "a -> b gap"),
        (("kind", "language"), ("self", "go"), "self go"),
        (("language",), ("-",), "-"),
        (HOPS, ("3 others", "", ""), "3 others"),
    ],
)
def test_rows_of_the_chart_are_told_apart(
    keys: tuple[str, ...], key: tuple[str, ...], name: str
) -> None:
    assert row_name(keys, key) == name


@pytest.mark.parametrize("word", ["", "p", "p100", "pnan", "slow", "p-1"])
def test_a_word_that_is_no_statistic_is_known(word: str) -> None:
    assert not is_statistic(word)


@pytest.mark.parametrize("word", [MEAN, SLOWEST, "p50", "p99.9", "p33"])
def test_a_statistic_is_known(word: str) -> None:
    assert is_statistic(word)
    assert len(of_length(LARGE, word)) == 32
