"""The spans under examination, and what several checks ask of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hopwatch.attribution import Attribution, Ledger
from hopwatch.attribution.details import FLAGS, KINDS, Details, Integers, Mask
from hopwatch.quality.model import MOST_EXAMPLES, MOST_PARTS, Finding, Part

Touched: TypeAlias = Integers
"""By span, which part of the time that it is blamed for may belong to another row, ns."""
Found: TypeAlias = tuple[Finding, Touched | None]
"""A finding, and what it touches."""


@dataclass(frozen=True)
class Edges:
    """Spans and their parents, as places of `Details`: all that have one in the same unit.
    remote: whether they run in another process."""

    child: Integers
    parent: Integers
    remote: Mask


class Examined:
    """A span table, attributed. `ledger`: of all its requests."""

    def __init__(self, attribution: Attribution, ledger: Ledger) -> None:
        self.attribution = attribution
        self.ledger = ledger
        self.table = attribution.table
        self.details: Details = attribution.details()

    @cached_property
    def clocks(self) -> pa.Table:
        """See `Attribution.clock_table`."""
        return self.attribution.clock_table()

    @cached_property
    def blamed(self) -> Integers:
        """By span its part of the ledger's time, ns."""
        return np.where(self.details.counted, self.details.own, 0)

    @cached_property
    def duration(self) -> Integers:
        """By span, ns."""
        return self.details.end - self.details.start

    @cached_property
    def edges(self) -> Edges:
        details = self.details
        child = np.flatnonzero(details.parent >= 0)
        parent = details.parent[child]
        calls = (details.kind[child] == KINDS["SERVER"]) & (details.kind[parent] == KINDS["CLIENT"])
        remote = (details.process[child] != details.process[parent]) | calls
        return Edges(child, parent, remote)

    @cached_property
    def calls(self) -> tuple[Integers, Integers]:
        """What runs in another process than the CLIENT span that called it, and these: places."""
        edges = self.edges
        by_client = edges.remote & (self.details.kind[edges.parent] == KINDS["CLIENT"])
        return edges.child[by_client], edges.parent[by_client]

    @cached_property
    def pairs(self) -> tuple[Integers, Integers, Integers]:
        """The pairs of processes that call each other: a number for each, the first of `calls`
        that it makes, and each call's place among the pairs."""
        child, parent = self.calls
        process = self.details.process.astype(np.int64)
        number = process[parent] * len(self.details.processes) + process[child]
        numbers, first, place = np.unique(number, return_index=True, return_inverse=True)
        return numbers, first, place

    def flagged(self, flag: str) -> Integers:
        """The places of the spans with a flag."""
        return np.flatnonzero(self.details.flags & FLAGS[flag])

    def touch(self, spans: Integers, ns: Integers | int | None = None) -> Touched:
        """What is touched if of each of these spans at most `ns` are in doubt; None: all that it
        is blamed for. A span may be named twice."""
        touched = np.zeros(len(self.blamed), np.int64)
        if ns is None:
            touched[spans] = self.blamed[spans]
        else:
            np.maximum.at(touched, spans, np.minimum(self.blamed[spans], ns))
        return touched

    def examples(self, spans: Integers, weight: Integers) -> tuple[str, ...]:
        """The traces of the spans that weigh most, in hex."""
        trace = self.details.trace[spans]
        order = np.lexsort((trace, -weight))[: 50 * MOST_EXAMPLES]
        return self.trace_ids(list(dict.fromkeys(trace[order].tolist()))[:MOST_EXAMPLES])

    def trace_ids(self, traces: Sequence[int] | Integers) -> tuple[str, ...]:
        """The first few of some traces, in hex."""
        ids = self.details.trace_ids
        return tuple(ids[int(trace)].tobytes().hex() for trace in traces[:MOST_EXAMPLES])

    def edge_names(self, parent: Integers, child: Integers) -> tuple[Integers, list[str]]:
        """Each edge's place among names `a -> b`."""
        hops, hop = self.details.hops, self.details.hop
        edge = hop[parent].astype(np.int64) * len(hops) + hop[child]
        return named(edge, lambda key: f"{hops[key // len(hops)]} -> {hops[key % len(hops)]}")

    def hop_names(self, spans: Integers) -> tuple[Integers, list[str]]:
        """Each span's place among the names of services."""
        return named(self.details.hop[spans], lambda key: self.details.hops[key])


def named(keys: Integers, name: Callable[[int], str]) -> tuple[Integers, list[str]]:
    """Each key's place among the names of the different keys."""
    different, place = np.unique(keys, return_inverse=True)
    return place, [name(key) for key in different.tolist()]


def parts(
    names: tuple[Integers, list[str]],
    counted: Mask | None = None,
    touched: npt.NDArray[np.int64] | None = None,
    *,
    share: bool = True,
) -> tuple[Part, ...]:
    """What there is by name: of all entries those `counted` (None: all), and what they touch.
    share: whether to say of how many."""
    place, texts = names
    every = np.bincount(place, minlength=len(texts))
    found = every if counted is None else np.bincount(place[counted], minlength=len(texts))
    ns = np.zeros(len(texts), np.int64)
    if touched is not None:
        np.add.at(ns, place, touched)
    order = sorted(range(len(texts)), key=lambda i: (-int(found[i]), texts[i]))
    return tuple(
        Part(
            texts[i],
            int(found[i]),
            int(every[i]) if share and counted is not None else None,
            None if touched is None else int(ns[i]),
        )
        for i in order[:MOST_PARTS]
        if found[i]
    )


def total(touched: Touched) -> int:
    """All that is touched, ns."""
    return int(touched.sum())


def ms(ns: int) -> str:
    """`1.204 ms`; below a microsecond in ns."""
    return f"{ns} ns" if abs(ns) < 1_000 else f"{ns / 1e6:,.3f} ms"


def percent(part: float, whole: float) -> str:
    """`2.1 %`, with more decimals where the share is small; `0 %` of nothing."""
    share = 100 * part / whole if whole else 0.0
    if share >= 1:
        return f"{share:,.1f} %"
    return f"{share:.2g} %" if share >= 0.001 or not share else "< 0.001 %"
