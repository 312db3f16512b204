"""Two traces beside each other, role by role: the rows add up to their times exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import floor

from hopwatch.attribution import Ledger
from hopwatch.attribution.long_table import Group
from hopwatch.comparison import Match
from hopwatch.comparison.result import whole_ns
from hopwatch.reports.numbers import Scale, scale_for
from hopwatch_dashboards.views.compare_bridge import signed
from hopwatch_dashboards.views.compare_names import Names, Role

_KEYS = ("caller", "hop", "operation", "language", "kind")


@dataclass(frozen=True, slots=True)
class Row:
    """A role of two traces, in printed figures; calls into it, - where a trace has no part of
    it. `change_ns`: of what is printed as `change`."""

    role: Role
    language: str
    before: str
    after: str
    change: str
    change_ns: int
    calls: str


@dataclass(frozen=True, slots=True)
class TwoTraces:
    """What differs most first. Printed figures, in `unit`, add up down and across."""

    rows: tuple[Row, ...]
    total: Row
    unit: str


def two_traces(
    before: Ledger, after: Ledger, matches: Sequence[Match], most: int = 30
) -> TwoTraces:
    """Two traces' ledgers, of at least one request each; of a trace of several requests the
    mean. The `most` that differ most, the others as one."""
    sides = [_by_role(before, Names(matches)), _by_role(after, Names())]
    exact = [{role: spent.ns for role, spent in side.items()} for side in sides]
    totals = [sum(side.values(), Fraction(0)) for side in exact]
    roles = sorted(
        exact[0].keys() | exact[1].keys(),
        key=lambda role: (-abs(exact[1].get(role, 0) - exact[0].get(role, 0)), role),
    )
    scale = scale_for(floor(max(totals)))
    groups = [[role] for role in roles]
    if len(roles) > most:
        groups = [*groups[: most - 1], roles[most - 1 :]]
    ends = [scale.ticks(total) for total in totals]
    ticks = [_ticks(side, groups, end, scale) for side, end in zip(exact, ends, strict=True)]
    rows = []
    for group, low, high in zip(groups, *ticks, strict=True):
        change = sum(exact[1].get(role, 0) - exact[0].get(role, 0) for role in group)
        name = group[0] if len(group) == 1 else Role(f"{len(group)} others", "", "")
        spent = [[side[role] for role in group if role in side] for side in sides]
        rows.append(
            Row(name, _language(*spent), *_figures(low, high, scale), round(change), _calls(*spent))
        )
    total = Row(
        Role("", "", ""), "", *_figures(ends[0], ends[1], scale), round(totals[1] - totals[0]), ""
    )
    return TwoTraces(tuple(rows), total, scale.unit)


@dataclass(frozen=True, slots=True)
class _Spent:
    """What a trace spends in a role."""

    ns: Fraction
    calls: Fraction
    languages: frozenset[str]


def _by_role(ledger: Ledger, names: Names) -> dict[Role, _Spent]:
    found: dict[Role, list[Group]] = {}
    for group in ledger.group_by(*_KEYS):
        _, hop, operation, _, kind = group.key
        found.setdefault(names.role(hop, operation, kind), []).append(group)
    n = ledger.request_count
    return {
        role: _Spent(
            Fraction(sum(group.blamed_ns for group in groups), n),
            Fraction(sum(group.spans for group in groups), n),
            frozenset(group.key[3] for group in groups),
        )
        for role, groups in found.items()
    }


def _ticks(
    side: dict[Role, Fraction], groups: list[list[Role]], total: int, scale: Scale
) -> list[int]:
    parts = [
        sum((side.get(role, Fraction(0)) for role in group), Fraction(0)) / scale.tick_ns
        for group in groups
    ]
    return whole_ns(parts, total)


def _figures(before: int, after: int, scale: Scale) -> tuple[str, str, str]:
    return scale.show(before), scale.show(after), signed(after - before, scale)


def _language(before: list[_Spent], after: list[_Spent]) -> str:
    sides = [
        ", ".join(sorted(frozenset().union(*(spent.languages for spent in side))))
        for side in (before, after)
        if side
    ]
    return sides[0] if len(set(sides)) == 1 else " -> ".join(sides)


def _calls(before: list[_Spent], after: list[_Spent]) -> str:
    counts = [
        f"{float(sum(spent.calls for spent in side)):,.4g}" if side else "\N{EN DASH}"
        for side in (before, after)
    ]
    return counts[0] if counts[0] == counts[1] else " -> ".join(counts)
