"""Calls between processes -> `Clocks`, as `clocks` does it span by span; and back, what is known
of each call's θ."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hopwatch.attribution import bands, clocks, forest
from hopwatch.attribution.clocks import Clocks
from hopwatch.attribution.columnar.contents import KINDS
from hopwatch.attribution.columnar.distinct import distinct_rows
from hopwatch.attribution.columnar.jit import compiled
from hopwatch.attribution.columnar.nodes import Nodes
from hopwatch.attribution.columnar.records import KNOWN, Records
from hopwatch.attribution.columnar.rows import Integers, Rows

_STRETCH: Final = np.dtype(
    [(name, np.int64) for name in ("start", "end", "first", "middle", "last", "kappa")]
)


@dataclass(frozen=True, slots=True)
class Calls:
    """The edges between processes, by child. pair: place of its processes in `pairs`. time: of
    the parent's start. a, b: see `clocks`. grain: by process, see `clocks`."""

    child: Integers
    pair: Integers
    pairs: list[tuple[int, int]]
    time: Integers
    a: Integers
    b: Integers
    by_client: npt.NDArray[np.bool_]
    grain: Integers


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
    pair, first = distinct_rows([caller, callee])
    begins_local = nodes.parent < 0
    begins_local[child] = True
    return Calls(
        child, pair, list(zip(caller[first].tolist(), callee[first].tolist(), strict=True)),
        nodes.start[parent],
        nodes.start[child] - nodes.start[parent], nodes.end[child] - nodes.end[parent], by_client,
        _grains(nodes.start[begins_local], process[begins_local], len(rows.granularity)),
    )  # fmt: skip


def _grains(starts: Integers, process: Integers, processes: int) -> Integers:
    """See `clocks`; by process."""
    stamps = np.bincount(process, minlength=processes)
    grain = np.ones(processes, np.int64)
    for unit in sorted(forest.GRANULARITIES):
        fitting = np.bincount(process[starts % unit == 0], minlength=processes)
        grain[(stamps >= clocks.STAMPS_TO_JUDGE) & (100 * fitting >= 99 * stamps)] = unit
    return grain


def estimate(found: Calls) -> Clocks:
    """The same as `Clocks.from_forest` makes of these calls."""
    chosen = np.flatnonzero(found.by_client)
    pair = found.pair[chosen]
    caller, callee = np.array(found.pairs, np.int64).reshape(-1, 2).T
    return Clocks.estimated(
        found.pairs,
        bands.Calls(
            pair, found.time[chosen], found.a[chosen], found.b[chosen],
            found.grain[caller[pair]], found.grain[callee[pair]],
        ),
    )  # fmt: skip


def known(found: Calls, by: Clocks) -> Records:
    """By call what is known of θ (`records.KNOWN`)."""
    stretches = [by.stretches.get(pair, ()) for pair in found.pairs]
    bounds = np.cumsum([0, *(len(some) for some in stretches)])
    records = [(one.start, one.end, *one.theta, one.kappa) for some in stretches for one in some]
    result = np.zeros(len(found.pair), KNOWN)
    _known(found.pair, found.time, bounds, np.array(records, _STRETCH), result)
    return result


@compiled
def _known(pairs: Any, times: Any, bounds: Any, stretches: Any, result: Any) -> None:
    """`Clocks.at` and `Stretch.at` of every call."""
    for call in range(len(pairs)):
        first, last = bounds[pairs[call]], bounds[pairs[call] + 1]
        if first == last:
            continue
        time = times[call]
        low, high = first, last  # the stretch after: the first that begins later
        while low < high:
            middle = (low + high) // 2
            if stretches[middle].start > time:
                high = middle
            else:
                low = middle + 1
        which = max(low - 1, first)
        kappa = stretches[which].kappa
        if first < low < last and time > stretches[which].end:  # between two
            one, other = stretches[which], stretches[low]
            kappa = max(one.kappa, other.kappa) + abs(other.first - one.last)
            if other.start - time < time - one.end:
                which = low
        one = stretches[which]
        since = min(max(time, one.start), one.end) - one.start
        share = 2 * float(since) / float(max(1, one.end - one.start))
        begin, end = one.first, one.middle
        if share >= 1:
            begin, end, share = one.middle, one.last, share - 1
        result[call].known, result[call].kappa = True, kappa
        result[call].theta = begin + np.int64(np.floor((end - begin) * share))


def first_rows(rows: Rows) -> Integers:
    """The first row of each process; they rise."""
    first = np.empty(len(rows.granularity), np.int64)
    first[rows.process[::-1]] = np.arange(len(rows.process))[::-1]  # the first is written last
    return first
