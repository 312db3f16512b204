"""The bridge from before to after: cases 13-15 of the specification, and what each change is."""

from __future__ import annotations

import pytest

from hopwatch.attribution import Ledger
from hopwatch.comparison import Comparison, compare
from hopwatch.comparison.result import whole_ns
from hopwatch.errors import ConservationError, InputError
from tests.comparison_data import cell, ledger, request


def terms(before: Ledger, after: Ledger) -> dict[tuple[str, str], int]:
    """Whole ns by hop and term."""
    found = compare(before, after)
    return {(term.hop, term.term): term.ns for term in found.terms}


def test_a_language_swap_is_one_variant() -> None:  # case 13
    before = ledger(request(0, cell("orders", 30, language="nodejs")))
    after = ledger(request(0, cell("orders", 18, language="go")))
    found = compare(before, after)
    assert [(t.term, t.ns, t.language) for t in found.terms] == [("variant", -12, "nodejs -> go")]
    assert [(hop.hop, hop.delta_ns) for hop in found.hops] == [("orders", -12)]


def test_more_of_the_slow_route_is_mix() -> None:  # case 14
    def requests(fast: int, slow: int) -> Ledger:
        return ledger(
            *[request(0, cell("x", 10), route="GET /x")] * fast,
            *[request(0, cell("y", 50), route="GET /y")] * slow,
        )

    found = compare(requests(3, 1), requests(2, 2))
    assert {term.term for term in found.terms} == {"mix"}
    assert (found.delta_ns, found.mix_ns) == (10, 10)
    assert {hop.delta_ns for hop in found.hops} == {0}


def test_calls_made_parallel_are_exposure() -> None:  # case 15
    sequential = ledger(request(0, cell("stock", 20, 20, spans=2)))
    parallel = ledger(request(0, cell("stock", 10, 20, spans=2)))
    assert terms(sequential, parallel) == {("stock", "exposure"): -10}


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ([cell("a", 10)], [cell("a", 14)], {("a", "time"): 4}),
        ([cell("a", 10)], [cell("a", 50, spans=5)], {("a", "calls"): 40}),
        ([cell("a", 10)], [cell("a", 10), cell("new", 7)], {("new", "calls"): 7}),
        ([cell("a", 10), cell("gone", 7)], [cell("a", 10)], {("gone", "calls"): -7}),
        ([cell("a", 0)], [cell("a", 4)], {("a", "time"): 4}),
        # Waited for half of it; then the work halves: the exposure is what it was.
        ([cell("a", 10, 20)], [cell("a", 5, 10)], {("a", "time"): -5}),
        # No local time at all on either side, however that may be.
        ([cell("a", 10, 0)], [cell("a", 4, 0)], {("a", "time"): -6}),
        # A release is no variant of its own; a canary that grows is.
        ([cell("a", 10)], [cell("a", 14, version="2")], {("a", "time"): 4}),
        (
            [cell("a", 10), cell("a", 10), cell("a", 30, version="2")],
            [cell("a", 10), cell("a", 30, version="2"), cell("a", 30, version="2")],
            {("a", "variant"): 20},
        ),
        # A gap belongs to whom it leads to; who calls is a variant.
        (
            [cell("web -> a", 10, kind="gap")],
            [cell("gate -> a", 16, kind="gap", caller="gate")],
            {("a", "variant"): 6},
        ),
    ],
)  # fmt: skip
def test_each_change_is_the_term_it_is(
    before: list[object], after: list[object], expected: dict[tuple[str, str], int]
) -> None:
    assert terms(ledger(request(0, *before)), ledger(request(0, *after))) == expected  # type: ignore[arg-type]


def test_where_everything_changes_each_term_is_as_defined() -> None:
    """By hand: 4 calls become 8, of two languages in other shares, times and exposures."""
    before = ledger(
        request(
            0,
            cell("a", 16 * 40, spans=2),
            cell("a", 16 * 120, 16 * 160, spans=2, language="nodejs"),
        )
    )
    after = ledger(
        request(
            0,
            cell("a", 16 * 90, 16 * 180, spans=6),
            cell("a", 16 * 100, spans=2, language="nodejs"),
        )
    )
    found = {(t.term, t.language): t.ns for t in compare(before, after).terms}
    assert found == {
        ("calls", "go, nodejs"): 2040, ("variant", "go, nodejs"): -900,
        ("time", "go"): 450, ("time", "nodejs"): -945,
        ("exposure", "go"): -750, ("exposure", "nodejs"): 585,
    }  # fmt: skip


def test_mix_is_weighed_by_both_sides() -> None:
    """By hand: half and half become 1 of 4 and 3 of 4, and one route is slower."""

    def of(x: int, y: int, slow: int) -> Ledger:
        return ledger(
            *[request(0, cell("x", 100), route="GET /x")] * x,
            *[request(0, cell("y", slow), route="GET /y")] * y,
        )

    found = {(t.term, t.route): t.ns for t in compare(of(2, 2, 200), of(1, 3, 280)).terms}
    # The mean of both means is 192.5; of y 240, of x 100.
    assert found == {("mix", "GET /x"): 23, ("mix", "GET /y"): 12, ("time", "GET /y"): 50}


def test_an_arrow_in_a_name_is_no_way() -> None:
    def way(ns: int) -> Ledger:
        return ledger(request(0, cell("a -> b -> c", ns, kind="gap", caller="a -> b")))

    assert terms(way(5), way(9)) == {("c", "time"): 4}


def test_a_route_on_one_side_only_is_all_mix() -> None:
    old = request(0, cell("a", 10), route="GET /old")
    new = request(0, cell("a", 10), cell("b", 30), route="GET /new")
    found = compare(ledger(old), ledger(old, new))
    assert {(t.term, t.route) for t in found.terms} == {("mix", "GET /old"), ("mix", "GET /new")}
    assert (found.delta_ns, found.same_mix.delta_ns) == (15, 0)


def test_without_a_common_route_nothing_is_said_to_be_alike() -> None:
    def of(route: str) -> Ledger:
        return ledger(*[request(s, cell("a", 10), route=route) for s in range(40)] * 10)

    found = compare(of("GET /old"), of("GET /new"))
    assert not found.shortage
    assert found.verdict == "inconclusive"
    assert found.same_mix.judgement.words.startswith("no route is on both sides")


def test_sampled_requests_count_for_what_they_stand_for() -> None:
    half = 1 << 55  # each stands for two
    before = ledger(request(0, cell("a", 10)), request(0, cell("a", 40), threshold=half))
    after = ledger(request(0, cell("a", 36)), request(0, cell("a", 39), threshold=half))
    found = compare(before, after)
    assert (found.before.mean_ns, found.after.mean_ns, found.delta_ns) == (30, 38, 8)
    assert terms(before, after) == {("a", "time"): 8}
    assert (found.before.requests, found.before.weighted_requests) == (2, 3)


def test_thirds_are_shown_in_whole_ns_that_add_up() -> None:
    before = ledger(*[request(0, cell("a", 1), cell("b", 1), cell("c", 1))] * 3)
    after = ledger(
        *[request(0, cell("a", 1), cell("b", 1), cell("c", 1))] * 2,
        request(0, cell("a", 3), cell("b", 3), cell("c", 2)),
    )
    found = compare(before, after)
    assert found.delta_ns == sum(term.ns for term in found.terms) == 2


def test_what_does_not_add_up_is_refused() -> None:
    with pytest.raises(ConservationError, match="do not add up to 7"):
        whole_ns([], 7)


def test_nothing_cannot_be_compared() -> None:
    some, nothing = ledger(request(0, cell("a", 1))), ledger()
    for pair, name in (((some, nothing), "after"), ((nothing, some), "before")):
        with pytest.raises(InputError, match=f"no requests {name}"):
            compare(*pair)


def test_the_same_twice_differs_in_nothing() -> None:
    found: Comparison = compare(*[ledger(*[request(s, cell("a", 10)) for s in range(30)])] * 2)
    assert (found.delta_ns, found.terms, found.matches) == (0, (), ())
