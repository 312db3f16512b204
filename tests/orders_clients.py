"""Clients of orders, by gRPC and by REST/JSON: the same messages, answers and errors of both."""

import functools
import itertools
import os
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

# Or what gRPC does in children that are about to become services ends some of them before they do
# (grpc/grpc#43055).
os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")

import grpc
import requests
from google.protobuf.json_format import MessageToDict, Parse
from google.protobuf.message import Message
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from hopwatch_stack.paths import SAMPLE_STACK

PATIENCE_SECONDS = 15.0  # more than orders gives any call

METHODS = {
    "ListProducts": "Catalog",
    "Recommend": "Catalog",
    "ListCategories": "Catalog",
    "GetStock": "Stock",
    "PlaceOrder": "Orders",
    "GetOrder": "Orders",
}
ROUTES = {
    "ListProducts": "/v1/products",
    "Recommend": "/v1/recommendations",
    "ListCategories": "/v1/categories",
    "GetStock": "/v1/stock",
    "PlaceOrder": "/v1/orders",
    "GetOrder": "/v1/orders/{id}",
}
HTTP_STATUS = {
    "INVALID_ARGUMENT": 400,
    "NOT_FOUND": 404,
    "ALREADY_EXISTS": 409,
    "FAILED_PRECONDITION": 422,
    "RESOURCE_EXHAUSTED": 429,
    "INTERNAL": 500,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
# Calls that find a server leaving go to the next one, as in every client of the shop. The C core of
# gRPC, which serves Python, cancels those that it did not take (grpc/grpc#41785).
RETRYING = """{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 5,
    "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"]}}]}"""


class Refused(Exception):  # noqa: N818
    """A call that was answered by a status other than OK."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


@functools.cache
def contract() -> tuple[Any, Any]:
    """The contract's messages and gRPC stubs, made from the .proto file."""
    folder = str(SAMPLE_STACK / "proto" / "hopwatch" / "shop" / "v1")
    sys.path.insert(0, folder)
    try:
        return grpc.protos_and_services("shop.proto")
    finally:
        sys.path.remove(folder)


def message(name: str, **fields: Any) -> Any:
    """A message of the contract, such as `message("Money", currency="EUR", minor_units=5)`."""
    return getattr(contract()[0], name)(**fields)


class Client(Protocol):
    """`call` raises Refused. `headers` are metadata where the protocol calls them so."""

    protocol: str

    def call(
        self,
        method: str,
        request: Any = None,
        *,
        seconds: float = PATIENCE_SECONDS,
        headers: Mapping[str, str] | None = None,
    ) -> Any: ...

    def close(self) -> None: ...


class GrpcClient:
    protocol = "grpc"

    def __init__(self, port: int, retrying: bool = False) -> None:
        options = [("grpc.enable_retries", int(retrying)), ("grpc.use_local_subchannel_pool", 1)]
        if retrying:
            options.append(("grpc.service_config", RETRYING))
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}", options)
        stubs = contract()[1]
        self._stubs = {
            service: getattr(stubs, f"{service}Stub")(self.channel)
            for service in set(METHODS.values())
        }

    def call(
        self,
        method: str,
        request: Any = None,
        *,
        seconds: float = PATIENCE_SECONDS,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        asked = message(f"{method}Request") if request is None else request
        stub = self._stubs[METHODS[method]]
        try:
            return getattr(stub, method)(
                asked, timeout=seconds, metadata=list((headers or {}).items())
            )
        except grpc.RpcError as error:
            raise Refused(error.code().name, error.details()) from error

    def health(self, service: str = "", headers: Mapping[str, str] | None = None) -> str:
        """By grpc.health.v1, written by hand: its two messages have a field each."""
        ask = self.channel.unary_unary("/grpc.health.v1.Health/Check")
        asked = b"\n" + bytes([len(service)]) + service.encode()
        metadata = list((headers or {}).items())
        told = ask(asked, timeout=PATIENCE_SECONDS, metadata=metadata)
        return {b"\x08\x01": "SERVING", b"\x08\x02": "NOT_SERVING"}[told]

    def close(self) -> None:
        self.channel.close()


@dataclass
class RestClient:
    """Its session belongs to one thread: each thread has a client of its own."""

    port: int
    retrying: bool = False
    protocol = "rest"

    def __post_init__(self) -> None:
        self.session = requests.Session()
        if self.retrying:
            again = Retry(4, status_forcelist=[503], allowed_methods=None, backoff_factor=0.1)
            self.session.mount("http://", HTTPAdapter(max_retries=again))

    def call(
        self,
        method: str,
        request: Any = None,
        *,
        seconds: float = PATIENCE_SECONDS,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        fields = {} if request is None else MessageToDict(request)
        told = {"X-Request-Timeout-Ms": str(int(seconds * 1000)), **(headers or {})}
        path = ROUTES[method].format(id=quote(fields.pop("orderId", ""), safe=""))
        body = {"json": fields} if method == "PlaceOrder" else {"params": fields}
        answer = self.session.request(
            "POST" if method == "PlaceOrder" else "GET",
            f"http://127.0.0.1:{self.port}{path}",
            headers=told,
            timeout=seconds + PATIENCE_SECONDS,
            **body,  # type: ignore[arg-type]
        )
        if answer.status_code != 200:
            raise refusal(answer)
        kind = {"PlaceOrder": "Order", "GetOrder": "Order"}.get(method, f"{method}Response")
        parsed: Message = Parse(answer.text, message(kind))
        return parsed

    def close(self) -> None:
        self.session.close()


def someone() -> str:
    """A customer of whom nothing is known."""
    return f"customer.{next(_numbers)}@example.com"


_numbers = itertools.count()


def order_of(*lines: tuple[str, int], total: int, **fields: Any) -> Any:
    """A PlaceOrderRequest for lines of product and quantity, with a key and customer of its own."""
    known = {
        "idempotency_key": str(uuid.uuid4()),
        "customer_email": someone(),
        "lines": [message("OrderLine", product_id=one, quantity=count) for one, count in lines],
        "expected_total": message("Money", currency="EUR", minor_units=total),
    }
    return message("PlaceOrderRequest", **{**known, **fields})


PAN, PAN_PRICE = "p00001", 5790


def pan(**fields: Any) -> Any:
    """An order of one frying pan, of which there are plenty."""
    return order_of((PAN, 1), total=PAN_PRICE, **fields)


def refused(client: Client, method: str, request: Message | None = None) -> tuple[str, str]:
    """Code and message of a call that must be refused."""
    try:
        client.call(method, request)
    except Refused as error:
        return error.code, error.message
    raise AssertionError(f"{method} was answered")


def refusal(answer: requests.Response) -> Refused:
    """What a problem document (RFC 9457) says, once it has been found to be a sound one."""
    assert answer.headers["Content-Type"].partition(";")[0] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code == HTTP_STATUS[problem["code"]]
    assert problem["title"]
    return Refused(problem["code"], problem["detail"])
