"""Parts of scenarios, replaced: what changes are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from hopwatch.errors import UsageError
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
)

Steps = tuple[Step, ...]
Rewrite = Callable[[Step], Steps]


def service_of(scenario: Scenario, name: str) -> Service:
    """Raises UsageError for a service that is not there."""
    if name not in scenario.services:
        raise UsageError(f"no service {name!r}; there are {', '.join(scenario.services)}")
    return scenario.services[name]


def steps_of(scenario: Scenario, target: Target) -> Steps:
    """What an operation does. Raises UsageError for one that is not there."""
    operations = service_of(scenario, target.service).operations
    if target.operation not in operations:
        raise UsageError(
            f"{target.service} has no operation {target.operation!r}; it has "
            f"{', '.join(operations)}"
        )
    return operations[target.operation]


def with_service(scenario: Scenario, name: str, **changes: Any) -> Scenario:
    """The scenario with another service of that name."""
    changed = replace(service_of(scenario, name), **changes)
    return replace(scenario, services={**scenario.services, name: changed})


def with_steps(scenario: Scenario, target: Target, steps: Steps) -> Scenario:
    """The scenario with an operation that does something else."""
    operations = {**scenario.services[target.service].operations, target.operation: steps}
    return with_service(scenario, target.service, operations=operations)


def rewritten(service: Service, rewrite: Rewrite) -> Service:
    """The service with `rewrite` of each of its steps, those inside of others first."""
    operations = {
        name: rewritten_steps(steps, rewrite) for name, steps in service.operations.items()
    }
    return replace(service, operations=operations)


def rewritten_everywhere(scenario: Scenario, rewrite: Rewrite) -> Scenario:
    """The scenario with `rewrite` of each step of each service."""
    services = {name: rewritten(of, rewrite) for name, of in scenario.services.items()}
    return replace(scenario, services=services)


def rewritten_steps(steps: Steps, rewrite: Rewrite) -> Steps:
    """`rewrite` of each step, those inside of others first."""
    found: list[Step] = []
    for step in steps:
        match step.action:
            case Inner() | Acquire() | Background() as action:
                inside = replace(action, steps=rewritten_steps(action.steps, rewrite))
                step = replace(step, action=inside)
            case Parallel(branches) as action:
                inner = tuple(rewritten_steps(branch, rewrite) for branch in branches)
                step = replace(step, action=replace(action, branches=inner))
        found += rewrite(step)
    return tuple(found)


def retargeted(scenario: Scenario, rename: Callable[[Target], Target]) -> Scenario:
    """The scenario with other targets of its calls, messages and routes."""

    def rewrite(step: Step) -> Steps:
        if isinstance(step.action, Call | Send):
            action = replace(step.action, target=rename(step.action.target))
            return (replace(step, action=action),)
        return (step,)

    routes = {rename(target): weight for target, weight in scenario.routes.items()}
    return replace(rewritten_everywhere(scenario, rewrite), routes=routes)


def first_request(scenario: Scenario, target: Target, what: str) -> Step:
    """The first step of an operation that asks somebody else. Raises UsageError without one."""
    for step in _all(steps_of(scenario, target)):
        if isinstance(step.action, Call | Leaf):
            return step
    raise UsageError(f"{target.service} {target.operation} calls nothing {what}")


def _all(steps: Steps) -> Iterator[Step]:
    for step in steps:
        yield step
        match step.action:
            case Inner() | Acquire() | Background() as action:
                yield from _all(action.steps)
            case Parallel(branches):
                for branch in branches:
                    yield from _all(branch)


def all_steps(scenario: Scenario) -> list[Step]:
    """Every step of every service."""
    return [
        step
        for service in scenario.services.values()
        for steps in service.operations.values()
        for step in _all(steps)
    ]


def calls(scenario: Scenario) -> list[tuple[Target, str]]:
    """Who is called over the network, and by which service."""
    return [
        (step.action.target, name)
        for name, service in scenario.services.items()
        for steps in service.operations.values()
        for step in _all(steps)
        if isinstance(step.action, Call) and not step.action.in_process
    ]


def callers(scenario: Scenario, service: str) -> list[str]:
    """Which services call this one over the network."""
    return list(dict.fromkeys(by for target, by in calls(scenario) if target.service == service))


def asked(action: Call | Leaf) -> str:
    """The hop that a step asks."""
    return action.target.service if isinstance(action, Call) else action.peer
