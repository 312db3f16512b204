"""A pair of traces for each hop that changed: in both, what changed most in it is as it usually is
on their side."""

from __future__ import annotations

from hopwatch.attribution import Ledger
from hopwatch.comparison import Comparison
from hopwatch_dashboards.views.compare_names import Names, Role
from hopwatch_dashboards.views.exemplars import exemplars

_KEYS = ("route", "hop", "operation", "kind")


def pairs(before: Ledger, after: Ledger, found: Comparison) -> dict[str, tuple[str, str]]:
    """By hop that changed the ids in hex of a trace before and one after, each empty where no
    request has to do with what changed most in the hop."""
    wanted = _most_changed(found)
    sides = [
        _of_side(ledger, names, wanted)
        for ledger, names in ((before, Names(found.matches)), (after, Names()))
    ]
    return {hop: (sides[0].get(hop, ""), sides[1].get(hop, "")) for hop in wanted}


def _most_changed(found: Comparison) -> dict[str, tuple[Role, str]]:
    """By hop the role that changed most, and the route on which it did."""
    sums: dict[Role, int] = {}
    routes: dict[Role, dict[str, int]] = {}
    as_is = Names()
    for term in found.terms:
        if term.term == "mix":
            continue
        role = as_is.role(term.hop, term.operation, term.kind)
        sums[role] = sums.get(role, 0) + term.ns
        by_route = routes.setdefault(role, {})
        by_route[term.route] = by_route.get(term.route, 0) + abs(term.ns)
    most: dict[str, Role] = {}
    for role in sorted(sums, key=lambda role: (-abs(sums[role]), role)):
        most.setdefault(role.hop, role)
    return {
        hop: (role, max(sorted(routes[role]), key=routes[role].__getitem__))
        for hop, role in most.items()
    }


def _of_side(ledger: Ledger, names: Names, wanted: dict[str, tuple[Role, str]]) -> dict[str, str]:
    hop_of = {role: hop for hop, (role, _) in wanted.items()}
    keys: dict[str, tuple[str, ...]] = {}
    for group in ledger.group_by(*_KEYS):  # the most blamed first
        hop = hop_of.get(names.role(*group.key[1:]))
        if hop is None:
            continue
        route = wanted[hop][1]
        if hop not in keys or (group.key[0] == route and keys[hop][0] != route):
            keys[hop] = group.key
    traces = exemplars(ledger, _KEYS, keys.values())
    return {hop: traces[key] for hop, key in keys.items() if key in traces}
