"""The same role on both sides, whatever it is called."""

from __future__ import annotations

import pytest

from hopwatch.comparison import Comparison, Stated, compare
from hopwatch.comparison.likeness import same_words
from hopwatch.comparison.roles import operation_class
from hopwatch.errors import UsageError
from tests.comparison_data import Spent, cell, ledger, request


def compared(before: list[Spent], after: list[Spent], stated: Stated | None = None) -> Comparison:
    return compare(ledger(request(0, *before)), ledger(request(0, *after)), stated=stated)


def matches(found: Comparison) -> set[tuple[str, str, str]]:
    return {(match.how, match.hop_before, match.hop_after) for match in found.matches}


def shop(orders: str, operation: str = "Place", ns: int = 30, web: str = "web") -> list[Spent]:
    """web -> orders -> pg"""
    return [
        cell(web, 10, caller="", operation="GET /"),
        cell(f"{web} -> {orders}", 5, kind="gap", caller=web, operation=operation),
        cell(orders, ns, caller=web, operation=operation),
        cell("pg", 7, kind="db", caller=orders, operation="SELECT"),
    ]


def test_a_renamed_service_is_the_same() -> None:
    found = compared(shop("orders"), shop("zeta", ns=40))
    assert matches(found) == {("renamed", "orders", "zeta")}
    assert [(t.hop, t.term, t.ns) for t in found.terms] == [("zeta", "time", 10)]
    assert (found.new, found.vanished) == ((), ())


def test_a_chain_of_renamed_services_is_followed() -> None:
    found = compared(shop("orders", web="web"), shop("purchases", web="front"))
    assert matches(found) == {("renamed", "orders", "purchases"), ("renamed", "web", "front")}
    assert found.terms == ()


def test_a_rewritten_service_with_another_protocol_is_the_same() -> None:
    found = compared(
        shop("orders-node", "POST /orders/:id"), shop("orders-go", "shop.Orders/Place", ns=18)
    )
    assert ("renamed", "orders-node", "orders-go") in matches(found)
    assert {match.how for match in found.matches} == {"renamed", "reworded"}
    assert [(t.hop, t.term, t.ns) for t in found.terms] == [("orders-go", "time", -12)]


def test_what_is_unlike_stays_new_and_vanished() -> None:
    found = compared(
        [*shop("orders"), cell("audit", 3, caller="orders", operation="Log")],
        [*shop("orders"), cell("cache", 4, caller="web", operation="Lookup", spans=9)],
    )
    assert found.matches == ()
    assert (found.new, found.vanished) == (("cache",), ("audit",))
    assert {(t.hop, t.term, t.ns) for t in found.terms} == {
        ("cache", "calls", 4), ("audit", "calls", -3),
    }  # fmt: skip


def test_of_two_alike_none_is_chosen() -> None:
    twins = [cell(name, 30, caller="web", operation="Place") for name in ("north", "south")]
    found = compared([cell("orders", 30, caller="web", operation="Place")], twins)
    assert {match.how for match in found.matches} <= {"moved"}
    assert "renamed" not in {match.how for match in found.matches}


def test_a_gateway_put_between_is_new_and_nothing_else() -> None:
    after = [
        cell("web", 10, caller="", operation="GET /"),
        cell("web -> gate", 2, kind="gap", caller="web", operation="Place"),
        cell("gate", 1, caller="web", operation="Place"),
        cell("gate -> orders", 5, kind="gap", caller="gate", operation="Place"),
        cell("orders", 30, caller="gate", operation="Place"),
        cell("pg", 7, kind="db", caller="orders", operation="SELECT"),
    ]
    found = compared(shop("orders"), after)
    assert found.matches == ()
    assert found.new == ("gate",)
    assert {(t.hop, t.kind, t.term, t.ns) for t in found.terms} == {
        ("gate", "self", "calls", 1), ("gate", "gap", "calls", 2),
    }  # fmt: skip


def operations(hop: dict[str, str], ns: int) -> list[Spent]:
    return [cell(hop[name], ns, operation=name) for name in ("Place", "Bill")]


def test_split_and_merged_services_are_followed_by_their_operations() -> None:
    whole = operations({"Place": "shop", "Bill": "shop"}, 20)
    pieces = operations({"Place": "orders", "Bill": "billing"}, 25)
    extracted = operations({"Place": "shop", "Bill": "billing"}, 25)
    for before, after, moved in (
        (whole, pieces, {("moved", "shop", "orders"), ("moved", "shop", "billing")}),
        (pieces, whole, {("moved", "orders", "shop"), ("moved", "billing", "shop")}),
        (whole, extracted, {("moved", "shop", "billing")}),
    ):
        found = compared(before, after)
        assert matches(found) == moved
        assert {(t.term, abs(t.ns)) for t in found.terms} == {("time", 5)}


def test_a_renamed_caller_is_no_other_variant() -> None:
    found = compared(shop("orders"), shop("orders", ns=40, web="front"))
    assert matches(found) == {("renamed", "web", "front")}
    assert [(t.hop, t.term, t.ns) for t in found.terms] == [("orders", "time", 10)]


def test_how_many_requests_there_are_does_not_matter() -> None:
    whole = operations({"Place": "shop", "Bill": "shop"}, 20)
    pieces = operations({"Place": "orders", "Bill": "billing"}, 25)
    found = compare(ledger(request(0, *whole)), ledger(*[request(0, *pieces)] * 5))
    assert matches(found) == {("moved", "shop", "orders"), ("moved", "shop", "billing")}


def test_parameters_are_written_in_many_ways() -> None:
    spellings = ["GET /a/:id", "GET /a/{id}", "GET /a/<int:id>", "GET /a/[id]", "GET /a/*"]
    assert len({operation_class(text) for text in spellings}) == 1
    assert operation_class("GET /a/b:c") != operation_class("GET /a/:c")
    before = ledger(request(0, cell("a", 10, operation="GET /a/:id"), route="GET /a/:id"))
    after = ledger(request(0, cell("a", 12, operation="GET /a/{id}"), route="GET /a/{id}"))
    assert [(t.route, t.term) for t in compare(before, after).terms] == [("GET /a/{id}", "time")]


def test_a_mapping_comes_first() -> None:
    before, after = shop("orders"), shop("zeta", ns=40)
    nothing = compared(before, after, Stated(hops={"orders": "orders"}))
    assert (nothing.new, nothing.vanished) == (("zeta",), ("orders",))
    unlike = [cell("old", 9, operation="X")], [cell("young", 5, operation="Y", spans=3)]
    assert compared(*unlike).matches == ()
    stated = Stated(hops={"old": "young"}, operations={("old", "X"): ("young", "Y")})
    assert compared(*unlike, stated).new == ()


def test_words_of_a_longer_name_are_no_difference() -> None:
    assert same_words("orders", "orders-go v2") == 1.0
    assert same_words("orders-node", "orders-go") == 0.5
    assert same_words("", "orders") == 0.0


def test_stated_routes_are_one() -> None:
    before = ledger(request(0, cell("a", 10), route="GET /v1"))
    after = ledger(request(0, cell("a", 12), route="POST /v2"))
    stated = Stated(routes={"GET /v1": "POST /v2"})
    found = compare(before, after, stated=stated)
    assert [(t.route, t.term, t.ns) for t in found.terms] == [("POST /v2", "time", 2)]


@pytest.mark.parametrize(
    "stated",
    [
        Stated(hops={"nobody": "a"}),
        Stated(hops={"a": "nobody"}),
        Stated(routes={"GET /": "nobody"}),
        Stated(operations={("a", "nobody"): ("a", "Get")}),
    ],
)
def test_a_mapping_of_unknown_names_is_refused(stated: Stated) -> None:
    with pytest.raises(UsageError, match="'nobody'"):
        compared([cell("a", 1)], [cell("a", 1)], stated)


def test_who_called_makes_a_move_surer() -> None:
    def moved(caller: str) -> float:
        before = [cell("catalog", 9, operation="Get"), cell("catalog", 5, operation="List")]
        after = [
            cell("details", 9, caller=caller, operation="Get"),
            cell("catalog", 5, operation="List"),
        ]
        (match,) = compared(before, after).matches
        assert (match.how, match.hop_after) == ("moved", "details")
        return match.confidence

    assert moved("web") == 1.0
    assert moved("batch") == pytest.approx(0.7)


def test_of_two_hops_that_do_the_same_as_often_the_callers_tell() -> None:
    before = [cell("catalog", 9, operation="Get"), cell("catalog", 5, operation="List")]
    after = [
        cell("catalog", 5, operation="List"),
        cell("details", 9, operation="Get"),
        cell("audit", 9, caller="batch", operation="Get"),
    ]
    found = compared(before, after)
    assert matches(found) == {("moved", "catalog", "details")}
    assert found.new == ("audit",)
