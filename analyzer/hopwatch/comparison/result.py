"""The result of a comparison, as data: everything that the command line, the page and CI show."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from math import isclose
from typing import Any, Final

import pyarrow as pa

from hopwatch.attribution.long_table import from_rows
from hopwatch.attribution.tabular import Tabular
from hopwatch.comparison.bridge import TermName
from hopwatch.comparison.origins import FailureOrigin, ShareEffect
from hopwatch.comparison.roles import Match
from hopwatch.comparison.tails import TailEffect
from hopwatch.comparison.verdict import Judgement, Options, Verdict
from hopwatch.errors import ConservationError

SCHEMA: Final = "hopwatch.comparison/1"
_ROUNDING: Final = 1e-9
"""Of shares, which are exact until they are shown."""
TERMS_SCHEMA: Final = pa.schema(
    [
        *((name, pa.string()) for name in ("route", "hop", "operation", "kind", "language")),
        *((name, pa.string()) for name in ("version", "term")),
        *((name, pa.int64()) for name in ("ns", "low_ns", "high_ns")),
    ]
)


@dataclass(frozen=True, slots=True)
class Term:
    """One term of the bridge, in whole ns per request; all of a comparison's add up to its
    `delta_ns`. The interval holds together with those of all other terms; None where too little
    is known. Language and version say `before -> after` where they differ; hop, operation and
    kind are empty for mix."""

    route: str
    hop: str
    operation: str
    kind: str
    language: str
    version: str
    term: TermName
    ns: int
    low_ns: int | None
    high_ns: int | None


@dataclass(frozen=True, slots=True)
class HopEffect:
    """What a hop adds to the difference, the way to it included: the sum of its terms. Its
    judgement is relative to the mean request before. Interval and judgement hold together with
    those of the other hops."""

    hop: str
    delta_ns: int
    low_ns: int | None
    high_ns: int | None
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class SameMixEffect:
    """What is left of the difference without mix: requests of the same routes, before and after.
    Its judgement is relative to the mean request before."""

    delta_ns: int
    low_ns: int | None
    high_ns: int | None
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class LanguageEffect:
    """The same of a language: `nodejs -> go` where it changed, `-` for what is no code."""

    language: str
    delta_ns: int
    low_ns: int | None
    high_ns: int | None
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class RouteEffect:
    """One route on both sides; requests 0 and mean None where a side has none."""

    route: str
    requests_before: int
    requests_after: int
    mean_before_ns: float | None
    mean_after_ns: float | None
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class PercentileEffect:
    """A percentile of the end-to-end time on both sides, ns; interpolated within the ledger's
    duration buckets."""

    q: float
    before_ns: float | None
    after_ns: float | None
    judgement: Judgement


@dataclass(frozen=True, slots=True)
class SideSummary:
    """One side. `seconds`: with requests."""

    requests: int
    weighted_requests: Fraction
    mean_ns: Fraction
    failed_share: float
    start_unix_nano: int
    end_unix_nano: int
    seconds: int


@dataclass(frozen=True, slots=True)
class Shift:
    """A difference of two shares, with the interval that holds it; None where unknown."""

    value: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Comparison(Tabular):
    """What changed from one ledger to another; see the fields' classes. `judgement`: of the mean
    of all requests, whatever they are.

    `hops`: what most surely got slower first (`suspects`); `languages` and `routes`: what did most.
    `percentiles`: of all requests.
    `failures`: change of the share of failed requests; `failure_origins`: where they began to fail,
    what most surely rose first; None where a side has no spans to tell. `shortage`: why nothing can
    be said about how sure the numbers are; empty where it can. `new`, `vanished`: hops on one side
    only.
    `design`: how the two sides lie in time, and `weakness`: what this design cannot tell.
    `tails`: what requests at each percentile spend more or less, by hop. `cautions`: sentences on
    what makes verdicts on these data less sure than they say.
    """

    before: SideSummary
    after: SideSummary
    delta_ns: int
    low_ns: int | None
    high_ns: int | None
    judgement: Judgement
    same_mix: SameMixEffect
    terms: tuple[Term, ...]
    hops: tuple[HopEffect, ...]
    languages: tuple[LanguageEffect, ...]
    routes: tuple[RouteEffect, ...]
    percentiles: tuple[PercentileEffect, ...]
    tails: tuple[TailEffect, ...]
    failures: Shift
    failure_origins: tuple[FailureOrigin, ...] | None
    matches: tuple[Match, ...]
    new: tuple[str, ...]
    vanished: tuple[str, ...]
    design: str
    weakness: str
    shortage: str
    cautions: tuple[str, ...]
    options: Options

    @property
    def verdict(self) -> Verdict:
        """On requests of the same routes: another mix makes none of them slower."""
        return self.same_mix.judgement.verdict

    @property
    def mix_ns(self) -> int:
        """What only a changed share of the routes explains. With the hops it adds up to
        `delta_ns`."""
        return sum(term.ns for term in self.terms if term.term == "mix")

    def check(self) -> None:
        """Raises ConservationError unless the terms, and mix and hops, add up to `delta_ns`, each
        tail's parts to its own, and where failures begin to the change of their share."""
        for what, total in (
            ("terms", sum(term.ns for term in self.terms)),
            ("hops and mix", self.mix_ns + sum(hop.delta_ns for hop in self.hops)),
            ("languages and mix", self.mix_ns + sum(one.delta_ns for one in self.languages)),
        ):
            if total != self.delta_ns:
                raise ConservationError(
                    f"the comparison's {what} add up to {total} ns, the difference is "
                    f"{self.delta_ns} ns; please report this with both ledgers"
                )
        for tail in self.tails:
            if sum(part.ns for part in tail.parts) != (tail.delta_ns or 0):
                raise ConservationError(
                    f"the hops at p{100 * tail.q:g} do not add up to its difference of "
                    f"{tail.delta_ns} ns; please report this with both ledgers"
                )
        began = sum(float(origin.failed.change) for origin in self.failure_origins or ())
        if self.failure_origins is not None and not isclose(
            began, self.failures.value, abs_tol=_ROUNDING
        ):
            raise ConservationError(
                f"failures that begin in hops add up to a change of {began}, that of failed "
                f"requests is {self.failures.value}; please report this with both ledgers"
            )

    def to_arrow(self) -> pa.Table:
        """The terms (`TERMS_SCHEMA`)."""
        names = TERMS_SCHEMA.names
        return from_rows(
            TERMS_SCHEMA, ([getattr(term, name) for name in names] for term in self.terms)
        )

    def _repr_html_(self) -> str:
        from hopwatch.comparison.display import comparison_html

        return comparison_html(self)

    def document(self) -> dict[str, Any]:
        """As `hopwatch.comparison/1`. Times in ns (means and percentiles as floats, all others
        integers), changes as shares (0.04: 4 % slower), null for what cannot be known."""
        return {
            "schema": SCHEMA,
            "before": _side(self.before),
            "after": _side(self.after),
            "delta_ns": self.delta_ns,
            "low_ns": self.low_ns,
            "high_ns": self.high_ns,
            "verdict": self.verdict,
            "judgement": asdict(self.judgement),
            "same_mix": asdict(self.same_mix),
            "terms": [asdict(term) for term in self.terms],
            "hops": [_effect(hop) for hop in self.hops],
            "languages": [_effect(language) for language in self.languages],
            "routes": [_effect(route) for route in self.routes],
            "percentiles": [_effect(percentile) for percentile in self.percentiles],
            "tails": [
                {
                    "q": tail.q,
                    "before_ns": tail.before_ns,
                    "after_ns": tail.after_ns,
                    "delta_ns": tail.delta_ns,
                    "refused": tail.refused or None,
                    "parts": [asdict(part) | {"ns": part.ns} for part in tail.parts],
                }
                for tail in self.tails
            ],
            "failures": asdict(self.failures),
            "failure_origins": None
            if self.failure_origins is None
            else [_origin(origin) for origin in self.failure_origins],
            "matches": [asdict(match) for match in self.matches],
            "new": list(self.new),
            "vanished": list(self.vanished),
            "design": {"kind": self.design, "weakness": self.weakness},
            "shortage": self.shortage or None,
            "cautions": list(self.cautions),
            "options": asdict(self.options),
        }


def _side(side: SideSummary) -> dict[str, Any]:
    return asdict(side) | {
        "weighted_requests": float(side.weighted_requests),
        "mean_ns": float(side.mean_ns),
    }


def _origin(origin: FailureOrigin) -> dict[str, Any]:
    return {
        "hop": origin.hop,
        "operation": origin.operation,
        "kind": origin.kind,
        "caller": origin.caller,
        "unanswered": origin.unanswered,
        "failed": _share(origin.failed),
        "masked": _share(origin.masked),
        "sure_rise": origin.sure_rise,
    }


def _share(share: ShareEffect) -> dict[str, Any]:
    shares = {"before": share.before, "after": share.after, "change": share.change}
    return asdict(share) | {name: float(value) for name, value in shares.items()}


def _effect(
    effect: HopEffect | LanguageEffect | RouteEffect | PercentileEffect,
) -> Mapping[str, Any]:
    """The effect, its verdict among its own fields."""
    found = asdict(effect)
    return found | {"verdict": found["judgement"]["verdict"]}


def whole_ns(parts: list[Fraction], total: int) -> list[int]:
    """Fractions of any sign as whole numbers that add up to `total`, the nearest to their sum, by
    largest remainder.

    Raises ConservationError where they add up to something else.
    """
    floors = [part.__floor__() for part in parts]
    left = total - sum(floors)
    if not 0 <= left <= len(parts):
        raise ConservationError(
            f"the comparison's terms do not add up to {total} ns; please report this with both "
            "ledgers"
        )
    by_remainder = sorted(range(len(parts)), key=lambda i: (floors[i] - parts[i], i))
    for i in by_remainder[:left]:
        floors[i] += 1
    return floors
