"""What the calls between two processes tell of their clocks."""

from __future__ import annotations

from typing import Any

import pytest

from hopwatch.attribution import Attribution, Options
from hopwatch.attribution.clocks import CLOCK_SCHEMA
from hopwatch.attribution.columnar import Engine
from hopwatch.attribution.forest import granularity
from tests.spans_dsl import MS, US, FixedClocks, attributed, own, span, table


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
    (known,) = Attribution(table(*population(offset))).clocks.stretches[(0, 1)]
    at = known.at(0)
    assert at.low <= offset <= at.high
    assert at.high - at.low < 200 * US
    assert known.flags == ()


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
    assert Attribution(table(*population(0, calls=9))).clocks.stretches == {}
    assert Attribution(table(*population(0, calls=10))).clocks.stretches[(0, 1)]


def test_thin_windows_learn_from_all_calls_and_from_their_neighbours() -> None:
    minute = 60_000 * MS
    ahead = 4000 * MS
    thin = [call for i in range(12) for call in one_call(i, i * minute, ahead)]
    clocks = Attribution(table(*thin)).clocks
    known = clocks.at((0, 1), 5 * minute)
    assert known is not None
    assert known.low <= ahead <= known.high


def test_the_window_that_knows_best_tells_where_in_their_bounds_the_others_lie() -> None:
    """The first minute knows θ = 120 µs to 20 µs, the second only to 500 µs."""
    rows = []
    for i in range(120):
        rows += one_call(i, i * 500 * MS, 120 * US, out=10 * US, back=10 * US)
        rows += one_call(200 + i, (120 + i) * 500 * MS, 120 * US, out=250 * US, back=250 * US)
    clocks = Attribution(table(*rows)).clocks
    first, second = clocks.at((0, 1), 30_000 * MS), clocks.at((0, 1), 90_000 * MS)
    assert first is not None
    assert second is not None
    assert abs(first.low - 110 * US) < 50
    assert abs(first.high - 130 * US) < 50
    assert abs(second.low + 130 * US) < 2 * US
    assert abs(second.high - 370 * US) < 2 * US
    assert abs(first.theta - 120 * US) < 50
    assert first.theta == second.theta
    assert clocks.steps == 0


@pytest.mark.parametrize("calls", [20, 60, 700])
@pytest.mark.parametrize("place", [0.25, 0.5, 0.9])
def test_a_step_is_found_and_where(calls: int, place: float) -> None:
    rows = []
    time = [i * 120_000 * MS // calls for i in range(calls)]
    step = time[round(place * calls)]
    for i, start in enumerate(time):
        rows += one_call(i, start, 5 * MS if start >= step else 0)
    known = Attribution(table(*rows)).clocks
    after = [one for one in known.stretches[(0, 1)] if "step" in one.flags]
    if calls == 20 and place == 0.9:
        assert after == []  # what so few calls say after it is not believed
        return
    assert [one.flags for one in after] == [("step",)]
    assert step <= after[0].start <= time[round(place * calls) + 4]
    assert known.steps == 1
    before, then = known.at((0, 1), step - 12_000 * MS), known.at((0, 1), after[0].start)
    assert before is not None
    assert then is not None
    assert before.low <= 0 <= before.high
    assert then.low <= 5 * MS <= then.high


def test_slow_calls_do_not_widen_what_is_known() -> None:
    rows = [row for i in range(20) for row in one_call(i, i * 10 * MS, 0)]
    slow = [
        row
        for i in range(19)
        for row in one_call(50 + i, i * 10 * MS + 5 * MS, 0, out=3 * MS, back=0)
    ]
    (quick,) = Attribution(table(*rows)).clocks.stretches[(0, 1)]
    (both,) = Attribution(table(*rows, *slow)).clocks.stretches[(0, 1)]
    assert (both.low, both.high) == (quick.low, quick.high)


def test_coarse_stamps_widen_what_is_known_by_their_grain() -> None:
    def width(grain: int) -> int:
        rows = [row for i in range(40) for row in one_call(i, i * 10 * MS, 0, grain=grain)]
        (known,) = Attribution(table(*rows)).clocks.stretches[(0, 1)]
        return known.high[1] - known.low[1]

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


def test_calls_between_two_settings_of_a_clock_may_be_of_either() -> None:
    rows = []
    for i in range(200):
        rows += one_call(i, i * 250 * MS, 5 * MS if i >= 97 else 0)
    clocks = Attribution(table(*rows)).clocks
    before, after = clocks.stretches[(0, 1)]
    assert after.flags == ("step",)
    between = clocks.at((0, 1), (before.end + after.start) // 2)
    assert between is not None
    assert between.low <= 0
    assert between.high >= 5 * MS
    assert between.kappa >= 5 * MS


def test_coarse_stamps_may_move_a_single_call_out_of_the_interval() -> None:
    """A JavaScript client whose stamps were cut by up to 1 ms: no call outlives it."""
    rows = []
    for i in range(100):
        start, cut = (10 * i) * MS, 9 * i % 100 * 10 * US
        rows += [
            span(f"C{i}", start, start + 5 * MS, kind="CLIENT", trace=f"p{i}"),
            span(
                f"S{i}", start + cut + 20 * US, start + cut + 5 * MS - 20 * US, f"C{i}",
                kind="SERVER", service="B", trace=f"p{i}",
            ),
        ]  # fmt: skip
    units = list(Attribution(table(*rows)).requests())
    assert len(units) == 100
    for unit in units:
        assert unit.flags() == []
        assert sorted(own(unit).values()) == [40 * US, 5 * MS - 40 * US]


# The table


def test_the_table_says_who_and_when_and_how_sure() -> None:
    found = Attribution(table(*population(3 * MS))).clock_table()
    assert found.schema == CLOCK_SCHEMA
    (row,) = found.to_pylist()
    assert (row["caller"], row["caller_process"]) == ("A", "A")
    assert (row["callee"], row["callee_process"]) == ("B", "B")
    assert (row["window_start_unix_nano"], row["calls"]) == (333, 40)
    assert row["window_end_unix_nano"] == 333 + 39 * 10 * MS
    assert row["low_ns"] <= 3 * MS <= row["high_ns"]
    assert row["low_ns"] <= row["theta_ns"] <= row["high_ns"]
    assert (row["slope_ppb"], row["flags"]) == (0, [])
    assert row["high_ns"] - row["low_ns"] < 1.5 * row["base_round_trip_ns"]


def test_processes_are_named_by_instance_or_host_and_pid_or_by_all_they_say() -> None:
    rows = population(0)
    for row in rows:
        row["service_instance_id"] = None
        if row["service_name"] == "A":
            row["resource_attributes"] = [("host.name", "h\x1b[31m"), ("process.pid", "7")]
        else:
            row["resource_attributes"] = [("zone", "x" * 100_000)]
    (row,) = Attribution(table(*rows)).clock_table().to_pylist()
    assert row["caller_process"] == "h\x1b[31m/7"
    assert row["callee_process"].startswith("resource ")
    assert len(row["callee_process"]) < 20


def test_the_table_of_no_calls_is_empty() -> None:
    empty = Attribution(table(span("R", 0, 10))).clock_table()
    assert empty.schema == CLOCK_SCHEMA
    assert empty.num_rows == 0


def test_both_engines_make_the_same_table() -> None:
    rows = []
    for i in range(120):
        drift = i * 500 * MS // 20_000
        rows += one_call(i, i * 500 * MS, drift + (5 * MS if i > 70 else 0))
    spans = table(*reversed(rows))
    columnar = Attribution(spans)
    columnar._engine = Engine(spans, Options())
    made = columnar.clock_table()
    assert made.equals(Attribution(spans).clock_table())
    assert [row["flags"] for row in made.to_pylist()] == [["drift"], ["drift", "step"]]
    assert all(abs(row["slope_ppb"] - 50_000) < 5_000 for row in made.to_pylist())


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
