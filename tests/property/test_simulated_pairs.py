"""Pairs of traffic before and after a change: as they are observed, and what is true of them."""

from __future__ import annotations

from dataclasses import replace
from statistics import fmean, stdev

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hopwatch.attribution import Attribution
from hopwatch.errors import UsageError
from hopwatch.simulation import (
    Pair,
    Scenario,
    Simulated,
    Simulation,
    changed,
    score,
    shipped,
    simulate,
    simulate_pair,
)
from hopwatch.simulation.running import Turns
from hopwatch.simulation.scenario import Load, Service, Skew
from tests.scenarios import MS, scenario, work

MIGRATION = shipped.load("migration")


def _as_it_is(described: Scenario) -> Scenario:
    """Seen without error: true clocks, true stamps."""
    services = {name: replace(of, jitter=0) for name, of in described.services.items()}
    return replace(described, services=services, skew=Skew())


# In any order: none takes away what another one changes.
CHANGES = st.lists(
    st.sampled_from([
        "rewrite:prices,rust,0.4", "time:postgresql/shop,1.5", "way:users,2",
        "cache:edge GET /home,0.5", "n+1:catalog shop.Catalog/List,3",
        "add-call:users shop.Users/Get,redis,lognormal(1ms, 0.3)",
        "add-hop:users,gateway,100us", "mix:edge POST /orders,2", "parallel:edge GET /home",
        "rename:orders,ordering", "split:catalog,details,shop.Catalog/Get", "load:1.3",
        "drifting:10s,0.2", "capacity:prices,workers,1",
    ]),
    max_size=4,
    unique=True,
)  # fmt: skip


@given(CHANGES, st.integers(0, 2**32))
@settings(max_examples=40, deadline=None)
def test_the_terms_of_any_changes_add_up(changes: list[str], seed: int) -> None:
    pair = Pair(changed(MIGRATION, changes), seed, 120)
    found = pair.truth()
    exact = (found.after.total_ns() - found.before.total_ns()) / found.requests
    assert abs(sum(term.ns for term in found.terms) - exact) <= 0.5
    assert found.requests == 120
    same, before, after = found.same_route
    assert same <= 120
    if not any(change.startswith("mix") for change in changes):
        assert (same, before, after) == (120, found.before.total_ns(), found.after.total_ns())


@pytest.mark.parametrize(
    "change", ["rewrite:orders,go,0.5", "remove-hop:prices", "add-hop:users,proxy,1ms", "load:1.5"]
)
def test_what_a_change_does_is_seen_exactly_where_the_same_requests_are_seen(change: str) -> None:
    of = changed(_as_it_is(MIGRATION), [change])
    found = simulate_pair(of, 1, 800, after_seed=1)
    keys = ("route", "caller", "hop", "operation", "language", "version", "kind")
    for side, truth in ((found.before, found.change.before), (found.after, found.change.after)):
        ledger = Attribution(side.table).ledger()
        assert [cell for cell in score(ledger, truth, keys).cells if cell.error] == []
        seen = {g.key: (g.local_ns, g.calls, g.spans) for g in ledger.group_by(*keys)}
        assert seen == {
            key: (sums["local_ns"], sums["calls"], sums["spans"])
            for key, sums in truth.group_by(*keys).items()
        }


@pytest.mark.parametrize("name", ["shop", "queue"])
def test_what_is_local_is_known_beside_others_too(name: str) -> None:
    """Branches, retries, time-outs, pools: how long a span's own caller would have waited."""
    described = shipped.load(name)
    services = {k: replace(v, stamps="ns", jitter=0) for k, v in described.services.items()}
    result = simulate(replace(described, services=services, skew=Skew()), 1, 1_500)
    keys = ("caller", "hop", "operation", "kind")
    for group in Attribution(result.table).ledger().group_by(*keys):
        sums = result.truth.group_by(*keys)[group.key]
        assert (group.local_ns, group.spans) == (sums["local_ns"], sums["spans"])


def _starts(side: Simulated) -> list[int]:
    table = side.table
    roots = table.filter(pa.compute.is_null(table["parent_span_id"]))
    return [int(start) for start in roots["start_time_unix_nano"].to_pylist()]


def _sides(side: Simulated) -> set[str]:
    return {dict(row)["hopwatch.side"] for row in side.table["resource_attributes"].to_pylist()}


def _traces(side: Simulated) -> set[bytes]:
    return set(side.table["trace_id"].to_pylist())


@pytest.mark.parametrize("after_seed", [None, 1])
def test_the_second_window_comes_later(after_seed: int | None) -> None:
    of = changed(_as_it_is(MIGRATION), ["none"])
    found = simulate_pair(of, 1, 500, after_seed=after_seed)
    assert max(_starts(found.before)) < min(_starts(found.after))
    assert not _traces(found.before) & _traces(found.after)
    assert (_sides(found.before), _sides(found.after)) == ({"before"}, {"after"})
    alike = found.before.truth.total_ns() == found.after.truth.total_ns()
    assert alike == (after_seed == 1)  # chance of its own, unless the same is asked for
    assert found.change.delta_ns == 0


def test_sides_take_turns() -> None:
    turn = 2 * 10**9
    of = changed(_as_it_is(MIGRATION), ["none"])
    found = simulate_pair(of, 3, 1_000, turn=turn)
    for side, number in ((found.before, 0), (found.after, 1)):
        turns = {(start - MIGRATION.start) // turn for start in _starts(side)}
        assert {which % 2 for which in turns} == {number}
        assert len(turns) >= 4
        assert score(Attribution(side.table).ledger(), side.truth).l1 == 0
    assert not _traces(found.before) & _traces(found.after)
    # With no change, both serve what one would have served alone.
    alone = simulate(of.before, 3, 1_000).truth
    sides = (found.before.truth, found.after.truth)
    assert sum(truth.total_ns() for truth in sides) == alone.total_ns()
    assert found.change.before.total_ns() == alone.total_ns()


@given(st.integers(1, 200))
@settings(max_examples=10, deadline=None)
def test_how_turns_are_cut_into_blocks_changes_nothing(block: int) -> None:
    def received(block: int) -> np.ndarray:
        turns = Turns(10**9, second=True)
        simulation = Simulation(shipped.load("shop"), 1, 300, turns=turns, ids=1)
        return np.concatenate(list(simulation.received(block)))

    assert received(block).tobytes() == received(4096).tobytes()


def test_the_ledgers_of_a_pair_are_those_of_its_spans() -> None:
    of = changed(MIGRATION, ["drifting:5s,0.2"])
    found = simulate_pair(of, 9, 300)
    for ledger, side in zip(Pair(of, 9, 300).ledgers(), (found.before, found.after), strict=True):
        wanted = Attribution(side.table).ledger()
        assert ledger.cells.equals(wanted.cells)
        assert ledger.requests.equals(wanted.requests)


def test_a_second_window_is_asked_for_after_the_first() -> None:
    pair = Pair(changed(MIGRATION, ["none"]))
    with pytest.raises(RuntimeError, match="execute `before` first"):
        _ = pair.after


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"turn": 0}, "must last longer"),
        ({"turn": 10**9, "after_seed": 2}, "one stream of requests"),
        ({"after_seed": -1}, "seed -1"),
        ({"requests": 0}, "give 1 or more"),
    ],
)
def test_errors_come_before_anything_is_executed(options: dict[str, int], wanted: str) -> None:
    with pytest.raises(UsageError, match=wanted):
        Pair(changed(MIGRATION, ["none"]), **options)


def test_the_load_begins_anywhere_in_its_wanderings() -> None:
    """Else short windows would agree with each other better than they do in life."""
    described = scenario({"a": Service("go", {"GET /": (work(1),)})})
    described = replace(described, load=Load(10.0, pace=(30 * 10**9, 0.3)))
    first = [simulate(described, seed, 1).truth.total_ns() / MS for seed in range(400)]
    logs = [float(np.log(ms)) for ms in first]
    assert stdev(logs) == pytest.approx(0.3, rel=0.12)
    assert fmean(first) == pytest.approx(1.0, rel=0.05)


def test_a_load_that_wanders_is_alike_for_as_long_as_it_is_said_to_be() -> None:
    """Autocorrelation of an Ornstein-Uhlenbeck process: exp(-lag / time)."""
    described = scenario({"a": Service("go", {"GET /": (work(1),)})}, rate=100.0)
    described = replace(described, load=Load(100.0, pace=(5 * 10**9, 0.3)))
    table = simulate(described, 2, 200_000).table
    start = np.array(table["start_time_unix_nano"]) - described.start
    logs = np.log(np.array(table["duration_nano"], dtype=np.float64))
    block = start // 10**9
    level = np.bincount(block, logs) / np.bincount(block)
    level = level[:-1] - level[:-1].mean()
    for lag in (2, 5, 10):
        found = (level[lag:] * level[:-lag]).mean() / (level**2).mean()
        assert found == pytest.approx(np.exp(-lag / 5), abs=0.12)
