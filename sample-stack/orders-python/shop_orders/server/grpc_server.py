"""The gRPC server: traces and measures every call, and stops in order."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import grpc
import grpc.aio
from grpc import StatusCode
from grpc_health.v1 import health_pb2, health_pb2_grpc
from opentelemetry import context as otel_context
from opentelemetry import metrics, propagate, trace
from opentelemetry.trace import Span, SpanKind

from .. import calls
from ..config import Address
from ..gen.hopwatch.shop.v1 import shop_pb2, shop_pb2_grpc
from .health import SERVING, HealthServicer
from .services import Services

# The largest request of the contract is far below it.
MAX_REQUEST_BYTES = 256 << 10
# Calls that still run get this long to end.
STOP_SECONDS = 10.0

_OPTIONS = (
    # The next instance listens beside this one while this one drains.
    ("grpc.so_reuseport", 1),
    ("grpc.max_receive_message_length", MAX_REQUEST_BYTES),
    ("grpc.keepalive_time_ms", 60_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
    ("grpc.keepalive_permit_without_calls", 1),
)

_HEALTH = f"/{health_pb2.DESCRIPTOR.services_by_name['Health'].full_name}/"

# The buckets that the semantic conventions advise, in seconds.
_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)

# Whose fault these are: the server's. The others' spans have no error.
_SERVER_ERRORS = {
    StatusCode.UNKNOWN,
    StatusCode.DEADLINE_EXCEEDED,
    StatusCode.UNIMPLEMENTED,
    StatusCode.INTERNAL,
    StatusCode.UNAVAILABLE,
    StatusCode.DATA_LOSS,
}


class GrpcServer:
    """The services of the contract, and the health service."""

    def __init__(self, services: Services, obey_labs: bool) -> None:
        self.health = HealthServicer()
        self._server = grpc.aio.server(interceptors=[CallInterceptor(obey_labs)], options=_OPTIONS)
        shop_pb2_grpc.add_CatalogServicer_to_server(services.catalog, self._server)
        shop_pb2_grpc.add_StockServicer_to_server(services.stock, self._server)
        shop_pb2_grpc.add_OrdersServicer_to_server(services.orders, self._server)
        health_pb2_grpc.add_HealthServicer_to_server(self.health, self._server)

    async def start(self, address: Address) -> int:
        """Listen; returns the port. Raises RuntimeError where that is impossible."""
        port = self._server.add_insecure_port(str(address))
        await self._server.start()
        for service in shop_pb2.DESCRIPTOR.services_by_name.values():
            await self.health.set(service.full_name, SERVING)
        return port

    async def stop(self) -> None:
        """Refuse new calls, and return when those that run have ended or were cut off."""
        self.health.end_watches()
        await self._server.stop(STOP_SECONDS)


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Answers a call (see calls.py) within a SERVER span, and measures it.

    The instrumentation package for gRPC speaks conventions of before: another span name, other
    attributes, and no metric.
    """

    def __init__(self, obey_labs: bool) -> None:
        self._obey_labs = obey_labs
        self._tracer = trace.get_tracer(__name__)
        self._duration = metrics.get_meter(__name__).create_histogram(
            "rpc.server.call.duration",
            unit="s",
            description="Measures the duration of an incoming Remote Procedure Call (RPC).",
            explicit_bucket_boundaries_advisory=_BUCKETS,
        )

    async def intercept_service(
        self,
        continuation: Callable[[Any], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """Wrap the handler of a call, unless it asks for the health."""
        handler = await continuation(handler_call_details)
        method: str = handler_call_details.method
        if handler is None or method.startswith(_HEALTH):
            return handler

        async def answered(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
            with self._traced(method, dict(context.invocation_metadata() or ())) as ended:
                outcome = await calls.answer(
                    method,
                    lambda: handler.unary_unary(request, context),
                    seconds=context.time_remaining(),
                    obey_labs=self._obey_labs,
                )
                ended(outcome.code, outcome.message)
            if outcome.abandoned:
                raise asyncio.CancelledError
            if outcome.response is None:
                await context.abort(outcome.code, outcome.message)
            return outcome.response

        return grpc.unary_unary_rpc_method_handler(
            answered,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    @contextmanager
    def _traced(
        self, method: str, metadata: Mapping[str, str | bytes]
    ) -> Iterator[Callable[[StatusCode, str], None]]:
        """A span around a call; what it gives is to be told how the call ended."""
        attributes = {"rpc.system.name": "grpc", "rpc.method": method.removeprefix("/")}
        code, message = StatusCode.UNKNOWN, ""

        def ended(with_code: StatusCode, with_message: str) -> None:
            nonlocal code, message
            code, message = with_code, with_message

        start = time.perf_counter()
        token = otel_context.attach(propagate.extract(metadata))
        try:
            with self._tracer.start_as_current_span(
                attributes["rpc.method"],
                kind=SpanKind.SERVER,
                attributes=attributes,
                record_exception=False,
                set_status_on_exception=False,
            ) as span:
                try:
                    yield ended
                finally:
                    _record(span, code, message)
                    self._duration.record(time.perf_counter() - start, _measured(attributes, code))
        finally:
            otel_context.detach(token)


def _record(span: Span, code: StatusCode, message: str) -> None:
    span.set_attribute("rpc.response.status_code", code.name)
    if code in _SERVER_ERRORS:
        span.set_attribute("error.type", code.name)
        span.set_status(trace.StatusCode.ERROR, message)


def _measured(attributes: Mapping[str, str], code: StatusCode) -> dict[str, str]:
    errors = {"error.type": code.name} if code in _SERVER_ERRORS else {}
    return {**attributes, "rpc.response.status_code": code.name, **errors}
