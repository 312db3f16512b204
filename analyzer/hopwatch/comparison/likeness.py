"""How alike two hops are in what they do, whatever they are called; all figures from 0 to 1.

operations   which classes of operations are called, how often per request
neighbours   who calls them, whom they call
routes       on which routes they are called, how often per request
name         words that their names share
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from hopwatch.comparison.windows import Window

WEIGHTS: Final = {"operations": 0.3, "neighbours": 0.3, "routes": 0.25, "name": 0.15}
CLEARLY: Final = 0.1
_WORD: Final = re.compile(r"[^\W_]+")

Rates = dict[str, float]
"""Calls per request, by route or by operation."""

Name = TypeVar("Name", bound=Hashable)


@dataclass(slots=True)
class Hop:
    """What one side shows of a hop. `sort`: `service`, or the kind of what is no code of ours."""

    name: str
    sort: str
    operations: Rates = field(default_factory=lambda: defaultdict(float))
    routes: Rates = field(default_factory=lambda: defaultdict(float))
    callers: set[str] = field(default_factory=set)
    callees: set[str] = field(default_factory=set)


def hops_of(
    window: Window, route_class: Callable[[str], str], operation_class: Callable[[str], str]
) -> dict[str, Hop]:
    """The hops of a side, by name."""
    requests: Rates = dict(
        zip(window.routes, map(float, window.exact.routes[:, 0, 0]), strict=True)
    )
    found: dict[str, Hop] = {}
    for cell, (_, _, _, calls) in zip(window.cells, window.exact.cells[:, :, 0], strict=True):
        if cell.kind == "gap":  # the way to a hop, of which its own cells tell
            continue
        sort = "service" if cell.kind in ("self", "wait") else cell.kind
        hop = found.setdefault(cell.hop, Hop(cell.hop, sort))
        if sort == "service":
            hop.sort = sort
        rate = float(calls) / requests[cell.route]
        if cell.kind == "wait" or not rate:
            continue
        hop.operations[operation_class(cell.operation)] += rate
        hop.routes[route_class(cell.route)] += rate
        hop.callers.add(cell.caller)
        if cell.caller != cell.hop:
            found.setdefault(cell.caller, Hop(cell.caller, "service")).callees.add(cell.hop)
    found.pop("", None)
    return found


def likeness(before: Hop, after: Hop, renamed: Mapping[str, str]) -> dict[str, float]:
    """By aspect how alike two hops are. `renamed`: names after, by names before."""
    callers, callees = (
        {renamed.get(name, name) for name in names} for names in (before.callers, before.callees)
    )
    shared = len(callers & after.callers) + len(callees & after.callees)
    neighbours = len(callers | after.callers) + len(callees | after.callees)
    return {
        "operations": same_rates(before.operations, after.operations),
        "neighbours": shared / neighbours if neighbours else 1.0,
        "routes": same_rates(before.routes, after.routes),
        "name": same_words(before.name, after.name),
    }


def same_rates(before: Mapping[str, float], after: Mapping[str, float]) -> float:
    """The share of all calls that both sides make alike."""
    keys = before.keys() | after.keys()
    both = sum(min(before.get(key, 0), after.get(key, 0)) for key in sorted(keys))
    either = sum(max(before.get(key, 0), after.get(key, 0)) for key in sorted(keys))
    return both / either if either else 0.0


def same_words(before: str, after: str) -> float:
    """Words that both texts have, of those of the shorter one."""
    words = [set(_WORD.findall(text.casefold())) for text in (before, after)]
    fewer = min(map(len, words))
    return len(words[0] & words[1]) / fewer if fewer else 0.0


def clear_matches(
    scores: Mapping[tuple[Name, Name], float], least: float
) -> list[tuple[Name, Name]]:
    """Pairs (before, after) that are most alike to each other, at least `least`, and clearly more
    than either is to anything else."""
    by_side: tuple[dict[Name, list[float]], dict[Name, list[float]]] = ({}, {})
    for pair, score in scores.items():
        for side, name in zip(by_side, pair, strict=True):
            side.setdefault(name, []).append(score)
    others = [
        {name: sorted(found, reverse=True)[1:2] for name, found in side.items()} for side in by_side
    ]
    return [
        pair
        for pair, score in scores.items()
        if score >= least
        and all(
            score >= second + CLEARLY
            for side, name in zip(others, pair, strict=True)
            for second in side[name]
        )
    ]
