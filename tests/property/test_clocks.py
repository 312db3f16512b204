"""How well the offsets of clocks are known, scored on populations of calls whose clocks we set:
do the stated intervals hold the truth, how wide are they, and what is flagged, rightly or not.

`HOPWATCH_SOAK=1` draws ten times as many pairs.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hopwatch.attribution import attribute
from hopwatch.attribution.bands import Calls
from hopwatch.attribution.clocks import Clocks
from tests.call_populations import (
    EPOCH_NS,
    MS,
    SECOND,
    US,
    Population,
    Way,
    constant,
    disciplined,
    drifting,
    joined,
    population,
    stepping,
)
from tests.spans_dsl import span, table

MANY = 10 if os.environ.get("HOPWATCH_SOAK") else 1
Random = np.random.Generator


@dataclass
class Score:
    """Of pairs that were estimated. pairs: with anything known. flagged: pairs by flag. held:
    shares of the windows, and of single calls, whose interval holds the truth. width: median of
    intervals, in base round trips."""

    pairs: int
    flagged: Counter[str]
    held: float
    held_at_calls: float
    width: float


def scored(make: Callable[[Random, int], Population], pairs: int, *, seed: int = 1) -> Score:
    populations = [make(np.random.default_rng([seed, i]), i) for i in range(pairs)]
    clocks = estimated(populations)
    flagged: Counter[str] = Counter()
    held, held_at_calls, widths = [], [], []
    for i, made in enumerate(populations):
        known = clocks.stretches.get((i, i), ())
        flagged.update({flag for one in known for flag in one.flags})
        middles = np.array([(one.start + one.end) // 2 for one in known])
        for one, middle, theta in zip(known, middles.tolist(), made.theta(middles), strict=True):
            offset = one.at(middle)
            held.append(offset.low <= theta <= offset.high)
            widths.append((offset.high - offset.low) / made.base)
        times = made.calls.time[:: max(1, len(made.calls.time) // 20)]
        for time, theta in zip(times.tolist(), made.theta(times), strict=True):
            found = clocks.at((i, i), time)
            if found is not None:
                held_at_calls.append(found.low <= theta <= found.high)
    return Score(
        len(clocks.stretches),
        flagged,
        float(np.mean(held)),
        float(np.mean(held_at_calls)),
        float(np.median(widths)),
    )


def estimated(populations: list[Population]) -> Clocks:
    return Clocks.estimated(
        [(i, i) for i in range(len(populations))], joined([one.calls for one in populations])
    )


LIGHT = Way(100 * US, 60 * US)
WAYS = {
    "symmetric": (LIGHT, LIGHT),
    "asymmetric": (Way(250 * US, 100 * US), Way(30 * US, 40 * US)),
    "queueing before the handler": (Way(100 * US, 60 * US, queued=0.3, queue=5 * MS), LIGHT),
    "heavy tails": (Way(100 * US, 60 * US, sigma=2), Way(100 * US, 60 * US, sigma=2)),
    "across the world": (Way(40 * MS, 2 * MS), Way(40 * MS, 2 * MS)),
}


@pytest.mark.parametrize("ways", list(WAYS))
@pytest.mark.parametrize("calls", [30, 300])
def test_clocks_that_only_differ(ways: str, calls: int) -> None:
    """By milliseconds to ten seconds: nothing is flagged, ever."""
    out, back = WAYS[ways]

    def make(random: Random, pair: int) -> Population:
        offset = random.normal(0, 1) * 10.0 ** random.integers(5, 11)
        return population(
            random, calls=calls, seconds=120, out=out, back=back, callee=constant(offset), pair=pair
        )

    score = scored(make, 250 * MANY)
    assert score.pairs == 250 * MANY
    assert score.flagged == {}
    assert score.held == score.held_at_calls == 1
    assert score.width <= 1.5


@pytest.mark.parametrize("calls", [60, 300, 3000])
def test_a_drift_of_50_ppm(calls: int) -> None:
    def make(random: Random, pair: int) -> Population:
        ppm = 50 * random.choice([-1, 1])
        callee = drifting(random.normal(0, 10 * MS), ppm)
        return population(
            random, calls=calls, seconds=120, out=LIGHT, back=LIGHT, callee=callee, pair=pair
        )

    pairs = 40_000 // calls * MANY
    score = scored(make, pairs)
    assert score.flagged == {"drift": pairs}
    assert score.held == score.held_at_calls == 1
    assert score.width <= 1.5


def test_how_fast_a_clock_drifts_is_said() -> None:
    for ppm in (-50, 50, 400):
        random = np.random.default_rng(5)
        made = population(
            random, calls=600, seconds=120, out=LIGHT, back=LIGHT, callee=drifting(0, ppm)
        )
        for one in estimated([made]).stretches[(0, 0)]:
            assert abs(one.slope_ppb - 1000 * ppm) < 2500


@pytest.mark.parametrize("calls", [300, 3000])
@pytest.mark.parametrize("ppm", [0, 50])
def test_a_step_of_5_ms(calls: int, ppm: int) -> None:
    """Found and located, at any place, whether or not clocks drift as well."""
    steps: dict[int, float] = {}

    def make(random: Random, pair: int) -> Population:
        steps[pair] = random.uniform(10, 110) * SECOND
        callee = stepping(random.normal(0, 10 * MS), 5 * MS * random.choice([-1, 1]), steps[pair])
        return population(
            random, calls=calls, seconds=120, out=LIGHT, back=LIGHT,
            caller=drifting(0, ppm), callee=callee, pair=pair,
        )  # fmt: skip

    pairs = 30_000 // calls * MANY
    score = scored(make, pairs)
    assert score.flagged["step"] >= 0.99 * pairs
    assert score.flagged["drift"] == (pairs if ppm else 0)
    assert score.flagged["conflict"] <= 0.01 * pairs
    assert score.held >= 0.99
    assert score.held_at_calls >= 0.99
    assert score.width <= 1.5
    clocks = estimated([make(np.random.default_rng([1, i]), i) for i in range(10)])
    for pair in range(10):
        (after,) = [one for one in clocks.stretches[(pair, pair)] if "step" in one.flags]
        assert abs(after.start - EPOCH_NS - steps[pair]) < 30 * 120 * SECOND / calls


def test_thin_pairs_whose_clock_is_set() -> None:
    """30 calls a minute; ten calls must follow the step, or else it is not believed."""

    def make(random: Random, pair: int) -> Population:
        callee = stepping(0, 5 * MS, random.uniform(40, 80) * SECOND)
        return population(
            random, calls=60, seconds=120, out=LIGHT, back=LIGHT, callee=callee, pair=pair
        )

    score = scored(make, 150 * MANY)
    assert score.flagged["step"] >= 0.95 * 150 * MANY
    assert score.held >= 0.99


@pytest.mark.parametrize("calls", [100, 600, 6000])
def test_clocks_that_ntp_steers(calls: int) -> None:
    """Their speed changes by ppm every minute, and offsets are slewed away at 500 ppm."""

    def make(random: Random, pair: int) -> Population:
        caller, callee = (disciplined(random, random.normal(0, MS), 600) for _ in range(2))
        return population(
            random, calls=calls, seconds=600, out=LIGHT, back=LIGHT,
            caller=caller, callee=callee, pair=pair,
        )  # fmt: skip

    pairs = max(30, 40_000 // calls) * MANY
    score = scored(make, pairs)
    assert score.held >= 0.99
    assert score.held_at_calls >= 0.99
    assert score.flagged["conflict"] <= 0.02 * pairs


@pytest.mark.parametrize("calls", [12, 300])
@pytest.mark.parametrize(("caller", "callee"), [(MS, 1), (1, MS), (MS, MS), (US, 256)])
def test_coarse_stamps(calls: int, caller: int, callee: int) -> None:
    def make(random: Random, pair: int) -> Population:
        return population(
            random, calls=calls, seconds=120, out=LIGHT, back=LIGHT, pair=pair,
            callee=drifting(random.normal(0, 10 * MS), random.normal(0, 10)),
            grain_caller=caller, grain_callee=callee,
        )  # fmt: skip

    score = scored(make, 150 * MANY)
    assert score.held >= 0.99
    assert score.held_at_calls >= 0.99
    assert set(score.flagged) <= {"drift"}
    if calls == 300:  # if both are coarse, no call shows more than a whole tick
        assert score.width <= (7 if caller == callee else 2.5)


def test_two_hosts_under_one_name_contradict_each_other() -> None:
    def make(random: Random, pair: int) -> Population:
        def callee(time: np.ndarray) -> np.ndarray:  # type: ignore[type-arg]
            return 5 * MS * (np.floor(time / MS) % 2)

        return population(
            random, calls=300, seconds=120, out=LIGHT, back=LIGHT, callee=callee, pair=pair
        )

    score = scored(make, 20)
    assert score.flagged == {"conflict": 20}
    assert score.held == score.held_at_calls == 1


def test_single_odd_calls_change_little() -> None:
    """One call in 200 is stamped wrongly by up to an hour."""

    def make(random: Random, pair: int) -> Population:
        made = population(random, calls=400, seconds=120, out=LIGHT, back=LIGHT, pair=pair)
        wrong = random.random(400) < 0.005
        shift = (random.normal(0, 1, 400) * 10.0 ** random.integers(6, 13, 400)).astype(np.int64)
        calls = made.calls._replace(a=made.calls.a + wrong * shift, b=made.calls.b + wrong * shift)
        return Population(calls, made.theta, made.base)

    score = scored(make, 300 * MANY)
    assert score.held >= 0.99
    assert score.width <= 1.5
    assert score.flagged.total() <= 0.02 * 300 * MANY


def test_pairs_that_come_and_go() -> None:
    """Thousands of pods with a dozen calls each, all at once or over some minutes."""

    def make(random: Random, pair: int) -> Population:
        return population(
            random, calls=int(random.integers(10, 20)), seconds=float(random.integers(1, 600)),
            out=LIGHT, back=LIGHT, callee=constant(random.normal(0, MS)), pair=pair,
        )  # fmt: skip

    score = scored(make, 2000 * MANY)
    assert score.flagged == {}
    assert score.held == 1
    assert score.width <= 1.75


SKEWS = st.one_of(st.integers(-10 * SECOND, 10 * SECOND), st.sampled_from([0, 5 * MS, 60 * SECOND]))


@given(st.integers(0, 99), SKEWS, SKEWS)
@settings(max_examples=25, deadline=None)
def test_gaps_and_what_is_served_do_not_move_with_the_clocks(seed: int, b: int, c: int) -> None:
    """A calls B, B calls C; each call has a client span whose only remote child it is, and ends
    before it. Whatever the clocks of B and C show, every ns is blamed as under true clocks."""
    random = np.random.default_rng(seed)
    starts = np.sort(random.integers(0, 150 * SECOND, 80)).tolist()
    waits = random.integers(20 * US, 900 * US, (80, 7)).tolist()

    def blamed(b: int, c: int) -> list[dict[str, Any]]:
        rows = []
        for i, (start, way) in enumerate(zip(starts, waits, strict=True)):
            names = [f"{name}{i}" for name in ("R", "C", "S", "D", "T")]
            low, high = start, start + 20 * MS
            for level, (name, service, kind, shift) in enumerate(
                zip(names, "AABBC", ["SERVER", "CLIENT"] * 2 + ["SERVER"], [0, 0, b, b, c],
                    strict=True)
            ):  # fmt: skip
                rows.append(
                    span(
                        name, low + shift, high + shift, names[level - 1] if level else None,
                        kind=kind, service=service, trace=f"t{i}",
                    )
                )  # fmt: skip
                low, high = low + way[level], high - way[level + 1]
        return attribute(table(*rows)).cells.to_pylist()

    assert blamed(b, c) == blamed(0, 0)


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_the_order_of_calls_changes_nothing(data: st.DataObject) -> None:
    made = []
    for pair in range(data.draw(st.integers(0, 3))):
        random = np.random.default_rng(data.draw(st.integers(0, 99)))
        callee = stepping(0, data.draw(st.sampled_from([0, 5 * MS, 10**18])), 30 * SECOND)
        made.append(
            population(
                random,
                calls=data.draw(st.integers(1, 80)),
                seconds=60,
                out=LIGHT,
                back=LIGHT,
                callee=callee,
                pair=pair,
                grain_caller=data.draw(st.sampled_from([1, MS])),
            )
        )
    calls = joined([one.calls for one in made])
    order = np.array(data.draw(st.permutations(range(len(calls.a)))), np.int64)
    pairs = [(i, i) for i in range(len(made))]
    shuffled = Calls(*(column[order] for column in calls))
    assert Clocks.estimated(pairs, shuffled) == Clocks.estimated(pairs, calls)


INTS = st.one_of(st.integers(-50, 50), st.integers(-(2**61), 2**61))


@given(
    st.lists(
        st.tuples(st.integers(0, 1), st.integers(-(10**11), 10**11), INTS, INTS),
        max_size=40,
    )
)
@settings(max_examples=150, deadline=None)
def test_any_stamps_at_all_give_ordered_intervals(rows: list[tuple[int, int, int, int]]) -> None:
    columns = [np.array([row[i] for row in rows], np.int64) for i in range(4)]
    one = np.ones(len(rows), np.int64)
    clocks = Clocks.estimated([(0, 0), (1, 1)], Calls(*columns, one, one))
    for known in clocks.stretches.values():
        for stretch in known:
            assert stretch.start <= stretch.end
            for low, theta, high in zip(stretch.low, stretch.theta, stretch.high, strict=True):
                assert low <= theta <= high
