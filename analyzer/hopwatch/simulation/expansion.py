"""Operations, expanded where they are called: a tree of nodes for each route, so that each node
knows who called it. A node is a span with one content and one cell of the truth, or a step without
a span.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from hopwatch import semconv
from hopwatch.errors import UsageError
from hopwatch.simulation.laws import AT_ONCE, Law
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

_VERBS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_MOST_NODES: Final = 50_000

_ONCE: Final = Step(Work(AT_ONCE))

Cell = tuple[str, str, str, str, str, str]
"""A cell's key, as `truth.CELL_KEYS`."""


@dataclass(slots=True, eq=False)
class Node:
    """A node before it is flattened. `service`: whose it is; `cell`, `attributes`, `name` and
    `span_kind`: of a node with a span (else the cell is that of the nearest span above). chance:
    what is drawn for it depends on this and on the node above; transparent: what is drawn below
    it does not depend on it, so that it can come and go."""

    kind: int
    service: str
    cell: Cell
    step: Step = _ONCE
    chance: str = ""
    transparent: bool = False
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


def expand(scenario: Scenario) -> list[Node]:
    """The root of each route. Raises UsageError for names that lead nowhere, for operations that
    call themselves, and for scenarios that are too large."""
    return [_Expansion(scenario).root(target) for target in scenario.routes]


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
        word = "consume" if kind == CONSUME else "serve"
        node.chance = f"{word} {target if service.gateway else self._formerly(target)}"
        node.transparent = kind == SERVE
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

    def _formerly(self, target: Target) -> str:
        was = self._scenario.services[target.service].formerly.get(target.operation, target)
        return f"{was.service} {was.operation}"

    def _body(self, node: Node, steps: tuple[Step, ...], caller: str) -> None:
        for step in steps:
            child = self._step(node, step, caller)
            if self._scenario.services[node.service].gateway:
                # What it does is not taken for what was done here without it.
                child.chance = f"{node.service}: {child.chance}"
            node.children.append(child)

    def _step(self, parent: Node, step: Step, caller: str) -> Node:
        service = parent.service

        def plain(kind: int, chance: str, *, transparent: bool = False) -> Node:
            self._made += 1
            return Node(kind, service, parent.cell, step, chance, transparent)

        match step.action:
            case Work(time):
                node = plain(WORK, "work")
                node.law = time
            case Inner(name, steps):
                node = self._inner(service, step, name, steps, caller)
            case Call(target, _, True):
                node = self._part(service, step, target, caller)
            case Leaf():
                node = self._leaf(service, step, step.action, caller)
            case Call():
                node = self._call(service, step, step.action, caller)
            case Parallel(branches, limit):
                node = plain(PARALLEL, "parallel", transparent=True)
                node.limit = limit
                for branch in branches:
                    lane = Node(LANE, service, parent.cell, chance="lane", transparent=True)
                    self._body(lane, branch, caller)
                    node.children.append(lane)
            case Acquire(pool, steps):
                node = plain(ACQUIRE, f"acquire {pool}", transparent=True)
                node.pool = self._pool(service, pool)
                wait = self._node(WAIT, service, caller, Step(step.action), "wait", "pool.acquire")
                wait.chance = "wait"
                wait.name, wait.span_kind = "pool.acquire", "INTERNAL"
                node.children.append(wait)
                self._body(node, steps, caller)
            case Send():
                node = self._send(service, step, step.action, caller)
            case Background(steps):
                node = plain(BACKGROUND, "background", transparent=True)
                self._body(node, steps, caller)
        if step.attempts > 1:
            node.pause = plain(PAUSE, "pause")
            node.pause.law = step.backoff
        return node

    def _inner(
        self, service: str, step: Step, name: str, steps: tuple[Step, ...], caller: str
    ) -> Node:
        node = self._node(INNER, service, caller, step, "self", semconv.template(name))
        node.name, node.span_kind, node.chance = name, "INTERNAL", f"span {name}"
        self._body(node, steps, caller)
        return node

    def _part(self, service: str, step: Step, target: Target, caller: str) -> Node:
        """A call in process: what is called is part of the service that calls."""
        steps = self._service(target).operations[target.operation]
        if target in self._path:
            raise UsageError(f"{target.service} {target.operation} cannot call itself in process")
        self._path.append(target)
        node = self._inner(service, step, target.operation, steps, caller)
        node.chance = f"call {self._formerly(target)}"
        self._path.pop()
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
        node.chance = f"{leaf.kind} {leaf.peer} {leaf.operation}"
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
        node.chance = f"call {self._formerly(target)}"
        node.transparent = self._scenario.services[service].gateway
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
        node.chance = f"send {send.broker} {send.destination}"
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
