"""The bridge between two ledgers: its exact terms, and what they are without each time block."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from functools import cached_property
from typing import NamedTuple

import numpy as np

from hopwatch.comparison.blocks import BLOCKS
from hopwatch.comparison.bridge import Numbers, Part, RouteSums, Side, Sums, TermName, bridge
from hopwatch.comparison.jackknife import Floats, pseudo_values
from hopwatch.comparison.roles import Alignment, Place, Role, Variant
from hopwatch.comparison.windows import Window, WindowSums


class Key(NamedTuple):
    """Of a term; see `bridge.Part`."""

    route: str
    role: Role | None
    variant: Variant | None
    term: TermName


class Bridged:
    """The terms between two windows."""

    def __init__(self, windows: Sequence[Window], alignment: Alignment) -> None:
        self.windows, self.alignment = windows, alignment

    @cached_property
    def exact(self) -> dict[Key, Fraction]:
        """The terms that are not zero, ns per request."""
        parts = bridge(*self._sides([window.exact for window in self.windows]))
        return {_key(part): part.ns[0] for part in parts if part.ns[0]}

    @cached_property
    def pseudo_values(self) -> list[Mapping[Key, Floats]]:
        """By side the pseudo-values of each term. Raises NotEnoughDataError."""
        found: list[Mapping[Key, Floats]] = []
        for at, window in enumerate(self.windows):
            sums = [window.floats for window in self.windows]
            sums[at] = window.without_each_block
            rest = {_key(part): part.ns for part in bridge(*self._sides(sums))}
            nothing = np.zeros(BLOCKS)
            found.append(
                {
                    key: pseudo_values(float(ns), rest.get(key, 0) + nothing)
                    for key, ns in self.exact.items()
                }
            )
        return found

    def stacked(self, groups: Iterable[Iterable[Key]]) -> list[Floats]:
        """By side the pseudo-values [group, block] of sums of terms. Raises NotEnoughDataError."""
        members = [list(group) for group in groups]
        return [
            np.stack([sum((side[key] for key in keys), np.zeros(BLOCKS)) for keys in members])
            for side in self.pseudo_values
        ]

    def _sides(self, sums: Iterable[WindowSums]) -> list[Side[Role, Variant]]:
        return [
            _side(window, places, self.alignment.routes, one)
            for window, places, one in zip(self.windows, self.alignment.sides, sums, strict=True)
        ]


def _side(
    window: Window, places: Sequence[Place], names: Mapping[str, str], sums: WindowSums
) -> Side[Role, Variant]:
    """The sums of one side by common names."""
    routes: dict[str, Numbers] = {}
    for route, row in zip(window.routes, sums.routes, strict=True):
        name = names[route]
        routes[name] = routes[name] + row if name in routes else row
    roles: dict[str, dict[Role, dict[Variant, Sums]]] = {name: {} for name in routes}
    for (name, role, variant), row in zip(places, sums.cells, strict=True):
        variants = roles[name].setdefault(role, {})
        found = Sums(*row[:3])
        variants[variant] = variants[variant].plus(found) if variant in variants else found
    return {name: RouteSums(row[0], row[1], roles[name]) for name, row in routes.items()}


def _key(part: Part[Role, Variant]) -> Key:
    return Key(part.route, part.role, part.variant, part.term)
