"""Changes with a known truth: what the comparison makes of two ledgers is what was done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import pytest

from hopwatch.attribution import Attribution
from hopwatch.comparison import Comparison, compare
from hopwatch.simulation import ChangeTruth, Scenario, changed, shipped, simulate_pair
from hopwatch.simulation.scenario import Skew

_SCENARIO = shipped.load("migration")


def _seen_exactly() -> Scenario:
    services = {name: replace(of, jitter=0) for name, of in _SCENARIO.services.items()}
    return replace(_SCENARIO, services=services, skew=Skew())


def _compared(
    scenario: Scenario, change: str, requests: int, **how: Any
) -> tuple[Comparison, ChangeTruth]:
    pair = simulate_pair(changed(scenario, [change]), 1, requests, **how)
    before, after = (Attribution(side.table).ledger() for side in (pair.before, pair.after))
    return compare(before, after), pair.change


def _by_hop(terms: Iterable[Any]) -> Counter[tuple[str, str, str]]:
    """Whole ns by who is called, kind and term."""
    sums: Counter[tuple[str, str, str]] = Counter()
    for term in terms:
        sums[term.hop.rpartition(" -> ")[2], term.kind, term.term] += term.ns
    return sums


@pytest.mark.parametrize(
    "change",
    [
        "none", "rewrite:prices,rust,0.4", "time:postgresql/shop,1.5", "way:users,2",
        "cache:edge GET /home,0.5", "n+1:catalog shop.Catalog/List,3", "mix:edge POST /orders,2",
        "parallel:edge GET /home", "rename:orders,ordering",
        "split:catalog,details,shop.Catalog/Get",
        "add-call:users shop.Users/Get,redis,lognormal(1ms, 0.3)",
    ],
)  # fmt: skip
def test_of_the_same_requests_the_terms_are_the_true_ones(change: str) -> None:
    found, truth = _compared(_seen_exactly(), change, 400, after_seed=1)
    mine, true = _by_hop(found.terms), _by_hop(truth.terms)
    rounding = len(found.terms) + len(truth.terms)
    assert abs(found.delta_ns - truth.delta_ns) <= 1
    for key in mine.keys() | true.keys():
        assert abs(mine[key] - true[key]) <= rounding, (key, mine[key], true[key])


def test_another_mix_is_no_regression_of_any_hop() -> None:
    """Each side with a chance of its own: the mean rises, and nothing is called slower for it."""
    found, _ = _compared(_SCENARIO, "mix:edge POST /orders,2", 4_000)
    assert found.judgement.verdict == "slower"
    assert found.verdict in ("equivalent", "inconclusive")
    assert found.mix_ns > 0.9 * found.delta_ns
    assert "slower" not in {hop.judgement.verdict for hop in found.hops}
    assert "slower" not in {route.judgement.verdict for route in found.routes}


def test_the_hop_that_was_made_slower_comes_first() -> None:
    found, _ = _compared(_SCENARIO, "time:prices,1.5", 4_000)
    assert found.hops[0].hop == "prices"
    assert found.hops[0].judgement.verdict == "slower"
    assert {hop.judgement.verdict for hop in found.hops[1:]} <= {"equivalent", "inconclusive"}
