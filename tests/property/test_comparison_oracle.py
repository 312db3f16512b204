"""The bridge against a second reading of its definition.

Written from attribution.md section 7 by another hand than the code: step by step over the rows of
the ledgers, one fraction at a time, nothing of it over arrays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hopwatch.attribution import Attribution, Ledger, Selection
from hopwatch.comparison import compare
from hopwatch.comparison.aligning import aligned
from hopwatch.comparison.bridged import Bridged
from hopwatch.comparison.roles import Place
from hopwatch.comparison.windows import Cell, Window
from tests.comparison_data import Sample, ledger_of
from tests.property.test_attribution import span_rows as odd_rows
from tests.property.test_comparison import ANY
from tests.spans_dsl import table

Sums = list[Fraction]
"""Of a variant of a role: spans, blamed ns, local ns."""
Terms = dict[tuple[Any, ...], Fraction]
"""ns per request by (route, role, variant, term)."""


class Side:
    """What a ledger says, by the names that both sides share."""

    def __init__(self, ledger: Ledger, routes: dict[str, str], places: dict[Cell, Place]) -> None:
        self.requests: dict[str, Fraction] = defaultdict(Fraction)
        self.time: dict[str, Fraction] = defaultdict(Fraction)
        self.roles: dict[tuple[Any, ...], dict[Any, Sums]] = defaultdict(dict)
        for row in ledger.requests.to_pylist():
            route, weight = routes[row["route"]], stands_for(row)
            self.requests[route] += weight * row["requests"]
            self.time[route] += weight * row["duration_ns"]
        for row in ledger.cells.to_pylist():
            place = places[Cell(*(row[name] for name in Cell._fields))]
            sums = self.roles[place.route, place.role].setdefault(place.variant, [Fraction(0)] * 3)
            for i, name in enumerate(("spans", "blamed_ns", "local_ns")):
                sums[i] += stands_for(row) * row[name]

    @property
    def mean(self) -> Fraction:
        return sum(self.time.values(), Fraction(0)) / sum(self.requests.values(), Fraction(0))


def stands_for(row: dict[str, Any]) -> Fraction:
    """2^56 / (2^56 - T); without a threshold, itself."""
    return Fraction(1 << 56, (1 << 56) - max(0, row["sampling_threshold"]))


def over(a: Fraction, b: Fraction) -> Fraction | None:
    return a / b if b else None


def both(a: Fraction | None, b: Fraction | None) -> tuple[Fraction, Fraction]:
    """What one side lacks is copied from the other; what both lack is skipped."""
    known = [x for x in (a, b) if x is not None] or [Fraction(0)]
    return known[0] if a is None else a, known[0] if b is None else b


def terms(before: Side, after: Side) -> Terms:
    found: Terms = {}
    all0, all1 = sum(before.requests.values()), sum(after.requests.values())
    overall = (before.mean + after.mean) / 2
    for route in {*before.requests, *after.requests}:
        r0, r1 = before.requests.get(route, Fraction(0)), after.requests.get(route, Fraction(0))
        t0, t1 = both(over(before.time[route], r0), over(after.time[route], r1))
        w0, w1 = r0 / all0, r1 / all1
        found[route, None, None, "mix"] = (w1 - w0) * ((t0 + t1) / 2 - overall)
        if not (r0 and r1):
            continue
        for at, role in {at for at in (*before.roles, *after.roles) if at[0] == route}:
            sides = before.roles.get((at, role), {}), after.roles.get((at, role), {})
            for (variant, term), ns in within_role(*sides, r0, r1).items():
                found[route, role, variant, term] = (w0 + w1) / 2 * ns
    return {key: ns for key, ns in found.items() if ns}


def within_role(
    before: dict[Any, Sums], after: dict[Any, Sums], r0: Fraction, r1: Fraction
) -> dict[tuple[Any, str], Fraction]:
    c0, c1 = (sum((s[0] for s in side.values()), Fraction(0)) for side in (before, after))
    b0, b1 = (sum((s[1] for s in side.values()), Fraction(0)) for side in (before, after))
    n0, n1 = c0 / r0, c1 / r1
    m0, m1 = both(over(b0, c0), over(b1, c1))
    found = {(None, "calls"): (n1 - n0) * (m0 + m1) / 2, (None, "variant"): Fraction(0)}
    if not (c0 and c1):
        return found
    for variant in {*before, *after}:
        x0, x1 = before.get(variant, [Fraction(0)] * 3), after.get(variant, [Fraction(0)] * 3)
        s0, s1 = x0[0] / c0, x1[0] / c1
        of0, of1 = both(over(x0[1], x0[0]), over(x1[1], x1[0]))
        share = (s1 - s0) * ((of0 + of1) / 2 - (m0 + m1) / 2)
        found[None, "variant"] += (n0 + n1) / 2 * share
        if not (x0[0] and x1[0]):
            continue
        scale = (n0 + n1) / 2 * (s0 + s1) / 2
        d0, d1 = x0[2] / x0[0], x1[2] / x1[0]
        if not (d0 or d1):  # what no local time explains is time
            found[variant, "time"] = scale * (of1 - of0)
            continue
        e0, e1 = both(over(of0, d0), over(of1, d1))
        found[variant, "time"] = scale * (d1 - d0) * (e0 + e1) / 2
        # As (e1 - e0) (d0 + d1) / 2, and what is blamed on no local time.
        found[variant, "exposure"] = scale * (of1 - of0) - found[variant, "time"]
        if (of0 == 0 or d0) and (of1 == 0 or d1):
            assert found[variant, "exposure"] == scale * (e1 - e0) * (d0 + d1) / 2
    return found


def read(before: Ledger, after: Ledger) -> tuple[Terms, Terms, Fraction]:
    """The terms as hopwatch has them, as the definition has them, and the difference."""
    windows = Window(before), Window(after)
    alignment = aligned(*windows)
    sides = [
        Side(ledger, dict(alignment.routes), dict(zip(window.cells, places, strict=True)))
        for ledger, window, places in zip(
            (before, after), windows, alignment.sides, strict=True
        )
    ]  # fmt: skip
    exact = {tuple(key): ns for key, ns in Bridged(windows, alignment).exact.items()}
    return exact, terms(*sides), sides[1].mean - sides[0].mean


def require_alike(before: Ledger, after: Ledger) -> None:
    mine, theirs, delta = read(before, after)
    assert mine == theirs
    assert sum(theirs.values(), Fraction(0)) == delta
    found = compare(before, after)  # checks sums in whole ns
    assert abs(found.delta_ns - delta) <= Fraction(1, 2)
    assert abs(found.mix_ns - sum(ns for key, ns in theirs.items() if key[3] == "mix")) <= len(
        theirs
    )


@settings(max_examples=100, deadline=None)
@given(ANY, ANY)
def test_of_any_ledgers(before: list[Sample], after: list[Sample]) -> None:
    require_alike(ledger_of(before), ledger_of(after))


@settings(max_examples=60, deadline=None)
@given(odd_rows(), odd_rows(), st.sampled_from([None, "work", "GET*", "*"]))
def test_of_any_spans_under_any_filter(
    before: list[dict[str, Any]], after: list[dict[str, Any]], route: str | None
) -> None:
    selection = Selection(route=route)
    ledgers = [ledger_from(rows, selection) for rows in (before, after)]
    if all(ledger.request_count for ledger in ledgers):
        require_alike(*ledgers)


def ledger_from(rows: Sequence[dict[str, Any]], selection: Selection) -> Ledger:
    return Attribution(table(*rows)).ledger(selection)
