"""Reads products from the database."""

from collections.abc import Sequence
from typing import NamedTuple

from .. import labs
from ..database import Database
from ..money import Money

_SELECT_PAGE = """-- SELECT products
SELECT id, name, description, category, currency, price_minor_units
FROM products
WHERE id > $1
ORDER BY id
LIMIT $2"""

_SELECT_CATEGORY_PAGE = """-- SELECT products
SELECT id, name, description, category, currency, price_minor_units
FROM products
WHERE id > $1 AND category = $3
ORDER BY id
LIMIT $2"""

_SELECT_BY_ID = """-- SELECT products
SELECT id, name, description, category, currency, price_minor_units
FROM products
WHERE id = ANY ($1)"""

_SELECT_RELATED = """-- SELECT products
SELECT p.id, p.name, p.description, p.category, p.currency, p.price_minor_units
FROM (
    SELECT related_id, sum(weight) AS weight
    FROM related_products
    WHERE product_id = ANY ($1) AND related_id <> ALL ($1)
    GROUP BY related_id
) AS r
JOIN products AS p ON p.id = r.related_id
ORDER BY r.weight DESC, p.sales_rank
LIMIT $2"""

_SELECT_BEST_SELLERS = """-- SELECT products
SELECT id, name, description, category, currency, price_minor_units
FROM products
ORDER BY sales_rank
LIMIT $1"""

_SELECT_CATEGORIES = """-- SELECT categories
SELECT name
FROM categories
WHERE EXISTS (SELECT FROM products WHERE category = categories.name)
ORDER BY name"""


class Product(NamedTuple):
    """One thing that the shop sells."""

    id: str
    name: str
    description: str
    category: str
    price: Money


class Catalog:
    """The products in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, category: str, after: str, limit: int) -> list[Product]:
        """Up to `limit` products by id, from the one after the id given, of one category or, with
        an empty category, of all."""
        if category:
            page = await self._query(_SELECT_CATEGORY_PAGE, after, limit, category)
        else:
            page = await self._query(_SELECT_PAGE, after, limit)
        for product_id in labs.again([product.id for product in page]):
            await self._query(_SELECT_BY_ID, [product_id])
        return page

    async def lookup(self, ids: Sequence[str]) -> dict[str, Product]:
        """Those of the products asked for that exist, by id."""
        rows = await self._database.select_by_id(_SELECT_BY_ID, ids)
        return {row["id"]: _product(*row) for row in rows}

    async def recommend(self, ids: Sequence[str], limit: int) -> list[Product]:
        """Up to `limit` products that go with those given; what sells best for none."""
        if not ids:
            return await self._query(_SELECT_BEST_SELLERS, limit)
        return await self._query(_SELECT_RELATED, ids, limit)

    async def categories(self) -> list[str]:
        """The names of the categories that have products, in order."""
        return [row["name"] for row in await self._database.select(_SELECT_CATEGORIES)]

    async def _query(self, sql: str, *arguments: object) -> list[Product]:
        return [_product(*row) for row in await self._database.select(sql, *arguments)]


def _product(
    product_id: str,
    name: str,
    description: str,
    category: str,
    currency: str,
    price_minor_units: int,
) -> Product:
    return Product(product_id, name, description, category, Money(currency, price_minor_units))
