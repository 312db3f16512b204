"""Which cells of two ledgers play the same role, though services were rewritten, renamed, split
or merged.

A *role* is what a route has done for it: who is called (a gap belongs to whom it leads to), which
class of operation, and the kind of time. Who calls, in which language and version, are *variants*
of a role. Operations that differ only in how they write parameters (`/orders/:id`, `/orders/{id}`)
are of one class, and so are routes. What has the same names plays the same role. Of the rest, in
this order:

    stated     a mapping says so
    renamed    a hop that went is like one that came, and clearly more than like any other
    moved      an operation went from one hop and came at another, as often on the same routes
               (services were split or merged)
    reworded   a hop lost an operation and got one, as often on the same routes
    unseen     calls that no service receives any more (`unseen`)

What fits nothing well is new or has vanished: a wrong match would hide both. `likeness` says
what "like" is.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import nlargest
from typing import Final, NamedTuple

from hopwatch.comparison.likeness import (
    WEIGHTS,
    Hop,
    Rates,
    clear_matches,
    hops_of,
    likeness,
    same_rates,
    same_words,
)
from hopwatch.comparison.windows import Cell, Window
from hopwatch.errors import UsageError

LEAST_ALIKE: Final = 0.6
_MOST_HOPS: Final = 100
"""So many hops of a side, the most called first, are looked at for another name."""
_WORDS: Final = 0.2
_CALLERS: Final = 0.3
_PARAMETER: Final = re.compile(r"(?<=/)(?::[^/]+|\{[^/]*\}|<[^/]*>|\[[^/]*\]|\*+)(?=/|$)")


class Role(NamedTuple):
    """What a route has done for it; in the words of the side after, where it has it."""

    hop: str
    operation: str
    kind: str


class Variant(NamedTuple):
    """Who calls, and what answers. `version` is empty where versions only tell the sides
    apart: a release is no other variant, or else nothing could be said of what it changed."""

    caller: str
    language: str
    version: str


class Place(NamedTuple):
    """Where a cell belongs in the bridge."""

    route: str
    role: Role
    variant: Variant


@dataclass(frozen=True, slots=True)
class Stated:
    """Matches that a user states: names after by names before. A hop that is said to be itself
    is not looked for under another name. `operations`: by (hop, operation)."""

    hops: Mapping[str, str] = field(default_factory=dict)
    routes: Mapping[str, str] = field(default_factory=dict)
    operations: Mapping[tuple[str, str], tuple[str, str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Match:
    """Another name for the same. `how`: see the module's docstring. `operation_before` and
    `operation_after` are empty where whole hops match. `confidence`: from 0 to 1."""

    how: str
    hop_before: str
    hop_after: str
    operation_before: str
    operation_after: str
    confidence: float
    reason: str


@dataclass(frozen=True, slots=True)
class Alignment:
    """The place of each cell of both `sides` (in the order of `Window.cells`), routes' common
    names, other names that were found, and hops on one side only."""

    sides: tuple[Sequence[Place], Sequence[Place]]
    routes: Mapping[str, str]
    matches: tuple[Match, ...]
    new: tuple[str, ...]
    vanished: tuple[str, ...]


def align(before: Window, after: Window, stated: Stated | None = None) -> Alignment:
    """Brings the cells of two ledgers to common names.

    Raises UsageError where `stated` names what is not there.
    """
    stated = stated or Stated()
    _require_known(stated, before, after)
    routes = _Spelling(before.routes, after.routes, stated.routes)
    operations = _Spelling(
        (cell.operation for cell in before.cells), (cell.operation for cell in after.cells), {}
    )
    sides = hops_of(before, routes, operations), hops_of(after, routes, operations)
    renamed, matches = _renamed(*sides, stated)

    def role_before(cell: Cell) -> Role:
        at = cell.callee, cell.operation
        hop, operation = stated.operations.get(at, (renamed.get(at[0], at[0]), at[1]))
        return Role(hop, operations(operation), cell.kind)

    roles = [role_before(cell) for cell in before.cells]
    roles_after = [Role(c.callee, operations(c.operation), c.kind) for c in after.cells]
    themselves = {old for old, new in stated.hops.items() if old == new}
    for find in (_moved, _reworded):
        used = _used(before, roles, routes, renamed), _used(after, roles_after, routes, {})
        others, found = find(
            {r: at for r, at in used[0].items() if r.hop not in themselves}, used[1]
        )
        roles = [others.get(role, role) for role in roles]
        matches += found
    variants = _variants(
        ([Variant(renamed.get(c.caller, c.caller), c.language, c.version) for c in before.cells],
         [Variant(c.caller, c.language, c.version) for c in after.cells]),
        (roles, roles_after),
    )  # fmt: skip
    places = [
        [
            Place(routes(cell.route), role, variant)
            for cell, role, variant in zip(window.cells, side, kinds, strict=True)
        ]
        for window, side, kinds in zip(
            (before, after), (roles, roles_after), variants, strict=True
        )
    ]  # fmt: skip
    hops = [{role.hop for role in side} for side in (roles, roles_after)]
    return Alignment(
        (places[0], places[1]),
        {route: routes(route) for route in (*before.routes, *after.routes)},
        tuple(matches),
        tuple(sorted(hops[1] - hops[0])),
        tuple(sorted(hops[0] - hops[1])),
    )


class _Spelling:
    """One spelling for texts that differ only in how they write parameters, that of the side
    after where it has one."""

    def __init__(
        self, before: Iterable[str], after: Iterable[str], stated: Mapping[str, str]
    ) -> None:
        self._stated = stated
        self._common: dict[str, str] = {}
        for texts in (set(after), set(before)):
            for text in sorted(texts):
                self._common.setdefault(operation_class(stated.get(text, text)), text)

    def __call__(self, text: str) -> str:
        text = self._stated.get(text, text)
        return self._common.get(operation_class(text), text)


def operation_class(text: str) -> str:
    """An operation or route without the spelling of its parameters."""
    return _PARAMETER.sub("{}", text.strip("/"))


def _renamed(
    before: Mapping[str, Hop], after: Mapping[str, Hop], stated: Stated
) -> tuple[dict[str, str], list[Match]]:
    """By name before the name after, of hops that have another one; by and by, for who was
    recognised tells of its neighbours."""
    renamed = dict(stated.hops)
    matches = [
        Match("stated", old, new, "", "", 1.0, "the mapping says so")
        for old, new in sorted(stated.hops.items())
        if old != new
    ]
    gone = _most_called(before[name] for name in before.keys() - after.keys() - renamed.keys())
    come = _most_called(
        after[name] for name in after.keys() - before.keys() - set(renamed.values())
    )
    while gone and come:
        aspects = {
            (old.name, new.name): likeness(old, new, renamed)
            for old in gone
            for new in come
            if old.sort == new.sort
        }
        scores = {
            pair: sum(WEIGHTS[name] * value for name, value in found.items())
            for pair, found in aspects.items()
        }
        clear = clear_matches(scores, LEAST_ALIKE)
        if not clear:
            break
        for old_name, new_name in sorted(clear):
            renamed[old_name] = new_name
            pair = old_name, new_name
            reason = ", ".join(f"{name} {value:.0%}" for name, value in aspects[pair].items())
            matches.append(
                Match("renamed", *pair, "", "", round(scores[pair], 3), f"alike: {reason}")
            )
        gone = [hop for hop in gone if hop.name not in renamed]
        come = [hop for hop in come if hop.name not in renamed.values()]
    return renamed, matches


def _most_called(hops: Iterable[Hop]) -> list[Hop]:
    return nlargest(_MOST_HOPS, hops, key=lambda hop: (sum(hop.routes.values()), hop.name))


class _Use(NamedTuple):
    """Of a role: its spans per request by route, and who calls."""

    rates: Rates
    callers: set[str]


def _used(
    window: Window,
    roles: Sequence[Role],
    routes: Callable[[str], str],
    renamed: Mapping[str, str],
) -> dict[Role, _Use]:
    requests: Rates = defaultdict(float)
    for route, count in zip(window.routes, window.exact.routes[:, 0, 0], strict=True):
        requests[routes(route)] += float(count)
    found: dict[Role, _Use] = defaultdict(lambda: _Use(defaultdict(float), set()))
    for cell, role, spans in zip(window.cells, roles, window.exact.cells[:, 0, 0], strict=True):
        route = routes(cell.route)
        found[role].rates[route] += float(spans) / requests[route]
        found[role].callers.add(renamed.get(cell.caller, cell.caller))
    return found


def _moved(
    before: Mapping[Role, _Use], after: Mapping[Role, _Use]
) -> tuple[dict[Role, Role], list[Match]]:
    """Operations that are done by another hop: as often, and the surer the more callers they
    kept."""

    def score(old: Role, new: Role) -> float:
        callers = before[old].callers, after[new].callers
        kept = len(callers[0] & callers[1]) / len(callers[0] | callers[1])
        rates = same_rates(before[old].rates, after[new].rates)
        return (1 - _CALLERS) * rates + _CALLERS * kept

    def reason(old: Role, new: Role) -> str:
        callers = before[old].callers, after[new].callers
        who = "the same" if callers[0] == callers[1] else "some of the same"
        who = who if callers[0] & callers[1] else "other"
        return f"the same operation, called as often, by {who} callers"

    def same(role: Role) -> tuple[str, str]:
        return role.operation, role.kind

    return _other_roles(before, after, "moved", reason, same, score)


def _reworded(
    before: Mapping[Role, _Use], after: Mapping[Role, _Use]
) -> tuple[dict[Role, Role], list[Match]]:
    """Operations of a hop that have another name."""

    def score(old: Role, new: Role) -> float:
        words = same_words(old.operation, new.operation)
        return (1 - _WORDS) * same_rates(before[old].rates, after[new].rates) + _WORDS * words

    def reason(_old: Role, _new: Role) -> str:
        return "called as often on the same routes"

    def same(role: Role) -> tuple[str, str]:
        return role.hop, role.kind

    return _other_roles(before, after, "reworded", reason, same, score)


def _other_roles(
    before: Mapping[Role, _Use],
    after: Mapping[Role, _Use],
    how: str,
    reason: Callable[[Role, Role], str],
    same: Callable[[Role], tuple[str, str]],
    score: Callable[[Role, Role], float],
) -> tuple[dict[Role, Role], list[Match]]:
    gone: dict[tuple[str, str], list[Role]] = defaultdict(list)
    come: dict[tuple[str, str], list[Role]] = defaultdict(list)
    for roles, found in (
        (before.keys() - after.keys(), gone),
        (after.keys() - before.keys(), come),
    ):
        for role in sorted(roles):
            found[same(role)].append(role)
    renamed, matches = {}, []
    for group in sorted(gone.keys() & come.keys()):
        if len(gone[group]) * len(come[group]) > _MOST_HOPS**2:
            continue
        scores = {(old, new): score(old, new) for old in gone[group] for new in come[group]}
        for old, new in sorted(clear_matches(scores, LEAST_ALIKE)):
            renamed[old] = new
            matches.append(
                Match(how, old.hop, new.hop, old.operation, new.operation,
                      round(scores[old, new], 3), reason(old, new))
            )  # fmt: skip
    return renamed, matches


def _variants(
    sides: tuple[list[Variant], list[Variant]], roles: tuple[list[Role], list[Role]]
) -> list[list[Variant]]:
    """The variants, with versions only where one of them serves on both sides."""
    versions: list[dict[tuple[Role, str, str], set[str]]] = [defaultdict(set), defaultdict(set)]
    for seen, variants, side in zip(versions, sides, roles, strict=True):
        for variant, role in zip(variants, side, strict=True):
            seen[role, variant.caller, variant.language].add(variant.version)
    shared = {key for key, seen in versions[0].items() if seen & versions[1].get(key, set())}
    return [
        [
            variant
            if (role, variant.caller, variant.language) in shared
            else variant._replace(version="")
            for variant, role in zip(variants, side, strict=True)
        ]
        for variants, side in zip(sides, roles, strict=True)
    ]


def _require_known(stated: Stated, before: Window, after: Window) -> None:
    hops = [{cell.callee for cell in window.cells} for window in (before, after)]
    operations = [{(c.callee, c.operation) for c in window.cells} for window in (before, after)]
    routes = [set(window.routes) for window in (before, after)]
    for what, names, (there_before, there_after) in (
        ("hop", stated.hops, hops),
        ("route", stated.routes, routes),
        ("operation", stated.operations, operations),
    ):
        for old, new in names.items():
            if old not in there_before:
                raise UsageError(f"the mapping names a {what} {old!r} that is not there before")
            if new not in there_after and new != old:
                raise UsageError(f"the mapping names a {what} {new!r} that is not there after")
