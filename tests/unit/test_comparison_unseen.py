"""Services that send no spans any more."""

from __future__ import annotations

import pytest

from hopwatch.comparison import Comparison, Stated, compare
from tests.comparison_data import Spent, cell, ledger, request


def seat(order: int, lost: int = 0, peer: str = "unknown", waits: int = 1_000) -> list[Spent]:
    """seat asks config once, and order: so many calls are received, and so many by nobody."""

    def calls(callee: str, count: int) -> list[Spent]:
        way = cell(
            f"seat -> {callee}", 5 * count, kind="gap", caller="seat", operation="POST",
            spans=count,
        )  # fmt: skip
        return [way, cell(callee, 20 * count, caller="seat", operation="Get", spans=count)]

    cells = [cell("seat", 10, caller="", operation="Seats"), *calls("config", 2)]
    cells += calls("order", order) if order else []
    if lost:
        cells.append(
            cell(
                peer, waits * lost, kind="remote", caller="seat", operation="POST", spans=lost,
                language="-",
            )
        )  # fmt: skip
    return cells


def compared(before: list[Spent], after: list[Spent], stated: Stated | None = None) -> Comparison:
    return compare(ledger(request(0, *before)), ledger(request(0, *after)), stated=stated)


@pytest.mark.parametrize("peer", ["unknown", "10.0.0.7:8080"])
def test_a_service_that_died_is_the_one_that_is_waited_for(peer: str) -> None:
    found = compared(seat(3), seat(0, lost=3, peer=peer))
    assert [(hop.hop, hop.delta_ns) for hop in found.hops if hop.delta_ns] == [("order", 2_925)]
    assert [(m.how, m.hop_before, m.hop_after) for m in found.matches] == [
        ("unseen", "order", peer)
    ]
    assert (found.new, found.vanished) == ((), ())
    back = compared(seat(0, lost=3, peer=peer), seat(3))
    assert [(hop.hop, hop.delta_ns) for hop in back.hops if hop.delta_ns] == [("order", -2_925)]
    assert [(m.how, m.hop_before, m.hop_after) for m in back.matches] == [("unseen", peer, "order")]


def test_a_service_that_loses_most_calls_is_recognised() -> None:
    found = compared(seat(4), seat(1, lost=3))
    assert [hop.hop for hop in found.hops if hop.delta_ns] == ["order"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (seat(3), seat(3, lost=3)),  # nobody lost a call
        (seat(3, lost=3), seat(2, lost=4)),  # most of them were there
        (seat(2), [*seat(0)[:1], *seat(0, lost=4)[-1:]]),  # both died: neither clearly
        (seat(3), seat(0)),  # called no more
    ],
)
def test_what_is_not_clear_stays_unknown(before: list[Spent], after: list[Spent]) -> None:
    found = compared(before, after)
    assert "unseen" not in {match.how for match in found.matches}
    rises = {hop.hop for hop in found.hops if hop.delta_ns > 0}
    assert rises <= {"unknown"}


def test_what_is_stated_is_left_alone() -> None:
    found = compared(seat(3), seat(0, lost=3), Stated(hops={"order": "order"}))
    assert found.hops[0].hop == "unknown"
    assert found.vanished == ("order",)
