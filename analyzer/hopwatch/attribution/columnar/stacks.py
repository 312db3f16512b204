"""Spans -> their call paths, as `stacks` makes them span by span, numbered alike."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hopwatch.attribution.cells import Cell
from hopwatch.attribution.columnar.distinct import distinct_rows
from hopwatch.attribution.columnar.jit import compiled
from hopwatch.attribution.columnar.rows import Integers
from hopwatch.attribution.columnar.texts import NONE
from hopwatch.attribution.stacks import DEEPEST, PATHS_SCHEMA, Frame


def call_paths(
    members: Integers, parent: Integers, counted: npt.NDArray[np.bool_], cells: list[Cell],
    cell: Integers,
) -> tuple[pa.Table, Integers]:  # fmt: skip
    """The paths (`stacks.PATHS_SCHEMA`) of the nodes that are `counted` and of those above them,
    and each one's number.

    members: all nodes, parents before their children. cell: each node's, of `cells`.
    """
    frames = sorted({Frame.of(found) for found in cells})
    place = {frame: position for position, frame in enumerate(frames)}
    frame = np.array([place[Frame.of(found)] for found in cells], np.int64)[cell]
    depth, above = _depths(members, parent, DEEPEST)
    path = np.full(len(parent), NONE, np.int64)
    aboves, lasts = [np.empty(0, np.int64)], [np.empty(0, np.int64)]
    paths = 0
    for nodes in _levels(depth, above, counted):
        over = np.where(above[nodes] == NONE, NONE, path[above[nodes]])
        number, first = distinct_rows([over, frame[nodes]])
        over, last = over[first], frame[nodes][first]
        order = np.lexsort((last, over))
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(paths, paths + len(order))
        path[nodes] = rank[number]
        aboves.append(over[order])
        lasts.append(last[order])
        paths += len(order)
    return _table(np.concatenate(aboves), [frames[i] for i in np.concatenate(lasts)]), path


def _levels(depth: Integers, above: Integers, counted: npt.NDArray[np.bool_]) -> list[Integers]:
    """The nodes that are counted and those above them, by depth."""
    order = np.argsort(depth, kind="stable")
    bounds = np.searchsorted(depth[order], np.arange(DEEPEST + 1))
    levels = [order[low:high] for low, high in pairwise(bounds.tolist())]
    wanted = counted.copy()
    for nodes in levels[:0:-1]:
        wanted[above[nodes[wanted[nodes]]]] = True
    kept = [nodes[wanted[nodes]] for nodes in levels]
    return [nodes for nodes in kept if len(nodes)]


@compiled
def _depths(members: Any, parent: Any, deepest: Any) -> Any:
    """By node how many frames there are above it, fewer than `deepest`, and the node whose path
    is the one above its own."""
    depth = np.zeros(len(parent), np.int64)
    above = np.full(len(parent), -1, np.int64)
    for node in members:
        calling = parent[node]
        if calling >= 0:
            full = depth[calling] == deepest - 1
            depth[node] = depth[calling] + (not full)
            above[node] = above[calling] if full else calling
    return depth, above


def _table(above: Integers, frames: list[Frame]) -> pa.Table:
    columns = zip(*frames, strict=True) if frames else ((),) * len(Frame._fields)
    return pa.Table.from_arrays(
        [pa.array(above, pa.int32()), *(pa.array(column, pa.string()) for column in columns)],
        schema=PATHS_SCHEMA,
    )
