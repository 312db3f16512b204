"""Ids as other systems than OTLP write them: hex that may have lost its leading zeros."""

from __future__ import annotations

import binascii
from typing import Any, Final

from hopwatch.formats.decoded import ItemError
from hopwatch.formats.lenient_json import get_text

_TRACE_ID: Final = 16
_SPAN_ID: Final = 8


def trace_id(holder: dict[str, Any], key: str) -> bytes:
    """A trace id of 64 or 128 bits, as 16 bytes; empty if it is not there. Raises ItemError."""
    return _id(holder, key, _TRACE_ID, "trace")


def span_id(holder: dict[str, Any], key: str) -> bytes:
    """A span id as 8 bytes; empty if it is not there. Raises ItemError."""
    return _id(holder, key, _SPAN_ID, "span")


def parent_id(holder: dict[str, Any], key: str) -> bytes:
    """As `span_id`; zero stands for no parent."""
    found = _id(holder, key, _SPAN_ID, "parent_span")
    return b"" if found == bytes(_SPAN_ID) else found


def label(holder: Any, *keys: str) -> str:
    """A span in messages, by the first of these keys that it has."""
    values = [holder.get(key) for key in keys] if isinstance(holder, dict) else []
    text = next((value for value in values if isinstance(value, str) and value), "without id")
    return f"span {ascii(text)[1:-1][:32]}"


def _id(holder: dict[str, Any], key: str, length: int, which: str) -> bytes:
    text = get_text(holder, key)
    if not text:
        return b""
    try:
        if text.endswith("="):  # protobuf's JSON; 8 and 16 bytes in base64 end so
            return binascii.a2b_base64(text.encode(), strict_mode=True)
        found = bytes.fromhex(text.removeprefix("0x").rjust(2 * length, "0"))
    except ValueError:
        found = b""
    if len(found) != length:
        raise ItemError(f"invalid_{which}_id", f"`{key}` is no {which} id: {text[:60]!a}")
    return found
