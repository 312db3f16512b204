"""Keeps orders in the database."""

from datetime import datetime, timedelta
from uuid import UUID

from ..database import Database, Session
from ..fraud import Recent
from ..money import Money
from ..payments import Payments
from ..stock import Stock
from .order import Line, Order, Request

_SELECT_BY_ID = """-- SELECT orders
SELECT
    o.id, o.idempotency_key, o.payment_id, o.customer_email, o.currency, o.total_minor_units, o.placed_at,
    l.product_id, l.product_name, l.unit_price_minor_units, l.quantity
FROM orders AS o
JOIN order_lines AS l ON l.order_id = o.id
WHERE o.id = $1
ORDER BY l.position"""  # noqa: E501

_SELECT_BY_KEY = """-- SELECT orders
SELECT
    o.id, o.idempotency_key, o.payment_id, o.customer_email, o.currency, o.total_minor_units, o.placed_at,
    l.product_id, l.product_name, l.unit_price_minor_units, l.quantity
FROM orders AS o
JOIN order_lines AS l ON l.order_id = o.id
WHERE o.idempotency_key = $1
ORDER BY l.position"""  # noqa: E501

_SELECT_RECENT = """-- SELECT orders
SELECT count(*), coalesce(sum(total_minor_units), 0)::bigint
FROM orders
WHERE customer_email = $1 AND placed_at > now() - $2::interval"""

_INSERT_ORDER = """-- INSERT orders
INSERT INTO orders (id, idempotency_key, payment_id, customer_email, total_minor_units, currency, status)
VALUES ($1, $2, $3, $4, $5, $6, 'placed')
RETURNING placed_at"""  # noqa: E501

_INSERT_LINES = """-- INSERT order_lines
INSERT INTO order_lines (order_id, position, product_id, product_name, unit_price_minor_units, quantity)
SELECT $1, position, product_id, product_name, unit_price, quantity
FROM unnest($2::text[], $3::text[], $4::bigint[], $5::integer[])
    WITH ORDINALITY AS l (product_id, product_name, unit_price, quantity, position)"""  # noqa: E501


class Store:
    """The orders in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def by_id(self, order_id: UUID) -> Order | None:
        """Find an order."""
        return await self._find(_SELECT_BY_ID, order_id)

    async def by_idempotency_key(self, key: UUID) -> Order | None:
        """Find the order that was placed with the key."""
        return await self._find(_SELECT_BY_KEY, key)

    async def _find(self, sql: str, wanted: UUID) -> Order | None:
        rows = await self._database.select(sql, wanted)
        if not rows:
            return None
        first = rows[0]
        currency = first["currency"]
        return Order(
            id=first["id"],
            idempotency_key=first["idempotency_key"],
            payment_id=first["payment_id"],
            customer_email=first["customer_email"],
            lines=[
                Line(
                    product_id=row["product_id"],
                    quantity=row["quantity"],
                    product_name=row["product_name"],
                    unit_price=Money(currency, row["unit_price_minor_units"]),
                )
                for row in rows
            ],
            total=Money(currency, first["total_minor_units"]),
            placed_at=first["placed_at"],
        )

    async def recent_orders(self, customer_email: str, window: timedelta) -> Recent:
        """Sum up what a customer ordered within the window."""
        [row] = await self._database.select(_SELECT_RECENT, customer_email, window)
        return Recent(*row)

    async def insert(
        self,
        order_id: UUID,
        payment_id: UUID,
        request: Request,
        lines: list[Line],
        payments: Payments,
        stock: Stock,
    ) -> Order:
        """Write the order and its payment and take its units from the stock, in one transaction.
        The order goes first: its unique key makes a second attempt at the same order wait before it
        holds any stock, and fail once the first has succeeded."""
        total = request.expected_total

        async def write(session: Session) -> datetime:
            [row] = await session.fetch(
                _INSERT_ORDER,
                order_id,
                request.idempotency_key,
                payment_id,
                request.customer_email,
                total.minor_units,
                total.currency,
            )
            await payments.record(session, payment_id, order_id, total)
            await stock.reserve(session, {line.product_id: line.quantity for line in lines})
            await _insert_lines(session, order_id, lines)
            placed_at: datetime = row["placed_at"]
            return placed_at

        placed_at = await self._database.transact(write)
        return Order(
            order_id,
            request.idempotency_key,
            payment_id,
            request.customer_email,
            lines,
            total,
            placed_at,
        )


async def _insert_lines(session: Session, order_id: UUID, lines: list[Line]) -> None:
    await session.fetch(
        _INSERT_LINES,
        order_id,
        [line.product_id for line in lines],
        [line.product_name for line in lines],
        [line.unit_price.minor_units for line in lines],
        [line.quantity for line in lines],
    )
