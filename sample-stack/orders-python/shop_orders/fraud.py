"""Estimates the risk that an order is fraudulent: rules give points, and their sum decides."""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import NamedTuple, Protocol

from .money import Money

# The sum of points from which an order is refused.
REFUSED_FROM = 100

# How far back the orders of a customer count.
WINDOW = timedelta(minutes=10)


@dataclass(frozen=True)
class Purchase:
    """An order to be judged."""

    customer_email: str
    total: Money
    # The most units of one product.
    largest_quantity: int


class Recent(NamedTuple):
    """What a customer ordered within the WINDOW."""

    orders: int
    minor_units: int


class History(Protocol):
    """Knows the orders of the past."""

    async def recent_orders(self, customer_email: str, window: timedelta) -> Recent:
        """What the customer ordered within the window."""


class Verdict(NamedTuple):
    """The outcome: the points, and the rules that gave them."""

    points: int
    reasons: list[str]

    @property
    def refused(self) -> bool:
        """Whether the risk is too high."""
        return self.points >= REFUSED_FROM


class Fraud:
    """Applies the rules."""

    def __init__(self, history: History) -> None:
        self._history = history

    async def assess(self, purchase: Purchase) -> Verdict:
        """Judge a purchase. The same purchase after the same history gets the same verdict."""
        return judge(purchase, await self._history.recent_orders(purchase.customer_email, WINDOW))


def judge(purchase: Purchase, recent: Recent) -> Verdict:
    """Apply all rules."""
    applied = [(points, reason) for reason, points, applies in _RULES if applies(purchase, recent)]
    return Verdict(sum(points for points, _ in applied), [reason for _, reason in applied])


_THROWAWAY_DOMAINS = {
    "10minutemail.com",
    "guerrillamail.com",
    "mailinator.com",
    "sharklasers.com",
    "temp-mail.org",
    "trashmail.com",
    "yopmail.com",
}


def _is_throwaway(email: str) -> bool:
    return email.partition("@")[2] in _THROWAWAY_DOMAINS


def _looks_random(email: str) -> bool:
    """Long names that people choose repeat letters; generated ones hardly do."""
    name = email.partition("@")[0]
    return len(name.encode()) >= 16 and _bits_per_character(name) > 3.9


def _bits_per_character(text: str) -> float:
    """The Shannon entropy of the characters."""
    shares = [count / len(text) for count in Counter(text).values()]
    return -sum(share * math.log2(share) for share in shares)


# What is wrong, the points for it, and when it applies.
_RULES: tuple[tuple[str, int, Callable[[Purchase, Recent], bool]], ...] = (
    ("many orders within minutes", 100, lambda _, recent: recent.orders >= 30),
    ("several orders within minutes", 30, lambda _, recent: recent.orders >= 10),
    (
        "very high spending within minutes",
        100,
        lambda purchase, recent: recent.minor_units + purchase.total.minor_units > 25_000_00,
    ),
    ("high total", 30, lambda purchase, _: purchase.total.minor_units > 5_000_00),
    ("many units of one product", 30, lambda purchase, _: purchase.largest_quantity > 50),
    ("throwaway address", 70, lambda purchase, _: _is_throwaway(purchase.customer_email)),
    ("address looks random", 30, lambda purchase, _: _looks_random(purchase.customer_email)),
)
