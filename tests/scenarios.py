"""Small scenarios for tests, from a few words: `scenario(a={"GET /x": [step(Work(ms(1)))]})`."""

from __future__ import annotations

from hopwatch.simulation.laws import Law
from hopwatch.simulation.scenario import (
    Action,
    Load,
    Network,
    Scenario,
    Service,
    Step,
    Target,
    Work,
)

MS = 1_000_000


def ms(number: float) -> Law:
    """Always so many ms."""
    return Law("constant", number * MS)


def step(action: Action, **how: object) -> Step:
    return Step(action, **how)  # type: ignore[arg-type]


def work(number: float) -> Step:
    """So many ms of work."""
    return Step(Work(ms(number)))


def scenario(
    services: dict[str, Service], *, rate: float = 50.0, way: float = 0.0, route: str = "a GET /"
) -> Scenario:
    """Services, the way between any two of which takes `way` ms in each direction."""
    return Scenario(
        services=services,
        routes={Target(*route.split(" ", 1)): 1.0},
        load=Load(rate),
        network=Network(ms(way), ms(way)),
    )
