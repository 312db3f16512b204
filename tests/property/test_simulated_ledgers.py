"""The analyzer, scored against simulations whose truth is known."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hopwatch.attribution import Attribution
from hopwatch.simulation import Scenario, Score, score, score_clocks, shipped, simulate
from hopwatch.simulation.laws import Law
from hopwatch.simulation.scenario import (
    Acquire,
    Call,
    Clock,
    Inner,
    Leaf,
    Network,
    Observation,
    Service,
    Skew,
    Step,
    Target,
    Work,
)
from tests.scenarios import MS, scenario, work

NO_SKEW = Skew()
SKEWED = Skew(offset=5.0 * MS, drift_ppm=20.0)


def _scored(described: Scenario, requests: int, seed: int = 1) -> Score:
    result = simulate(described, seed, requests)
    return score(Attribution(result.table).ledger(), result.truth)


def _with_stamps(described: Scenario, stamps: str, jitter: int = 0) -> Scenario:
    services = {
        name: replace(service, stamps=stamps, jitter=jitter)
        for name, service in described.services.items()
    }
    return replace(described, services=services)


# Exact where that is possible


@pytest.mark.parametrize("name", ["chain", "shop", "queue"])
@pytest.mark.parametrize("skew", [0, 10_000 * MS])
def test_every_cell_is_exact_with_true_stamps(name: str, skew: int) -> None:
    """Gaps and what is served do not depend on how far the clocks are off."""
    described = replace(_with_stamps(shipped.load(name), "ns"), skew=Skew(offset=float(skew)))
    found = _scored(described, 3_000)
    assert [cell for cell in found.cells if cell.error] == []
    assert found.missed_requests == 0


LAWS = st.builds(
    Law,
    st.sampled_from(["constant", "exponential"]),
    st.integers(0, 5_000_000).map(float),
)


def _steps(children: st.SearchStrategy[Step]) -> st.SearchStrategy[Step]:
    inner = st.builds(
        Inner, st.sampled_from(["render", "parse 7"]), st.lists(children, max_size=3).map(tuple)
    )
    return st.builds(Step, inner, probability=st.sampled_from([1.0, 0.5]))


_WORK = st.builds(Step, st.builds(Work, LAWS))
_QUERY = st.builds(
    Step, st.builds(Leaf, st.just("db"), st.just("mysql/x"), st.just("SELECT b"), LAWS)
)
_HELD = st.builds(
    Step,
    st.builds(Acquire, st.just("pg"), st.lists(st.one_of(_WORK, _QUERY), max_size=3).map(tuple)),
)
_RETRIED = st.builds(
    Step,
    st.one_of(
        st.builds(Leaf, st.just("db"), st.just("mysql/x"), st.just("SELECT a"), LAWS),
        st.builds(Leaf, st.just("remote"), st.just("x:80"), st.just("GET /x"), LAWS),
        st.just(Call(Target("b", "shop.B/Do"))),
        st.just(Call(Target("c", "GET /c/{id}"))),
    ),
    times=st.sampled_from([(1, 1), (0, 2)]),
    fail=st.sampled_from([0.0, 0.4]),
    attempts=st.sampled_from([1, 3]),
    backoff=LAWS,
)
BODY = st.lists(
    st.recursive(st.one_of(_WORK, _HELD, _RETRIED), _steps, max_leaves=6), max_size=4
).map(tuple)
ONE_SERVICE = st.recursive(st.one_of(_WORK, _QUERY, _HELD), _steps, max_leaves=4)


@given(
    BODY,
    st.lists(ONE_SERVICE, max_size=3).map(tuple),
    LAWS,
    LAWS,
    st.integers(0, 2**32),
    st.sampled_from([0, 1]),
)
@settings(max_examples=60, deadline=None)
def test_whatever_is_done_in_turn_is_exact(
    a: tuple[Step, ...],
    b: tuple[Step, ...],
    out: Law,
    back: Law,
    seed: int,
    workers: int,
) -> None:
    services = {
        "a": Service("go", {"GET /": a}, pools={"pg": 1}),
        "b": Service("rust", {"shop.B/Do": b}, pools={"pg": 1}, workers=workers, instances=2),
        "c": Service("java", {"GET /c/{id}": b}, pools={"pg": 2}),
    }
    described = replace(scenario(services, rate=400.0), network=Network(out, back))
    found = _scored(described, 60, seed)
    assert [cell for cell in found.cells if cell.error] == []
    assert found.missed_requests == 0


# Estimates


@pytest.mark.parametrize("seed", [1, 2])
def test_the_ledger_is_near_the_truth_under_skew_and_javascript_stamps(seed: int) -> None:
    assert _scored(replace(shipped.load("shop"), skew=SKEWED), 6_000, seed).l1 <= 0.02


@pytest.mark.parametrize("seed", [1, 2])
def test_javascript_stamps_alone_move_next_to_nothing(seed: int) -> None:
    assert _scored(replace(shipped.load("shop"), skew=NO_SKEW), 6_000, seed).l1 <= 0.002


@pytest.mark.parametrize("stamps", ["us", "256ns", "ns"])
def test_the_ledger_is_near_the_truth_under_jitter(stamps: str) -> None:
    described = replace(_with_stamps(shipped.load("shop"), stamps, jitter=5_000), skew=SKEWED)
    assert _scored(described, 6_000).l1 <= 0.002


NETWORKS = {
    "alike": Network(Law("lognormal", 200_000, 0.5), Law("lognormal", 200_000, 0.5)),
    "unlike": Network(Law("lognormal", 100_000, 0.8), Law("lognormal", 900_000, 0.8)),
    "heavy tails": Network(Law("pareto", 150_000, 1.2), Law("exponential", 1_000_000)),
}


def _hosts(network: Network, stamps: str = "ns", skew: Skew = SKEWED) -> Scenario:
    """120 pairs of processes, each with some 200 calls in four minutes."""
    served = Step(Work(Law("lognormal", 2.0 * MS, 0.5)))
    call = Step(Call(Target("b", "GET /y")))
    services = {
        "a": Service("go", {"GET /": (work(1), call, work(0.2))}, instances=10, stamps=stamps),
        "b": Service("java", {"GET /y": (served,)}, instances=12),
    }
    return replace(scenario(services, rate=100.0), network=network, skew=skew)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("stamps", ["ns", "us"])
def test_offsets_lie_in_their_intervals(name: str, stamps: str) -> None:
    result = simulate(_hosts(NETWORKS[name], stamps), 3, 24_000)
    found = score_clocks(Attribution(result.table).clock_table(), result.truth)
    assert found.pairs >= 120
    assert found.coverage >= 0.99
    assert found.width <= 1.5


@pytest.mark.parametrize("name", NETWORKS)
def test_offsets_lie_in_their_intervals_under_coarse_stamps(name: str) -> None:
    """How narrow they are is limited by the stamps: the base round trip is known to 1 ms only."""
    result = simulate(_hosts(NETWORKS[name], "javascript"), 3, 24_000)
    assert score_clocks(Attribution(result.table).clock_table(), result.truth).coverage >= 0.99


def test_a_step_and_a_drift_are_flagged() -> None:
    described = _hosts(NETWORKS["alike"], skew=NO_SKEW)
    services = {
        "a": replace(described.services["a"], instances=1),
        "b": replace(described.services["b"], instances=3, hosts=("steady", "steps", "drifts")),
    }
    hosts = {"steps": Clock(steps=((70 * 10**9, 5 * MS),)), "drifts": Clock(drift_ppm=50.0)}
    described = replace(described, services=services, hosts={**hosts, "steady": Clock()})
    result = simulate(described, 1, 24_000)
    flags: dict[str, Counter[str]] = {}
    table = Attribution(result.table).clock_table()
    for row in table.to_pylist():
        flags.setdefault(row["callee_process"], Counter()).update(row["flags"])
    assert flags["b-0"] == Counter()
    assert flags["b-1"] == Counter(step=1)
    assert set(flags["b-2"]) == {"drift"}
    drifting = [r["slope_ppb"] for r in table.to_pylist() if r["callee_process"] == "b-2"]
    assert drifting == pytest.approx([50_000] * len(drifting), rel=0.05)
    assert score_clocks(table, result.truth).coverage == 1.0


# Whatever happens to the spans


def _conserved(requests: int, seed: int) -> None:
    result = simulate("odd", seed, requests)
    attribution = Attribution(result.table)
    for detached in (False, True):
        ledger = attribution.ledger(detached=detached)
        ledger.check()
        found = score(ledger, result.truth, detached=detached)
        assert found.unaccounted_ns == 0
        assert found.total_ns > 0
    # Requests whose root was received are all found, and no other.
    assert score(attribution.ledger(), result.truth).missed_requests == 0


def test_odd_traces_are_conserved_to_the_nanosecond() -> None:
    _conserved(20_000, seed=7)


@pytest.mark.skipif(not os.environ.get("HOPWATCH_SOAK"), reason="HOPWATCH_SOAK=1 asks for it")
@pytest.mark.parametrize("seed", range(10))
@pytest.mark.timeout(1200)
def test_a_million_odd_traces_are_conserved(seed: int) -> None:
    _conserved(100_000, seed)


def test_the_order_of_spans_changes_nothing() -> None:
    described = shipped.load("odd")
    late = replace(described, observation=replace(described.observation, late=0.5))
    prompt = replace(described, observation=replace(described.observation, late=0.0))
    ledgers = [Attribution(simulate(s, 2, 6_000).table).ledger() for s in (late, prompt)]
    assert ledgers[0].cells.equals(ledgers[1].cells)
    assert ledgers[0].requests.equals(ledgers[1].requests)


def test_weights_undo_sampling() -> None:
    described = replace(shipped.load("chain"), observation=Observation(sampling=0.25))
    result = simulate(described, 1, 20_000)
    ledger = Attribution(result.table).ledger()
    assert ledger.is_weighted
    assert float(ledger.weighted_requests) == pytest.approx(20_000, rel=0.03)
    assert score(ledger, result.truth).l1 == 0
