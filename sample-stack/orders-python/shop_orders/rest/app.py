"""The routes: each is a method of the contract.

Views run in the threads of the WSGI server; the call itself runs in the event loop, where those by
gRPC do, with the same pool and budgets.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import flask
from google.protobuf.message import Message
from grpc import StatusCode
from grpc_health.v1 import health_pb2
from opentelemetry.instrumentation.flask import FlaskInstrumentor
from werkzeug.exceptions import HTTPException

from .. import calls
from ..gen.hopwatch.shop.v1 import shop_pb2
from ..refusals import RefusalError
from ..server.health import HealthServicer
from ..server.services import Services
from .problems import HTTP_STATUS, HttpRefusalError, message_response, problem
from .reading import MAX_BODY_BYTES, Reader, from_body, from_path, from_query, seconds_allowed


@dataclass(frozen=True)
class Route:
    """A method of the contract as HTTP has it."""

    http_method: str
    path: str
    # The gRPC method; logs and labs name the call by it.
    method: str
    request: type[Message]
    read: Reader
    handle: calls.Handler[Message]


def create_app(
    services: Services, health: HealthServicer, loop: asyncio.AbstractEventLoop, obey_labs: bool
) -> flask.Flask:
    """The WSGI application; calls run in the loop."""
    app = flask.Flask(__name__, static_folder=None)
    app.config["MAX_CONTENT_LENGTH"] = MAX_BODY_BYTES
    for route in _routes(services):
        app.add_url_rule(
            route.path,
            endpoint=route.method,
            view_func=_view(route, loop, obey_labs),
            methods=[route.http_method],
            provide_automatic_options=False,
        )

    @app.get("/readyz", provide_automatic_options=False)
    def readyz() -> flask.Response:
        status = asyncio.run_coroutine_threadsafe(health.status(), loop).result()
        code = 200 if status == health_pb2.HealthCheckResponse.SERVING else 503
        return message_response(code, health_pb2.HealthCheckResponse(status=status))

    @app.errorhandler(HTTPException)
    def refuse(error: HTTPException) -> flask.Response:
        status = error.code or 500
        if status >= 500:
            return problem(status, StatusCode.INTERNAL, "internal error")
        asked = f"{flask.request.method[:10]} {flask.request.path[:60]}"
        answer = problem(status, StatusCode.UNIMPLEMENTED, f"there is no {asked} here")
        answer.headers.extend(
            (name, value) for name, value in error.get_headers() if name == "Allow"
        )
        return answer

    for rule in app.url_map.iter_rules():
        # Telemetry is to call routes the same in all languages; matching has been compiled before.
        rule.rule = rule.rule.replace("<", "{").replace(">", "}")
    FlaskInstrumentor().instrument_app(  # type: ignore[no-untyped-call]
        app, excluded_urls="/readyz$", enable_commenter=False
    )
    return app


def _routes(services: Services) -> list[Route]:
    catalog, stock, orders = services.catalog, services.stock, services.orders
    package = f"/{shop_pb2.DESCRIPTOR.package}"
    return [
        Route(
            "GET", "/v1/products", f"{package}.Catalog/ListProducts",
            shop_pb2.ListProductsRequest, from_query, catalog.ListProducts,
        ),
        Route(
            "GET", "/v1/categories", f"{package}.Catalog/ListCategories",
            shop_pb2.ListCategoriesRequest, from_query, catalog.ListCategories,
        ),
        Route(
            "GET", "/v1/recommendations", f"{package}.Catalog/Recommend",
            shop_pb2.RecommendRequest, from_query, catalog.Recommend,
        ),
        Route(
            "GET", "/v1/stock", f"{package}.Stock/GetStock",
            shop_pb2.GetStockRequest, from_query, stock.GetStock,
        ),
        Route(
            "POST", "/v1/orders", f"{package}.Orders/PlaceOrder",
            shop_pb2.PlaceOrderRequest, from_body, orders.PlaceOrder,
        ),
        Route(
            "GET", "/v1/orders/<order_id>", f"{package}.Orders/GetOrder",
            shop_pb2.GetOrderRequest, from_path, orders.GetOrder,
        ),
    ]  # fmt: skip


def _view(
    route: Route, loop: asyncio.AbstractEventLoop, obey_labs: bool
) -> Callable[..., flask.Response]:
    def view(**_: str) -> flask.Response:
        request, seconds, refusal = route.request(), None, None
        try:
            seconds = seconds_allowed(flask.request)
            route.read(flask.request, request)
        except RefusalError as error:
            refusal = error

        def handle() -> Awaitable[Message]:
            if refusal is not None:
                raise refusal
            return route.handle(request, None)

        # The task takes this thread's context along: the span of the request, and its baggage.
        call = calls.answer(route.method, handle, seconds=seconds, obey_labs=obey_labs)
        outcome = asyncio.run_coroutine_threadsafe(call, loop).result()
        if outcome.response is not None:
            return message_response(200, outcome.response)
        if isinstance(refusal, HttpRefusalError):
            return problem(refusal.http_status, outcome.code, outcome.message)
        return problem(HTTP_STATUS.get(outcome.code, 500), outcome.code, outcome.message)

    return view
