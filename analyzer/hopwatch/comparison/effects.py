"""What a comparison says of terms, hops, routes, percentiles and the whole, with how sure it is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from math import isfinite, log
from typing import Final, TypeVar

import numpy as np

from hopwatch.attribution.quantile import TooFewRequestsError
from hopwatch.comparison.blocks import BLOCKS
from hopwatch.comparison.bridged import Bridged, Key
from hopwatch.comparison.jackknife import Floats, estimates, pseudo_values
from hopwatch.comparison.labels import Labels
from hopwatch.comparison.own_window import ALL, WAYS, OwnWindow
from hopwatch.comparison.percentiles import PERCENTILES, Durations
from hopwatch.comparison.result import (
    HopEffect,
    LanguageEffect,
    PercentileEffect,
    RouteEffect,
    SameMixEffect,
    Shift,
    Term,
    whole_ns,
)
from hopwatch.comparison.simultaneous import family
from hopwatch.comparison.suspects import sure_rises
from hopwatch.comparison.verdict import FalseAlarms, Judgement, Options, judge, unknown
from hopwatch.comparison.windows import Window

T = TypeVar("T")
Alarms = Callable[[Sequence[str], float], Sequence[int | None]]
_SIGNS: Final = (-1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Effects:
    """Of a bridge. `shortage`: why nothing can be said about how sure they are, else empty. `own`:
    the window before, where it is long enough to be compared with itself."""

    bridged: Bridged
    options: Options
    shortage: str
    own: OwnWindow | None

    @property
    def _windows(self) -> Sequence[Window]:
        return self.bridged.windows

    def terms(self, delta_ns: int) -> tuple[Term, ...]:
        """The terms that are not zero in whole ns, the largest first; they add up to
        `delta_ns`."""
        keys = list(self.bridged.exact)
        values = list(self.bridged.exact.values())
        intervals: list[tuple[int | None, int | None]] = [(None, None)] * len(keys)
        if keys and not self.shortage:
            pseudo = self.bridged.stacked([key] for key in keys)
            intervals = self._intervals([float(value) for value in values], pseudo)
        labels = Labels(self._windows, self.bridged.alignment)
        terms = [
            Term(
                key.route, *(key.role or ("", "", "")),
                *labels.of(key.route, key.role, key.variant), key.term, ns, low, high,
            )
            for key, ns, (low, high) in zip(
                keys, whole_ns(values, delta_ns), intervals, strict=True
            )
            if ns
        ]  # fmt: skip
        return tuple(sorted(terms, key=_by_size))

    def same_mix(
        self, terms: Sequence[Term], overall: tuple[Judgement, tuple[int | None, int | None]]
    ) -> SameMixEffect:
        """What is left without mix: what changed for requests of the same routes; that of all
        requests (`overall`) where there is one route."""
        routes = [
            {self.bridged.alignment.routes[route] for route in window.routes}
            for window in self._windows
        ]
        if not routes[0] & routes[1]:
            delta_ns = sum(term.ns for term in terms if term.term != "mix")
            return SameMixEffect(delta_ns, None, None, unknown(_OTHER_ROUTES))
        if len(routes[0] | routes[1]) == 1:  # there is no mix
            judgement, interval = overall
            return SameMixEffect(sum(term.ns for term in terms), *interval, judgement)
        delta_ns = sum(term.ns for term in terms if term.term != "mix")
        keys = [key for key in self.bridged.exact if key.role]
        change = sum((self.bridged.exact[key] for key in keys), Fraction(0))
        before = self._mean_at_same_mix()
        after = before + change
        if self.shortage or not min(before, after) > 0:
            why = unknown(self.shortage or _NO_TIME, float(change / before) if before else None)
            return SameMixEffect(delta_ns, None, None, why)
        pseudo = self.bridged.stacked([keys])
        (interval,) = self._intervals([float(change)], pseudo)
        # On logarithms, as of all requests: what takes longer scatters more.
        logs = [side / float(mean) for side, mean in zip(pseudo, (before, after), strict=True)]
        own = partial(self.own.hops, [ALL]) if self.own else None
        (judgement,) = self._judged([log(after / before)], logs, True, own)
        return SameMixEffect(delta_ns, *interval, judgement)

    def _mean_at_same_mix(self) -> Fraction:
        """ns of a request before, of the routes on both sides, with the mix that the bridge holds
        (the mean of the sides')."""
        names = self.bridged.alignment.routes
        sides: list[dict[str, list[Fraction]]] = [{}, {}]
        for side, window in zip(sides, self._windows, strict=True):
            for route, sums in zip(window.routes, window.exact.routes[:, :, 0], strict=True):
                there = side.setdefault(names[route], [Fraction(0)] * 2)
                side[names[route]] = [one + more for one, more in zip(there, sums, strict=True)]
        shares = [
            {route: requests / window.weighted_requests for route, (requests, _) in side.items()}
            for side, window in zip(sides, self._windows, strict=True)
        ]
        both = shares[0].keys() & shares[1].keys()
        parts = ((shares[0][r] + shares[1][r]) / 2 * sides[0][r][1] / sides[0][r][0] for r in both)
        return sum(parts, Fraction(0))

    def hops(self, terms: Sequence[Term]) -> tuple[HopEffect, ...]:
        """What each hop adds, the one with the most that is sure of its rise first."""
        places = [place for side in self.bridged.alignment.sides for place in side]
        names = {place.role.hop for place in places}
        hop_of = {key: key.role.hop for key in self.bridged.exact if key.role}
        by_hop = [(term.hop, term) for term in terms]
        found = self._added(HopEffect, names, hop_of, by_hop, self.own.hops if self.own else None)
        sure = sure_rises(self.bridged)
        return tuple(sorted(found, key=lambda hop: -sure.get(hop.hop, 0.0)))  # stable

    def languages(self, terms: Sequence[Term]) -> tuple[LanguageEffect, ...]:
        """What each language adds, the greatest rise first."""
        labels = Labels(self._windows, self.bridged.alignment)
        language_of = {
            key: labels.of(key.route, key.role, key.variant)[0]
            for key in self.bridged.exact
            if key.role
        }
        names = {term.language for term in terms if term.term != "mix"}
        by_language = [(term.language, term) for term in terms]
        return self._added(LanguageEffect, names, language_of, by_language)

    def _added(
        self,
        make: Callable[[str, int, int | None, int | None, Judgement], T],
        found: Iterable[str],
        name_of: Mapping[Key, str],
        terms: Iterable[tuple[str, Term]],
        own: Alarms | None = None,
    ) -> tuple[T, ...]:
        """The terms without mix added up by name, the greatest rise first, with intervals."""
        deltas = dict.fromkeys(found, 0)
        for name, term in terms:
            if term.term != "mix":
                deltas[name] += term.ns
        names = sorted(deltas, key=lambda name: (-deltas[name], name))
        mean = float(self._windows[0].mean_ns)
        if self.shortage or not mean or not names:
            why = unknown(self.shortage or _NO_TIME)
            return tuple(make(name, deltas[name], None, None, why) for name in names)
        groups: dict[str, list[Key]] = {name: [] for name in names}
        for key, name in name_of.items():
            if name in groups:  # else all its terms are less than half a ns
                groups[name].append(key)
        values = [float(sum(self.bridged.exact[k] for k in keys)) for keys in groups.values()]
        pseudo = self.bridged.stacked(groups.values())
        intervals = self._intervals(values, pseudo)
        judgements = self._judged(
            [value / mean for value in values], [side / mean for side in pseudo], False,
            partial(own, names) if own else None,
        )  # fmt: skip
        return tuple(
            make(name, deltas[name], *interval, judgement)
            for name, interval, judgement in zip(names, intervals, judgements, strict=True)
        )

    def routes(self) -> tuple[RouteEffect, ...]:
        """The routes, the greatest relative rise first, those on one side only last."""
        names = self.bridged.alignment.routes
        common = sorted(set(names.values()))
        place = {name: at for at, name in enumerate(common)}
        counts, means, present = [], [], []
        for window in self._windows:
            of = [place[names[route]] for route in window.routes]
            count = np.zeros(len(common), np.int64)
            np.add.at(count, of, window.request_counts)
            counts.append(count)
            means.append(_means(window.floats.routes, of, len(common))[:, 0])
            present.append(of)
        found = dict.fromkeys(common, unknown(self.shortage or _ONE_SIDE))
        if not self.shortage:
            found |= self._judged_routes(common, means, present)
        effects = []
        for at, name in enumerate(common):
            requests = [int(side[at]) for side in counts]
            mean = [float(side[at]) if n else None for side, n in zip(means, requests, strict=True)]
            effects.append(
                RouteEffect(name, requests[0], requests[1], mean[0], mean[1], found[name])
            )
        return tuple(sorted(effects, key=_by_rise))

    def _judged_routes(
        self, common: list[str], means: list[Floats], present: list[list[int]]
    ) -> dict[str, Judgement]:
        """Of the routes that are on both sides, in enough blocks to say anything."""
        blocks, rests = [], []
        for window, of in zip(self._windows, present, strict=True):
            occupied = np.zeros((len(common), BLOCKS), bool)
            np.logical_or.at(occupied, of, window.route_blocks > 0)
            blocks.append(occupied.sum(axis=1))
            rests.append(_means(window.without_each_block.routes, of, len(common)))
        both = (blocks[0] > 0) & (blocks[1] > 0)
        often = np.minimum(*blocks) == BLOCKS
        timed = (rests[0].min(axis=1) > 0) & (rests[1].min(axis=1) > 0)
        able = np.flatnonzero(often & timed)
        found = {common[at]: unknown(_TOO_RARE) for at in np.flatnonzero(both & ~(often & timed))}
        if len(able):
            values = np.log(means[1][able]) - np.log(means[0][able])
            logs = [
                sign * pseudo_values(np.log(mean[able]), np.log(rest[able]))
                for sign, mean, rest in zip(_SIGNS, means, rests, strict=True)
            ]
            names = [common[at] for at in able]
            own = partial(self.own.routes, names) if self.own else None
            judged = self._judged(list(values), logs, True, own)
            found |= {common[at]: one for at, one in zip(able, judged, strict=True)}
        return found

    def overall(self) -> tuple[Judgement, tuple[int | None, int | None]]:
        """The verdict on the mean request, and the interval of its change in ns."""
        means = [float(window.mean_ns) for window in self._windows]
        change = means[1] / means[0] - 1 if means[0] else None
        if self.shortage:
            return unknown(self.shortage, change), (None, None)
        rests = [
            _means(window.without_each_block.routes, [0] * len(window.routes), 1)
            for window in self._windows
        ]
        pseudo = [
            sign * pseudo_values([mean], rest)
            for sign, mean, rest in zip(_SIGNS, means, rests, strict=True)
        ]
        (interval,) = self._intervals([means[1] - means[0]], pseudo)
        if not min(rest.min() for rest in rests) > 0:
            return unknown(_NO_TIME, change), interval
        logs = [
            sign * pseudo_values([log(mean)], np.log(rest))
            for sign, mean, rest in zip(_SIGNS, means, rests, strict=True)
        ]
        own = self.own
        alarms = (lambda confidence: [sum(own.mean(confidence))]) if own else None
        (judgement,) = self._judged([log(means[1] / means[0])], logs, True, alarms)
        return judgement, interval

    def percentiles(self) -> tuple[PercentileEffect, ...]:
        """Those of the end-to-end time; what too few requests can tell is refused with a reason."""
        if self.shortage:
            return tuple(
                PercentileEffect(q, None, None, unknown(self.shortage)) for q in PERCENTILES
            )
        sides = [Durations(window.ledger, *window.requests_by_bucket) for window in self._windows]
        refused: dict[float, Judgement] = {}
        values: dict[float, tuple[float, float]] = {}
        for q in PERCENTILES:
            try:
                values[q] = (sides[0].quantile(q), sides[1].quantile(q))
            except TooFewRequestsError as error:
                refused[q] = unknown(f"p{100 * q:g} needs {error.needed:,} requests on each side")
        judged: dict[float, Judgement] = {}
        if values:
            logs = [
                sign * np.stack([side.pseudo_logs(q) for q in values])
                for sign, side in zip(_SIGNS, sides, strict=True)
            ]
            changes = [log(after / before) for before, after in values.values()]
            own = self.own
            alarms = (
                (lambda confidence: [own.percentile(q, confidence) for q in values])
                if own else None
            )  # fmt: skip
            judged = dict(zip(values, self._judged(changes, logs, True, alarms), strict=True))
        effects = []
        for q in PERCENTILES:
            before, after = values.get(q, (None, None))
            effects.append(PercentileEffect(q, before, after, (judged | refused)[q]))
        return tuple(effects)

    def failures(self) -> Shift:
        """The change of the share of failed requests."""
        shares = [window.failed_share for window in self._windows]
        change = shares[1] - shares[0]
        if self.shortage:
            return Shift(change, None, None)
        pseudo = []
        for sign, share, window in zip(_SIGNS, shares, self._windows, strict=True):
            counts = window.failures_by_block
            rest = counts.sum(axis=1, keepdims=True) - counts
            pseudo.append(sign * pseudo_values([share], (rest[1] / rest[0])[None]))
        (found,) = estimates([change], pseudo)
        return Shift(change, *found.interval(self.options.confidence))

    def _judged(
        self,
        values: Sequence[float],
        pseudo: Sequence[Floats],
        logs: bool,
        own: Callable[[float], Sequence[int | None]] | None,
    ) -> list[Judgement]:
        """`own`: how often, at a confidence, the same is alarmed about in the window before."""
        members = estimates(values, pseudo)
        together = family(members, pseudo, self.options.confidences)
        seconds = max(window.blocking.seconds for window in self._windows)
        judged = [judge(member, together, self.options, seconds, log=logs) for member in members]
        if not own:
            return judged
        confidence = self.options.confidence
        return [
            one if alarms is None
            else replace(one, false_alarms=FalseAlarms.counted(alarms, len(WAYS), confidence))
            for one, alarms in zip(judged, own(together.alone[confidence]), strict=True)
        ]  # fmt: skip

    def _intervals(
        self, values: Sequence[float], pseudo: Sequence[Floats]
    ) -> list[tuple[int | None, int | None]]:
        members = estimates(values, pseudo)
        together = family(members, pseudo, self.options.confidences)
        found = (together.interval(member, self.options.confidence) for member in members)
        return [(_whole(low), _whole(high)) for low, high in found]


_NO_TIME: Final = "some requests took no time: there is nothing to relate a change to"
_ONE_SIDE: Final = "requests on one side only: nothing to compare with"
_OTHER_ROUTES: Final = (
    "no route is on both sides, so no request can be compared with one of its kind; say in a "
    "mapping which routes are the same"
)
_TOO_RARE: Final = (
    f"too rare: of {BLOCKS} blocks of time some have no request on this route that took any"
)


def _means(sums: Floats, of: Sequence[int], count: int) -> Floats:
    """Sums [route, (requests, ns), ..] of routes that are `of` which of `count` -> their means;
    0 without requests."""
    merged = np.zeros((count, *sums.shape[1:]))
    np.add.at(merged, of, sums)
    found: Floats = merged[:, 1] / np.where(merged[:, 0] > 0, merged[:, 0], 1)
    return found


def _whole(bound: float) -> int | None:
    return round(bound) if isfinite(bound) else None


def _by_size(term: Term) -> tuple[int, tuple[str, ...]]:
    names = term.route, term.hop, term.operation, term.kind, term.language, term.version, term.term
    return -abs(term.ns), names


def _by_rise(effect: RouteEffect) -> tuple[bool, float, str]:
    before, after = effect.mean_before_ns, effect.mean_after_ns
    if before is None or after is None or not before:
        return True, 0.0, effect.route
    return False, -after / before, effect.route
