"""Calls between processes -> `Clocks`, as `clocks` does it span by span; and back, what is known
of each call's θ."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from hopwatch.attribution import clocks
from hopwatch.attribution.clocks import WINDOW_NS, Clocks
from hopwatch.attribution.columnar.blame import KNOWN, Records
from hopwatch.attribution.columnar.contents import KINDS
from hopwatch.attribution.columnar.distinct import distinct_rows
from hopwatch.attribution.columnar.nodes import Nodes
from hopwatch.attribution.columnar.rows import Integers, Rows


@dataclass(frozen=True, slots=True)
class Calls:
    """The edges between processes, by child: the pair of processes and the window of the
    parent's start, together a `combination`. a, b: see `clocks`."""

    child: Integers
    caller: Integers  # process
    callee: Integers
    window: Integers
    combination: Integers
    first: Integers  # of each combination
    a: Integers
    b: Integers
    by_client: npt.NDArray[np.bool_]


def calls(nodes: Nodes, rows: Rows) -> Calls:
    """All edges between processes of the forest."""
    process = rows.process[nodes.row]
    kind = rows.contents.kind[rows.contents.of[nodes.row]]
    child = np.flatnonzero(nodes.parent >= 0)
    parent = nodes.parent[child]
    by_client = kind[parent] == KINDS["CLIENT"]
    remote = (process[child] != process[parent]) | (by_client & (kind[child] == KINDS["SERVER"]))
    child, parent, by_client = child[remote], parent[remote], by_client[remote]
    caller, callee = process[parent], process[child]
    window = nodes.start[parent] // WINDOW_NS
    combination, first = distinct_rows([caller, callee, window])
    return Calls(
        child, caller, callee, window, combination, first,
        nodes.start[child] - nodes.start[parent], nodes.end[child] - nodes.end[parent], by_client,
    )  # fmt: skip


def estimate(found: Calls, granularity: Integers) -> Clocks:
    """The same as `Clocks.from_forest` makes of these calls."""
    chosen = np.flatnonzero(found.by_client)
    chosen = chosen[np.lexsort((found.window[chosen], found.callee[chosen], found.caller[chosen]))]
    a, b = found.a[chosen], found.b[chosen]
    window = found.window[chosen]
    pair_begins = runs(found.caller[chosen], found.callee[chosen])
    offsets = {}
    for low, high in pairwise(pair_begins.tolist()):
        if high - low < clocks.CALLS_TO_JUDGE:
            continue
        pair = int(found.caller[chosen[low]]), int(found.callee[chosen[low]])
        begins = low + runs(window[low:high])
        by_window = {
            int(window[first]): (a[first:last], b[first:last])
            for first, last in pairwise(begins.tolist())
        }
        known = clocks.pair_offsets(by_window, int(granularity[pair[0]]), int(granularity[pair[1]]))
        if known:
            offsets[pair] = known
    return Clocks.of(offsets)


def runs(*columns: Integers) -> Integers:
    """Where runs of equal values begin in sorted columns, and the end."""
    changes = [np.flatnonzero(np.diff(column)) + 1 for column in columns]
    return np.unique(np.concatenate([[0], *changes, [len(columns[0])]])).astype(np.int64)


def known(found: Calls, by: Clocks) -> Records:
    """By combination what is known of θ (`blame.KNOWN`)."""
    pairs = zip(found.caller[found.first].tolist(), found.callee[found.first].tolist(), strict=True)
    times = (found.window[found.first] * WINDOW_NS).tolist()
    offsets = [by.at(pair, time) for pair, time in zip(pairs, times, strict=True)]
    return np.array(
        [(True, found.theta, found.kappa) if found else (False, 0, 0) for found in offsets], KNOWN
    )
