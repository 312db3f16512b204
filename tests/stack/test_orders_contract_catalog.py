"""What clients see of the catalog and the stock of orders, in every language, by every protocol."""

from base64 import urlsafe_b64encode
from collections import Counter
from typing import Any

import pytest

from tests.orders_clients import Client, message, refused
from tests.orders_service import Orders

SOLD_OUT = "p00008"
UNKNOWN = "p99999"

Product = dict[str, str]


# Catalog


def test_pages_hold_every_product_once_in_order(
    client: Client, products: dict[str, Product]
) -> None:
    got, token, sizes = [], "", []
    while not sizes or token:
        asked = message("ListProductsRequest", page_size=100, page_token=token)
        page = client.call("ListProducts", asked)
        sizes.append(len(page.products))
        got += [product.id for product in page.products]
        token = page.next_page_token
    assert got == list(products)
    assert set(sizes) == {100}


def test_pages_of_a_category_end_with_it(client: Client, products: dict[str, Product]) -> None:
    baths = [one for one, product in products.items() if product["category"] == "Bath"]
    asked = message("ListProductsRequest", category="Bath", page_size=99)
    got = []
    for size in [99, 99, 99, 99, 99, 5]:
        page = client.call("ListProducts", asked)
        assert len(page.products) == size
        got += [product.id for product in page.products]
        asked.page_token = page.next_page_token
    assert (got, asked.page_token) == (baths, "")


def test_products_are_told_as_they_are(client: Client, products: dict[str, Product]) -> None:
    page = client.call("ListProducts")
    assert len(page.products) == 24
    for product in page.products:
        known = products[product.id]
        told = (product.name, product.description, product.category, product.price.currency)
        assert told == tuple(known[n] for n in ("name", "description", "category", "currency"))
        assert product.price.minor_units == int(known["price_minor_units"])


def test_category_that_nobody_knows_is_empty(client: Client) -> None:
    page = client.call("ListProducts", message("ListProductsRequest", category="Vehicles'; --"))
    assert (len(page.products), page.next_page_token) == (0, "")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"page_size": -1}, "page_size is -1; it must be 1 to 100, or 0 for 24"),
        ({"page_size": 101}, "page_size is 101; it must be 1 to 100, or 0 for 24"),
        ({"category": "Ba\0th"}, "category holds a NUL character"),
    ],
)
def test_page_that_breaks_a_rule(client: Client, fields: dict[str, Any], said: str) -> None:
    asked = message("ListProductsRequest", **fields)
    assert refused(client, "ListProducts", asked) == ("INVALID_ARGUMENT", said)


@pytest.mark.parametrize(
    "token",
    [
        "!", "p00001", urlsafe_b64encode(b"P1").decode(), urlsafe_b64encode(b"p1").decode(),
        "cDAw\nMDAx", "cDAwMDAx\n", "LR",
    ],
)  # fmt: skip
def test_page_token_of_no_earlier_answer(client: Client, token: str) -> None:
    asked = message("ListProductsRequest", page_token=token)
    said = "page_token is not one that an earlier response gave"
    assert refused(client, "ListProducts", asked) == ("INVALID_ARGUMENT", said)


def test_categories_are_those_of_the_products(client: Client, products: dict[str, Product]) -> None:
    categories = {product["category"] for product in products.values()}
    assert list(client.call("ListCategories").categories) == sorted(categories)


def recommended(client: Client, *ids: str, limit: int = 0) -> list[str]:
    asked = message("RecommendRequest", product_ids=ids, limit=limit)
    return [product.id for product in client.call("Recommend", asked).products]


def test_what_sells_best_is_recommended(client: Client, products: dict[str, Product]) -> None:
    best = sorted(products, key=lambda one: int(products[one]["sales_rank"]))
    assert recommended(client) == best[:6]
    assert recommended(client, limit=24) == best[:24]


@pytest.mark.parametrize(
    "given", [("p00001",), ("p00001", "p00009", "p00004"), ("p04000", UNKNOWN)]
)
def test_what_goes_with_products_is_recommended(
    client: Client, orders: Orders, products: dict[str, Product], given: tuple[str, ...]
) -> None:
    weights: Counter[str] = Counter()
    for one, related, weight in orders.sql("SELECT * FROM related_products"):
        if one in given and related not in given:
            weights[related] += int(weight)
    wanted = sorted(weights, key=lambda one: (-weights[one], int(products[one]["sales_rank"])))
    assert recommended(client, *given) == wanted[:6]
    assert recommended(client, *given, limit=24) == wanted[:24]


def test_nothing_goes_with_what_there_is_not(client: Client) -> None:
    assert recommended(client, UNKNOWN) == []


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"limit": 25}, "limit is 25; it must be 1 to 24, or 0 for 6"),
        ({"limit": -1}, "limit is -1; it must be 1 to 24, or 0 for 6"),
        ({"product_ids": ["p1"] * 101}, "101 product ids given; it must be 0 to 100"),
        (
            {"product_ids": ["p1", "P1"]},
            'product id "P1" must be 1 to 40 lower-case letters, digits or hyphens',
        ),
    ],
)
def test_recommendation_that_breaks_a_rule(
    client: Client, fields: dict[str, Any], said: str
) -> None:
    asked = message("RecommendRequest", **fields)
    assert refused(client, "Recommend", asked) == ("INVALID_ARGUMENT", said)


# Stock


def test_stock_is_told_in_the_order_asked_for(client: Client) -> None:
    asked = ["p00003", SOLD_OUT, UNKNOWN, "p00321", SOLD_OUT]
    levels = client.call("GetStock", message("GetStockRequest", product_ids=asked)).levels
    assert [(level.product_id, level.units) for level in levels] == [
        ("p00003", 1_000_000), (SOLD_OUT, 0), ("p00321", 5), (SOLD_OUT, 0),
    ]  # fmt: skip


def test_stock_of_two_hundred(client: Client) -> None:
    asked = [f"p{number:05}" for number in range(1, 201)]
    levels = client.call("GetStock", message("GetStockRequest", product_ids=asked)).levels
    assert [level.product_id for level in levels] == asked


@pytest.mark.parametrize("count", [0, 201])
def test_stock_of_too_few_or_too_many(client: Client, count: int) -> None:
    asked = message("GetStockRequest", product_ids=["p00001"] * count)
    said = f"{count} product ids given; it must be 1 to 200"
    assert refused(client, "GetStock", asked) == ("INVALID_ARGUMENT", said)


@pytest.mark.parametrize(
    ("one", "shown"),
    [
        ("", ""),
        ("P00001", "P00001"),
        ("p'; --", "p'; --"),
        ('p"\\', 'p\\"\\\\'),
        ("p1\n\t\a\0\x1b\x7f", "p1\\n\\t\\a\\x00\\x1b\\x7f"),
        ("pä€🛒e\u0301", "pä€🛒e\u0301"),
        ("\u202ep\xa0\ufeff\U000e0001", "\\u202ep\\u00a0\\ufeff\\U000e0001"),
        ("ä" * 100, "ä" * 60),
    ],
)
def test_product_id_that_can_be_none(client: Client, one: str, shown: str) -> None:
    said = f'product id "{shown}" must be 1 to 40 lower-case letters, digits or hyphens'
    asked = message("GetStockRequest", product_ids=[one])
    assert refused(client, "GetStock", asked) == ("INVALID_ARGUMENT", said)
