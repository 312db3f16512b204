"""What clients see of orders is the same in every language and by every protocol: the rules of
shop.proto, and what goes without saying there."""

import itertools
import time
import uuid
from base64 import urlsafe_b64encode
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from google.protobuf.message import Message

from hopwatch_stack.waiting import wait_until
from tests.orders_clients import Client, Refused, message
from tests.orders_service import Orders, locked, stuck

PAN, PAN_PRICE = "p00001", 5790
SOLD_OUT = "p00008"
# The products of which there are five, one for each protocol: the database is the same.
SCARCE = {"grpc": "p00021", "rest": "p00121"}
UNKNOWN = "p99999"
POOL = 8

Product = dict[str, Any]
numbers = itertools.count()


@pytest.fixture(scope="module")
def products(orders: Orders) -> dict[str, Product]:
    """All products by id, as the database has them."""
    columns = (
        "id",
        "name",
        "description",
        "category",
        "price_minor_units",
        "currency",
        "sales_rank",
    )
    rows = orders.sql(f"SELECT {', '.join(columns)} FROM products ORDER BY id")
    return {row[0]: dict(zip(columns, row, strict=True)) for row in rows}


def someone() -> str:
    """A customer of whom nothing is known."""
    return f"customer.{next(numbers)}@example.com"


def order_of(*lines: tuple[str, int], total: int, **fields: Any) -> Any:
    known = {
        "idempotency_key": str(uuid.uuid4()),
        "customer_email": someone(),
        "lines": [
            message("OrderLine", product_id=one, quantity=quantity) for one, quantity in lines
        ],
        "expected_total": message("Money", currency="EUR", minor_units=total),
    }
    return message("PlaceOrderRequest", **{**known, **fields})


def pan(**fields: Any) -> Any:
    return order_of((PAN, 1), total=PAN_PRICE, **fields)


def place(client: Client, request: Any) -> Any:
    return client.call("PlaceOrder", request)


def refused(client: Client, method: str, request: Message | None = None) -> tuple[str, str]:
    with pytest.raises(Refused) as raised:
        client.call(method, request)
    return raised.value.code, raised.value.message


def side_by_side(orders: Orders, protocol: str, requests: list[Any]) -> list[Any]:
    """The answers to orders that are placed at once, each an Order or a Refused."""

    def one(request: Any) -> Any:
        client = orders.client(protocol)
        try:
            return place(client, request)
        except Refused as error:
            return error
        finally:
            client.close()

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(one, requests))


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
    "token", ["!", "p00001", urlsafe_b64encode(b"P1").decode(), urlsafe_b64encode(b"p1").decode()]
)
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


@pytest.mark.parametrize("one", ["", "P00001", "p'; --", "p\0", "pä", "p" * 41, "p1\n", "\u202ep"])
def test_product_id_that_can_be_none(client: Client, one: str) -> None:
    code, said = refused(client, "GetStock", message("GetStockRequest", product_ids=[one]))
    assert code == "INVALID_ARGUMENT"
    assert said.startswith('product id "')
    assert said.endswith('" must be 1 to 40 lower-case letters, digits or hyphens')
    assert said.isprintable()
    assert len(said) < 200


# Orders


def test_order_is_placed_and_found_again(
    client: Client, orders: Orders, products: dict[str, Product]
) -> None:
    before = orders.books()
    knob = {one: int(products[one]["price_minor_units"]) for one in ("p00002", PAN)}
    total = 3 * knob["p00002"] + knob[PAN]
    began = time.time()
    placed = place(
        client,
        order_of(("p00002", 3), (PAN, 1), total=total, customer_email="Ann.O'Neil+1@Example.COM"),
    )
    assert uuid.UUID(placed.id).version == 7
    assert placed.customer_email == "ann.o'neil+1@example.com"
    assert placed.status == 1
    assert (placed.total.currency, placed.total.minor_units) == ("EUR", total)
    assert began - 1 < placed.placed_at.ToNanoseconds() / 1e9 < time.time() + 1
    assert [
        (line.product_id, line.quantity, line.unit_price.minor_units, line.product_name)
        for line in placed.lines
    ] == [
        ("p00002", 3, knob["p00002"], products["p00002"]["name"]),
        (PAN, 1, knob[PAN], products[PAN]["name"]),
    ]
    assert client.call("GetOrder", message("GetOrderRequest", order_id=placed.id)) == placed
    after = orders.books()
    assert after == {
        "orders": before["orders"] + 1,
        "authorised": before["authorised"] + 1,
        "units": before["units"] - 4,
        "unmatched": 0,
    }


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"idempotency_key": ""}, 'idempotency_key "" is not a UUID'),
        ({"idempotency_key": "order-1"}, 'idempotency_key "order-1" is not a UUID'),
        ({"idempotency_key": uuid.UUID(int=7).hex}, f'idempotency_key "{7:032x}" is not a UUID'),
        ({"lines": []}, "0 lines given; an order has 1 to 50"),
        ({"lines": [(PAN, 1)] * 51}, "51 lines given; an order has 1 to 50"),
        ({"lines": [(PAN, 0)]}, "line 1: quantity is 0; it must be 1 to 99"),
        ({"lines": [("p00002", 1), (PAN, 100)]}, "line 2: quantity is 100; it must be 1 to 99"),
        ({"lines": [(PAN, -1)]}, "line 1: quantity is -1; it must be 1 to 99"),
        (
            {"lines": [(PAN, 1), ("p00002", 1), (PAN, 2)]},
            "line 3: product p00001 is there already; add up the quantities",
        ),
        (
            {"lines": [("Pan", 1)]},
            'product id "Pan" must be 1 to 40 lower-case letters, digits or hyphens',
        ),
        *(
            ({"expected_total": total}, "expected_total must be a positive amount of a currency, "
             "as shown to the customer")
            for total in (None, ("EUR", 0), ("EUR", -5), ("EU", 5), ("", 5))
        ),
    ],
)  # fmt: skip
def test_order_that_breaks_a_rule(client: Client, fields: dict[str, Any], said: str) -> None:
    if "lines" in fields:
        lines = [message("OrderLine", product_id=one, quantity=n) for one, n in fields["lines"]]
        fields = {"lines": lines}
    if total := fields.get("expected_total"):
        fields = {"expected_total": message("Money", currency=total[0], minor_units=total[1])}
    assert refused(client, "PlaceOrder", pan(**fields)) == ("INVALID_ARGUMENT", said)


@pytest.mark.parametrize(
    "email",
    [
        "", "ann", "ann@", "@example.com", "Ann <ann@example.com>", " ann@example.com",
        "ann@example.com ", "ann@b@example.com", "ann o@example.com", "ann..o@example.com",
        "ann@example.com\n", f"{'a' * 250}@example.com",
    ],
)  # fmt: skip
def test_address_that_is_none(client: Client, email: str) -> None:
    said = "customer_email is not an e-mail address"
    assert refused(client, "PlaceOrder", pan(customer_email=email)) == ("INVALID_ARGUMENT", said)


def test_product_that_there_is_not(client: Client) -> None:
    asked = order_of((PAN, 1), (UNKNOWN, 1), total=PAN_PRICE)
    said = "there is no product p99999"
    assert refused(client, "PlaceOrder", asked) == ("NOT_FOUND", said)


def refusals(products: dict[str, Product], scarce: str) -> list[tuple[Any, str]]:
    """Orders that are refused, and why."""
    price = {one: int(product["price_minor_units"]) for one, product in products.items()}
    dearest = max(price, key=lambda one: (price[one], one))
    units = 10_000_00 // price[dearest] + 1
    bill = units * price[dearest]
    usd = message("Money", currency="USD", minor_units=PAN_PRICE)
    fraud = "the order looks fraudulent: "
    random_looking = "q7x2k9f4m1z8w3v6@yopmail.com"
    return [
        (
            order_of((SOLD_OUT, 1), total=price[SOLD_OUT]),
            f"{products[SOLD_OUT]['name']} (p00008): 1 wanted, 0 in stock",
        ),
        (
            order_of((scarce, 6), total=6 * price[scarce]),
            f"{products[scarce]['name']} ({scarce}): 6 wanted, 5 in stock",
        ),
        (order_of((PAN, 1), total=5789), "the total is 57.90 EUR now, not 57.89 EUR"),
        (order_of((PAN, 2), total=PAN_PRICE), "the total is 115.80 EUR now, not 57.90 EUR"),
        (order_of((SOLD_OUT, 1), total=1), f"the total is {price[SOLD_OUT] // 100}."
         f"{price[SOLD_OUT] % 100:02} EUR now, not 0.01 EUR"),
        (pan(expected_total=usd), 'p00001 is sold in EUR, not in "USD"'),
        (
            order_of((PAN, 99), total=99 * PAN_PRICE, customer_email="x@mailinator.com"),
            f"{fraud}high total, many units of one product, throwaway address",
        ),
        (pan(customer_email=random_looking), f"{fraud}throwaway address, address looks random"),
        (
            pan(customer_email=f"ann{next(numbers)}+declined@example.com"),
            "the payment was declined: this is a test address that is always declined",
        ),
        (
            order_of((dearest, units), total=bill),
            f"the payment was declined: {bill // 100}.{bill % 100:02} EUR is above the limit of "
            "10000.00 EUR",
        ),
    ]  # fmt: skip


def test_refused_order_says_why_and_leaves_nothing_behind(
    client: Client, orders: Orders, products: dict[str, Product]
) -> None:
    before = orders.books()
    declined = "SELECT count(*) FROM payments WHERE status = 'declined'"
    [[already]] = orders.sql(declined)
    for request, said in refusals(products, SCARCE[client.protocol]):
        assert refused(client, "PlaceOrder", request) == ("FAILED_PRECONDITION", said)
    assert orders.books() == before
    assert orders.sql(declined) == [[str(int(already) + 2)]]  # They are on record.


def test_customer_who_orders_without_end_is_stopped(client: Client) -> None:
    eve = someone()
    for _ in range(30):
        place(client, pan(customer_email=eve))
    said = "the order looks fraudulent: many orders within minutes, several orders within minutes"
    assert refused(client, "PlaceOrder", pan(customer_email=eve.upper())) == (
        "FAILED_PRECONDITION", said,
    )  # fmt: skip


def test_customer_who_spends_without_end_is_stopped(client: Client) -> None:
    request = order_of((PAN, 50), ("p00009", 1), total=0, customer_email=someone())
    request.expected_total.minor_units = 1
    with pytest.raises(Refused) as raised:
        place(client, request)
    bill = int(raised.value.message.split()[3].replace(".", ""))
    rich = message("Money", currency="EUR", minor_units=bill)
    spent = 0
    while spent + bill <= 25_000_00:
        request = order_of((PAN, 50), ("p00009", 1), total=bill, expected_total=rich,
                           customer_email=request.customer_email)  # fmt: skip
        place(client, request)
        spent += bill
    request.idempotency_key = str(uuid.uuid4())
    code, said = refused(client, "PlaceOrder", request)
    assert code == "FAILED_PRECONDITION"
    assert said.startswith("the order looks fraudulent: very high spending within minutes")


def test_same_order_again_is_the_same_order(client: Client, orders: Orders) -> None:
    request = order_of((PAN, 1), ("p00002", 1), total=1)
    prices = {one: int(price) for one, price in orders.sql(
        "SELECT id, price_minor_units FROM products WHERE id IN ('p00001', 'p00002')")}  # fmt: skip
    request.expected_total.minor_units = sum(prices.values())
    placed = place(client, request)
    before = orders.books()
    assert place(client, request) == placed
    request.idempotency_key = request.idempotency_key.upper()
    request.customer_email = request.customer_email.upper()
    lines = list(request.lines)
    del request.lines[:]
    request.lines.extend(reversed(lines))
    assert place(client, request) == placed
    assert orders.books() == before


@pytest.mark.parametrize("other", ["quantity", "product", "customer", "total"])
def test_key_of_another_order(client: Client, orders: Orders, other: str) -> None:
    key = str(uuid.uuid4())
    request = pan(idempotency_key=key)
    place(client, request)
    if other == "quantity":
        request.lines[0].quantity = 2
    elif other == "product":
        request.lines[0].product_id = "p00002"
    elif other == "customer":
        request.customer_email = someone()
    else:
        request.expected_total.minor_units += 1
    said = f"idempotency_key {key} was used for a different order"
    assert refused(client, "PlaceOrder", request) == ("ALREADY_EXISTS", said)


def test_one_key_many_at_once_is_one_order(client: Client, orders: Orders) -> None:
    before = orders.books()
    answers = side_by_side(orders, client.protocol, [order_of((PAN, 3), total=3 * PAN_PRICE)] * 8)
    assert [str(answer) for answer in answers if isinstance(answer, Refused)] == []
    assert len({answer.id for answer in answers}) == 1
    assert orders.books() == {
        "orders": before["orders"] + 1,
        "authorised": before["authorised"] + 1,
        "units": before["units"] - 3,
        "unmatched": 0,
    }


def test_each_of_the_last_units_is_sold_once(
    client: Client, orders: Orders, products: dict[str, Product]
) -> None:
    before = orders.books()
    scarce = SCARCE[client.protocol]
    price = int(products[scarce]["price_minor_units"])
    wanted = [order_of((scarce, 1), total=price) for _ in range(12)]
    answers = side_by_side(orders, client.protocol, wanted)
    codes = Counter(answer.code if isinstance(answer, Refused) else "OK" for answer in answers)
    assert codes == {"OK": 5, "FAILED_PRECONDITION": 7}
    assert orders.books() == {
        "orders": before["orders"] + 5,
        "authorised": before["authorised"] + 5,
        "units": before["units"] - 5,
        "unmatched": 0,
    }
    # Who bought the last ones and asks again must not hear that they are gone.
    sold = [
        (request, answer)
        for request, answer in zip(wanted, answers, strict=True)
        if not isinstance(answer, Refused)
    ]
    for request, answer in sold:
        assert place(client, request) == answer


def test_orders_of_the_same_products_do_not_block_each_other(
    client: Client, orders: Orders, products: dict[str, Product]
) -> None:
    ids = [f"p{number:05}" for number in range(201, 207)]
    total = sum(int(products[one]["price_minor_units"]) for one in ids)
    there, back = [(one, 1) for one in ids], [(one, 1) for one in reversed(ids)]
    wanted = [order_of(*lines, total=total) for lines in [there, back] * 10]
    answers = side_by_side(orders, client.protocol, wanted)
    assert [str(answer) for answer in answers if isinstance(answer, Refused)] == []


def test_order_that_there_is_not(client: Client) -> None:
    nobodys = str(uuid.uuid4())
    assert refused(client, "GetOrder", message("GetOrderRequest", order_id=nobodys)) == (
        "NOT_FOUND", f"there is no order {nobodys}",
    )  # fmt: skip
    assert refused(client, "GetOrder", message("GetOrderRequest", order_id="order-1")) == (
        "INVALID_ARGUMENT", 'order_id "order-1" is not a UUID',
    )  # fmt: skip


# Time


def test_deadline_ends_the_call_and_its_work(client: Client, orders: Orders) -> None:
    before = orders.books()
    with locked(orders.database_url, PAN):
        start = time.monotonic()
        with pytest.raises(Refused) as raised:
            client.call("PlaceOrder", pan(), seconds=0.6)
        assert raised.value.code == "DEADLINE_EXCEEDED"
        assert 0.5 < time.monotonic() - start < 3
        # What nobody waits for any more holds no connection and no lock.
        assert wait_until(lambda: stuck(orders.database_url) == 0, 3)
    assert orders.books() == before


def test_more_work_than_connections_is_refused_in_time(client: Client, orders: Orders) -> None:
    wanted = [pan() for _ in range(POOL)]
    with ThreadPoolExecutor(1) as pool:
        with locked(orders.database_url, PAN):
            placing = pool.submit(side_by_side, orders, client.protocol, wanted)
            assert wait_until(lambda: stuck(orders.database_url) == POOL, 5)
            start = time.monotonic()
            said = refused(client, "ListCategories")
            assert said == ("RESOURCE_EXHAUSTED", "all connections to the database are in use")
            assert 1.5 < time.monotonic() - start < 4
        placed = placing.result()
    assert [str(answer) for answer in placed if isinstance(answer, Refused)] == []
    assert len(client.call("ListCategories").categories) == 8
