"""What clients see of orders is the same in every language and by every protocol: the rules of
shop.proto, and what goes without saying there."""

import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from hopwatch_stack.waiting import wait_until
from tests.orders_clients import (
    PAN,
    PAN_PRICE,
    Client,
    Refused,
    message,
    order_of,
    pan,
    refused,
    someone,
)
from tests.orders_service import Orders, locked, stuck

SOLD_OUT = "p00008"
# The products of which there are five, one for each protocol: the database is the same.
SCARCE = {"grpc": "p00021", "rest": "p00121"}
UNKNOWN = "p99999"
POOL = 8
KEY = "2b1d7a40-8c64-4f8e-9d53-0a1b2c3d4e5f"
# What some libraries take for a UUID, too.
OTHER_SPELLINGS = [
    KEY.replace("-", ""), f"{{{KEY}}}", f"x{KEY}x", f"urn:uuid:{KEY}", f"URN:UUID:{KEY}", f" {KEY}",
]  # fmt: skip

Product = dict[str, str]


def place(client: Client, request: Any) -> Any:
    return client.call("PlaceOrder", request)


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
        *(
            ({"idempotency_key": one}, f'idempotency_key "{one}" is not a UUID')
            for one in OTHER_SPELLINGS
        ),
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
        "ann@example.com\n", f"{'a' * 250}@example.com", f"{'ä' * 125}@b.de", '"ann"@example.com',
        "ann@[nowhere]", "ann@[127.0.0.1", "ann@[fe80::1%lo]", "ann\0@example.com",
    ],
)  # fmt: skip
def test_address_that_is_none(client: Client, email: str) -> None:
    said = "customer_email is not an e-mail address"
    assert refused(client, "PlaceOrder", pan(customer_email=email)) == ("INVALID_ARGUMENT", said)


@pytest.mark.parametrize(
    ("email", "kept"),
    [
        ("Jörg@Bücher.Example", "jörg@bücher.example"),
        ("ΑΛΕΞΗΣ@example.com", "αλεξης@example.com"),
        ("İpek@example.com", "i\u0307pek@example.com"),
        ("Ann@[127.0.0.1]", "ann@[127.0.0.1]"),
        ("ann@[::1]", "ann@[::1]"),
    ],
)
def test_address_is_one_however_it_is_spelt(client: Client, email: str, kept: str) -> None:
    assert place(client, pan(customer_email=email)).customer_email == kept


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
            pan(customer_email=someone().replace("@", "+declined@")),
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
    for _ in range(3):
        # As many at once as there are connections, so that none waits too long for one.
        wanted = [order_of(*lines, total=total) for lines in [there, back] * (POOL // 2)]
        answers = side_by_side(orders, client.protocol, wanted)
        assert [str(answer) for answer in answers if isinstance(answer, Refused)] == []


def test_order_that_there_is_not(client: Client) -> None:
    nobodys = str(uuid.uuid4())
    assert refused(client, "GetOrder", message("GetOrderRequest", order_id=nobodys)) == (
        "NOT_FOUND", f"there is no order {nobodys}",
    )  # fmt: skip
    for none in ["order-1", *OTHER_SPELLINGS]:
        assert refused(client, "GetOrder", message("GetOrderRequest", order_id=none)) == (
            "INVALID_ARGUMENT", f'order_id "{none}" is not a UUID',
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
