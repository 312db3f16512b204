"""Blamed spans -> the ledger's cells: sums by unit key and cell, in the ledger's order."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hopwatch.attribution.columnar.jit import compiled
from hopwatch.attribution.columnar.records import Records
from hopwatch.attribution.columnar.rows import Integers


def add_up(
    units: Integers, key: Integers, members: Integers, bounds: Integers, cell: Integers,
    entered: npt.NDArray[np.bool_], spent: Records, rare: Records, cells: int,
) -> tuple[Integers, Integers, Integers]:  # fmt: skip
    """For each key and each cell of its units: the key, the cell, and the sums, a row of them
    for each of `ledger.MEASURES`. `units` by rising `key`; `cell` is numbered in the ledger's
    order."""
    most = int((bounds[units + 1] - bounds[units]).sum())
    # What is not filled is never touched, and takes no memory.
    keys, found = np.empty(most, np.int64), np.empty(most, np.int32)
    sums = np.empty((8, most), np.int64)
    filled = _add_up(
        units, key, members, bounds, cell, entered, spent, rare, np.full(cells, -1, np.int64),
        keys, found, sums,
    )  # fmt: skip
    return keys[:filled], found[:filled], sums[:, :filled]


@compiled
def _add_up(
    units: Any, key: Any, members: Any, bounds: Any, cell: Any, entered: Any, spent: Any,
    rare: Any, place: Any, keys: Any, found: Any, sums: Any,
) -> Any:  # fmt: skip
    """place: of each cell among this key's, as they come; -1 before and after."""
    touched = np.empty(len(place), np.int64)
    raw = np.empty((len(place), 8), np.int64)
    rows, i = 0, 0
    while i < len(units):
        this, count = key[i], 0
        while i < len(units) and key[i] == this:
            for member in range(bounds[units[i]], bounds[units[i] + 1]):
                node = spent[members[member]]
                which = cell[members[member]]
                if place[which] < 0:
                    place[which] = count
                    touched[count] = which
                    raw[count] = 0
                    count += 1
                into = raw[place[which]]
                into[0] += node.own
                into[1] += node.local
                if node.rare >= 0:
                    some = rare[node.rare]
                    into[2] += some.concurrent
                    into[3] += some.hidden
                    into[4] += some.doubtful
                    into[5] += some.retry
                into[6] += entered[members[member]]
                into[7] += 1
            i += 1
        for which in np.sort(touched[:count]):
            keys[rows], found[rows] = this, which
            for measure in range(8):
                sums[measure, rows] = raw[place[which], measure]
            place[which] = -1
            rows += 1
    return rows


@compiled
def unit_sums(nodes: Any, roots: Any) -> Any:
    """By root: blamed ns, clipped ns, and spans with each flag, lowest bit first. nodes: those of
    the roots' units."""
    sums = np.zeros((len(roots), 6), np.int64)
    place = np.empty(len(nodes), np.int64)
    for unit in range(len(roots)):
        place[roots[unit]] = unit
    for i in range(len(nodes)):
        node = nodes[i]
        into = sums[place[node.root]]
        into[0] += node.own
        into[1] += node.clipped
        for flag in range(4):
            into[2 + flag] += (node.flags >> flag) & 1
    return sums
