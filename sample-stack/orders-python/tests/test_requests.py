"""What requests may hold, and how that is refused."""

import uuid

import pytest

from shop_orders import product_ids
from shop_orders.catalog.servicer import CatalogServicer, _decode_page_token, _encode_page_token
from shop_orders.gen.hopwatch.shop.v1 import shop_pb2
from shop_orders.orders.order import Request, parse_uuid
from shop_orders.refusals import RefusalError, quoted

KEY = "0b9f4f5e-6f55-4a52-9f0e-1c0f6a3d7e11"


def order(**changes: object) -> shop_pb2.PlaceOrderRequest:
    fields: dict[str, object] = {
        "idempotency_key": KEY,
        "customer_email": "ann@example.com",
        "lines": [shop_pb2.OrderLine(product_id="p00001", quantity=2)],
        "expected_total": shop_pb2.Money(currency="EUR", minor_units=100),
    }
    return shop_pb2.PlaceOrderRequest(**{**fields, **changes})  # type: ignore[arg-type]


def line(product_id: str, quantity: int = 1) -> shop_pb2.OrderLine:
    return shop_pb2.OrderLine(product_id=product_id, quantity=quantity)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é", '"plain é"'),
        ('a"b\\c', '"a\\"b\\\\c"'),
        ("\x1b[31m\n\x00\a", '"\\x1b[31m\\n\\x00\\a"'),
        ("\u200b\U000e0001", '"\\u200b\\U000e0001"'),
        ("x" * 100, '"' + "x" * 60 + '"'),
    ],
)
def test_text_from_outside_is_shown_and_not_obeyed(text: str, shown: str) -> None:
    assert quoted(text) == shown


@pytest.mark.parametrize("text", ["", "P1", "a_b", "a" * 41, "p1\n", "p\u0661"])
def test_what_cannot_be_a_product_is_refused(text: str) -> None:
    with pytest.raises(RefusalError, match="lower-case letters"):
        product_ids.check(text)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"idempotency_key": KEY.replace("-", "")}, "is not a UUID"),
        ({"idempotency_key": ""}, 'idempotency_key "" is not a UUID'),
        ({"lines": []}, "0 lines given; an order has 1 to 50"),
        ({"lines": [line(f"p{n}") for n in range(51)]}, "51 lines given"),
        ({"lines": [line("p1"), line("p1")]}, "line 2: product p1 is there already"),
        ({"lines": [line("p1", 0)]}, "line 1: quantity is 0; it must be 1 to 99"),
        ({"lines": [line("p1", 100)]}, "quantity is 100"),
        ({"expected_total": shop_pb2.Money(currency="EUR")}, "must be a positive amount"),
        ({"expected_total": shop_pb2.Money(currency="EU", minor_units=1)}, "positive amount"),
    ],
)
def test_orders_that_break_a_rule_are_refused(changes: dict[str, object], message: str) -> None:
    with pytest.raises(RefusalError, match=message):
        Request.from_proto(order(**changes))


@pytest.mark.parametrize(
    "email",
    [
        *("", "ann", "ann@", "@example.com", "a@b@c", "a..b@example.com", ".a@b", "a b@c"),
        *('"a b"@example.com', "Ann <a@b>", "<a@b>", "a@b\n", "x" * 250 + "@b.de"),
        *("a@[nowhere]", "a@[127.0.0.1", "a@[fe80::1%lo]"),
    ],
)
def test_what_is_no_address_is_refused_and_not_repeated(email: str) -> None:
    with pytest.raises(RefusalError) as refusal:
        Request.from_proto(order(customer_email=email))
    assert refusal.value.message == "customer_email is not an e-mail address"


def test_address_is_one_however_it_is_spelt() -> None:
    assert Request.from_proto(order(customer_email="Zoë.B+x@Example.COM")).customer_email == (
        "zoë.b+x@example.com"
    )


@pytest.mark.parametrize("text", [KEY, KEY.upper()])
def test_uuid_is_read(text: str) -> None:
    assert parse_uuid("order_id", text) == uuid.UUID(KEY)


@pytest.mark.parametrize(
    "text",
    ["", KEY + "0", KEY[:-1] + "g", KEY.replace("-", ""), f"{{{KEY}}}", f"urn:uuid:{KEY}"],
)
def test_uuid_has_one_spelling(text: str) -> None:
    with pytest.raises(RefusalError, match=r"^order_id .* is not a UUID$"):
        parse_uuid("order_id", text)


def test_page_token_leads_back_to_its_product() -> None:
    assert _decode_page_token(_encode_page_token("p00001")) == "p00001"


@pytest.mark.parametrize("token", ["!", "cDAwMDAx=", "UDE", "é", "a", "cDAwMD Ax"])
def test_token_that_nobody_gave_is_refused(token: str) -> None:
    with pytest.raises(RefusalError, match="page_token is not one"):
        _decode_page_token(token)


@pytest.mark.parametrize("size", [-1, 101])
async def test_size_of_a_page_has_limits(size: int) -> None:
    catalog = CatalogServicer(None)  # type: ignore[arg-type]
    with pytest.raises(
        RefusalError, match=f"page_size is {size}; it must be 1 to 100, or 0 for 24"
    ):
        await catalog.ListProducts(shop_pb2.ListProductsRequest(page_size=size), None)
