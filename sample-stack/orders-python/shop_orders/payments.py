"""Authorises payments. There is no bank behind it: what it declines is decided by the amount and by
a test address, as the sandboxes of payment providers do."""

from dataclasses import dataclass
from uuid import UUID

from uuid_utils.compat import uuid7

from .database import Database, Session
from .money import Money
from .refusals import refused

# Above it the bank would want to talk to the customer.
LIMIT_MINOR_UNITS = 10_000_00
# Payments of name+declined@example.com are declined.
DECLINED_TAG = "+declined@"

_INSERT_PAYMENT = """-- INSERT payments
INSERT INTO payments (id, order_id, amount_minor_units, currency, status)
VALUES ($1, $2, $3, $4, 'authorised')"""

_INSERT_DECLINED = """-- INSERT payments
INSERT INTO payments (id, order_id, amount_minor_units, currency, status)
VALUES ($1, $2, $3, $4, 'declined')
ON CONFLICT (id) DO NOTHING"""


@dataclass(frozen=True)
class Charge:
    """What an order is to cost."""

    order_id: UUID
    amount: Money
    customer_email: str


class Payments:
    """Keeps its records in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def authorise(self, charge: Charge) -> UUID:
        """Return the id of a payment to record; what is declined is refused, and recorded here."""
        payment_id = uuid7()
        if reason := reason_to_decline(charge):
            await self._database.execute(
                _INSERT_DECLINED,
                payment_id,
                charge.order_id,
                charge.amount.minor_units,
                charge.amount.currency,
            )
            raise refused(f"the payment was declined: {reason}")
        return payment_id

    async def record(
        self, session: Session, payment_id: UUID, order_id: UUID, amount: Money
    ) -> None:
        """Write the payment as part of the transaction that writes its order, so that neither is
        there without the other, whatever happens to this process."""
        await session.fetch(
            _INSERT_PAYMENT, payment_id, order_id, amount.minor_units, amount.currency
        )


def reason_to_decline(charge: Charge) -> str | None:
    """Why the charge is declined; None: it is not."""
    if charge.amount.minor_units > LIMIT_MINOR_UNITS:
        limit = Money(charge.amount.currency, LIMIT_MINOR_UNITS)
        return f"{charge.amount} is above the limit of {limit}"
    if DECLINED_TAG in charge.customer_email:
        return "this is a test address that is always declined"
    return None
