"""Two flame graphs as one: each call as wide as it is on both sides together, so that what is new
and what is gone can be seen too, and coloured by how much its own time changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from hopwatch.attribution.stacks import Bar, Frame
from hopwatch.comparison import Match
from hopwatch.reports.numbers import count
from hopwatch_dashboards.theme import readable, share
from hopwatch_dashboards.views.compare_names import Names
from hopwatch_dashboards.views.flame import MOST, Flame, title

BECAME: Final = " -> "


@dataclass(frozen=True, slots=True)
class Spent:
    """What a call path takes on one side, per request; ns with all that is below, and own."""

    ns: int = 0
    own_ns: int = 0
    calls: float = 0.0

    def plus(self, bar: Bar) -> Spent:
        return Spent(self.ns + bar.ns, self.own_ns + bar.own_ns, self.calls + bar.calls)


@dataclass(frozen=True)
class FlameDifference(Flame):
    """Bars of which `ns` and `own_ns` are the sums of both sides; `sides`: what each bar is
    before and after. `total_ns` is that of both; `totals` are apart."""

    sides: tuple[tuple[Spent, Spent], ...]
    totals: tuple[int, int]

    def table(self) -> pd.DataFrame:
        frame = super().table()[["call", "hop", "language", "kind"]]
        for at, name in enumerate(("before", "after")):
            frame[f"ms {name}"] = [side[at].ns / 1e6 for side in self.sides]
            frame[f"own ms {name}"] = [side[at].own_ns / 1e6 for side in self.sides]
            frame[f"calls {name}"] = [side[at].calls for side in self.sides]
        frame.insert(4, "own change, ms", frame["own ms after"] - frame["own ms before"])
        return frame

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        columns = super().columns()
        for at, name in enumerate(("Before", "After")):
            sides = [side[at] for side in self.sides]
            columns[f"ns{name}"] = np.array([side.ns for side in sides], np.float64)
            columns[f"own{name}"] = np.array([side.own_ns for side in sides], np.float64)
            columns[f"calls{name}"] = np.array([side.calls for side in sides], np.float64)
        return columns


def flame_difference(
    before: Flame, after: Flame, matches: Sequence[Match], most: int = MOST
) -> FlameDifference:
    """The call paths of both. `matches`: what has another name after."""
    nodes = _Nodes()
    for at, (flame, names) in enumerate(((before, Names(matches)), (after, Names()))):
        nodes.add(flame.everything, names, at)
    rows = nodes.bars()
    notes = [*dict.fromkeys((*before.notes, *after.notes))]
    total = before.total_ns + after.total_ns
    if len(rows) > most:
        # Ties in the order of the bars: what is above a bar is as wide, and before it.
        order = sorted(range(len(rows)), key=lambda row: -rows[row][0].ns)
        own = share(sum(rows[row][0].own_ns for row in order[most:]), total)
        notes.append(
            f"The narrowest {count(len(rows) - most, 'path')} are not drawn: {own} of the time."
        )
        rows = [rows[row] for row in sorted(order[:most])]
    bars = tuple(bar for bar, _ in rows)
    return FlameDifference(
        bars, bars, total, f"{before.basis} before, {after.basis} after", tuple(notes),
        tuple(sides for _, sides in rows), (before.total_ns, after.total_ns),
    )  # fmt: skip


def most_changed(found: FlameDifference, most: int = 5) -> list[int]:
    """The rows whose own time changed most."""
    changes = [abs(after.own_ns - before.own_ns) for before, after in found.sides]
    rows = sorted((row for row, ns in enumerate(changes) if ns), key=lambda row: -changes[row])
    return rows[:most]


class _Nodes:
    """Call paths of both sides, in the order in which they come up."""

    def __init__(self) -> None:
        self._frames: list[tuple[list[Frame], list[Frame]]] = []
        self._sides: list[list[Spent]] = []
        self._below: dict[int, list[int]] = {}
        self._places: dict[tuple[int, tuple[str, ...]], int] = {}

    def add(self, bars: Iterable[Bar], names: Names, at: int) -> None:
        """The bars of side `at`, each before those below it."""
        above: list[int] = []
        for bar in bars:
            del above[bar.depth :]
            parent = above[-1] if above else -1
            place = self._place(parent, names.step(bar.frame))
            self._sides[place][at] = self._sides[place][at].plus(bar)
            if bar.frame not in self._frames[place][at]:
                self._frames[place][at].append(bar.frame)
            above.append(place)

    def _place(self, parent: int, step: tuple[str, ...]) -> int:
        place = self._places.setdefault((parent, step), len(self._sides))
        if place == len(self._sides):
            self._sides.append([Spent(), Spent()])
            self._frames.append(([], []))
            self._below.setdefault(parent, []).append(place)
        return place

    def bars(self) -> list[tuple[Bar, tuple[Spent, Spent]]]:
        """Each before those below it, of which the widest comes first."""
        found: list[tuple[Bar, tuple[Spent, Spent]]] = []
        stack = self._laid(-1, 0, 0)
        while stack:
            place, depth, start = stack.pop()
            before, after = self._sides[place]
            bar = Bar(place, depth, self._frame(place), start, self._width(place),
                      before.own_ns + after.own_ns, before.calls + after.calls)  # fmt: skip
            found.append((bar, (before, after)))
            stack.extend(self._laid(place, depth + 1, start))
        return found

    def _laid(self, parent: int, depth: int, start: int) -> list[tuple[int, int, int]]:
        """What is below, side by side from `start` on, to be popped in that order."""
        placed = []
        for place in sorted(self._below.get(parent, []), key=lambda p: (-self._width(p), p)):
            placed.append((place, depth, start))
            start += self._width(place)
        return placed[::-1]

    def _width(self, place: int) -> int:
        return sum(side.ns for side in self._sides[place])

    def _frame(self, place: int) -> Frame:
        """As it is after, with its language before where that was another."""
        before, after = self._frames[place]
        frame = (after or before)[0]
        languages = [", ".join(sorted({f.language for f in side})) for side in (before, after)]
        if before and after and languages[0] != languages[1]:
            return frame._replace(language=BECAME.join(languages))
        return frame


def way(found: FlameDifference, row: int) -> str:
    """The last steps of the way to a row, in words."""
    steps = [title(found.bars[above].frame) for above in found.rows_above(row)]
    return readable(" \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} ".join(steps[-3:]), 160)
