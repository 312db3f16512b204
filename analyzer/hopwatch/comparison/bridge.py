"""From the mean before to the mean after, in terms that add up exactly (attribution.md section 7).

    Δ  = Σ_r Δw_r (T̄_r - M̄)                                     mix
       + Σ_r w̄_r Σ_c Δn_c m̄_c                                    calls
       + Σ_r w̄_r Σ_c n̄_c Σ_l Δs_l (m̄_l - m̄_c)                   variant
       + Σ_r w̄_r Σ_c n̄_c Σ_l s̄_l Δd_l ē_l                       time
       + Σ_r w̄_r Σ_c n̄_c Σ_l s̄_l Δe_l d̄_l                       exposure

r: route, w its share of the requests, T its mean, M the mean of all; c: role of the route, n
calls (spans) per request, m blamed ns per call; l: variant of the role, s its share of the calls,
m = d e: local ns per call times exposure. A bar is the mean of the two sides, Δ after minus before.

What is on one side only borrows the missing figures from the other: a new route is all mix, a
new role all calls, a new variant all variant. Without local time, exposure is borrowed.

The formulas are written once for arrays. With one `Fraction` an element they are exact; with
floats, one element for each block left out, they are the replicates of the jackknife. Shapes of
the two sides broadcast.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, Generic, Literal, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from hopwatch.errors import InputError

Numbers = npt.NDArray[Any]
"""`Fraction`s (dtype object) or floats; one dimension."""

TermName = Literal["mix", "calls", "variant", "time", "exposure"]
Role = TypeVar("Role", bound=Hashable)
Variant = TypeVar("Variant", bound=Hashable)


class Sums(NamedTuple):
    """Of one variant of a role: its spans, and ns blamed and local."""

    spans: Numbers
    blamed: Numbers
    local: Numbers

    def plus(self, other: Sums) -> Sums:
        """The sums of both."""
        return Sums(*(mine + others for mine, others in zip(self, other, strict=True)))


@dataclass(frozen=True, slots=True)
class RouteSums(Generic[Role, Variant]):
    """Of one route: its requests, their time (= what its roles are blamed for), its roles."""

    requests: Numbers
    total: Numbers
    roles: Mapping[Role, Mapping[Variant, Sums]]


Side = Mapping[str, RouteSums[Role, Variant]]
"""What is compared, by route."""


class Part(NamedTuple, Generic[Role, Variant]):
    """One term of the difference, in ns per request. Mix has no role; calls and variant are of a
    whole role, time and exposure of one of its variants."""

    route: str
    role: Role | None
    variant: Variant | None
    term: TermName
    ns: Numbers


def bridge(
    before: Side[Role, Variant], after: Side[Role, Variant]
) -> Iterator[Part[Role, Variant]]:
    """The terms, by route and role; they add up to the difference of the means.

    Raises InputError where a side has no requests.
    """
    if not before or not after:
        raise InputError(
            f"no requests {'after' if before else 'before'}: there is nothing to compare; widen "
            "the window or the filter"
        )
    n0, n1 = (_sum(route.requests for route in side.values()) for side in (before, after))
    b0, b1 = (_sum(route.total for route in side.values()) for side in (before, after))
    mean = (_per(b0, n0) + _per(b1, n1)) / 2
    nothing: RouteSums[Role, Variant] = RouteSums(0 * n0, 0 * n0, {})
    for route in sorted(before.keys() | after.keys()):
        sides = before.get(route, nothing), after.get(route, nothing)
        w0, w1 = _per(sides[0].requests, n0), _per(sides[1].requests, n1)
        t0, t1 = _means(*((side.total, side.requests) for side in sides))
        yield Part(route, None, None, "mix", (w1 - w0) * ((t0 + t1) / 2 - mean))
        on_both = (sides[0].requests != 0) & (sides[1].requests != 0)
        if on_both.any():
            yield from _roles(route, on_both * (w0 + w1) / 2, *sides)


def _roles(
    route: str, weight: Numbers, before: RouteSums[Role, Variant], after: RouteSums[Role, Variant]
) -> Iterator[Part[Role, Variant]]:
    """Why one request of a route takes longer, role by role."""
    zero = 0 * weight
    for role in sorted(before.roles.keys() | after.roles.keys(), key=repr):
        variants = before.roles.get(role, {}), after.roles.get(role, {})
        c0, c1 = (_sum((zero, *(sums.spans for sums in side.values()))) for side in variants)
        b0, b1 = (_sum((zero, *(sums.blamed for sums in side.values()))) for side in variants)
        n0, n1 = _per(c0, before.requests), _per(c1, after.requests)
        m0, m1 = _means((b0, c0), (b1, c1))
        m = (m0 + m1) / 2
        yield Part(route, role, None, "calls", weight * (n1 - n0) * m)
        scale = ((c0 != 0) & (c1 != 0)) * weight * (n0 + n1) / 2
        if (scale == 0).all():
            continue
        changed, parts = zero, []
        for variant in sorted(variants[0].keys() | variants[1].keys(), key=repr):
            x0, x1 = (side.get(variant, Sums(zero, zero, zero)) for side in variants)
            s0, s1 = _per(x0.spans, c0), _per(x1.spans, c1)
            per_call = _means((x0.blamed, x0.spans), (x1.blamed, x1.spans))
            changed = changed + (s1 - s0) * (sum(per_call) / 2 - m)
            on_both = (x0.spans != 0) & (x1.spans != 0)
            time, exposure = _time_and_exposure(x0, x1)
            inside = on_both * scale * (s0 + s1) / 2
            parts += [
                Part(route, role, variant, "time", inside * time),
                Part(route, role, variant, "exposure", inside * exposure),
            ]
        yield Part(route, role, None, "variant", scale * changed)
        yield from parts


def _time_and_exposure(before: Sums, after: Sums) -> tuple[Numbers, Numbers]:
    """Of the difference in blamed ns per call of a variant: what its local time explains, and
    what comes of more or less of it being waited for."""
    m0, m1 = _per(before.blamed, before.spans), _per(after.blamed, after.spans)
    d0, d1 = _per(before.local, before.spans), _per(after.local, after.spans)
    e0, e1 = _means((before.blamed, before.local), (after.blamed, after.local))
    # Without any local time there is no exposure to change: what there is, is time.
    time = np.where((d0 == 0) & (d1 == 0), m1 - m0, (d1 - d0) * (e0 + e1) / 2)
    return time, (m1 - m0) - time


def _means(
    before: tuple[Numbers, Numbers], after: tuple[Numbers, Numbers]
) -> tuple[Numbers, Numbers]:
    """Sum / count of two sides; where a side counts nothing, the other's."""
    mean0, mean1 = _per(*before), _per(*after)
    return np.where(before[1] != 0, mean0, mean1), np.where(after[1] != 0, mean1, mean0)


def _per(sums: Numbers, counts: Numbers) -> Numbers:
    """Sum / count; 0 where there is nothing."""
    quotient: Numbers = sums / np.where(counts == 0, 1, counts) * (counts != 0)
    return quotient


def _sum(numbers: Iterable[Numbers]) -> Numbers:
    return reduce(add, numbers)
