"""Clients of orders, by gRPC and by REST/JSON: the same messages, answers and errors of both."""

import functools
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import quote

import grpc
import requests
from google.protobuf.json_format import MessageToDict, Parse
from google.protobuf.message import Message

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
# Calls that find a server leaving go to the next one, as in every client of the shop.
RETRYING = """{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 5,
    "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"]}}]}"""


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

    def close(self) -> None:
        self.channel.close()


@dataclass
class RestClient:
    """Its session belongs to one thread: each thread has a client of its own."""

    port: int
    protocol = "rest"

    def __post_init__(self) -> None:
        self.session = requests.Session()

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


def refusal(answer: requests.Response) -> Refused:
    """What a problem document (RFC 9457) says, once it has been found to be a sound one."""
    assert answer.headers["Content-Type"].partition(";")[0] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == answer.status_code == HTTP_STATUS[problem["code"]]
    assert problem["title"]
    return Refused(problem["code"], problem["detail"])
