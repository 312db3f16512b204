"""Changes of scenarios, and what they are known to do to the same requests."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from hopwatch.errors import UsageError
from hopwatch.simulation import (
    Answer,
    ChangeTruth,
    Pair,
    Scenario,
    changed,
    shipped,
    simulate,
)
from hopwatch.simulation.changes import CHANGES
from hopwatch.simulation.parsing import read_scenario
from hopwatch.simulation.scenario import Call, Inner, Load, Parallel, Service, Step, Target, Work
from tests.scenarios import MS, ms, scenario, work

REQUESTS = 1_000


def _calm(name: str = "migration") -> Scenario:
    """Nobody waits for anybody else's request, and machines keep their pace: what a change does
    to a request does not depend on others."""
    described = shipped.load(name)
    services = {
        name: replace(service, workers=0, pools=dict.fromkeys(service.pools, 100_000))
        for name, service in described.services.items()
    }
    return replace(described, services=services, load=Load(50.0))


CALM = _calm()


def _truth(*changes: str, of: Scenario = CALM) -> ChangeTruth:
    return Pair(changed(of, changes), 1, REQUESTS).truth()


def _moved(truth: ChangeTruth) -> dict[tuple[str, str], float]:
    """ms a request by term and hop."""
    found: Counter[tuple[str, str]] = Counter()
    for term in truth.terms:
        found[term.term, term.hop] += term.ns
    return {key: ns / MS for key, ns in found.items()}


@pytest.mark.parametrize("change", ["none", "drifting:20s,0.3", "rename:orders,ordering",
                                    "split:catalog,details,shop.Catalog/Get"])  # fmt: skip
def test_what_is_only_named_anew_costs_nothing(change: str) -> None:
    found = _truth(change)
    assert found.terms == ()
    assert found.answers == ()
    assert found.before.total_ns() == found.after.total_ns() > 0


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ("rewrite:orders,go,0.5", {("variant", "orders")}),
        ("time:catalog,0.7", {("time", "catalog")}),
        ("time:postgresql/shop,2", {("time", "postgresql/shop")}),
        ("way:catalog,3", {("time", "edge -> catalog"), ("time", "orders -> catalog")}),
        ("add-call:users shop.Users/Get,redis,1ms", {("calls", "redis")}),
        ("add-call:users shop.Users/Get,a.example:80,1ms", {("calls", "a.example:80")}),
        ("merge:prices,catalog", {("calls", "catalog -> catalog")}),
        ("capacity:prices,workers,1", {("time", "catalog -> prices")}),
        ("capacity:orders,pg,1", {("time", "orders")}),
    ],
)
def test_nothing_else_is_moved(change: str, wanted: set[tuple[str, str]]) -> None:
    """The same requests, drawn alike: every other term is 0, to the nanosecond."""
    found = _truth(change)
    assert _moved(found).keys() == wanted
    assert {(answer.term, answer.hop) for answer in found.answers} == wanted
    assert found.delta_ns == sum(term.ns for term in found.terms) != 0


def test_work_is_scaled_request_by_request() -> None:
    found = _truth("time:orders,3")
    own = found.before.group_by("hop", "kind")["orders", "self"]["true_ns"]
    assert found.delta_ns == pytest.approx(2 * own / REQUESTS, abs=1)


def test_a_call_that_is_repeated_is_more_calls() -> None:
    found = _truth("n+1:catalog shop.Catalog/List,8")
    before, after = (
        truth.group_by("hop")["redis",] for truth in (found.before, found.after)
    )  # fmt: skip
    assert after["calls"] == 8 * before["calls"]
    moved = _moved(found)
    assert moved.keys() == {("calls", "redis"), ("time", "redis")}
    assert moved["calls", "redis"] > 20 * abs(moved["time", "redis"])


def test_a_cache_spares_calls_and_those_that_are_left_are_the_same() -> None:
    found = _truth("cache:catalog shop.Catalog/List,0.75")
    calls = [truth.group_by("hop")["redis",]["calls"] for truth in (found.before, found.after)]
    assert calls[1] / calls[0] == pytest.approx(0.25, abs=0.05)
    assert {hop for _, hop in _moved(found)} == {"redis"}
    assert _moved(found)["calls", "redis"] < 0


def test_a_gateway_is_its_work_and_one_more_way() -> None:
    found = _truth("add-hop:catalog,gateway,300us")
    moved = _moved(found)
    assert {term for term, _ in moved} == {"calls"}
    assert moved["calls", "edge -> gateway"] == -moved["calls", "edge -> catalog"] > 0
    calls = found.after.group_by("hop")["gateway",]["calls"]
    assert moved["calls", "gateway"] == pytest.approx(calls * 0.3 / REQUESTS, abs=1e-6)
    assert Answer("calls", "gateway") in found.answers


def test_a_hop_that_is_removed_takes_its_ways_along() -> None:
    moved = _moved(_truth("remove-hop:prices"))
    assert moved.keys() == {
        ("calls", "prices"), ("calls", "catalog -> prices"), ("calls", "catalog"),
    }  # fmt: skip
    # What it did is done by its caller.
    assert moved["calls", "catalog"] == -moved["calls", "prices"] > 0
    assert moved["calls", "catalog -> prices"] < 0


def test_calls_side_by_side_are_no_faster_by_themselves() -> None:
    found = _truth("parallel:edge GET /home")
    assert {term.term for term in found.terms} == {"exposure"}
    locals_ = [
        {key: sums["local_ns"] for key, sums in truth.group_by("hop", "kind").items()}
        for truth in (found.before, found.after)
    ]
    assert locals_[0] == locals_[1]
    assert found.delta_ns < 0


def test_another_mix_leaves_every_route_as_it_was() -> None:
    found = _truth("mix:edge POST /orders,2")
    same, before, after = found.same_route
    assert before == after
    assert 0.8 < same / REQUESTS < 0.9
    mixed = sum(ns for (term, _), ns in _moved(found).items() if term == "mix")
    assert mixed * MS == pytest.approx(found.delta_ns, rel=0.05)
    assert found.delta_ns > 0


def test_every_route_is_faster_and_the_mean_slower() -> None:
    found = _truth("simpson:edge POST /orders,3,0.9")
    _, before, after = found.same_route
    assert after / before == pytest.approx(0.9, rel=1e-6)
    assert found.delta_ns > 0
    times = {hop: ns for (term, hop), ns in _moved(found).items() if term == "time"}
    assert sum(times.values()) < 0
    assert times.keys() == {answer.hop for answer in found.answers if answer.term == "time"}


def test_waits_are_moved_by_load_and_by_nothing_else() -> None:
    described = _calm()
    services = {**described.services, "prices": replace(described.services["prices"], workers=1)}
    found = _truth("load:3", of=replace(described, services=services))
    assert _moved(found).keys() == {("time", "catalog -> prices")}
    assert found.delta_ns > 0


def test_changes_are_made_one_after_the_other() -> None:
    found = _truth("rename:orders,ordering", "time:ordering,2", "merge:prices,catalog")
    assert _moved(found).keys() == {("time", "orders"), ("calls", "catalog -> catalog")}
    assert {(a.term, a.hop) for a in found.answers} == _moved(found).keys()
    assert found.roles_after == {"ordering": "orders"}
    assert found.roles_before == {"prices": "catalog"}


def test_each_change_can_be_executed_in_a_busy_shop() -> None:
    """Under queues, retries, messages: the terms add up, and the same comes out twice."""
    arguments = {
        "none": "", "drifting": "5s,0.2", "rewrite": "shop-orders,rust",
        "time": "bank.example:443,2",
        "way": "shop-bff,2", "add-call": "shop-search shop.Search/Suggest,redis,1ms",
        "n+1": "shop-orders shop.Catalog/List,3", "cache": "shop-bff GET /api/home,0.5",
        "add-hop": "shop-orders,proxy,200us", "remove-hop": "shop-orders",
        "parallel": "shop-orders shop.Catalog/List", "mix": "shop-web place order,4",
        "simpson": "shop-web place order,9,0.8", "rename": "shop-mail,mailer",
        "split": "shop-orders,catalog,shop.Catalog/List", "merge": "shop-search,shop-orders",
        "load": "1.2", "capacity": "shop-orders,pg,1",
    }  # fmt: skip
    assert arguments.keys() == CHANGES.keys()
    shop = shipped.load("shop")
    for name, words in arguments.items():
        found = _truth(f"{name}:{words}" if words else name, of=shop)
        exact = (found.after.total_ns() - found.before.total_ns()) / REQUESTS
        assert abs(found.delta_ns - exact) <= 0.5, name
        assert found.to_json() == _truth(f"{name}:{words}" if words else name, of=shop).to_json()


def test_a_call_in_process_has_no_way_and_fails_as_before() -> None:
    call = Step(Call(Target("b", "shop.B/Do")), fail=0.5, attempts=2, backoff=ms(1))
    b = Service("rust", {"shop.B/Do": (work(2), Step(Inner("x", (work(1),))))})
    apart = scenario({"a": Service("go", {"GET /": (call,)}), "b": b}, way=0.25)
    together = changed(apart, ["remove-hop:b"]).after
    truths = [simulate(described, 1, REQUESTS).truth for described in (apart, together)]
    assert [t.requests["outcome"].to_pylist() for t in truths] == [["error", "ok"]] * 2
    assert truths[0].requests["requests"].equals(truths[1].requests["requests"])
    ways = truths[0].group_by("kind")["gap",]["true_ns"]
    assert truths[0].total_ns() - truths[1].total_ns() == ways > 0
    assert truths[1].group_by("hop", "operation")["a", "shop.B/Do"]["calls"] == 0


def test_a_part_of_a_caller_is_written_in_toml() -> None:
    text = shipped.text("migration").replace(
        '{ call = "prices shop.Prices/Quote" }',
        '{ call = "prices shop.Prices/Quote", in_process = true }',
    )
    part = Call(Target("prices", "shop.Prices/Quote"), in_process=True)
    steps = read_scenario(text).services["catalog"].operations["shop.Catalog/List"]
    assert steps[-1].action == part
    with pytest.raises(UsageError, match="a call in process has no timeout"):
        read_scenario(text.replace("in_process = true", 'in_process = true, timeout = "1s"'))


def test_attributes_of_all_services_do_not_hide_their_own() -> None:
    described = replace(CALM, resource={"cloud.region": "x", "service.name": "y"})
    table = simulate(described, 1, 10).table
    rows = [dict(row) for row in table["resource_attributes"].to_pylist()]
    assert {row["cloud.region"] for row in rows} == {"x"}
    assert "y" not in {row["service.name"] for row in rows}


def test_steps_that_are_put_side_by_side_keep_their_place() -> None:
    steps = (work(1), Step(Call(Target("b", "GET /"))), Step(Call(Target("b", "GET /"))), work(2))
    services = {"a": Service("go", {"GET /": steps}), "b": Service("go", {"GET /": (work(1),)})}
    found = changed(scenario(services), ["parallel:a GET /"]).after.services["a"]
    actions = [type(step.action) for step in found.operations["GET /"]]
    assert actions == [Work, Parallel, Work]


@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ("faster:orders", "no change 'faster'; there are none, drifting"),
        ("time:orders", "give time:HOP,FACTOR, not 'orders'"),
        ("none:x", "give none, not 'x'"),
        ("time:orders,slow", "time: FACTOR: a number is expected, not 'slow'"),
        ("time:orders,nan", "FACTOR: a number from"),
        ("time:orders,inf", "FACTOR: a number from"),
        ("time:orders,-1", "FACTOR: a number from"),
        ("time:mars,2", "no service and no peer 'mars'"),
        ("rewrite:mars,go", "no service 'mars'; there are edge"),
        ("n+1:catalog GET /none,2", "catalog has no operation 'GET /none'; it has shop.Cat"),
        ("n+1:catalog,2", "two words are expected"),
        ("n+1:prices shop.Prices/Quote,2", "calls nothing to repeat"),
        ("n+1:catalog shop.Catalog/List,2.5", "a whole number is expected"),
        ("cache:catalog shop.Catalog/List,1.5", "a number from 0 to 1"),
        ("add-call:users shop.Users/Get,redis,soon", "'soon' is no time"),
        ("add-hop:catalog,users,1ms", "there is a service 'users' already"),
        ("add-hop:edge,gateway,1ms", "nobody calls edge"),
        ("remove-hop:edge", "requests begin at edge"),
        ("parallel:prices shop.Prices/Quote", "makes no two calls one after the other"),
        ("mix:edge GET /none,2", "no route edge GET /none; there are edge GET /home"),
        ("rename:orders,edge", "there is a service 'edge' already"),
        ("rename:orders,a -> b", "reads as the way between two services"),
        ("split:prices,more,shop.Prices/Quote", "and not all of them"),
        ("split:catalog,more,GET /none", "no operation 'GET /none'"),
        ("merge:prices,prices", "cannot become a part of"),
        ("capacity:orders,redis,1", "orders has no pool 'redis'; it has pg"),
        ("drifting:0s,0.2", "must be above 0"),
    ],
)  # fmt: skip
def test_errors_say_what_is_allowed(change: str, wanted: str) -> None:
    with pytest.raises(UsageError) as error:
        changed(shipped.load("migration"), [change])
    assert wanted in str(error.value)
