"""Spans that are not there, as far as others tell of them.

A span that was lost is seen where something that hangs below it was received. So of all spans
that have something below them the share that is missing estimates the share of all that were lost:

    lost share = missing parents / (missing parents + present parents)

The parents of what a service does inside itself are its own. The parent of a SERVER span is
its caller's: of the service that usually calls it, if there is one; if it is never called by
anything that has spans, its callers are not instrumented, and nothing was lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt
from typing import Final

import numpy as np
import pyarrow as pa

from hopwatch.attribution.details import FRAGMENT, KINDS, REQUEST, Integers
from hopwatch.quality.examined import Examined, Found, ms, parts, percent, total
from hopwatch.quality.model import MOST_PARTS, Finding, Part

_LEAST_LEFT: Final = 0.01
_USUAL: Final = 0.9
"""Who makes at least so many of a service's calls is its usual caller."""
_ENOUGH: Final = 10
_MUCH: Final = 0.1
"""More incomplete traces than this share are a problem."""


@dataclass(frozen=True, slots=True)
class Missing:
    """By service how many parents are missing (`callers of x`: of one of those that call x), and
    how many spans with something below them are there; `foreign`: by service how often its caller
    has no spans at all. share: between which shares of all spans were lost; None where nothing
    tells."""

    by_service: Counter[str]
    foreign: Counter[str]
    present: Counter[str]
    share: tuple[float, float] | None


def missing(examined: Examined) -> Missing:
    """The parents that are missing."""
    details = examined.details
    hops = details.hops
    callers = _callers(examined)
    by_service: Counter[str] = Counter()
    foreign: Counter[str] = Counter()
    lost = np.zeros(len(hops), np.int64)
    for serves, hop in _missing_parents(examined):
        known = callers.get(hop, Counter())
        if not serves:
            lost[hop] += 1
            by_service[hops[hop]] += 1
        elif known:
            caller, count = min(known.items(), key=lambda item: (-item[1], hops[item[0]]))
            lost[caller] += 1
            usual = count >= _USUAL * known.total()
            by_service[hops[caller] if usual else f"callers of {hops[hop]}"] += 1
        else:
            foreign[hops[hop]] += 1
    is_parent = np.zeros(len(details.parent), np.bool_)
    is_parent[examined.edges.parent] = True
    there = np.bincount(details.hop[is_parent], minlength=len(hops))
    received = np.bincount(details.hop, minlength=len(hops))
    present = Counter(dict(zip(hops, there.tolist(), strict=True)))
    return Missing(by_service, foreign, present, _share(lost, there, received))


def _callers(examined: Examined) -> dict[int, Counter[int]]:
    """By service how often which other one calls it."""
    details, edges = examined.details, examined.edges
    called = edges.remote & (details.kind[edges.child] == KINDS["SERVER"])
    size = len(details.hops)
    callee = details.hop[edges.child[called]].astype(np.int64)
    keys, counts = np.unique(callee * size + details.hop[edges.parent[called]], return_counts=True)
    callers: dict[int, Counter[int]] = {}
    for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
        callers.setdefault(key // size, Counter())[key % size] += count
    return callers


def _share(lost: Integers, there: Integers, received: Integers) -> tuple[float, float] | None:
    """Service by service, for some drop more than others: of those with nothing below any of
    their spans the share is that of all. The intervals of a sum are recovered from those of its
    parts (Zou and Donner, 2008), which holds where most services lost nothing."""
    if not lost.any() or not there.any():
        return None
    total = lost + there
    known = total > 0
    share = np.where(known, lost, lost.sum()) / np.where(known, total, total.sum())
    of_all = interval(int(lost.sum()), int(total.sum()))
    low, high = np.array(
        [
            interval(hits, of) if of else of_all
            for hits, of in zip(lost.tolist(), total.tolist(), strict=True)
        ]
    ).T
    weight = received / np.maximum(1 - share, _LEAST_LEFT)
    weight = weight / weight.sum()
    centre = float(weight @ share)
    below, above = (
        float(np.sqrt(((weight * distance) ** 2).sum())) for distance in (share - low, high - share)
    )
    return max(0.0, centre - below), min(1.0, centre + above)


def _missing_parents(examined: Examined) -> list[tuple[bool, int]]:
    """Of each span that others name as their parent, and that is not there: whether all that it
    has below it are SERVER spans, and the service of one of them."""
    details = examined.details
    roots = np.flatnonzero((details.parent < 0) & (details.unit_kind == FRAGMENT))
    if not len(roots):
        return []
    ids = examined.table.select(["trace_id", "parent_span_id", "span_id"])
    below = ids.take(pa.array(details.row[roots]))
    there: set[tuple[bytes, bytes]] = set()
    if details.repaired("cycle").any():  # whose spans have parents
        odd = pa.array(np.unique(details.row[np.isin(details.trace, details.trace[roots])]))
        spans = ids.take(odd)
        there = set(zip(spans["trace_id"].to_pylist(), spans["span_id"].to_pylist(), strict=True))
    found: dict[tuple[bytes, bytes], tuple[bool, int]] = {}
    for key, kind, hop in zip(
        zip(below["trace_id"].to_pylist(), below["parent_span_id"].to_pylist(), strict=True),
        details.kind[roots].tolist(),
        details.hop[roots].tolist(),
        strict=True,
    ):
        if key not in there:
            told = (kind in (KINDS["SERVER"], KINDS["CONSUMER"]), hop)
            found[key] = min(told, found.get(key, told))
    return list(found.values())


def interval(hits: int, of: int) -> tuple[float, float]:
    """Between which bounds a share lies with 95 % confidence (Wilson's score interval)."""
    z = 1.959964
    middle = (hits + z * z / 2) / (of + z * z)
    half = z / (of + z * z) * sqrt(hits * (of - hits) / of + z * z / 4)
    return max(0.0, middle - half) if hits else 0.0, min(1.0, middle + half) if hits < of else 1.0


def findings(examined: Examined, lost: Missing) -> Iterator[Found]:
    """Which spans are missing, and what that hides."""
    yield from _incomplete(examined, lost)
    yield from _rootless(examined)
    yield from _unanswered(examined)


def _incomplete(examined: Examined, lost: Missing) -> Iterator[Found]:
    details, quality = examined.details, examined.ledger.quality
    fragments = np.flatnonzero((details.parent < 0) & (details.unit_kind == FRAGMENT))
    if not len(fragments):
        return
    traces = len(details.trace_ids)
    incomplete = len(np.unique(details.trace[fragments]))
    hidden = sum(group.hidden_ns for group in examined.ledger.group_by("hop", "kind"))
    words = (
        f"Incomplete traces: {incomplete:,} of {traces:,}. A span names a parent that is not there,"
        f" so what hangs below it (fragments: {quality.get('fragments', len(fragments)):,}) cannot"
        f" be placed, and the time it covers may be blamed on its caller: {ms(hidden)},"
        f" {percent(hidden, examined.ledger.total_ns)} of all."
    )
    if lost.share is not None:
        low, high = (percent(share, 1) for share in lost.share)
        words += (
            f" Parents of instrumented services that are missing: {lost.by_service.total():,}. By"
            f" that, {low} to {high} of all spans were lost."
        )
    if lost.foreign:
        names = ", ".join(name for name, _ in lost.foreign.most_common(3))
        words += (
            f" {lost.foreign.total():,} parents are of callers that have no spans here at all,"
            f" which call {names}."
        )
    by_cell = Counter(
        {
            f"{group.key[0]} {group.key[1]}": group.hidden_ns
            for group in examined.ledger.group_by("hop", "kind")
            if group.hidden_ns
        }
    )
    services = [
        Part(name, count, of if (of := count + lost.present.get(name, 0)) > count else None,
             detail="spans lost")
        for name, count in lost.by_service.most_common()
    ]  # fmt: skip
    hides = [Part(name, 1, None, ns, "may hide lost spans") for name, ns in by_cell.most_common()]
    finding = Finding(
        "incomplete_traces",
        "problem" if incomplete > _MUCH * traces else "warning",
        incomplete,
        traces,
        "traces",
        words,
        "Look whether an exporter drops spans (full queue, no flush at exit), whether a service"
        " between is not instrumented or does not pass on `traceparent`, and whether services"
        " sample differently.",
        examined.examples(fragments, examined.duration[fragments]),
        "trace",
        hidden,
        (*services[: MOST_PARTS // 2], *hides[: MOST_PARTS // 2]),
    )
    yield finding, None  # it is among what the ledger calls doubtful


def _rootless(examined: Examined) -> Iterator[Found]:
    details = examined.details
    traces = len(details.trace_ids)
    rooted = np.zeros(traces, np.bool_)
    rooted[details.trace[(details.parent < 0) & (details.unit_kind != FRAGMENT)]] = True
    without = np.flatnonzero(~rooted)
    if not len(without):
        return
    spans = np.flatnonzero((details.parent < 0) & ~rooted[details.trace])
    finding = Finding(
        "traces_without_root",
        "problem" if len(without) > _MUCH * traces else "warning",
        len(without),
        traces,
        "traces",
        f"Traces without a first span: {len(without):,} of {traces:,}. They are not among the"
        " requests.",
        "Look whether the entry service exports its spans, and whether the window cuts traces off.",
        examined.trace_ids(without),
        "trace",
        parts=parts(examined.hop_names(spans), share=False),
    )
    yield finding, None


def _unanswered(examined: Examined) -> Iterator[Found]:
    """Client spans without a server's, of calls that usually have one."""
    details, edges = examined.details, examined.edges
    answered = np.zeros(len(details.parent), np.bool_)
    answered[edges.parent[edges.remote]] = True
    clients = np.flatnonzero((details.kind == KINDS["CLIENT"]) & (details.unit_kind == REQUEST))
    if not len(clients):
        return
    operations: dict[str, int] = {}
    of_cell = np.array(
        [operations.setdefault(cell.operation, len(operations)) for cell in details.cells],
        np.int64,
    )
    key = details.hop[clients] * np.int64(len(operations)) + of_cell[details.cell[clients]]
    _, place = np.unique(key, return_inverse=True)
    there = answered[clients]
    calls, with_server = np.bincount(place), np.bincount(place[there], minlength=place.max() + 1)
    usual = (with_server >= _ENOUGH) & (2 * with_server > calls)
    expected = usual[place]
    lacking = expected & ~there
    if not lacking.any():
        return
    spans = clients[lacking]
    failed = int(details.failed[spans].sum())
    touched = examined.touch(spans)
    high, of = len(spans), int(expected.sum())
    may_be_few = (
        f" {failed:,} of them failed, and may never have arrived: {high - failed:,} to {high:,}"
        " spans were lost."
        if failed
        else ""
    )
    finding = Finding(
        "unanswered_calls",
        "warning",
        high,
        of,
        "calls",
        f"Calls without a span of the service that they call, where that service usually has one:"
        f" {high:,} of {of:,}, {percent(high, of)}.{may_be_few} What they did counts as time of the"
        " caller's peer.",
        "Look whether the called services drop spans or sample more strictly than their callers.",
        examined.examples(spans, examined.blamed[spans]),
        "trace",
        total(touched),
        parts(_asked(examined, clients[expected]), lacking[expected], touched[clients[expected]]),
    )
    yield finding, touched


def _asked(examined: Examined, clients: pa.Array) -> tuple[pa.Array, list[str]]:
    """Each client's place among `service: operation`."""
    details = examined.details
    texts: dict[str, int] = {}
    place = [
        texts.setdefault(f"{details.hops[hop]}: {details.cells[cell].operation}", len(texts))
        for hop, cell in zip(
            details.hop[clients].tolist(), details.cell[clients].tolist(), strict=True
        )
    ]
    return np.array(place, np.int64), list(texts)
