"""Late nodes as units of their own; see `attribution.late`. The walk finds out which are late."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from hopwatch.attribution.columnar.jit import compiled
from hopwatch.attribution.columnar.nodes import DETACHED, Nodes
from hopwatch.attribution.columnar.rows import Integers


def set_apart(nodes: Nodes, late: Integers) -> Nodes:
    """The same nodes, with units for `late`, which rise, and what is below them."""
    if not len(late):
        return nodes
    parent = nodes.parent.copy()
    parent[late] = -1
    units = np.union1d(nodes.units, late)
    unit_kind = np.full(len(units), DETACHED)
    unit_kind[np.searchsorted(units, nodes.units)] = nodes.unit_kind
    members, member_bounds = _regrouped(units, nodes.members, parent)
    blocks = nodes.blocks.copy()
    blocks[:, 1] = np.searchsorted(units, blocks[:, 0])
    return replace(
        nodes, parent=parent, units=units, unit_kind=unit_kind, members=members,
        member_bounds=member_bounds, blocks=blocks, late=late, begun_by=nodes.parent[late],
    )  # fmt: skip


@compiled
def _regrouped(units: Any, members: Any, parent: Any) -> Any:
    """The members by other units, whose roots have no `parent`, and where each unit begins."""
    unit = np.empty(len(parent), np.int32)
    for place in range(len(units)):
        unit[units[place]] = place
    bounds = np.zeros(len(units) + 1, np.int64)
    for node in members:  # parents first
        if parent[node] >= 0:
            unit[node] = unit[parent[node]]
        bounds[unit[node] + 1] += 1
    bounds = np.cumsum(bounds)
    free = bounds[:-1].copy()
    regrouped = np.empty_like(members)
    for node in members:
        regrouped[free[unit[node]]] = node
        free[unit[node]] += 1
    return regrouped, bounds
