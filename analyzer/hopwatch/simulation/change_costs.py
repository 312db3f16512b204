"""Changes of what a request costs, and of which requests there are: functions of a `Changed`. The
docstrings are what `hopwatch simulate --changes` says of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import groupby
from typing import Any

from hopwatch.errors import UsageError
from hopwatch.simulation.before_after import Answer, Changed
from hopwatch.simulation.laws import Law, scaled
from hopwatch.simulation.rewriting import (
    Rewrite,
    Steps,
    all_steps,
    asked,
    callers,
    calls,
    first_request,
    rewritten,
    rewritten_everywhere,
    rewritten_steps,
    service_of,
    steps_of,
    with_service,
    with_steps,
)
from hopwatch.simulation.scenario import (
    Acquire,
    Call,
    Inner,
    Leaf,
    Network,
    Parallel,
    Scenario,
    Step,
    Target,
    Work,
)


def none(of: Changed) -> Changed:
    """Nothing: what differs is chance"""
    return of


def drifting(of: Changed, time: int, sigma: float) -> Changed:
    """Nothing, under a load and a pace of machines that wander: standard deviation of the logarithm
    SIGMA, correlation time TIME; one much longer than the windows is a drift between them"""

    def wandering(scenario: Scenario) -> Scenario:
        load = replace(scenario.load, drift=(time, sigma), pace=(time, sigma))
        return replace(scenario, load=load)

    return replace(of, before=wandering(of.before), after=wandering(of.after))


def rewrite(of: Changed, service: str, language: str, factor: float = 1.0) -> Changed:
    """SERVICE is rewritten in LANGUAGE, its own work takes FACTOR times as long"""
    was = service_of(of.after, service)
    after = with_service(
        of.after,
        service,
        language=language,
        version=f"{was.version}-{language}",
        operations=rewritten(was, _slower_work(factor)).operations,
    )
    return of.to(after, Answer("variant", service))


def time(of: Changed, hop: str, factor: float) -> Changed:
    """The own work of a service, or what is asked of a database or peer, takes FACTOR times as
    long"""
    if hop in of.after.services:
        own = rewritten(of.after.services[hop], _slower_work(factor))
        return of.to(with_service(of.after, hop, operations=own.operations), Answer("time", hop))
    if not any(isinstance(s.action, Leaf) and s.action.peer == hop for s in all_steps(of.after)):
        raise UsageError(f"no service and no peer {hop!r}")
    slower = _slower(factor, lambda action: isinstance(action, Leaf) and action.peer == hop)
    return of.to(rewritten_everywhere(of.after, slower), Answer("time", hop))


def way(of: Changed, service: str, factor: float) -> Changed:
    """The network to SERVICE and back takes FACTOR times as long"""
    network = service_of(of.after, service).network or of.after.network
    after = with_service(of.after, service, network=_slower_network(network, factor))
    edges = [Answer("time", f"{caller} -> {service}") for caller in callers(of.after, service)]
    return of.to(after, *edges)


def add_call(of: Changed, target: Target, peer: str, law: Law) -> Changed:
    """An operation ends with one more call, to the database (or host:port) PEER, of LAW"""
    leaf = (
        Leaf("remote", peer, "GET /added", law)
        if ":" in peer
        else Leaf("db", peer, "SELECT added", law)
    )
    after = with_steps(of.after, target, (*steps_of(of.after, target), Step(leaf)))
    return of.to(after, Answer("calls", peer))


def n_plus_one(of: Changed, target: Target, count: int) -> Changed:
    """The first call that an operation makes is made COUNT times, one after the other"""
    return _first_request(of, target, "to repeat", times=(count, count))


def cache(of: Changed, target: Target, hits: float) -> Changed:
    """The first call that an operation makes is spared by a cache in a share HITS of the cases"""
    return _first_request(of, target, "to spare", probability=1 - hits)


def parallel(of: Changed, target: Target) -> Changed:
    """The calls that an operation makes one after the other are made side by side"""
    steps = steps_of(of.after, target)
    together: list[str] = []
    after = with_steps(of.after, target, _side_by_side(steps, together))
    if not together:
        raise UsageError(
            f"{target.service} {target.operation} makes no two calls one after the other"
        )
    return of.to(after, *(Answer("exposure", hop) for hop in dict.fromkeys(together)))


def mix(of: Changed, route: Target, weight: float) -> Changed:
    """The route gets another weight among the routes"""
    if route not in of.after.routes:
        known = ", ".join(f"{t.service} {t.operation}" for t in of.after.routes)
        raise UsageError(f"no route {route.service} {route.operation}; there are {known}")
    after = replace(of.after, routes={**of.after.routes, route: weight})
    return of.to(after, Answer("mix", ""))


def simpson(of: Changed, route: Target, weight: float, factor: float) -> Changed:
    """Simpson's case: all takes FACTOR times as long, and a slow route gets another WEIGHT"""
    after = rewritten_everywhere(of.after, _slower(factor, lambda _: True))
    services = {
        name: replace(service, network=service.network and _slower_network(service.network, factor))
        for name, service in after.services.items()
    }
    network = _slower_network(after.network, factor)
    shifted = mix(
        replace(of, after=replace(after, services=services, network=network)), route, weight
    )
    peers = {step.action.peer for step in all_steps(of.after) if isinstance(step.action, Leaf)}
    edges = {f"{caller} -> {target.service}" for target, caller in calls(of.after)}
    hops = [*of.after.services, *sorted(peers), *sorted(edges)]
    return shifted.to(shifted.after, *(Answer("time", hop) for hop in hops))


def load(of: Changed, factor: float) -> Changed:
    """FACTOR times as many requests a second: queues grow, nothing else changes"""
    load = replace(of.after.load, rate=of.after.load.rate * factor)
    return of.to(replace(of.after, load=load))


def capacity(of: Changed, service: str, pool: str, count: int) -> Changed:
    """The pool of SERVICE, or its `workers`, hold COUNT"""
    was = service_of(of.after, service)
    if pool == "workers":
        edges = [Answer("time", f"{name} -> {service}") for name in callers(of.after, service)]
        return of.to(with_service(of.after, service, workers=count), *edges)
    if pool not in was.pools:
        raise UsageError(f"{service} has no pool {pool!r}; it has {', '.join(was.pools) or 'none'}")
    after = with_service(of.after, service, pools={**was.pools, pool: count})
    return of.to(after, Answer("time", service))


def _slower(factor: float, chosen: Callable[[Work | Leaf], bool]) -> Rewrite:
    """Makes the time of the chosen steps `factor` times as long."""

    def slower(step: Step) -> Steps:
        action = step.action
        if isinstance(action, Work | Leaf) and chosen(action):
            return (replace(step, action=replace(action, time=scaled(action.time, factor))),)
        return (step,)

    return slower


def _slower_work(factor: float) -> Rewrite:
    return _slower(factor, lambda action: isinstance(action, Work))


def _slower_network(network: Network, factor: float) -> Network:
    return Network(scaled(network.out, factor), scaled(network.back, factor))


def _first_request(of: Changed, target: Target, what: str, **how: Any) -> Changed:
    """The scenario with another first call of an operation."""
    first = first_request(of.after, target, what)

    def change(step: Step) -> Steps:
        return (replace(step, **how),) if step is first else (step,)

    after = with_steps(of.after, target, rewritten_steps(steps_of(of.after, target), change))
    assert isinstance(first.action, Call | Leaf)
    return of.to(after, Answer("calls", asked(first.action)))


def _side_by_side(steps: Steps, together: list[str]) -> Steps:
    """The steps with calls that follow each other as branches; `together`: whom they ask."""
    found: list[Step] = []
    for asks, group in groupby(steps, lambda step: isinstance(step.action, Call | Leaf)):
        run = tuple(group)
        if asks and len(run) > 1:
            together += [asked(s.action) for s in run if isinstance(s.action, Call | Leaf)]
            found.append(Step(Parallel(tuple((step,) for step in run))))
            continue
        for step in run:
            if isinstance(step.action, Inner | Acquire):
                inside = _side_by_side(step.action.steps, together)
                step = replace(step, action=replace(step.action, steps=inside))
            found.append(step)
    return tuple(found)
