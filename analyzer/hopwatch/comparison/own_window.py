"""How often a test cries wolf where nothing changed, counted in the user's own window before.

The window is cut into 40 pieces of equally many seconds. Each way to divide them evenly is a
comparison without a difference, of 20 blocks a side as the real one has. There are 39 ways of
which each tells nothing of the others, for they are orthogonal (rows of a Hadamard matrix, Paley's
of order 20, doubled):

    halves          A A A A A .. A A B B B B B .. B B
    other ways      A B A A B .. B A A B A A B .. B A      turns of one to some pieces

In short turns both sides share what wanders slowly. That two windows, one after the other, do
not is met by the halves alone, so these are told apart. The test is that of the real comparison,
figure by figure, at the confidence that it took there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import log
from typing import Final

import numpy as np

from hopwatch.attribution.quantile import TooFewRequestsError
from hopwatch.comparison.blocks import FEWEST_REQUESTS, PIECES, Integers
from hopwatch.comparison.jackknife import Estimate, Floats, estimates, pseudo_values
from hopwatch.comparison.percentiles import Durations
from hopwatch.comparison.roles import Place
from hopwatch.comparison.windows import Window, without_each

_Halves = tuple[Integers, Integers]
_Compared = tuple[Sequence[float] | Floats, Sequence[Floats]]
"""Figures [K], and by side their pseudo-values [K, BLOCKS]."""

_RESIDUES: Final = frozenset(i * i % 19 for i in range(1, 19))


def _ways() -> tuple[_Halves, ...]:
    paley = np.ones((20, 20), np.int64)
    for i in range(19):
        for j in range(19):
            paley[1 + i, 1 + j] = 1 if i == j or (i - j) % 19 in _RESIDUES else -1
        paley[1 + i, 0] = -1
    signs = np.kron([[1, 1], [1, -1]], paley)[1:]
    return tuple((np.flatnonzero(row > 0), np.flatnonzero(row < 0)) for row in signs)


WAYS: Final = _ways()
"""The pieces of either side."""
HALVES: Final = 19
"""The way that compares the first half with the second."""

ALL: Final = ""
"""Stands for all hops together."""


class OwnWindow:
    """The window before, compared with itself. `names`: common names of its routes."""

    def __init__(self, window: Window, places: Sequence[Place], names: Mapping[str, str]) -> None:
        self._window, self._names = window, names
        self._routes = window.routes_by_piece
        rows = {name: at for at, name in enumerate(sorted(set(names.values())))}
        self._requests = np.zeros((len(rows), PIECES))
        for route, sums in zip(window.routes, self._routes, strict=True):
            self._requests[rows[names[route]]] += sums[0]
        pairs: dict[tuple[str, str], Floats] = {}
        for place, ns in zip(places, window.cells_by_piece[:, 1], strict=True):
            key = place.role.hop, place.route
            pairs[key] = pairs[key] + ns if key in pairs else ns
        self._blamed = np.array(list(pairs.values()))
        self._route_of = np.array([rows[route] for _, route in pairs])
        # By hop, which of the pairs are its own.
        self._hops = {name: np.array([hop == name for hop, _ in pairs]) for name, _ in pairs}
        self._hops[ALL] = np.ones(len(pairs), bool)

    @property
    def too_short(self) -> bool:
        """Whether there are pieces with too few requests."""
        counts = self._window.requests_by_piece
        return bool(counts.min() < FEWEST_REQUESTS)

    def mean(self, confidence: float) -> list[bool]:
        """Whether there is an alarm about the mean, by way."""
        sums = self._routes.sum(axis=0)
        return _alarms(lambda halves: _of_means(sums[None], halves), confidence)[0]

    def routes(self, names: Sequence[str], confidence: float) -> list[int | None]:
        """How many alarms there are about each of these routes; None for those that some piece
        has no request of."""
        place = {name: at for at, name in enumerate(names)}
        sums = np.zeros((len(names), *self._routes.shape[1:]))
        for route, row in zip(self._window.routes, self._routes, strict=True):
            if (at := place.get(self._names[route])) is not None:
                sums[at] += row
        able = np.flatnonzero((sums > 0).all(axis=(1, 2)))
        found: list[int | None] = [None] * len(names)
        if len(able):
            alarms = _alarms(lambda halves: _of_means(sums[able], halves), confidence)
            for at, one in zip(able.tolist(), alarms, strict=True):
                found[at] = sum(one)
        return found

    def hops(self, names: Sequence[str], confidence: float) -> list[int | None]:
        """How many alarms there are about what each of these hops (or `ALL`) adds, at the same mix;
        None for hops that are not there."""
        known = [name for name in names if name in self._hops]
        alarms = _alarms(lambda halves: self.of_hops(known, halves), confidence) if known else []
        found = dict(zip(known, map(sum, alarms), strict=True))
        return [found.get(name) for name in names]

    def of_hops(self, names: Sequence[str], halves: _Halves) -> _Compared:
        """What each of these hops, which are there, adds to the difference of two halves."""
        counts, times = ([x[:, half] for half in halves] for x in (self._requests, self._blamed))
        wholes = [
            (count.sum(axis=1, keepdims=True), time.sum(axis=1, keepdims=True))
            for count, time in zip(counts, times, strict=True)
        ]
        member = np.array([self._hops[name] for name in names], np.float64)
        value = (member @ _at_same_mix(wholes, self._route_of))[:, 0]
        pseudo = []
        for at in range(2):
            rests = list(wholes)
            rests[at] = without_each(counts[at]), without_each(times[at])
            pseudo.append(pseudo_values(value, member @ _at_same_mix(rests, self._route_of)))
        return value, pseudo

    def percentile(self, q: float, confidence: float) -> int | None:
        """How many alarms there are about a percentile; None where half the requests do not tell
        it."""
        buckets, counts = self._window.requests_by_bucket_and_piece

        def of_way(halves: _Halves) -> _Compared:
            sides = [
                Durations(self._window.ledger, buckets, counts[:, half], share=0.5)
                for half in halves
            ]
            logs = [log(side.quantile(q)) for side in sides]
            return [logs[1] - logs[0]], [side.pseudo_logs(q)[None] for side in sides]

        try:
            return sum(_alarms(of_way, confidence)[0])
        except TooFewRequestsError:
            return None


def _of_means(sums: Floats, halves: _Halves) -> _Compared:
    """Logarithms of the means of [(requests, ns), piece] for each of some routes."""
    logs, pseudo = [], []
    for half in halves:
        side = sums[..., half]
        rest = without_each(side)
        total = side.sum(axis=-1)
        logs.append(np.log(total[:, 1] / total[:, 0]))
        pseudo.append(pseudo_values(logs[-1], np.log(rest[:, 1] / rest[:, 0])))
    return logs[1] - logs[0], pseudo


def _at_same_mix(sides: Sequence[tuple[Floats, Floats]], of_route: Integers) -> Floats:
    """What each hop and route adds to the difference of requests whose mix is the mean of both
    sides': the sum of its terms in the bridge. Of (requests by route, ns by hop and route)."""
    (n0, t0), (n1, t1) = sides
    weight = (n0 / n0.sum(axis=0) + n1 / n1.sum(axis=0)) / 2 * ((n0 > 0) & (n1 > 0))
    per0, per1 = (t / np.where(n > 0, n, 1)[of_route] for n, t in ((n0, t0), (n1, t1)))
    found: Floats = weight[of_route] * (per1 - per0)
    return found


def _alarms(of_way: Callable[[_Halves], _Compared], confidence: float) -> list[list[bool]]:
    """By figure and way."""
    found = [[_alarm(one, confidence) for one in estimates(*of_way(halves))] for halves in WAYS]
    return [list(one) for one in zip(*found, strict=True)]


def _alarm(found: Estimate, confidence: float) -> bool:
    low, high = found.interval(confidence)
    return low > 0 or high < 0
