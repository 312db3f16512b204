"""Whose doing a longer way between two services is."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from hopwatch.comparison import Comparison, compare
from tests.comparison_data import Spent, cell, ledger, request

WAYS = (
    ("", "web"), ("web", "travel"), ("web", "auth"), ("travel", "seat"), ("travel", "basic"),
    ("other", "seat"), ("seat", "config"), ("basic", "route"),
)  # fmt: skip


def trip(*slow: str, by: int = 40) -> list[Spent]:
    """One request whose ways take 10, those of `slow` (`travel`, or `travel->`) longer; all
    services take 20."""
    cells = []
    for caller, callee in WAYS:
        cells.append(cell(callee, 20, caller=caller, operation="Do"))
        if caller:
            longer = by * sum(one in (caller, callee, f"->{callee}") for one in slow)
            way = f"{caller} -> {callee}"
            cells.append(cell(way, 10 + longer, kind="gap", caller=caller, operation="Do"))
    return [*cells, cell("other", 5, caller="web", operation="Do")]


def rises(before: list[Spent], after: list[Spent]) -> dict[str, int]:
    found = compare(ledger(request(0, *before)), ledger(request(0, *after)))
    assert by_hop(found) == {hop.hop: hop.delta_ns for hop in found.hops if hop.delta_ns}
    return by_hop(found)


def by_hop(found: Comparison) -> dict[str, int]:
    sums: Counter[str] = Counter()
    for term in found.terms:
        sums[term.hop] += term.ns
    return {hop: ns for hop, ns in sums.items() if ns}


def test_all_ways_of_a_slow_machine_are_its_own() -> None:
    assert rises(trip(), trip("travel")) == {"travel": 120}
    assert rises(trip("travel"), trip()) == {"travel": -120}


@pytest.mark.parametrize(("slow", "rise"), [("->seat", 80), ("->auth", 40), ("->route", 40)])
def test_the_way_to_who_answers_late_is_the_callees(slow: str, rise: int) -> None:
    assert rises(trip(), trip(slow)) == {slow[2:]: rise}


def test_the_way_between_two_slow_machines_is_the_callees() -> None:
    assert rises(trip(), trip("travel", "seat")) == {"travel": 80, "seat": 160}


def test_ways_that_became_shorter_are_not_alike() -> None:
    after = [
        replace(one, blamed=2, local=2) if one.hop in ("web -> travel", "travel -> basic") else one
        for one in trip("->seat")
    ]
    assert rises(trip(), after) == {"seat": 80, "travel": -8, "basic": -8}


def test_where_all_ways_are_longer_each_is_the_callees() -> None:
    everywhere = tuple({f"->{callee}" for caller, callee in WAYS if caller})
    found = rises(trip(), trip(*everywhere))
    assert found == {"travel": 40, "auth": 40, "seat": 80, "basic": 40, "config": 40, "route": 40}


def test_what_does_not_matter_stays_where_it_was() -> None:
    assert rises(trip(), trip("travel", by=4)) == {"travel": 4, "seat": 4, "basic": 4}


def test_the_ways_of_a_caller_stay_apart() -> None:
    found = compare(ledger(request(0, *trip())), ledger(request(0, *trip("travel"))))
    ways = {(term.hop, term.operation, term.kind): term.ns for term in found.terms}
    assert ways == {
        ("travel", "Do", "gap"): 40,
        ("travel", "Do -> seat", "gap"): 40,
        ("travel", "Do -> basic", "gap"): 40,
    }
