"""How sure a difference is: blocks, the jackknife, Student's t, many figures together."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist

import numpy as np
import pytest

from hopwatch.attribution import Ledger
from hopwatch.attribution.ledger import BLOCK_NS
from hopwatch.comparison import compare, student
from hopwatch.comparison.blocks import Blocking, NotEnoughDataError, blocking, require_enough
from hopwatch.comparison.jackknife import Floats, correlations, estimates, pseudo_values, variance
from hopwatch.comparison.simultaneous import family
from tests.comparison_data import cell, ledger_of, request

Seconds = dict[int, int]


def blocks(traffic: Seconds) -> Blocking:
    """Of so many requests in each second."""
    starts = np.array(sorted(traffic), np.int64) * BLOCK_NS
    found = blocking(starts)
    require_enough(found, np.array([traffic[s] for s in sorted(traffic)]))
    return found


@pytest.mark.parametrize(
    ("p", "freedom", "expected"),
    [
        (0.975, 1, 12.7062), (0.975, 2, 4.30265), (0.975, 5, 2.57058), (0.95, 10, 1.81246),
        (0.975, 19, 2.09302), (0.995, 30, 2.75000), (0.9995, 3, 12.92398), (0.9, 120, 1.288646),
        (0.975, 1e15, 1.959964), (0.5, 7, 0.0), (0.025, 2, -4.30265),
    ],
)  # fmt: skip
def test_students_t_is_that_of_the_tables(p: float, freedom: float, expected: float) -> None:
    assert student.quantile(p, freedom) == pytest.approx(expected, rel=2e-6, abs=1e-9)


@pytest.mark.parametrize("freedom", [0.5, 1.7, 6.0, 40.5, 3000.0])
def test_quantile_and_tail_are_inverse(freedom: float) -> None:
    for p in (0.01, 0.3, 0.8, 0.975, 0.9999):
        assert 1 - student.tail(student.quantile(p, freedom), freedom) == pytest.approx(p)


def test_blocks_share_the_seconds_evenly() -> None:
    found = blocks(dict.fromkeys(range(90), 6))
    assert found.seconds == 90
    assert set(np.bincount(found.index)) == {4, 5}
    assert list(np.diff(found.index) >= 0) == [True] * 89


def test_pauses_are_no_time() -> None:
    turns = {20 * turn + s: 11 for turn in range(5) for s in range(10)}
    assert list(blocks(turns).index) == list(blocks(dict.fromkeys(range(50), 11)).index)


@pytest.mark.parametrize(
    ("traffic", "says"),
    [
        ({}, "0 s with requests"),
        (dict.fromkeys(range(12), 50), "record at least 20 s"),
        (dict.fromkeys(range(60), 1), "60 requests .* only 3, .* 3.4 times as long"),
    ],
)
def test_too_little_says_what_is_missing(traffic: Seconds, says: str) -> None:
    with pytest.raises(NotEnoughDataError, match=says):
        blocks(traffic)


def of_mean(samples: Floats) -> Floats:
    """Pseudo-values of the means [K] of samples [K, B]."""
    count = samples.shape[-1]
    rest = (samples.sum(axis=-1, keepdims=True) - samples) / (count - 1)
    return pseudo_values(samples.mean(axis=-1), rest)


def test_pseudo_values_of_a_mean_are_the_samples() -> None:
    samples = np.array([[3.0, 1.0, 4.0, 1.0, 5.0, 9.0]])
    assert of_mean(samples) == pytest.approx(samples)


def test_the_variance_by_hand() -> None:
    # Deviations -1.5 -.5 .5 1.5: s^2 = 5/3, r1 = 1.25 / 5 = .25, c = .25 + 1.75 / 4 = .6875.
    (found,), (freedom,) = variance(np.array([[1.0, 2.0, 3.0, 4.0]]))
    inflation = 1.6875 / 0.3125
    assert found == pytest.approx(5 / 3 / 4 * inflation)
    square = 0.6875**2
    unsure = 2 / 3 * (1 + square) / (1 - square) + 4 / 4 / (1 - square)
    assert freedom == pytest.approx(2 / unsure)


def test_without_likeness_the_degrees_of_freedom_are_those_of_the_samples() -> None:
    assert variance(np.array([[-1.0, 1.0] * 10]))[1] == pytest.approx([19])


def test_likeness_that_lasts_counts_for_more() -> None:
    samples = np.array([[1.0, -1, 2, 0, 1.5, -2, -1, -3, -1, 1]])
    squares, r1, r2 = (float(one[0]) for one in correlations(samples))
    # By hand: sum of squares 23.625; r1 = -.0079 + .0976, of which r2 leaves more than .9.
    assert (squares, r1, r2) == pytest.approx((23.625, 0.08968, 0.38333), abs=1e-5)
    (found,), (freedom,) = variance(samples)
    inflation = 1 + 2 * 0.0896825 / (1 - 0.9)
    assert found == pytest.approx(23.625 / 9 / 10 * inflation, rel=1e-5)
    unsure = (2 / 9 * 1.00804 + 4 / 10) / 0.99196  # c² = .00804
    assert freedom == pytest.approx(2 / unsure, rel=1e-4)


def test_slow_wandering_below_much_noise_is_not_taken_for_chance() -> None:
    """Wandering for 5 blocks, below noise as large: with the next block's likeness alone one
    pair in six is an alarm."""
    random = np.random.default_rng(5)
    noise = random.standard_normal((2, 4000, 20 + 100))
    series = np.zeros_like(noise)
    for i in range(1, noise.shape[-1]):
        series[..., i] = 0.8 * series[..., i - 1] + 0.6 * noise[..., i]
    sides = [of_mean(side[:, 100:] + random.standard_normal((4000, 20))) for side in series]
    values = sides[1].mean(axis=1) - sides[0].mean(axis=1)
    found = estimates(values, sides)
    outside = sum(not one.interval(0.95)[0] <= 0 <= one.interval(0.95)[1] for one in found)
    assert outside / len(found) < 0.13


def test_two_sides_add_up_as_welch_has_it() -> None:
    # Alternating samples: neighbours differ, so nothing is inflated.
    sides = [np.array([[-a, a] * 10]) for a in (1.0, 2.0)]
    (found,) = estimates([1.0], sides)
    v = [20 / 19 / 20, 80 / 19 / 20]
    assert found.error == pytest.approx(sqrt(sum(v)))
    assert found.freedom == pytest.approx(sum(v) ** 2 / sum(x * x / 19 for x in v))


@pytest.mark.parametrize(("correlation", "most"), [(0.0, 0.07), (0.6, 0.10)])
def test_false_alarms_under_correlated_load(correlation: float, most: float) -> None:
    """AR(1) blocks without a difference: nominal 5 %. Requests taken as independent would cry
    wolf in a third of the cases at 0.6."""
    random = np.random.default_rng(7)
    alarms, runs, count = 0, 1500, 60
    noise = random.standard_normal((2, runs, count + 50))
    series = np.zeros_like(noise)
    for i in range(1, noise.shape[-1]):
        series[..., i] = correlation * series[..., i - 1] + noise[..., i]
    before, after = (of_mean(side[:, 50:]) for side in series)
    values = after.mean(axis=1) - before.mean(axis=1)
    for found in estimates(values, [before, after]):
        low, high = found.interval(0.95)
        alarms += not low <= 0 <= high
    assert 0.02 < alarms / runs < most


def test_many_figures_need_wider_intervals_unless_they_say_the_same() -> None:
    random = np.random.default_rng(3)
    one = random.standard_normal((1, 200))
    same = np.repeat(one, 30, axis=0)
    different = random.standard_normal((30, 200))
    alone = {
        name: family(estimates(np.zeros(len(side)), [side, side]), [side, side], [0.95]).alone[0.95]
        for name, side in (("one", one), ("same", same), ("different", different))
    }
    assert alone["one"] == 0.95
    assert alone["same"] == pytest.approx(0.95, abs=0.006)
    sidak = 0.95 ** (1 / 30)
    assert alone["different"] == pytest.approx(sidak, abs=0.0006)
    assert alone["different"] <= 1 - 0.05 / 30


def test_a_figure_of_unsure_error_makes_no_other_interval_narrower() -> None:
    """One that wanders as slowly as the window is long has two degrees of freedom; the family of
    the others still counts for as many figures as they are."""
    random = np.random.default_rng(4)
    side = np.concatenate([random.standard_normal((20, 200)), np.linspace(-1, 1, 200)[None]])
    members = estimates(np.zeros(21), [side, side])
    assert members[-1].freedom < 40 < members[0].freedom
    found = family(members, [side, side], [0.95]).alone[0.95]
    assert found == pytest.approx(0.95 ** (1 / 21), abs=0.0006)


def test_of_more_figures_than_blocks_bonferroni_is_asked() -> None:
    side = np.random.default_rng(3).standard_normal((50, 20))
    found = family(estimates(np.zeros(50), [side, side]), [side, side], [0.95])
    assert found.alone[0.95] == pytest.approx(1 - 0.05 / 50)


def noisy(seed: int, seconds: int = 120, factor: float = 1.0, rare: bool = False) -> Ledger:
    """Requests of about 10 ms whose pace differs from second to second."""
    random = np.random.default_rng(seed)
    pace = random.standard_normal(seconds) * 0.05
    samples = []
    for second in range(seconds):
        for ns in 1e7 * np.exp(0.2 * random.standard_normal(20) + pace[second]) * factor:
            samples.append(request(second, cell("a", int(ns * 0.7)), cell("b", int(ns * 0.3))))
    if rare:
        samples.append(request(3, cell("a", 5), route="GET /rare"))
    return ledger_of(samples)


def test_the_bridges_errors_are_those_of_the_means() -> None:
    """One route of one role: the only term is the difference of the means, and so is its
    interval."""

    def only(seed: int) -> Ledger:
        random = np.random.default_rng(seed)
        return ledger_of(
            request(s, cell("a", int(ns)))
            for s in range(60)
            for ns in random.uniform(5e6, 15e6, 15)
        )

    found = compare(only(1), only(2))
    (term,) = found.terms
    assert (term.ns, term.low_ns, term.high_ns) == (found.delta_ns, found.low_ns, found.high_ns)
    n = 60 * 15
    spread = sqrt(2 * (1e7**2 / 12) / n) * NormalDist().inv_cdf(0.975)
    assert found.high_ns is not None
    assert found.high_ns - found.delta_ns == pytest.approx(spread, rel=0.35)


def test_a_true_change_is_found_and_placed() -> None:
    found = compare(noisy(1), noisy(2, factor=1.5))
    assert found.verdict == "slower"
    assert found.hops[0].hop == "a"
    assert [hop.judgement.verdict for hop in found.hops] == ["slower", "slower"]
    median = found.percentiles[0]
    assert median.judgement.verdict == "slower"
    assert median.judgement.low is not None
    assert median.judgement.high is not None
    assert median.judgement.low < 0.5 < median.judgement.high


def test_the_change_at_the_same_mix_is_relative_to_requests_of_that_mix() -> None:
    """Both routes take twice as long, so requests of the same routes do, whatever their mix."""

    def side(homes: int, orders: int, factor: int) -> Ledger:
        return ledger_of(
            request(second, cell("a", factor * ns), route=route)
            for second in range(40)
            for route, count, ns in (("GET /", homes, 10**7), ("POST /orders", orders, 10**8))
            for _ in range(count)
        )

    found = compare(side(9, 1, 1), side(1, 9, 2))
    assert found.judgement.change == pytest.approx(182 / 19 - 1)
    assert found.same_mix.judgement.change == pytest.approx(1)
    assert found.same_mix.delta_ns == 55 * 10**6  # of half homes, half orders


def test_percentiles_of_few_requests_are_refused() -> None:
    p99 = compare(noisy(1), noisy(2)).percentiles[-1]
    assert (p99.before_ns, p99.judgement.verdict) == (None, "inconclusive")
    assert "20,000" in p99.judgement.words


def test_rare_routes_get_no_verdict() -> None:
    found = compare(noisy(1, rare=True), noisy(2, rare=True))
    by_route = {route.route: route for route in found.routes}
    assert "too rare" in by_route["GET /rare"].judgement.words
    assert by_route["GET /rare"].requests_before == 1


def test_too_little_traffic_gives_terms_without_intervals() -> None:
    found = compare(noisy(1, seconds=5), noisy(2, seconds=5))
    assert found.verdict == "inconclusive"
    assert "record at least 20 s" in found.shortage
    assert {term.low_ns for term in found.terms} == {None}
    assert found.judgement.words == found.shortage
    found.check()
