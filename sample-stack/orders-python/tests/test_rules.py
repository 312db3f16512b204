"""The rules of fraud and payments, and the budget of retries."""

import uuid

import pytest

from shop_orders.database.budget import Budget
from shop_orders.fraud import Purchase, Recent, judge
from shop_orders.money import Money
from shop_orders.payments import Charge, reason_to_decline


def purchase(email: str = "ann@example.com", total: int = 100, quantity: int = 1) -> Purchase:
    return Purchase(email, Money("EUR", total), quantity)


@pytest.mark.parametrize(
    ("judged", "recent", "points"),
    [
        (purchase(), Recent(0, 0), 0),
        (purchase(), Recent(9, 0), 0),
        (purchase(), Recent(10, 0), 30),
        (purchase(), Recent(30, 0), 130),
        (purchase(total=100), Recent(1, 24_999_00), 0),
        (purchase(total=101), Recent(1, 24_999_00), 100),
        (purchase(total=5_000_00), Recent(0, 0), 0),
        (purchase(total=5_000_01), Recent(0, 0), 30),
        (purchase(quantity=51), Recent(0, 0), 30),
        (purchase("x@mailinator.com"), Recent(0, 0), 70),
        (purchase("q7zk2x9wv4tj8hbn@example.com"), Recent(0, 0), 30),
        (purchase("annabella.anderson@example.com"), Recent(0, 0), 0),
    ],
)
def test_points_of_a_purchase(judged: Purchase, recent: Recent, points: int) -> None:
    assert judge(judged, recent).points == points


def test_refusal_names_every_rule_that_applied() -> None:
    verdict = judge(purchase("x@yopmail.com", quantity=60), Recent(0, 0))
    assert verdict.refused
    assert verdict.reasons == ["many units of one product", "throwaway address"]


@pytest.mark.parametrize(
    ("total", "email", "reason"),
    [
        (10_000_00, "ann@example.com", None),
        (10_000_01, "ann@example.com", "10000.01 EUR is above the limit of 10000.00 EUR"),
        (1, "ann+declined@example.com", "this is a test address that is always declined"),
    ],
)
def test_what_is_declined(total: int, email: str, reason: str | None) -> None:
    assert reason_to_decline(Charge(uuid.uuid4(), Money("EUR", total), email)) == reason


def test_retries_cost_five_calls_each_beyond_a_burst() -> None:
    budget = Budget()
    assert sum(budget.spend() for _ in range(300)) == 200
    for _ in range(4):
        budget.earn()
    assert not budget.spend()
    budget.earn()
    assert budget.spend()
