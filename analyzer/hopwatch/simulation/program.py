"""A scenario as what the kernel executes: a tree of nodes for each route, as flat records.

Operations are expanded where they are called, so that each node knows who called it: a node is a
span with one content and one cell of the truth, or a step without a span.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from hopwatch import semconv
from hopwatch.errors import UsageError
from hopwatch.simulation.drawing import key_of
from hopwatch.simulation.laws import AT_ONCE, KINDS, Law
from hopwatch.simulation.scenario import (
    Acquire,
    Background,
    Call,
    Inner,
    Leaf,
    Network,
    Parallel,
    Scenario,
    Send,
    Service,
    Step,
    Target,
    Work,
)

WORK, INNER, LEAF, CALL, SERVE, PARALLEL, ACQUIRE, WAIT, SEND, CONSUME, BACKGROUND, LANE, PAUSE = (
    range(13)
)
"""Kinds of nodes. PAUSE: before an attempt is repeated."""
WITH_SPAN: Final = (INNER, LEAF, CALL, SERVE, WAIT, SEND, CONSUME)

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
_VERBS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_MOST_NODES: Final = 50_000

_ONCE: Final = Step(Work(AT_ONCE))

Cell = tuple[str, str, str, str, str, str]
"""A cell's key, as `truth.CELL_KEYS`."""


@dataclass(slots=True, eq=False)
class Node:
    """A node before it is flattened. `service`: whose it is; `cell`, `attributes`, `name` and
    `span_kind`: of a node with a span (else the cell is that of the nearest span above)."""

    kind: int
    service: str
    cell: Cell
    step: Step = _ONCE
    name: str = ""
    span_kind: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node] = field(default_factory=list)
    law: Law = AT_ONCE
    back: Law = AT_ONCE
    timeout: int | None = None
    limit: int | None = None
    pool: str = ""
    pause: Node | None = None
    linked: bool = False


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
    """The program of a scenario. Raises UsageError for names that lead nowhere, for operations
    that call themselves, and for scenarios that are too large."""
    roots = [_Expansion(scenario).root(target) for target in scenario.routes]
    return _Flattening(scenario, roots).program(list(scenario.routes.values()))


class _Expansion:
    """Expands operations where they are called."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._path: list[Target] = []
        self._made = 0

    def root(self, target: Target) -> Node:
        if not self._service(target).instrumented:
            raise UsageError(f"routes: {target.service} is not instrumented: no request is seen")
        return self._operation(target, SERVE, caller="", step=_ONCE)

    def _service(self, target: Target) -> Service:
        services = self._scenario.services
        service = services.get(target.service)
        if service is None:
            raise UsageError(f"no service {target.service!r}; there are {', '.join(services)}")
        if target.operation not in service.operations:
            raise UsageError(
                f"services.{target.service}: no operation {target.operation!r}; there are "
                f"{', '.join(service.operations)}"
            )
        return service

    def _operation(self, target: Target, kind: int, caller: str, step: Step) -> Node:
        """The node of the service's side, with all below it."""
        if target in self._path:
            names = " -> ".join(f"{t.service} {t.operation}" for t in [*self._path, target])
            raise UsageError(f"an operation cannot call itself: {names}")
        service = self._service(target)
        self._path.append(target)
        node = self._node(
            kind, target.service, caller, step, "self", semconv.template(target.operation)
        )
        node.name, node.attributes = _served(target)
        node.span_kind = "CONSUMER" if kind == CONSUME else "SERVER"
        if kind == SERVE and not node.attributes:
            node.span_kind = "INTERNAL"
        self._body(node, service.operations[target.operation], caller)
        self._path.pop()
        return node

    def _node(
        self, kind: int, service: str, caller: str, step: Step, cell_kind: str, operation: str,
        hop: str = "",
    ) -> Node:  # fmt: skip
        """A node whose cell is the service's own, or `hop`'s as `service` sees it; without
        instrumentation all that a service does is remote to its caller."""
        self._made += 1
        if self._made > _MOST_NODES:
            raise UsageError(f"the scenario has more than {_MOST_NODES} steps once it is expanded")
        of = self._scenario.services[service]
        if not of.instrumented:
            cell = (caller, service, operation, semconv.NO_LANGUAGE, "", "remote")
        elif hop:
            cell = (service, hop, operation, semconv.NO_LANGUAGE, "", cell_kind)
        else:
            cell = (caller, service, operation, of.language, of.version, cell_kind)
        return Node(kind, service, cell, step)

    def _body(self, node: Node, steps: tuple[Step, ...], caller: str) -> None:
        for step in steps:
            node.children.append(self._step(node, step, caller))

    def _step(self, parent: Node, step: Step, caller: str) -> Node:
        service = parent.service

        def plain(kind: int) -> Node:
            self._made += 1
            return Node(kind, service, parent.cell, step)

        match step.action:
            case Work(time):
                node = plain(WORK)
                node.law = time
            case Inner(name, steps):
                node = self._node(INNER, service, caller, step, "self", semconv.template(name))
                node.name, node.span_kind = name, "INTERNAL"
                self._body(node, steps, caller)
            case Leaf():
                node = self._leaf(service, step, step.action, caller)
            case Call():
                node = self._call(service, step, step.action, caller)
            case Parallel(branches, limit):
                node = plain(PARALLEL)
                node.limit = limit
                for branch in branches:
                    lane = Node(LANE, service, parent.cell)
                    self._body(lane, branch, caller)
                    node.children.append(lane)
            case Acquire(pool, steps):
                node = plain(ACQUIRE)
                node.pool = self._pool(service, pool)
                wait = self._node(WAIT, service, caller, Step(step.action), "wait", "pool.acquire")
                wait.name, wait.span_kind = "pool.acquire", "INTERNAL"
                node.children.append(wait)
                self._body(node, steps, caller)
            case Send():
                node = self._send(service, step, step.action, caller)
            case Background(steps):
                node = plain(BACKGROUND)
                self._body(node, steps, caller)
        if step.attempts > 1:
            node.pause = plain(PAUSE)
            node.pause.law = step.backoff
            node.pause.cell = parent.cell
        return node

    def _pool(self, service: str, pool: str) -> str:
        pools = self._scenario.services[service].pools
        if pool not in pools:
            known = ", ".join(pools) or "none"
            raise UsageError(f"services.{service}: no pool {pool!r}; there are: {known}")
        return pool

    def _leaf(self, service: str, step: Step, leaf: Leaf, caller: str) -> Node:
        node = self._node(LEAF, service, caller, step, leaf.kind, leaf.operation, hop=leaf.peer)
        node.span_kind, node.law = "CLIENT", leaf.time
        if leaf.kind == "db":
            system, _, namespace = leaf.peer.partition("/")
            node.name = leaf.operation
            node.attributes = {"db.system.name": system, "db.query.summary": leaf.operation}
            if namespace:
                node.attributes["db.namespace"] = namespace
        else:
            host, _, port = leaf.peer.partition(":")
            node.name, node.attributes = _asked(host, leaf.operation)
            if port:
                node.attributes["server.port"] = port
        return node

    def _call(self, service: str, step: Step, call: Call, caller: str) -> Node:
        target = call.target
        callee = self._service(target)
        name, attributes = _asked(target.service, target.operation)
        if not attributes:
            raise UsageError(
                f"services.{target.service}: {target.operation!r} cannot be called: it is neither "
                "HTTP (GET /path) nor RPC (package.Service/Method)"
            )
        if callee.instrumented:
            node = self._node(
                CALL,
                service,
                caller,
                step,
                "gap",
                target.operation,
                f"{service} -> {target.service}",
            )
        else:
            node = self._node(
                CALL, service, caller, step, "remote", target.operation, target.service
            )
        node.name, node.attributes, node.span_kind = name, attributes, "CLIENT"
        network: Network = callee.network or self._scenario.network
        node.law, node.back, node.timeout = network.out, network.back, call.timeout
        node.children.append(self._operation(target, SERVE, service, Step(step.action)))
        return node

    def _send(self, service: str, step: Step, send: Send, caller: str) -> Node:
        name = f"send {send.destination}"
        node = self._node(
            SEND, service, caller, step, "messaging", semconv.template(name), hop=send.broker
        )
        node.name, node.span_kind = name, "PRODUCER"
        node.attributes = {
            "messaging.system": send.broker,
            "messaging.destination.name": send.destination,
            "messaging.operation.type": "send",
        }
        node.law, node.back, node.linked = send.time, send.delay, send.linked
        # Nobody waits for it: as in the ledger of asynchronous work, it has no caller.
        consumer = self._operation(send.target, CONSUME, "", Step(step.action))
        consumer.linked = send.linked
        node.children.append(consumer)
        return node


def _served(target: Target) -> tuple[str, dict[str, str]]:
    """Name and attributes of the span of the service that is asked."""
    verb, _, path = target.operation.partition(" ")
    if verb in _VERBS and path:
        return target.operation, {"http.request.method": verb, "http.route": path}
    if "/" in target.operation and " " not in target.operation:
        return target.operation, {"rpc.system.name": "grpc", "rpc.method": target.operation}
    return target.operation, {}


def _asked(address: str, operation: str) -> tuple[str, dict[str, str]]:
    """The same of the span of the one who asks."""
    name, attributes = _served(Target(address, operation))
    if path := attributes.pop("http.route", None):
        attributes["url.template"] = path
        attributes["url.full"] = f"http://{address}{path}"
    return name, {**attributes, "server.address": address} if attributes else {}


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
        salts = {id(root): _salt(root, 0) for root in self._roots}
        for number, node in enumerate(plan):
            seen: dict[int, int] = {}
            for child in [*node.children, *([node.pause] if node.pause else [])]:
                salt = _salt(child, 0)
                seen[salt] = seen.get(salt, 0) + 1
                salts[id(child)] = _salt(child, seen[salt] - 1)
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


def _salt(node: Node, ordinal: int) -> int:
    """The same for the same step wherever it stands: what is added beside it changes nothing of
    what is drawn for it."""
    text = f"{node.kind} {node.service} {node.name} {node.cell[1]} {node.pool} {ordinal}"
    return int(key_of(text))
