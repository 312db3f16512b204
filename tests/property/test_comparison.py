"""The bridge closes for every pair of ledgers, and nothing but the data decides what is said."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from hopwatch.attribution import Ledger
from hopwatch.attribution.ledger import BLOCK_NS
from hopwatch.comparison import compare
from hopwatch.comparison.blocks import BLOCKS
from hopwatch.comparison.bridged import Bridged, Key
from hopwatch.comparison.roles import align
from hopwatch.comparison.windows import Window
from tests.comparison_data import Sample, Spent, ledger_of

HALF, QUARTER = 1 << 55, 3 << 54
ODD = 0xFD70A4 << 32


def _named(spent: Spent) -> Spent:
    """Gaps are named after both ends, and have a caller."""
    if spent.kind != "gap":
        return spent
    caller = spent.caller or "web"
    return replace(spent, caller=caller, hop=f"{caller} -> {spent.hop}")


def samples(*hops: str) -> st.SearchStrategy[list[Sample]]:
    """Requests that spend time in some of these hops."""
    spent = st.builds(
        Spent,
        hop=st.sampled_from(hops),
        blamed=st.integers(0, 50),
        local=st.integers(0, 60),
        spans=st.integers(1, 4),
        operation=st.sampled_from(["Get", "GET /x/:id", "GET /x/{id}"]),
        kind=st.sampled_from(["self", "wait", "db", "gap"]),
        caller=st.sampled_from(["", "web", hops[0]]),
        language=st.sampled_from(["go", "nodejs"]),
        version=st.sampled_from(["1", "2"]),
    ).map(_named)
    sample = st.builds(
        Sample,
        second=st.integers(0, 40),
        route=st.sampled_from(["GET /", "GET /:x", "GET /{x}", "Put"]),
        cells=st.lists(spent, max_size=4).map(tuple),
        outcome=st.sampled_from(["ok", "error"]),
        threshold=st.sampled_from([-1, 0, HALF, QUARTER, ODD]),
    )
    return st.lists(sample, min_size=1, max_size=8)


ANY = samples("c-1", "c-2", "a", "b")


def exact(before: Ledger, after: Ledger) -> dict[Key, Fraction]:
    windows = Window(before), Window(after)
    return Bridged(windows, align(*windows)).exact


def mean(ledger: Ledger) -> Fraction:
    return ledger.weighted_total_ns / ledger.weighted_requests


@settings(max_examples=150, deadline=None)
@given(ANY, ANY)
def test_terms_add_up_exactly(before: list[Sample], after: list[Sample]) -> None:
    sides = ledger_of(before), ledger_of(after)
    delta = mean(sides[1]) - mean(sides[0])
    assert sum(exact(*sides).values()) == delta
    found = compare(*sides)  # checks that whole ns add up, and hops and mix
    assert abs(found.delta_ns - delta) <= Fraction(1, 2)


@settings(max_examples=50, deadline=None)
@given(ANY, ANY, ANY)
def test_merged_ledgers_close_and_order_changes_nothing(
    before: list[Sample], more: list[Sample], after: list[Sample]
) -> None:
    one, two, other = ledger_of(before), ledger_of(more), ledger_of(after)
    merged = compare(one.merge(two), other)
    assert merged == compare(two.merge(one), other)
    turned = Ledger(*(reverse(t) for t in (other.cells, other.requests)), other.quality)
    assert merged == compare(one.merge(two), turned)


def reverse(table: Any) -> Any:
    return table.take(np.arange(table.num_rows)[::-1])


@settings(max_examples=50, deadline=None)
@given(samples("a"), samples("a"))
def test_back_again_is_the_same_difference(before: list[Sample], after: list[Sample]) -> None:
    sides = ledger_of(before), ledger_of(after)
    there, back = exact(*sides), exact(*reversed(sides))

    def by_term(terms: dict[Key, Fraction]) -> dict[str, Fraction]:
        sums: dict[str, Fraction] = {}
        for key, ns in terms.items():
            sums[key.term] = sums.get(key.term, Fraction(0)) + ns
        return {term: ns for term, ns in sums.items() if ns}

    assert by_term(there) == {term: -ns for term, ns in by_term(back).items()}


@settings(max_examples=60, deadline=None)
@given(ANY)
def test_nothing_changed_is_nothing(both: list[Sample]) -> None:
    assert exact(*[ledger_of(both)] * 2) == {}


@settings(max_examples=25, deadline=None)
@given(ANY, ANY)
def test_replicates_are_the_bridge_without_a_block(
    before: list[Sample], after: list[Sample]
) -> None:
    """What the jackknife takes for the terms without a block are the terms without it."""
    assume(any(one.cells for one in (*before, *after)))
    steady = [
        Sample(second, "GET /", (Spent("a", 10 + second % 3, 12), Spent("b", 5, 5)))
        for second in range(41)
        for _ in range(10)
    ]
    sides = [ledger_of([*steady, *some]) for some in (before, after)]
    windows = [Window(side) for side in sides]
    bridged = Bridged(windows, align(*windows))
    blocking = windows[0].blocking
    seconds = set(blocking.starts[blocking.index == 7] // BLOCK_NS)
    rest = ledger_of(one for one in [*steady, *before] if one.second not in seconds)
    # Names are aligned with all of the data, here as there.
    left = Bridged((Window(rest), windows[1]), align(Window(rest), windows[1])).exact
    for key, ns in bridged.exact.items():
        replicate = (BLOCKS * float(ns) - bridged.pseudo_values[0][key][7]) / (BLOCKS - 1)
        if key in left:
            assert np.isclose(replicate, float(left[key]), rtol=1e-6, atol=1e-6)
