"""OTLP/HTTP responses, in the encoding that the request had.

https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
"""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from flask import Response
from google.protobuf import json_format
from google.protobuf.message import Message
from google.rpc import code_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from hopwatch.formats import Rejections
from hopwatch.receiver.bodies import Content
from hopwatch.signals import LOGS, METRICS, SPANS, Signal

RETRY_AFTER_S: Final = 1

_CODES: Final = {
    HTTPStatus.BAD_REQUEST: code_pb2.INVALID_ARGUMENT,
    HTTPStatus.NOT_FOUND: code_pb2.UNIMPLEMENTED,
    HTTPStatus.METHOD_NOT_ALLOWED: code_pb2.UNIMPLEMENTED,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: code_pb2.RESOURCE_EXHAUSTED,
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: code_pb2.INVALID_ARGUMENT,
    HTTPStatus.INTERNAL_SERVER_ERROR: code_pb2.INTERNAL,
    HTTPStatus.SERVICE_UNAVAILABLE: code_pb2.UNAVAILABLE,
}


_RESPONSES: Final[dict[Signal, tuple[type[Any], str]]] = {
    SPANS: (ExportTraceServiceResponse, "rejected_spans"),
    LOGS: (ExportLogsServiceResponse, "rejected_log_records"),
    METRICS: (ExportMetricsServiceResponse, "rejected_data_points"),
}


def accepted(signal: Signal, content: Content, rejections: Rejections) -> Response:
    """The answer to an export whose acceptable rows are stored."""
    message_type, rejected = _RESPONSES[signal]
    message = message_type()
    if rejections.total:
        setattr(message.partial_success, rejected, rejections.total)
        message.partial_success.error_message = rejections.summary()
    return Response(encode(message, content), mimetype=content.value)


def refused(content: Content, status: int, detail: str) -> Response:
    """An error answer. 503, and nothing else here, tells the client to send again."""
    response = Response(
        encode_status(content, status, detail), status=status, mimetype=content.value
    )
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = str(RETRY_AFTER_S)
    return response


def encode_status(content: Content, status: int, detail: str) -> bytes:
    """The google.rpc.Status that every error answer has as its body."""
    code = _CODES.get(HTTPStatus(status), code_pb2.UNKNOWN)
    return encode(status_pb2.Status(code=code, message=detail), content)


def encode(message: Message, content: Content) -> bytes:
    """A response message as protobuf or JSON."""
    if content is Content.PROTOBUF:
        return message.SerializeToString()
    return json_format.MessageToJson(message, indent=None).encode()
