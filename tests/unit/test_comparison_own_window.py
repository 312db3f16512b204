"""False alarms counted in the window before; how sure a counted share is."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

from hopwatch.attribution import Ledger
from hopwatch.comparison import compare
from hopwatch.comparison.binomial import interval
from hopwatch.comparison.blocks import BLOCKS, PIECES
from hopwatch.comparison.bridged import Bridged
from hopwatch.comparison.own_window import HALVES, WAYS, OwnWindow
from hopwatch.comparison.roles import align
from hopwatch.comparison.windows import Window
from tests.comparison_data import Sample, cell, ledger_of, request


def traffic(seed: int, seconds: int = 80, slower_from: int = 10**6) -> list[Sample]:
    """Two routes, whose pace differs from second to second."""
    random = np.random.default_rng(seed)
    pace = np.exp(0.05 * random.standard_normal(seconds))
    return [
        request(
            second,
            cell("a", int(1e6 * pace[second] * random.uniform(1, 2))),
            cell("b", int(1e6 * random.uniform(1, 2) * (1.5 if second >= slower_from else 1))),
            route=f"GET /{random.integers(2)}",
        )
        for second in range(seconds)
        for _ in range(14)
    ]


def own_window(samples: list[Sample]) -> OwnWindow:
    window = Window(ledger_of(samples))
    alignment = align(window, window)
    return OwnWindow(window, alignment.sides[0], alignment.routes)


def test_the_ways_are_even_and_tell_nothing_of_each_other() -> None:
    signs = np.ones((len(WAYS), PIECES))
    for row, (_, second) in zip(signs, WAYS, strict=True):
        row[second] = -1
    assert (signs @ signs.T == PIECES * np.eye(39)).all()
    assert {len(half) for way in WAYS for half in way} == {BLOCKS}
    assert [list(half) for half in WAYS[HALVES]] == [list(range(20)), list(range(20, 40))]


def test_each_way_is_the_comparison_of_two_such_ledgers() -> None:
    """What is counted of the parts is what `compare` says of them."""
    samples = traffic(5, slower_from=50)
    own = own_window(samples)
    alarmed = own.mean(0.95)
    for number in range(HALVES - 2, HALVES + 2):
        halves = WAYS[number]
        piece = np.arange(80) * PIECES // 80
        sides = [ledger_of(s for s in samples if piece[s.second] in half) for half in halves]
        assert (compare(*sides).verdict == "slower") == alarmed[number]
        windows = [Window(side) for side in sides]
        bridged = Bridged(windows, align(*windows))
        keys = [key for key in bridged.exact if key.role and key.role.hop == "b"]
        pseudo = bridged.stacked([keys])
        mine = own.of_hops(["b"], halves)
        assert mine[0] == pytest.approx([float(sum(bridged.exact[key] for key in keys))])
        for at in range(2):
            assert mine[1][at] == pytest.approx(pseudo[at], rel=1e-6, abs=1e-3)


def test_alarms_are_counted_by_figure() -> None:
    found = compare(ledger_of(traffic(1)), ledger_of(traffic(2)))
    everything = found.judgement, found.same_mix.judgement
    for one in (*everything, *(hop.judgement for hop in found.hops), found.routes[0].judgement):
        counted = one.false_alarms
        assert counted is not None
        assert counted.ways == 39
        assert counted.alarms <= 8
        assert counted.low <= counted.alarms / 39 <= counted.high
    median, p99 = found.percentiles[0].judgement, found.percentiles[-1].judgement
    assert median.false_alarms is not None
    assert p99.false_alarms is None
    document = found.document()
    assert document["judgement"]["false_alarms"]["ways"] == 39


def test_a_step_within_the_window_is_an_alarm_between_its_halves() -> None:
    own = own_window(traffic(1, slower_from=40))
    assert own.mean(0.95)[HALVES]
    assert not own_window(traffic(1)).mean(0.95)[HALVES]


def test_a_step_is_cautioned_of_unless_both_sides_met_it() -> None:
    stepped, steady = traffic(1, slower_from=40), traffic(2)
    later = [replace(sample, second=sample.second + 100) for sample in steady]
    two_windows = compare(ledger_of(stepped), ledger_of(later)).cautions
    assert [one for one in two_windows if "halves" in one]
    side_by_side = compare(ledger_of(stepped), ledger_of(steady)).cautions
    assert not [one for one in side_by_side if "halves" in one]


def test_rare_routes_and_short_windows_are_not_counted() -> None:
    def side(seed: int, seconds: int) -> Ledger:
        return ledger_of([*traffic(seed, seconds), request(3, cell("c", 10**6), route="rare")])

    found = compare(side(1, 80), side(2, 80))
    by_route = {route.route: route.judgement for route in found.routes}
    assert by_route["rare"].false_alarms is None
    short = compare(side(1, 25), side(2, 25))
    assert short.shortage == ""
    assert short.judgement.false_alarms is None


@pytest.mark.parametrize(
    ("cases", "of", "low", "high"),
    [(0, 20, 0, 0.1684), (1, 20, 0.00127, 0.2487), (10, 20, 0.2720, 0.7280), (20, 20, 0.8316, 1)],
)
def test_the_interval_of_a_share_is_that_of_the_tables(
    cases: int, of: int, low: float, high: float
) -> None:
    assert interval(cases, of, 0.95) == pytest.approx((low, high), abs=1e-4)


def test_ways_differ() -> None:
    assert all(set(a[0]) != set(b[0]) for a, b in combinations(WAYS, 2))


def test_slow_wandering_and_coarse_routes_are_cautioned_of() -> None:
    def side(seed: int, drift: float) -> Ledger:
        random = np.random.default_rng(seed)
        return ledger_of(
            request(
                100 * seed + s,
                cell("a", int(1e6 * random.uniform(1, 2) * (1 + drift * s))),
                route=route,
            )
            for s in range(80)
            for route in ("GET /*", "GET /x")
            for ns in 1e6 * random.uniform(1, 2, 7)
        )

    steady, wandering = (compare(side(1, drift), side(2, drift)) for drift in (0.0, 0.01))
    assert not [one for one in steady.cautions if "wander" in one]
    (wander,) = (one for one in wandering.cautions if "wander" in one)
    assert "blocks of 4 s are alike" in wander
    assert [one for one in steady.cautions if "share the route GET /*" in one]
    assert wandering.document()["cautions"] == list(wandering.cautions)
