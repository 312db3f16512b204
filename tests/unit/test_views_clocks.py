"""The data of the charts of clocks."""

import pyarrow as pa
import pytest

from hopwatch.attribution.clocks import CLOCK_SCHEMA
from hopwatch_dashboards.charts.clocks import offset
from hopwatch_dashboards.views.clocks import chosen, pairs, places

SECOND = 10**9


def row(caller: str, callee: str, window: int, theta: int, **changes: object) -> dict[str, object]:
    start = window * 60 * SECOND
    return {
        "caller": caller, "caller_process": f"{caller}-1", "callee": callee,
        "callee_process": f"{callee}-1", "window_start_unix_nano": start,
        "window_end_unix_nano": start + 60 * SECOND, "calls": 10, "theta_ns": theta,
        "low_ns": theta - 1_000_000, "high_ns": theta + 1_000_000, "base_round_trip_ns": 1,
        "slope_ppb": 0, "flags": [],
    } | changes  # fmt: skip


def clocks(*rows: dict[str, object]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), CLOCK_SCHEMA)


def test_pairs_that_are_most_worth_a_look_come_first() -> None:
    known = pairs(
        clocks(
            row("a", "b", 0, 0),
            row("a", "c", 0, 0, low_ns=-9_000_000),
            row("a", "d", 0, 0, flags=["drift"], slope_ppb=-7_000),
            row("a", "e", 0, 0),
            row("a", "e", 1, 5_000_000, flags=["step"]),
            row("a", "f", 0, 0, flags=["conflict"]),
        )
    )
    assert [pair.callee for pair in known] == ["e", "f", "d", "c", "b"]
    assert known[0].calls == 20
    assert (known[0].theta_ns, known[0].low_ns) == (5_000_000, 4_000_000)
    assert known[0].windows["stepped"].tolist() == [False, False, True, False]
    assert known[2].ppm == -7


def test_what_drifts_is_drawn_as_it_drifts() -> None:
    (pair,) = pairs(clocks(row("a", "b", 0, 2_000_000, slope_ppb=10_000, flags=["drift"])))
    # 10 ppm of 60 s: 0.6 ms from the begin of the window to its end.
    assert pair.windows["theta"].tolist() == pytest.approx([1.7, 2.3])
    assert pair.windows["low"].tolist() == pytest.approx([0.7, 1.3])
    offset(pair.windows).to_dict()


def test_pairs_are_chosen_by_services_or_by_a_process() -> None:
    known = pairs(clocks(row("a", "b", 0, 0), row("b", "c", 0, 0), row("a", "c", 0, 0)))
    assert places(known) == ["a -> b", "a -> c", "b -> c", "a a-1", "b b-1", "c c-1"]
    assert [pair.edge for pair in chosen(known, "a -> c")] == ["a -> c"]
    assert [pair.edge for pair in chosen(known, "b b-1")] == ["a -> b", "b -> c"]
    assert chosen(known, None) == known
    assert chosen(known, "x") == []


def test_nothing_is_known() -> None:
    assert pairs(clocks()) == []
