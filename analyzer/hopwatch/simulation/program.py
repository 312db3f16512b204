"""A scenario as what the kernel executes: the expanded operations as flat records."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from hopwatch.simulation.drawing import key_of
from hopwatch.simulation.expansion import ACQUIRE, CONSUME, SERVE, WITH_SPAN, Node, expand
from hopwatch.simulation.laws import KINDS, Law
from hopwatch.simulation.scenario import Scenario

NODE: Final = np.dtype(
    [
        ("salt", np.uint64),  # what is drawn for a node depends on this, not on its place
        *((name, np.int64) for name in ("timeout",)),  # ns, -1: none
        *((name, np.float64) for name in ("probability", "fail")),
        # child: the first of `children` in Program.children. law, back: numbers of laws; of a
        # CALL the ways out and back, of a SEND `back` is the delay. pause: its PAUSE node.
        # service: its first process; resource: its first process's, -1 none.
        *(
            (name, np.int32)
            for name in (
                "child", "children", "least", "most", "attempts", "limit", "law", "back", "pause",
                "service", "instances", "resource",
            )
        ),
        ("kind", np.int8),
        ("has_span", np.bool_),
        ("visible", np.bool_),  # its span is recorded by an instrumented service
        ("linked", np.bool_),
        ("transparent", np.bool_),
    ]
)  # fmt: skip
LAW: Final = np.dtype(
    [
        ("kind", np.int8),
        ("first", np.float64),
        ("second", np.float64),
        # Of a mixture: its parts among the laws, each with its cumulative weight.
        ("part", np.int32),
        ("parts", np.int32),
        ("until", np.float64),
    ]
)


@dataclass(frozen=True)
class Program:
    """What the kernel executes. routes: root nodes, and the cumulative weights with which a
    request begins there; capacity: of every resource of every process; services: name -> first
    process and number of processes."""

    nodes: npt.NDArray[np.void]
    children: npt.NDArray[np.int32]
    laws: npt.NDArray[np.void]
    routes: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float64]
    capacity: npt.NDArray[np.int32]
    services: dict[str, tuple[int, int]]
    plan: list[Node]  # by number, as `nodes`

    def roots(self) -> list[int]:
        """For each node the root of the request, or of the asynchronous work, that it is part
        of."""
        root = list(range(len(self.plan)))
        for number, node in enumerate(self.plan):  # parents first
            first = self.nodes["child"][number]
            below = self.children[first : first + len(node.children)].tolist()
            if node.pause:
                below.append(int(self.nodes["pause"][number]))
            for child in below:
                if self.plan[child].kind != CONSUME:
                    root[child] = root[number]
        return root


def compile_scenario(scenario: Scenario) -> Program:
    """The program of a scenario. Raises UsageError for one that cannot be expanded."""
    return _Flattening(scenario, expand(scenario)).program(list(scenario.routes.values()))


class _Flattening:
    """Trees -> records."""

    def __init__(self, scenario: Scenario, roots: list[Node]) -> None:
        self._scenario = scenario
        self._roots = roots
        self._laws: list[Law] = []
        self._law_numbers: dict[Law, int] = {}
        self._services: dict[str, tuple[int, int]] = {}
        for name, service in scenario.services.items():
            first = sum(count for _, count in self._services.values())
            self._services[name] = first, service.instances
        self._capacity: list[int] = []
        self._resources: dict[tuple[str, str], int] = {}
        for name, service in scenario.services.items():
            for pool, capacity in {"": service.workers, **service.pools}.items():
                if capacity:
                    self._resources[name, pool] = len(self._capacity)
                    self._capacity += [capacity] * service.instances

    def program(self, weights: list[float]) -> Program:
        plan = list(self._roots)
        for node in plan:
            plan.extend(node.children)
            if node.pause:
                plan.append(node.pause)
        numbers = {id(node): number for number, node in enumerate(plan)}
        records = np.zeros(len(plan), NODE)
        children: list[int] = []
        salts = _salts(self._roots)
        for number, node in enumerate(plan):
            records[number] = self._record(node, salts[id(node)], len(children), numbers)
            children += [numbers[id(child)] for child in node.children]
        return Program(
            nodes=records,
            children=np.array(children, np.int32),
            laws=self._law_records(),
            routes=np.arange(len(self._roots), dtype=np.int32),
            weights=np.cumsum(weights) / sum(weights),
            capacity=np.array(self._capacity, np.int32),
            services=self._services,
            plan=plan,
        )

    def _record(
        self, node: Node, salt: int, first_child: int, numbers: dict[int, int]
    ) -> tuple[object, ...]:
        step = node.step
        first, instances = self._services[node.service]
        key = (node.service, node.pool if node.kind == ACQUIRE else "")
        holds = node.kind in (SERVE, ACQUIRE)
        has_span = node.kind in WITH_SPAN
        values = {
            "salt": salt,
            "timeout": -1 if node.timeout is None else node.timeout,
            "probability": step.probability,
            "fail": step.fail,
            "child": first_child,
            "children": len(node.children),
            "least": step.times[0],
            "most": step.times[1],
            "attempts": step.attempts,
            "limit": node.limit or len(node.children),
            "law": self._law(node.law),
            "back": self._law(node.back),
            "pause": numbers[id(node.pause)] if node.pause else -1,
            "service": first,
            "instances": instances,
            "resource": self._resources.get(key, -1) if holds else -1,
            "kind": node.kind,
            "has_span": has_span,
            "visible": has_span and self._scenario.services[node.service].instrumented,
            "linked": node.linked,
            "transparent": node.transparent,
        }
        return tuple(values[name] for name in NODE.names or ())

    def _law(self, law: Law) -> int:
        if law not in self._law_numbers:
            self._law_numbers[law] = len(self._laws)
            self._laws.append(law)
        return self._law_numbers[law]

    def _law_records(self) -> npt.NDArray[np.void]:
        rows = []
        parts: list[tuple[object, ...]] = []
        for law in self._laws:
            first = len(self._laws) + len(parts)
            total = sum(weight for weight, _ in law.parts)
            until = 0.0
            for weight, part in law.parts:
                until += weight / total
                parts.append((KINDS.index(part.kind), part.first, part.second, 0, 0, until))
            rows.append((KINDS.index(law.kind), law.first, law.second, first, len(law.parts), 0.0))
        return np.array(rows + parts, LAW)


def _salts(roots: list[Node]) -> dict[int, int]:
    """Of each node (by id). The same for the same step wherever it stands below one that is not
    transparent: what is added beside it, or put around it, changes nothing of what is drawn for
    it. Alike steps are told apart by their order."""
    salts = {id(root): int(key_of(root.chance)) for root in roots}
    scopes = list(roots)
    for scope in scopes:
        seen: Counter[str] = Counter()
        waiting = _below(scope)
        while waiting:
            node = waiting.pop()
            salts[id(node)] = int(key_of(f"{node.chance} {seen[node.chance]}"))
            seen[node.chance] += 1
            if node.transparent:
                waiting += _below(node)
            else:
                scopes.append(node)
    return salts


def _below(node: Node) -> list[Node]:
    """What is below a node, the last first."""
    return [*([node.pause] if node.pause else []), *reversed(node.children)]
