"""Where failures begin, before and after.

What fails at once makes requests faster, so no order of times finds it. `attribution.failures`
knows where failures began; here that is counted by hop, in the hops' common names, as shares of
all requests:

    failed   requests that failed, and began to fail here: of all hops together, those that failed
    masked   requests that ended well though something failed here: a call that was repeated, a
             fallback, an error that nobody minded

A call that failed and that nobody received is a failure of whom it was meant for: of the service
that has the peer's name, of the one that `unseen` recognises, or, where the caller names no peer,
of the only one that it calls by that name.

Errors are those of shares by time block (`jackknife`), but at least those of independent requests
with one more that failed and one more that did not on each side (Agresti and Caffo 2000): where
nothing failed in any block, that is no proof. Without enough time for blocks only the latter.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf, sqrt
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from hopwatch import semconv
from hopwatch.attribution import sampling
from hopwatch.attribution.failures import Failures
from hopwatch.attribution.ledger import BLOCK_NS
from hopwatch.comparison.blocks import BLOCKS, Integers, NotEnoughDataError
from hopwatch.comparison.jackknife import Estimate, Floats, pseudo_values, variance
from hopwatch.comparison.roles import Alignment, Place
from hopwatch.comparison.windows import Cell, Codes, Window
from hopwatch.errors import UsageError

_ORDERED_BY: Final = 0.9
"""Confidence of the interval whose end next to 0 orders the hops, as in `suspects`."""
_FAILED: Final = 0
_MASKED: Final = 1
_NOTIONS: Final = (_FAILED, _MASKED)
_ADDRESS: Final = re.compile(r"[0-9.]+(:[0-9]+)?|\[?[0-9A-Fa-f]*:[0-9A-Fa-f:.]*\]?(:[0-9]+)?")
_OTHERS: Final = (
    "these failures are not those of the ledger that is compared: make both of the same spans, "
    "with the same selection"
)


@dataclass(frozen=True, slots=True)
class ShareEffect:
    """A share of all requests on both sides: how many there are, by no weight, and the share, by
    weight. `low`, `high`: what holds its change, together with those of all other shares of a
    comparison's `failure_origins`."""

    requests_before: int
    requests_after: int
    before: Fraction
    after: Fraction
    low: float
    high: float

    @property
    def change(self) -> Fraction:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class FailureOrigin:
    """A hop in which failures began; see the module for `failed` and `masked`. `operation`, `kind`
    and `caller`: of its spans in which most of the change began. `unanswered`: these are calls that
    nobody received, of a service that is seen otherwise. `sure_rise`: what its share of requests
    rose by at least, but for luck (0 where it may be luck)."""

    hop: str
    operation: str
    kind: str
    caller: str
    unanswered: bool
    failed: ShareEffect
    masked: ShareEffect
    sure_rise: float


class _Shares(NamedTuple):
    """Of a side, by hop: shares of its requests, these without each block (None where there are no
    blocks), and of how many requests of one weight."""

    values: Floats
    without_each: Floats | None
    of: float


class _Began(NamedTuple):
    """In what failures began; see `FailureOrigin`."""

    hop: str
    operation: str
    kind: str
    caller: str
    unanswered: bool


def failure_origins(
    windows: Sequence[Window],
    alignment: Alignment,
    failures: Sequence[Failures],
    confidence: float,
) -> tuple[FailureOrigin, ...]:
    """The hops in which failures began, what most surely rose first. `failures`: of the windows'
    requests. Raises UsageError for those of others."""
    names = _Names(windows, alignment)
    rows = [
        [_Rows.of(table, names.of(window, places)) for table in found]
        for window, places, found in zip(windows, alignment.sides, failures, strict=True)
    ]
    hops = sorted({place.hop for side in rows for found in side for place in found.places})
    sides = [_Side(*side, hops) for side in zip(windows, rows, strict=True)]
    alone = 1 - (1 - confidence) / max(1, 2 * len(hops))  # Bonferroni
    changes = [_changes([side.floats(which) for side in sides]) for which in _NOTIONS]
    rises = _changes([side.floats(*_NOTIONS) for side in sides])

    def effect(which: int, at: int) -> ShareEffect:
        before, after = (int(side.counts[which, at]) for side in sides)
        share_before, share_after = (side.shares[which][at] for side in sides)
        low, high = changes[which][at].interval(alone)
        return ShareEffect(before, after, share_before, share_after, low, high)

    origins = [
        FailureOrigin(
            *_most_changed(sides, hop), effect(_FAILED, at), effect(_MASKED, at), _sure(rises[at])
        )
        for at, hop in enumerate(hops)
    ]
    return tuple(sorted(origins, key=_order))


def _order(origin: FailureOrigin) -> tuple[float, Fraction, str]:
    return -origin.sure_rise, -(origin.failed.change + origin.masked.change), origin.hop


def _sure(rise: Estimate) -> float:
    low, high = rise.interval(_ORDERED_BY)
    return max(low, 0.0) + min(high, 0.0)


class _Rows(NamedTuple):
    """Requests in which failures began, each once for each hop: in which of the `places`, when, and
    with which sampling threshold."""

    places: list[_Began]
    of_row: Integers
    second: Integers
    threshold: Integers

    @classmethod
    def of(cls, table: pa.Table, names: Mapping[Cell, _Began]) -> _Rows:
        codes = Codes(table, Cell._fields)
        cells = [Cell(*key) for key in codes.keys]
        if not names.keys() >= set(cells):
            raise UsageError(_OTHERS)
        places = [names[cell] for cell in cells]
        hops = {place.hop: at for at, place in enumerate(places)}
        hop = np.array([hops[place.hop] for place in places], np.int64)[codes.of_row]
        pairs = np.stack([_request(table), hop])
        first = np.unique(pairs, axis=1, return_index=True)[1]
        return cls(
            places, codes.of_row[first],
            table["start_unix_nano"].to_numpy()[first] // BLOCK_NS * BLOCK_NS,
            table["sampling_threshold"].to_numpy()[first],
        )  # fmt: skip


def _request(table: pa.Table) -> Integers:
    """The number of each row's request; those of one stand together."""
    others = np.zeros(table.num_rows, np.int64)
    for name in ("trace_id", "root_span_id"):
        ids = table[name].combine_chunks()
        others[1:] |= pc.not_equal(ids[1:], ids[:-1]).to_numpy(zero_copy_only=False)
    found: Integers = others.cumsum()
    return found


class _Side:
    """Of one side, of the requests that failed and those in which it was masked: by hop, `counts`
    [2, hop] and exact `shares` of all requests; and the shares of both by place."""

    def __init__(self, window: Window, rows: Sequence[_Rows], hops: Sequence[str]) -> None:
        self._window = window
        self._requests = window.weighted_requests
        at = {hop: i for i, hop in enumerate(hops)}
        hop_of = [np.array([at[p.hop] for p in one.places], np.int64)[one.of_row] for one in rows]
        self._rows = list(zip(hop_of, rows, strict=True))
        self._hops = len(hops)
        self.counts = np.stack([np.bincount(hop, minlength=len(hops)) for hop in hop_of])
        self.shares = [self._exact(hop, one) for hop, one in self._rows]
        failed = window.ledger.weighted_failed
        if sum(self.shares[_FAILED], Fraction(0)) != failed / self._requests:
            raise UsageError(_OTHERS)
        self.by_place: dict[_Began, float] = defaultdict(float)
        for one in rows:
            sums = np.bincount(one.of_row, _weights(one), len(one.places))
            for place, weight in zip(one.places, sums.tolist(), strict=True):
                self.by_place[place] += weight / float(self._requests)

    def _exact(self, hop: Integers, rows: _Rows) -> list[Fraction]:
        found = [Fraction(0)] * self._hops
        for threshold in np.unique(rows.threshold).tolist():
            counts = np.bincount(hop[rows.threshold == threshold], minlength=self._hops)
            share = sampling.weight(threshold) / self._requests
            found = [sum_ + n * share for sum_, n in zip(found, counts.tolist(), strict=True)]
        return found

    def floats(self, *which: int) -> _Shares:
        """Of the requests that are one or the other."""
        shares = np.sum([np.array(self.shares[one], np.float64) for one in which], axis=0)
        counts = self._window.ledger.requests.select(["sampling_threshold", "requests"])
        thresholds, requests = (column.to_numpy() for column in counts.columns)
        weights = np.array([float(sampling.weight(t)) for t in thresholds.tolist()])
        of = (weights * requests).sum() ** 2 / (weights**2 * requests).sum()
        try:
            rest = self._without_each([self._rows[one] for one in which])
        except NotEnoughDataError:
            rest = None
        return _Shares(shares, rest, float(of))

    def _without_each(self, chosen: Iterable[tuple[Integers, _Rows]]) -> Floats:
        """Shares [hop, block] without each block. Raises NotEnoughDataError."""
        blocking = self._window.blocking
        sums = np.zeros(self._hops * BLOCKS)
        for hop, rows in chosen:
            block = blocking.index[np.searchsorted(blocking.starts, rows.second)]
            sums += np.bincount(hop * BLOCKS + block, _weights(rows), len(sums))
        found = sums.reshape(self._hops, BLOCKS)
        requests = self._window.route_blocks.sum(axis=0)
        rest: Floats = (found.sum(axis=1, keepdims=True) - found) / (requests.sum() - requests)
        return rest


def _weights(rows: _Rows) -> Floats:
    thresholds, which = np.unique(rows.threshold, return_inverse=True)
    found: Floats = np.array([float(sampling.weight(t)) for t in thresholds.tolist()])[which]
    return found


def _changes(sides: Sequence[_Shares]) -> list[Estimate]:
    """By hop the change from the first to the second."""
    values = sides[1].values - sides[0].values
    variances, spread = np.zeros_like(values), np.zeros_like(values)
    for shares, without_each, of in sides:
        likely = (shares * of + 1) / (of + 2)
        found = likely * (1 - likely) / (of + 2)
        if without_each is not None:
            blocks, freedom = variance(pseudo_values(shares, without_each))
            spread += np.where(blocks > found, blocks**2 / freedom, 0.0)
            found = np.maximum(blocks, found)
        variances += found
    return [
        Estimate(value, sqrt(v), v * v / s if s else inf)
        for value, v, s in zip(values.tolist(), variances.tolist(), spread.tolist(), strict=True)
    ]


def _most_changed(sides: Sequence[_Side], hop: str) -> _Began:
    """Of the places of a hop the one that has most of its change."""
    before, after = (side.by_place for side in sides)
    places = sorted(place for place in before.keys() | after.keys() if place.hop == hop)
    changes = [after.get(place, 0.0) - before.get(place, 0.0) for place in places]
    sign = -1 if sum(changes) < 0 else 1
    return max(zip(changes, places, strict=True), key=lambda one: sign * one[0])[1]


class _Names:
    """Who is meant by a cell in which a failure began, in common names."""

    def __init__(self, windows: Sequence[Window], alignment: Alignment) -> None:
        self._seen: set[str] = set()
        self._callees: dict[tuple[str, str], set[str]] = defaultdict(set)
        for window, places in zip(windows, alignment.sides, strict=True):
            for cell, (_, role, variant) in zip(window.cells, places, strict=True):
                if role.kind == "self":
                    self._seen.add(role.hop)
                elif role.kind == "gap" and role.hop != variant.caller:
                    self._callees[variant.caller, cell.operation].add(role.hop)
        self._by_label = {hop.rpartition("/")[2].lower(): hop for hop in sorted(self._seen)}

    def of(self, window: Window, places: Sequence[Place]) -> dict[Cell, _Began]:
        """By cell of a window."""
        return {
            cell: self._began(cell, place) for cell, place in zip(window.cells, places, strict=True)
        }

    def _began(self, cell: Cell, place: Place) -> _Began:
        _, role, variant = place
        hop = role.hop if role.kind != "remote" else self._meant(cell, place)
        unanswered = role.kind == "remote" and hop in self._seen
        return _Began(hop, role.operation, role.kind, variant.caller, unanswered)

    def _meant(self, cell: Cell, place: Place) -> str:
        """Whom a call was meant for that nobody received."""
        peer = cell.hop
        if named := self._by_label.get(peer.partition(":")[0].partition(".")[0].lower()):
            return named
        found = place.role.hop
        callees = self._callees.get((place.variant.caller, cell.operation), set())
        nameless = peer == semconv.UNKNOWN or _ADDRESS.fullmatch(peer)
        if found == peer and nameless and len(callees) == 1:
            return min(callees)
        return found
