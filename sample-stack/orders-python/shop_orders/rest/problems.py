"""Answers in JSON: messages of the contract, and RFC 9457's problems with the name of the gRPC
code, by which clients can go on as with gRPC."""

import json
from http import HTTPStatus

import flask
from google.protobuf import json_format
from google.protobuf.message import Message
from grpc import StatusCode

from ..refusals import RefusalError

# What gRPC's codes are in HTTP.
HTTP_STATUS = {
    StatusCode.INVALID_ARGUMENT: 400,
    StatusCode.NOT_FOUND: 404,
    StatusCode.ALREADY_EXISTS: 409,
    StatusCode.FAILED_PRECONDITION: 422,
    StatusCode.RESOURCE_EXHAUSTED: 429,
    StatusCode.INTERNAL: 500,
    StatusCode.UNIMPLEMENTED: 501,
    StatusCode.UNAVAILABLE: 503,
    StatusCode.DEADLINE_EXCEEDED: 504,
}


class HttpRefusalError(RefusalError):
    """A refusal that HTTP has a status of its own for."""

    def __init__(self, http_status: int, code: StatusCode, message: str) -> None:
        super().__init__(code, message)
        self.http_status = http_status


def problem(http_status: int, code: StatusCode, message: str) -> flask.Response:
    """Say what is wrong."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(http_status).phrase,
        "status": http_status,
        "detail": message,
        "code": code.name,
    }
    return _response(http_status, "application/problem+json", body)


def message_response(http_status: int, message: Message) -> flask.Response:
    """Answer with a message, as the canonical JSON of proto3."""
    return _response(http_status, "application/json", json_format.MessageToDict(message))


def _response(http_status: int, content_type: str, body: dict[str, object]) -> flask.Response:
    # No spaces: what is on the wire is the same for all implementations.
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return flask.Response(text.encode(), http_status, content_type=content_type)
