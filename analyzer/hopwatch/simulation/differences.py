"""The true terms between two truths: what attribution.md section 7 defines, of true sums.

Roles are (route, hop, operation, kind); caller, language and version are variants of one. This is
an oracle for the comparison of ledgers and shares nothing with it but the definition.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import lcm
from typing import NamedTuple

from hopwatch.attribution.quantile import whole_numbers
from hopwatch.simulation.truth import Truth

Role = tuple[str, str, str]
Variant = tuple[str, str, str]
_Key = tuple[str, str, str, str, str]
_ZERO = Fraction(0)


class Term(NamedTuple):
    """One term in whole ns a request; a `mix` has no hop, operation and kind."""

    route: str
    hop: str
    operation: str
    kind: str
    term: str
    ns: int


class _Sums(NamedTuple):
    """Spans, and ns truly waited for and local, of a variant of a role."""

    spans: int = 0
    true: int = 0
    local: int = 0

    def plus(self, other: _Sums) -> _Sums:
        return _Sums(*(a + b for a, b in zip(self, other, strict=True)))


class _Side(NamedTuple):
    """requests and their ns by route; roles: by route and role the sums of each variant."""

    requests: Counter[str]
    total: Counter[str]
    roles: defaultdict[str, dict[Role, dict[Variant, _Sums]]]


def true_terms(
    before: Truth,
    after: Truth,
    roles_before: Mapping[str, str],
    roles_after: Mapping[str, str],
) -> tuple[Term, ...]:
    """The terms between the means per request, largest first; they add up to the difference, in
    whole ns. roles_before, roles_after: as in `before_after.Changed`."""
    sides = _side(before, roles_before), _side(after, roles_after)
    exact: defaultdict[_Key, Fraction] = defaultdict(Fraction)
    for key, part in _terms(*sides):
        exact[key] += part
    unit = lcm(*(ns.denominator for ns in exact.values()))
    numerators: dict[tuple[str, ...], int] = {key: int(ns * unit) for key, ns in exact.items()}
    whole = whole_numbers(numerators, unit, round(Fraction(sum(numerators.values()), unit)))
    terms = [Term(*key, whole[key]) for key in exact if whole[key]]
    return tuple(sorted(terms, key=lambda term: (-abs(term.ns), term)))


def role_of(hop: str, roles: Mapping[str, str]) -> str:
    """The name under which a hop is compared; of a gap's, both ends."""
    return " -> ".join(roles.get(name, name) for name in hop.split(" -> "))


def _side(truth: Truth, roles: Mapping[str, str]) -> _Side:
    side = _Side(Counter(), Counter(), defaultdict(dict))
    for row in truth.requests.to_pylist():
        if not row["detached"]:
            side.requests[row["route"]] += row["requests"]
            side.total[row["route"]] += row["duration_ns"]
    for row in truth.cells.to_pylist():
        if row["detached"]:
            continue
        role = role_of(row["hop"], roles), row["operation"], row["kind"]
        variants = side.roles[row["route"]].setdefault(role, {})
        variant = role_of(row["caller"], roles), row["language"], row["version"]
        sums = _Sums(row["spans"], row["true_ns"], row["local_ns"])
        variants[variant] = variants.get(variant, _Sums()).plus(sums)
    return side


def _terms(before: _Side, after: _Side) -> Iterator[tuple[_Key, Fraction]]:
    n0, n1 = before.requests.total(), after.requests.total()
    overall = (Fraction(before.total.total(), n0) + Fraction(after.total.total(), n1)) / 2
    for route in sorted(before.requests.keys() | after.requests.keys()):
        r0, r1 = before.requests[route], after.requests[route]
        w0, w1 = Fraction(r0, n0), Fraction(r1, n1)
        t0, t1 = _copied(_ratio(before.total[route], r0), _ratio(after.total[route], r1))
        yield (route, "", "", "", "mix"), (w1 - w0) * ((t0 + t1) / 2 - overall)
        if not (r0 and r1):
            continue
        here0, here1 = before.roles[route], after.roles[route]
        for role in sorted(here0.keys() | here1.keys()):
            for term, ns in _of_role(here0.get(role, {}), here1.get(role, {}), r0, r1):
                yield (route, *role, term), (w0 + w1) / 2 * ns


def _of_role(
    before: Mapping[Variant, _Sums], after: Mapping[Variant, _Sums], r0: int, r1: int
) -> Iterator[tuple[str, Fraction]]:
    """The terms of a role of a route with r0 and r1 requests, each ns a request of the route."""
    all0, all1 = _all(before), _all(after)
    if not (all0.spans or all1.spans):
        return
    n0, n1 = Fraction(all0.spans, r0), Fraction(all1.spans, r1)
    m0, m1 = _copied(_ratio(all0.true, all0.spans), _ratio(all1.true, all1.spans))
    yield "calls", (n1 - n0) * (m0 + m1) / 2
    if not (all0.spans and all1.spans):
        return
    n = (n0 + n1) / 2
    for variant in sorted(before.keys() | after.keys()):
        a, b = before.get(variant, _Sums()), after.get(variant, _Sums())
        if not (a.spans or b.spans):
            continue
        s0, s1 = Fraction(a.spans, all0.spans), Fraction(b.spans, all1.spans)
        of0, of1 = _copied(_ratio(a.true, a.spans), _ratio(b.true, b.spans))
        yield "variant", n * (s1 - s0) * ((of0 + of1) / 2 - (m0 + m1) / 2)
        if a.spans and b.spans:
            d0, d1 = Fraction(a.local, a.spans), Fraction(b.local, b.spans)
            e0, e1 = _copied(_ratio(of0, d0), _ratio(of1, d1))
            scale = n * (s0 + s1) / 2
            yield "time", scale * (d1 - d0) * (e0 + e1) / 2
            yield "exposure", scale * (e1 - e0) * (d0 + d1) / 2


def _all(variants: Mapping[Variant, _Sums]) -> _Sums:
    found = _Sums()
    for sums in variants.values():
        found = found.plus(sums)
    return found


def _ratio(a: int | Fraction, b: int | Fraction) -> Fraction | None:
    return Fraction(a) / b if b else None


def _copied(a: Fraction | None, b: Fraction | None) -> tuple[Fraction, Fraction]:
    """Both, where one is missing as the other."""
    if a is None:
        a = b
    return a or _ZERO, (a if b is None else b) or _ZERO
