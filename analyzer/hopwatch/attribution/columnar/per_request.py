"""What single requests spend in some cells (`times`), and where they began to fail (`failures`)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hopwatch.attribution.columnar.jit import compiled
from hopwatch.attribution.columnar.nodes import Nodes
from hopwatch.attribution.columnar.records import Records
from hopwatch.attribution.columnar.rows import Integers, Rows

Mask = npt.NDArray[np.bool_]


def sums(nodes: Nodes, spent: Records, rare: Records, chosen: Mask, entered: Mask) -> Integers:
    """By unit, of the `chosen` nodes: blamed ns, ns of retries, entries of a hop, spans."""
    if not len(nodes.units):
        return np.empty((0, 4), np.int64)
    counts = chosen.astype(np.int64)
    retry = np.append(rare["retry"], 0)[spent["rare"]]  # the last is that of none
    columns = (spent["own"], retry, entered, 1)
    first = nodes.member_bounds[:-1]
    return np.stack(
        [np.add.reduceat((counts * column)[nodes.members], first) for column in columns], axis=1
    )


def origins(nodes: Nodes, rows: Rows, spent: Records, failed: Mask, units: Integers) -> Integers:
    """By failed unit the node where its failure began."""
    wanted = np.zeros(len(nodes.units), np.bool_)
    wanted[units] = True
    sizes = np.diff(nodes.member_bounds)
    members = nodes.members[np.repeat(wanted, sizes)]
    unit = np.repeat(np.flatnonzero(wanted), sizes[wanted])
    depth = _depths(members, nodes.parent)
    possible = began(nodes, failed)[members]
    members, unit, depth = members[possible], unit[possible], depth[possible]
    start = nodes.start[members] - spent["shift"][members]
    ids = rows.span_id[nodes.row[members]]
    order = np.lexsort((ids, start, depth, ~spent["retried"][members], unit))
    last = np.flatnonzero(np.diff(unit[order], append=-1))
    found: Integers = members[order[last]]
    return found


def began(nodes: Nodes, failed: Mask) -> Mask:
    """Whether a node failed, and none below it."""
    found: Mask = failed & ~_above(nodes.members, nodes.parent, failed)
    return found


@compiled
def _above(members: Integers, parent: Integers, failed: Mask) -> Mask:
    """Which nodes have a failed one below them. `members`: nodes, parents before children."""
    found = np.zeros(len(parent), np.bool_)
    for i in range(len(members) - 1, -1, -1):
        node = members[i]
        if parent[node] >= 0 and (failed[node] or found[node]):
            found[parent[node]] = True
    return found


@compiled
def _depths(members: Integers, parent: Integers) -> Integers:
    """How far each of some members is below its root. All of a unit, parents first."""
    depth = np.zeros(len(parent), np.int64)
    for member in members:
        if parent[member] >= 0:
            depth[member] = depth[parent[member]] + 1
    return depth[members]
