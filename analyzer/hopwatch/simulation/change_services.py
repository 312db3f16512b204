"""Changes of which services there are: functions of a `Changed`. The docstrings are what `hopwatch
simulate --changes` says of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from hopwatch.errors import UsageError
from hopwatch.simulation.before_after import Answer, Changed
from hopwatch.simulation.laws import Law
from hopwatch.simulation.rewriting import (
    Steps,
    callers,
    calls,
    retargeted,
    rewritten,
    rewritten_everywhere,
    service_of,
    steps_of,
    with_service,
)
from hopwatch.simulation.scenario import Call, Scenario, Service, Step, Target, Work


def add_hop(of: Changed, service: str, name: str, law: Law) -> Changed:
    """A gateway NAME is put before SERVICE; its work takes LAW"""
    _unused(of.after, name)
    was = service_of(of.after, service)
    called = {target.operation for target, _ in calls(of.after) if target.service == service}
    if not called:
        raise UsageError(f"nobody calls {service}")
    gateway = Service(
        "go",
        {
            operation: (Step(Work(law)), Step(Call(Target(service, operation))))
            for operation in was.operations
            if operation in called
        },
        network=was.network,
        gateway=True,
        formerly={operation: _formerly(was, service, operation) for operation in called},
    )

    def reroute(step: Step) -> Steps:
        call = step.action
        if isinstance(call, Call) and call.target.service == service and not call.in_process:
            return (
                replace(step, action=replace(call, target=Target(name, call.target.operation))),
            )
        return (step,)

    after = rewritten_everywhere(of.after, reroute)
    after = replace(after, services={**after.services, name: gateway})
    return of.to(after, Answer("calls", name), Answer("calls", f"{name} -> {service}"))


def remove_hop(of: Changed, service: str) -> Changed:
    """SERVICE becomes a part of each of its callers"""
    was = service_of(of.after, service)
    if any(target.service == service for target in of.after.routes):
        raise UsageError(f"requests begin at {service}: it cannot become a part of its callers")
    by = callers(of.after, service)
    if not by:
        raise UsageError(f"nobody calls {service}")
    after = _with_parts(of.after, by, {service})
    for caller in by:
        pools = {**was.pools, **after.services[caller].pools}
        after = with_service(after, caller, pools=pools)
    edges = [Answer("calls", f"{caller} -> {service}") for caller in by]
    return of.to(after, Answer("calls", service), *edges)


def rename(of: Changed, service: str, name: str) -> Changed:
    """SERVICE is called NAME"""
    _unused(of.after, name)
    was = service_of(of.after, service)
    operations = {operation: Target(service, operation) for operation in was.operations}
    found = _moved(of, operations, name)
    return replace(found, roles_after={**found.roles_after, name: _role(of, service)})


def split(of: Changed, service: str, name: str, *operations: str) -> Changed:
    """Operations of SERVICE become a service NAME, with workers and pools of its own"""
    _unused(of.after, name)
    targets = {operation: Target(service, operation) for operation in operations}
    for target in targets.values():
        steps_of(of.after, target)
    if not operations or len(targets) == len(service_of(of.after, service).operations):
        raise UsageError(f"name some operations of {service}, and not all of them")
    found = _moved(of, targets, name)
    return replace(found, roles_after={**found.roles_after, name: _role(of, service)})


def merge(of: Changed, service: str, into: str) -> Changed:
    """SERVICE becomes a part of the service INTO: calls between them are made in process"""
    was, other = service_of(of.after, service), service_of(of.after, into)
    if both := set(was.operations) & set(other.operations) or service == into:
        raise UsageError(f"{service} cannot become a part of {into}: both have {both}")
    edges = [
        Answer("calls", f"{caller} -> {callee}")
        for caller, callee in ((into, service), (service, into))
        if caller in callers(of.after, callee)
    ]
    together = replace(of, after=_with_parts(of.after, (into, service), {into, service}))
    found = _moved(together, {name: Target(service, name) for name in was.operations}, into)
    roles = {**of.roles_before, _role(of, service): _role(of, into)}
    return replace(found.to(found.after, *edges), roles_before=roles)


def _role(of: Changed, service: str) -> str:
    return of.roles_after.get(service, service)


def _unused(scenario: Scenario, name: str) -> None:
    if name in scenario.services:
        raise UsageError(f"there is a service {name!r} already")
    if " -> " in name:
        raise UsageError(f"{name!r} reads as the way between two services; choose another name")


def _formerly(service: Service, name: str, operation: str) -> Target:
    return service.formerly.get(operation, Target(name, operation))


def _with_parts(scenario: Scenario, by: Iterable[str], parts: set[str]) -> Scenario:
    """The scenario in which what the services `by` ask of `parts` is part of them; of others than
    themselves."""
    for caller in by:

        def join(step: Step, caller: str = caller) -> Steps:
            call = step.action
            if isinstance(call, Call) and call.target.service in parts - {caller}:
                return (replace(step, action=Call(call.target, in_process=True)),)
            return (step,)

        service = rewritten(scenario.services[caller], join)
        scenario = replace(scenario, services={**scenario.services, caller: service})
    return scenario


def _moved(of: Changed, operations: Mapping[str, Target], to: str) -> Changed:
    """Operations of one service moved to the service `to`, which is new or has others."""
    (source,) = {target.service for target in operations.values()}
    was = of.after.services[source]
    there = of.after.services.get(to)
    moved = {name: was.operations[name] for name in operations}
    formerly = {name: _formerly(was, source, name) for name in operations}
    if there is None:
        new = replace(was, operations=moved, formerly=formerly)
    else:
        new = replace(
            there,
            operations={**there.operations, **moved},
            formerly={**there.formerly, **formerly},
            pools={**was.pools, **there.pools},
        )
    left = {name: steps for name, steps in was.operations.items() if name not in operations}
    services: dict[str, Service] = {}
    for name, service in of.after.services.items():
        if name != source:
            services[name] = new if name == to else service
            continue
        if left:
            services[name] = replace(was, operations=left)
        if there is None:
            services[to] = new
    after = retargeted(
        replace(of.after, services=services),
        lambda target: (
            Target(to, target.operation)
            if target.service == source and target.operation in operations
            else target
        ),
    )
    return replace(of, after=after)
