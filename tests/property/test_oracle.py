"""The walk and the clocks against a second, slower reading of the specification.

Written from sections 2 and 4 by another hand than the code: sets of single nanoseconds instead
of intervals, recursion instead of a stack.
"""

from __future__ import annotations

from random import Random
from typing import NamedTuple

import pytest

from hopwatch.attribution import Attribution, Options
from tests.spans_dsl import FixedClocks, span, span_id, table

AHEAD_NS = (0, 0, 500, -70)  # how far the clock of B is ahead of A's


class Node(NamedTuple):
    name: str
    start: int
    end: int
    parent: str | None
    service: str


class Child(NamedTuple):
    start: int  # in the parent's clock
    end: int
    key: bytes
    name: str


class Case(NamedTuple):
    nodes: list[Node]
    tau: int
    theta: int | None
    kappa: int

    def children(self, parent: Node) -> list[Child]:
        children = [node for node in self.nodes if node.parent == parent.name]
        remote = [node for node in children if node.service != parent.service]
        theta = one_offset(parent, remote, self.theta, self.kappa) if remote else 0
        return [
            Child(node.start - shift, node.end - shift, span_id(node.name), node.name)
            for node in children
            for shift in [theta if node in remote else 0]
        ]


def scan(low: int, high: int, children: list[Child], tau: int) -> tuple[int, list[Child], int]:
    """Own time, the chosen with their windows, and the time of those not chosen."""
    clipped = [
        child._replace(start=max(child.start, low), end=min(child.end, high))
        for child in sorted(children, key=lambda c: (-c.end, c.start, c.key))
    ]
    waiting = [child for child in clipped if child.end > child.start]
    cursor, above, chosen, i = high, None, [], 0

    def usable() -> bool:
        return above is not None and above.start < cursor and above.end - cursor <= tau

    while i < len(waiting):
        child = waiting[i]
        if child.start >= cursor:
            i += 1
        elif child.end > cursor:
            if child.end - cursor <= tau:
                above = child
            i += 1
        elif usable() and above.end - cursor < cursor - child.end:
            chosen.append(above._replace(end=min(above.end, cursor)))
            cursor, above = above.start, None
        else:
            chosen.append(child)
            cursor = child.start
            i += 1
    if usable():
        chosen.append(above._replace(end=min(above.end, cursor)))
    points = {point for child in waiting for point in range(child.start, child.end)}
    explained = sum(child.end - child.start for child in chosen)
    return high - low - explained, chosen, len(points) - explained


def one_offset(parent: Node, children: list[Node], known: int | None, kappa: int) -> int:
    ranges = [(child.end - parent.end, child.start - parent.start) for child in children]
    fitting = [(b, a) for b, a in ranges if b <= a]
    target = known or 0
    if fitting:
        low, high = max(b for b, _ in fitting), min(a for _, a in fitting)
        theta = max(low, min(target, high))
        if low <= high and (known is None or abs(theta - target) <= kappa):
            return theta
    return min(target, min(a for _, a in ranges))


def random_case(random: Random, processes: str) -> Case:
    ahead = random.choice(AHEAD_NS)
    theta = random.choice([None, ahead, ahead + random.randint(-30, 30)])
    nodes = [Node("n0", 0, random.randint(1, 60), None, "A")]
    for i in range(1, random.randint(2, 9)):
        parent = random.choice(nodes)
        service = "B" if parent.service == "B" else random.choice(processes)
        start = parent.start - ahead * (parent.service == "B") + random.randint(-3, 30)
        end = start + random.randint(0, 35)
        shift = ahead * (service == "B")
        nodes.append(Node(f"n{i}", start + shift, end + shift, parent.name, service))
    return Case(nodes, random.choice([0, 1, 3, 10, 1000]), theta, random.choice([0, 5, 50]))


def expected(case: Case) -> dict[str, tuple[int, int, int]]:
    """Own, local and concurrent time by span."""
    named = {node.name: node for node in case.nodes}
    blamed: dict[str, tuple[int, int]] = {}

    def blame(node: Node, low: int, high: int) -> None:
        children = case.children(node)
        placed = {child.name: child for child in children}
        own, chosen, concurrent = scan(low, high, children, case.tau)
        blamed[node.name] = own, concurrent
        for child in chosen:
            shift = named[child.name].start - placed[child.name].start
            blame(named[child.name], child.start + shift, child.end + shift)

    blame(case.nodes[0], case.nodes[0].start, case.nodes[0].end)
    result = {}
    for node in case.nodes:
        local = scan(node.start, node.end, case.children(node), case.tau)[0]
        own, concurrent = blamed.get(node.name, (0, 0))
        result[node.name] = own, local, concurrent
    return result


@pytest.mark.parametrize("processes", ["A", "AB"])
@pytest.mark.parametrize("block", range(4))
def test_code_and_oracle_agree(processes: str, block: int) -> None:
    random = Random(f"{processes} {block}")
    for _ in range(250):
        case = random_case(random, processes)
        rows = [span(n.name, n.start, n.end, n.parent, service=n.service) for n in case.nodes]
        clocks = FixedClocks(case.theta, case.kappa)
        attribution = Attribution(table(*rows), Options(tau_ns=case.tau), clocks)
        (unit,) = attribution.requests()
        got = {time.span.name: (time.own, time.local, time.concurrent) for time in unit.spans}
        for late in attribution.detached():  # which is nothing to the request
            got |= {time.span.name: (0, time.local, 0) for time in late.spans}
        assert got == expected(case), case
