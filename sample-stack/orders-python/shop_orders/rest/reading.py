"""Reads messages of the contract from requests of HTTP."""

import re
from collections import defaultdict
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import flask
from google.protobuf import json_format
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message
from grpc import StatusCode
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge

from ..refusals import RefusalError, invalid, quoted
from .problems import HttpRefusalError

# The largest request of the contract is far below it.
MAX_BODY_BYTES = 256 << 10

# What the deadline is in gRPC: how many milliseconds the client will wait.
TIMEOUT_HEADER = "X-Request-Timeout-Ms"

M = TypeVar("M", bound=Message)
Reader = Callable[[flask.Request, Message], None]

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]{1,10}")
# Half an escape, or what separated parameters once.
_NOT_ENCODED = re.compile(rb"%(?![0-9a-fA-F]{2})|;")


def seconds_allowed(request: flask.Request) -> float | None:
    """How long the client waits, if it says so."""
    asked = request.headers.get(TIMEOUT_HEADER)
    if not asked:
        return None
    milliseconds = int(asked) if asked.isascii() and asked.isdecimal() else 0
    if not 1 <= milliseconds < 2**32:
        raise invalid(
            f"{TIMEOUT_HEADER} is {quoted(asked)}; it must be a whole number of milliseconds from 1"
        )
    return milliseconds / 1000


def from_body(request: flask.Request, message: Message) -> None:
    """Fill the message from the JSON of the body."""
    if request.mimetype != "application/json":
        raise HttpRefusalError(
            415, StatusCode.INVALID_ARGUMENT, "the Content-Type must be application/json"
        )
    try:
        body = request.get_data(cache=False)
    except RequestEntityTooLarge:
        raise HttpRefusalError(
            413,
            StatusCode.RESOURCE_EXHAUSTED,
            f"the body is larger than {MAX_BODY_BYTES} bytes",
        ) from None
    except (ClientDisconnected, OSError):
        raise invalid("the body ended too early") from None
    try:
        text = body.decode()
        if not text.lstrip(" \t\r\n").startswith("{"):
            # The library takes an empty list for an empty message.
            raise ValueError("it is no object")
        json_format.Parse(text, message)
    except (json_format.ParseError, ValueError) as error:
        # The client is told what is wrong in its own words, which a log must not hold: they may be
        # personal data.
        unreadable = f"the body is not the JSON of a {message.DESCRIPTOR.name}"
        cause = (
            "it is not UTF-8" if isinstance(error, UnicodeError) else " ".join(str(error).split())
        )
        raise RefusalError(
            StatusCode.INVALID_ARGUMENT, f"{unreadable}: {cause}", logged=unreadable
        ) from None


def from_query(request: flask.Request, message: Message) -> None:
    """Fill the message from the query parameters, which are named as the fields are in JSON."""
    fields = {field.json_name: field for field in message.DESCRIPTOR.fields}
    for name, texts in _parameters(request.query_string).items():
        field = fields.get(name)
        if field is None:
            raise invalid(f"there is no query parameter {quoted(name)} here")
        values = [_parse(field, text) for text in texts]
        if field.is_repeated:
            getattr(message, field.name).extend(values)
        elif len(values) > 1:
            raise invalid(f"query parameter {name} is given {len(values)} times")
        else:
            setattr(message, field.name, values[0])


def from_path(request: flask.Request, message: Message) -> None:
    """Fill the message from the parts of the path that the route names as its fields."""
    if request.query_string:
        raise invalid("there are no query parameters here")
    for name, text in (request.view_args or {}).items():
        setattr(message, name, text)


def _parameters(query: bytes) -> dict[str, list[str]]:
    if _NOT_ENCODED.search(query):
        raise invalid("the query is not URL-encoded")
    parameters: defaultdict[str, list[str]] = defaultdict(list)
    # What is not UTF-8 shows where it is used.
    keep = "surrogateescape"
    for name, text in parse_qsl(query.decode(errors=keep), keep_blank_values=True, errors=keep):
        parameters[name].append(text)
    return parameters


def _parse(field: Any, text: str) -> Any:
    if field.type == FieldDescriptor.TYPE_STRING:
        if any("\udc80" <= character <= "\udcff" for character in text):
            raise invalid(f"query parameter {field.json_name} is not UTF-8")
        return text
    number = int(text) if _WHOLE_NUMBER.fullmatch(text) else 2**31
    if not -(2**31) <= number < 2**31:
        raise invalid(
            f"query parameter {field.json_name} is {quoted(text)}; it must be a whole number"
        )
    return number
