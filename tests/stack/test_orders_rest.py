"""What HTTP adds to the contract is the same in every language that serves REST/JSON: the statuses
of its own, how requests are read, how answers are written."""

import json
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from hopwatch_stack import implementations
from hopwatch_stack.waiting import wait_until
from tests.orders_clients import PAN, PAN_PRICE, someone
from tests.orders_service import Bench, Orders, orders_over
from tests.stack.conftest import had

SERVING = [name for name, one in implementations.ORDERS.items() if one.rest]
PROBLEM = "application/problem+json"


@dataclass(frozen=True)
class Rest:
    """One implementation, and a connection to it."""

    orders: Orders
    session: requests.Session

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.orders.service.ports['orders_rest']}"

    def get(self, target: str, **options: Any) -> requests.Response:
        return self.ask("GET", target, **options)

    def ask(self, method: str, target: str, **options: Any) -> requests.Response:
        asked = self.session.prepare_request(requests.Request(method, self.url, **options))
        asked.url = self.url + target  # Which the library would mend.
        return self.session.send(asked, timeout=20)

    def order(self, **changes: Any) -> requests.Response:
        return self.ask("POST", "/v1/orders", json=pan_json(**changes))


@pytest.fixture(scope="module", params=SERVING)
def rest(request: pytest.FixtureRequest, bench: Bench) -> Iterator[Rest]:
    name = had(request.param)
    with orders_over(bench, name, f"rest_{name}") as orders, requests.Session() as session:
        orders.start()
        yield Rest(orders, session)


def pan_json(**changes: Any) -> dict[str, Any]:
    return {
        "idempotencyKey": "5f0c8d52-6c5b-4f7e-8a53-2b0a1d2c3e4f",
        "customerEmail": someone(),
        "lines": [{"productId": PAN, "quantity": 1}],
        "expectedTotal": {"currency": "EUR", "minorUnits": str(PAN_PRICE)},
        **changes,
    }


def problem(answer: requests.Response) -> tuple[int, str, str]:
    """Status, code and message of a problem document, once it has been found to be a sound one."""
    assert answer.headers["Content-Type"] == PROBLEM
    told = answer.json()
    assert set(told) == {"type", "title", "status", "detail", "code"}
    assert (told["type"], told["status"]) == ("about:blank", answer.status_code)
    assert told["title"]
    return answer.status_code, told["code"], told["detail"]


def test_answers_are_canonical_json_without_spaces(rest: Rest) -> None:
    answer = rest.order()
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    told = answer.json()
    assert answer.text == json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    assert told["total"] == {"currency": "EUR", "minorUnits": str(PAN_PRICE)}
    assert told["status"] == "ORDER_STATUS_PLACED"
    assert told["placedAt"].endswith("Z")
    again = rest.get(f"/v1/orders/{told['id']}")
    assert again.json() == told
    # Fields with their default values are left out.
    assert rest.get("/v1/stock?productIds=p00008").text == '{"levels":[{"productId":"p00008"}]}'
    assert rest.get("/v1/products?category=none").text == "{}"


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("/v1/products?page_size=3", 'there is no query parameter "page_size" here'),
        ("/v1/categories?x", 'there is no query parameter "x" here'),
        ("/v1/products?pageSize=", 'query parameter pageSize is ""; it must be a whole number'),
        ("/v1/products?pageSize=1.", 'query parameter pageSize is "1."; it must be a whole number'),
        (
            "/v1/products?pageSize=2147483648",
            'query parameter pageSize is "2147483648"; it must be a whole number',
        ),
        ("/v1/products?pageSize=_1", 'query parameter pageSize is "_1"; it must be a whole number'),
        ("/v1/products?pageSize=1&pageSize=1", "query parameter pageSize is given 2 times"),
        ("/v1/products?category=a&category=a", "query parameter category is given 2 times"),
        ("/v1/products?category=a;pageSize=1", "the query is not URL-encoded"),
        ("/v1/products?category=%ff", "query parameter category is not UTF-8"),
        ("/v1/products?pageSize=-1", "page_size is -1; it must be 1 to 100, or 0 for 24"),
        ("/v1/orders/1?x=1", "there are no query parameters here"),
        ("/v1/orders/%22%0a", 'order_id "\\"\\n" is not a UUID'),
    ],
)  # fmt: skip
def test_query_that_cannot_be_read(rest: Rest, target: str, said: str) -> None:
    assert problem(rest.get(target)) == (400, "INVALID_ARGUMENT", said)


def test_lists_are_repeated_parameters(rest: Rest) -> None:
    levels = rest.get("/v1/stock?productIds=p00002&productIds=p00001&productIds=p00002").json()
    assert [level["productId"] for level in levels["levels"]] == ["p00002", "p00001", "p00002"]
    assert len(rest.get("/v1/products?pageSize=%2B3&category=Bath").json()["products"]) == 3


@pytest.mark.parametrize("seconds", ["0", "-1", "1.5", "1e3", "soon", "4294967296"])
def test_time_that_is_none(rest: Rest, seconds: str) -> None:
    header = {"X-Request-Timeout-Ms": seconds}
    said = f'X-Request-Timeout-Ms is "{seconds}"; it must be a whole number of milliseconds from 1'
    assert problem(rest.get("/v1/categories", headers=header)) == (400, "INVALID_ARGUMENT", said)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"[]", b"null", b'"a"', b"{}{}", b'{"unknown":1}', b'{"lines":1}',
        b'{"lines":[{"quantity":1.5}]}', b'{"customerEmail":"\xff"}', b'{"idempotencyKey":1}',
        b'{"expectedTotal":{"minorUnits":"x"}}',
        b'{"expectedTotal":{"minorUnits":9223372036854775808}}',
        b'{"customerEmail":"a","customerEmail":"b"}',
    ],
)  # fmt: skip
def test_body_that_cannot_be_read(rest: Rest, body: bytes) -> None:
    header = {"Content-Type": "application/json"}
    status, code, said = problem(rest.ask("POST", "/v1/orders", data=body, headers=header))
    assert (status, code) == (400, "INVALID_ARGUMENT")
    assert said.startswith("the body is not the JSON of a PlaceOrderRequest: ")


def test_body_is_read_as_proto3_has_it(rest: Rest) -> None:
    """Numbers as text or as numbers, names as in JSON or as in the contract."""
    fields = pan_json(expectedTotal={"currency": "EUR", "minor_units": PAN_PRICE})
    fields["lines"] = [{"product_id": PAN, "quantity": "1"}]
    header = {"Content-Type": "application/json; charset=utf-8"}
    fields["idempotencyKey"] = fields["idempotencyKey"].replace("5f0c", "5f0d")
    answer = rest.ask("POST", "/v1/orders", data=json.dumps(fields), headers=header)
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded"])
def test_body_that_is_not_json(rest: Rest, kind: str | None) -> None:
    header = {"Content-Type": kind} if kind else {}
    answer = rest.ask("POST", "/v1/orders", data=json.dumps(pan_json()).encode(), headers=header)
    said = "the Content-Type must be application/json"
    assert problem(answer) == (415, "INVALID_ARGUMENT", said)


def test_body_that_is_too_large(rest: Rest) -> None:
    answer = rest.order(customerEmail="a" * (300 << 10))
    said = "the body is larger than 262144 bytes"
    assert problem(answer) == (413, "RESOURCE_EXHAUSTED", said)
    assert rest.get("/v1/categories").status_code == 200


@pytest.mark.parametrize(
    ("method", "target", "status", "allowed"),
    [
        ("GET", "/", 404, None),
        ("GET", "/v1", 404, None),
        ("GET", "/v1/products/", 404, None),
        ("GET", "/v1/orders/", 404, None),
        ("POST", "/v1/products", 405, {"GET", "HEAD"}),
        ("DELETE", "/v1/orders", 405, {"POST"}),
        ("GET", "/v1/orders", 405, {"POST"}),
        ("OPTIONS", "/v1/stock", 405, {"GET", "HEAD"}),
    ],
)
def test_what_is_not_there(
    rest: Rest, method: str, target: str, status: int, allowed: set[str] | None
) -> None:
    answer = rest.ask(method, target)
    said = f"there is no {method} {target} here"
    assert problem(answer) == (status, "UNIMPLEMENTED", said)
    assert set(answer.headers.get("Allow", "").split(", ")) == (allowed or {""})


def test_head_has_no_body(rest: Rest) -> None:
    answer = rest.ask("HEAD", "/v1/categories")
    assert (answer.status_code, answer.content) == (200, b"")
    assert rest.get("/v1/categories").json()["categories"]


def test_clients_are_sent_away_while_it_drains(rest: Rest) -> None:
    ready = rest.get("/readyz")
    assert (ready.status_code, ready.text) == (200, '{"status":"SERVING"}')
    assert "Connection" not in ready.headers
    [instance] = rest.orders.instances
    instance.stop()
    assert wait_until(lambda: rest.get("/readyz").status_code == 503, 0.9, every=0.02)
    ready, called = rest.get("/readyz"), rest.get("/v1/categories")
    assert ready.text == '{"status":"NOT_SERVING"}'
    assert called.status_code == 200
    assert {answer.headers["Connection"] for answer in (ready, called)} == {"close"}
    end = rest.orders.ended(instance)
    assert end is not None
    assert end.ok, end.how
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", rest.orders.service.ports["orders_rest"]))
    rest.orders.start()
