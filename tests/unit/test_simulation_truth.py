"""Who is truly waited for: scenarios whose truth can be worked out by hand, in ms a request."""

from __future__ import annotations

import pytest

from hopwatch.attribution import Attribution
from hopwatch.errors import UsageError
from hopwatch.simulation import Simulation, Truth, engine, score, simulate
from hopwatch.simulation.scenario import (
    Acquire,
    Background,
    Call,
    Inner,
    Leaf,
    Parallel,
    Scenario,
    Send,
    Service,
    Step,
    Target,
    Work,
)
from tests.scenarios import MS, ms, scenario, step, work

N = 50
B = Target("b", "shop.B/Do")


def _db(time: float) -> Step:
    return Step(Leaf("db", "postgresql/shop", "SELECT x", ms(time)))


def _one(*steps: Step, **options: object) -> Service:
    return Service("go", {"GET /": tuple(steps)}, **options)  # type: ignore[arg-type]


def _true(found: Truth, measure: str = "true_ns", **of: object) -> dict[str, float]:
    """ms (or calls) a request, by hop and kind, without what is nothing."""
    groups = found.group_by("hop", "kind", **of).items()  # type: ignore[arg-type]
    unit = N if measure == "calls" else N * MS
    return {f"{hop} {kind}": sums[measure] / unit for (hop, kind), sums in groups if sums[measure]}


def _simulated(described: Scenario) -> Truth:
    return simulate(described, 1, N).truth


def test_what_is_done_in_turn_adds_up() -> None:
    a = _one(work(1), _db(2), Step(Inner("render", (work(3),))), step(Work(ms(0.5)), times=(4, 4)))
    assert _true(_simulated(scenario({"a": a}))) == {"a self": 6, "postgresql/shop db": 2}


def test_a_call_is_its_ways_and_its_callee() -> None:
    a = _one(work(1), Step(Call(B)))
    b = Service("rust", {B.operation: (work(2), _db(4))})
    found = _simulated(scenario({"a": a, "b": b}, way=0.25))
    assert _true(found) == {"a self": 1, "a -> b gap": 0.5, "b self": 2, "postgresql/shop db": 4}
    assert _true(found, "out_ns") == {"a -> b gap": 0.25}
    assert _true(found, "calls") == {
        "a self": 1, "a -> b gap": 1, "b self": 1, "postgresql/shop db": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("limit", "wanted"),
    [
        # a |---|              b |-----|             c |----|           ms 3, 5, 4
        (None, {"a self": 5}),  # b is last
        (2, {"postgresql/shop db": 3, "a self": 4}),  # c follows a: 3 + 4 are later than 5
        (1, {"postgresql/shop db": 3, "a self": 9}),
    ],
)
def test_of_parallel_branches_the_last_is_waited_for(
    limit: int | None, wanted: dict[str, float]
) -> None:
    branches = ((_db(3),), (work(5),), (work(4),))
    found = _simulated(scenario({"a": _one(Step(Parallel(branches, limit)))}))
    assert _true(found) == wanted


def test_within_the_last_branch_the_last_branch() -> None:
    inner = Step(Parallel(((_db(1),), (work(6),))))
    a = _one(Step(Parallel(((_db(5),), (work(2), inner)))))
    assert _true(_simulated(scenario({"a": a}))) == {"a self": 8}


def test_after_a_time_out_nothing_is_waited_for() -> None:
    a = _one(work(1), Step(Call(B, timeout=10 * MS)), work(100))
    b = Service("rust", {B.operation: (work(4), _db(30))})
    result = simulate(scenario({"a": a, "b": b}, way=1.0), 1, N)
    assert _true(result.truth) == {
        "a self": 1, "a -> b gap": 1, "b self": 4, "postgresql/shop db": 5,
    }  # fmt: skip
    assert set(result.truth.requests["outcome"].to_pylist()) == {"error"}
    assert max(result.table["duration_nano"].to_pylist()) == 34 * MS


def test_what_fails_is_repeated_and_then_fails_its_caller() -> None:
    call = step(Call(B), fail=1.0, attempts=3, backoff=ms(7))
    a = _one(work(1), call, work(100))
    b = Service("rust", {B.operation: (work(2),)})
    found = _simulated(scenario({"a": a, "b": b}, way=0.5))
    assert _true(found) == {"a self": 15, "a -> b gap": 3, "b self": 6}
    assert _true(found, "retry_ns") == {"a self": 14, "a -> b gap": 2, "b self": 4}
    assert _true(found, "calls")["b self"] == 3
    assert found.requests["outcome"].to_pylist() == ["error"]


def test_nobody_waits_for_what_is_left_behind() -> None:
    behind = Step(Background((work(50), _db(50))))
    assert _true(_simulated(scenario({"a": _one(behind, work(1))}))) == {"a self": 1}


def test_a_consumer_works_on_its_own_account() -> None:
    send = Send("kafka", "q", Target("b", "take"), ms(2), ms(100))
    a = _one(Step(send), work(1))
    b = Service("python", {"take": (work(5),)})
    found = _simulated(scenario({"a": a, "b": b}))
    assert _true(found) == {"kafka messaging": 2, "a self": 1}
    assert _true(found, detached=True) == {"b self": 5}


def test_a_pool_is_waited_for_in_turn() -> None:
    hold = Step(Acquire("pg", (_db(4),)))
    a = _one(Step(Parallel(((hold,), (hold,), (hold,)))), pools={"pg": 1})
    assert _true(_simulated(scenario({"a": a}, rate=0.01))) == {
        "a wait": 8, "postgresql/shop db": 4,
    }  # fmt: skip


def test_without_instrumentation_all_is_remote() -> None:
    a = _one(Step(Call(B)), work(1))
    b = Service("c", {B.operation: (work(3), _db(2))}, instrumented=False)
    result = simulate(scenario({"a": a, "b": b}, way=0.5), 1, N)
    assert _true(result.truth) == {"b remote": 6, "a self": 1}
    assert score(Attribution(result.table).ledger(), result.truth).l1 == 0


@pytest.mark.parametrize(("load", "law"), [(0.5, "constant"), (0.8, "exponential")])
def test_waits_before_workers_are_those_of_queueing_theory(load: float, law: str) -> None:
    """One worker and Poisson arrivals: Pollaczek and Khinchine. Constant service waits half as
    long as exponential service."""
    requests, service_ms = 100_000, 10.0
    a = _one(Step(Call(B)))
    time = ms(service_ms) if law == "constant" else ms(service_ms).__class__(law, service_ms * MS)
    b = Service("go", {B.operation: (Step(Work(time)),)}, workers=1)
    simulation = Simulation(scenario({"a": a, "b": b}, rate=100 * load), 3, requests)
    for _ in simulation.received():
        pass
    sums = simulation.truth().group_by("kind")["gap",]
    wanted = load * service_ms / (1 - load) * (0.5 if law == "constant" else 1.0)
    assert sums["queue_ns"] / requests / MS == pytest.approx(wanted, rel=0.06)


def test_two_services_that_wait_for_each_other_are_found_out() -> None:
    a = Service("go", {"GET /": (Step(Call(B)),), "GET /more": (work(1),)}, workers=1)
    b = Service("go", {B.operation: (Step(Call(Target("a", "GET /more"))),)})
    with pytest.raises(UsageError, match="wait for each other"):
        simulate(scenario({"a": a, "b": b}), 1, N)


def test_an_overload_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "_MOST_FRAMES", 30_000)
    a = _one(Step(Call(B)))
    b = Service("go", {B.operation: (step(Work(ms(1)), times=(10_000, 10_000)),)}, workers=1)
    with pytest.raises(UsageError, match="overloaded"):
        simulate(scenario({"a": a, "b": b}, rate=1e6), 1, 1_000_000)


def test_the_document_comes_back_as_it_was() -> None:
    found = simulate("odd", 1, 300).truth
    again = Truth.from_json(found.to_json())
    assert again.cells.equals(found.cells)
    assert again.requests.equals(found.requests)
    assert again.to_json() == found.to_json()
