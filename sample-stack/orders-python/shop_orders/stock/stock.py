"""Reads and reserves units in the database."""

from collections.abc import Mapping, Sequence

from ..database import Database, Session
from ..refusals import refused

_SELECT_LEVELS = """-- SELECT stock_levels
SELECT product_id, units
FROM stock_levels
WHERE product_id = ANY ($1)"""

# Rows are locked in the order of their ids, or else two orders of the same products could wait for
# each other.
_RESERVE_UNITS = """-- UPDATE stock_levels
WITH wanted AS (
    SELECT * FROM unnest($1::text[], $2::integer[]) AS w (product_id, quantity)
),
locked AS MATERIALIZED (
    SELECT product_id FROM stock_levels
    WHERE product_id = ANY ($1)
    ORDER BY product_id
    FOR UPDATE
)
UPDATE stock_levels AS s
SET units = s.units - w.quantity
FROM locked
JOIN wanted AS w USING (product_id)
WHERE s.product_id = w.product_id AND s.units >= w.quantity
RETURNING s.product_id"""


class Stock:
    """The units in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def levels(self, ids: Sequence[str]) -> dict[str, int]:
        """The units at hand of those of the products asked for that exist, by id."""
        rows = await self._database.select_by_id(_SELECT_LEVELS, ids)
        return {row["product_id"]: row["units"] for row in rows}

    async def reserve(self, session: Session, quantities: Mapping[str, int]) -> None:
        """Take the quantities (by product id) from the stock as part of the session's transaction.
        If there is too little of one it refuses, and the transaction must be rolled back."""
        ids = sorted(quantities)
        rows = await session.fetch(_RESERVE_UNITS, ids, [quantities[one] for one in ids])
        reserved = {row["product_id"] for row in rows}
        for one in ids:
            if one not in reserved:
                raise refused(f"product {one} has just sold out")
