"""Which hop comes first: whose rise is the least that can be luck."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hopwatch.comparison import Comparison, compare
from hopwatch.reports.comparison_sections import consequences, sections
from tests.comparison_data import Sample, Spent, cell, ledger_of, request

SECONDS = 40


def traffic(*hops: str, slow: dict[int, Spent] | None = None) -> list[Sample]:
    """One request a second that takes about 100 in `web`; every fourth calls the hops, 20 each.
    slow: what requests of some seconds spend besides."""
    found = []
    for second in range(SECONDS):
        cells = [cell("web", 100 + second % 3, caller="", operation="GET /")]
        if second % 4 == 0:
            cells += [cell(hop, 20 + second % 5, operation="Do") for hop in hops]
        if slow and second in slow:
            cells.append(slow[second])
        found.append(request(second, *cells))
    return found


def order(before: list[Sample], after: list[Sample]) -> list[str]:
    found: Comparison = compare(ledger_of(before), ledger_of(after))
    assert found.shortage  # too little for any verdict
    deltas = [hop.delta_ns for hop in found.hops]
    assert sum(deltas) + found.mix_ns == found.delta_ns
    return [hop.hop for hop in found.hops]


def late(samples: list[Sample], hop: str, by: int) -> list[Sample]:
    """Each call of the hop takes longer."""
    return [
        request(s.second, *(
            cell(c.hop, c.blamed + by, caller=c.caller, operation=c.operation)
            if c.hop == hop else c
            for c in s.cells
        ))
        for s in samples
    ]  # fmt: skip


@pytest.mark.parametrize("second", [1, 4])
def test_one_slow_call_does_not_hide_that_every_call_of_another_is_slower(second: int) -> None:
    before = traffic("contacts", "price")
    once = {second: cell("price", 2_000, operation="Do")}
    after = late(traffic("contacts", "price", slow=once), "contacts", 60)
    assert order(before, after)[0] == "contacts"
    assert order(after, before)[-1] == "contacts"


def test_other_calls_that_came_by_chance_do_not_hide_slower_ones() -> None:
    """Three log-ins come among the requests of a route that is too coarse, and none before."""
    before = traffic("contacts", slow={5: cell("login", 900, operation="Do")})
    logins = {second: cell("login", 900, operation="Do") for second in (5, 18, 33)}
    after = late(traffic("contacts", slow=logins), "contacts", 60)
    assert order(before, after)[0] == "contacts"


def test_calls_that_came_by_chance_do_not_hide_that_each_is_slower() -> None:
    """contacts is called 7 times before and 9 after, in a few clusters; price is slow once."""

    def called(seconds: Sequence[int], ns: int) -> dict[int, Spent]:
        return {s: cell("contacts", ns + s % 3, operation="Do", spans=1) for s in seconds}

    before = traffic("price", slow=called([1, 2, 3, 21, 22, 37, 38], 200))
    slow = {**called([2, 3, 5, 6, 7, 26, 27, 33, 34], 270), 4: cell("price", 3_000, operation="Do")}
    assert order(before, traffic("price", slow=slow))[0] == "contacts"


def test_more_calls_in_every_request_come_first() -> None:
    before = traffic("contacts")
    after = [
        request(s.second, *s.cells, cell("redis", 30, operation="GET"))
        for s in late(before, "contacts", 4)
    ]
    assert order(before, after)[:2] == ["redis", "contacts"]


def test_where_luck_cannot_be_told_the_greatest_rise_comes_first() -> None:
    few = [request(0, cell("a", 10), cell("b", 10)), request(1, cell("a", 12), cell("b", 9))]
    more = [request(0, cell("a", 10), cell("b", 90)), request(1, cell("a", 32), cell("b", 9))]
    assert order(few, more) == ["b", "a"]


def test_of_what_may_be_luck_the_greatest_rise_comes_first() -> None:
    before = traffic("price")
    slow = {4: cell("price", 500, operation="Do"), 9: cell("basic", 900, operation="Do")}
    assert order(before, traffic("price", slow=slow))[:2] == ["basic", "price"]


def test_the_report_names_who_comes_first_however_little_it_rose() -> None:
    hops = ("contacts", *(f"s{i}" for i in range(6)))
    once = {4 * i + 1: cell(f"s{i}", 4_000, operation="Do") for i in range(6)}
    after = late(traffic(*hops, slow=once), "contacts", 60)
    found = compare(ledger_of(traffic(*hops)), ledger_of(after))
    assert [hop.hop for hop in found.hops if hop.delta_ns > found.hops[0].delta_ns]
    (line,) = consequences(found)
    assert "".join(line).startswith("First to look at: contacts, +")
    table = next(s for s in sections(found, ("a", "b"), most=4) if s.title.startswith("From"))
    assert [row.names[0] for row in table.rows[:3]] == ["before", "traffic mix", "contacts"]
