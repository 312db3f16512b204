"""OTLP/HTTP bodies: what they may be, how they are decoded, how they stand in the log."""

from __future__ import annotations

from enum import Enum
from typing import Final, NamedTuple

import pyarrow as pa

from hopwatch.errors import InputError
from hopwatch.formats import Decoded, otlp_json, otlp_protobuf
from hopwatch.formats.compression import ENCODINGS, decompress
from hopwatch.signals import LOGS, METRICS, SPANS, Signal

MAX_ITEMS: Final = 1 << 18
"""Spans, log records or data points in one request."""


_MAX_LOGGED: Final = 1 << 32


class Content(Enum):
    """The two encodings of OTLP/HTTP, by their media types."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


class UnsupportedBodyError(InputError):
    """A media type or content coding that OTLP/HTTP does not have."""


# Numbers of the log's format: append, never reorder. Of the kind's bits 0 and 1 are the
# content, 2 and 3 the signal, 4 and up the encoding.
_SIGNALS: Final = (SPANS, LOGS, METRICS)
_CONTENTS: Final = (Content.PROTOBUF, Content.JSON)
_DECODERS: Final = {Content.PROTOBUF: otlp_protobuf.decode, Content.JSON: otlp_json.decode}


class Body(NamedTuple):
    """A request's body as it came."""

    signal: Signal
    content: Content
    encoding: str  # of ENCODINGS
    data: bytes

    @property
    def kind(self) -> int:
        """Signal, content and encoding as one byte, for the log."""
        return (
            _CONTENTS.index(self.content)
            | _SIGNALS.index(self.signal) << 2
            | ENCODINGS.index(self.encoding) << 4
        )

    @classmethod
    def from_kind(cls, kind: int, data: bytes) -> Body:
        """The body that was logged as `kind` and `data`. Raises InputError."""
        try:
            signal, content = _SIGNALS[kind >> 2 & 3], _CONTENTS[kind & 3]
            return cls(signal, content, ENCODINGS[kind >> 4], data)
        except IndexError:
            raise InputError(
                f"kind {kind} is unknown; it was logged by a later version of hopwatch"
            ) from None


def content_of(media_type: str) -> Content:
    """The content that a Content-Type header names. Raises UnsupportedBodyError."""
    try:
        return Content(media_type)
    except ValueError:
        accepted = " or ".join(content.value for content in Content)
        raise UnsupportedBodyError(
            f"Content-Type {media_type!a} is not OTLP/HTTP; send {accepted}"
        ) from None


def encoding_of(header: str) -> str:
    """The encoding that a Content-Encoding header names. Raises UnsupportedBodyError."""
    encoding = header.strip().lower() or "identity"
    if encoding not in ENCODINGS:
        raise UnsupportedBodyError(
            f"Content-Encoding {header!a} is not accepted; use one of {', '.join(ENCODINGS)}"
        )
    return encoding


def decode(body: Body, max_bytes: int) -> Decoded:
    """The rows of an export. Raises TooLargeError, InputError."""
    data = decompress(body.data, body.encoding, max_bytes)
    return _DECODERS[body.content](data, signal=body.signal, max_items=MAX_ITEMS)


def decode_logged(kind: int, data: bytes) -> pa.Table:
    """The rows of a body from the log, which was within the limits when it was logged."""
    body = Body.from_kind(kind, data)
    plain = decompress(data, body.encoding, _MAX_LOGGED)
    return _DECODERS[body.content](plain, signal=body.signal).table
