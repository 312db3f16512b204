"""What data looks like that is in no known format, so that its owner knows what to do."""

from __future__ import annotations

import reprlib
from typing import Any, Final

_MAGIC: Final = (
    (b"PK\x03\x04", "a ZIP archive: unpack it first"),
    (b"BZh", "bzip2: unpack it first"),
    (b"\xfd7zXZ\x00", "xz: unpack it first"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"ORC", "an ORC file"),
    (b"Obj\x01", "an Avro file"),
    (b"%PDF", "a PDF"),
)
_TAR: Final = slice(257, 262)
_SEARCH_OF_TEMPO: Final = (
    "the answer of a search in Tempo, which lists traces without their spans: fetch"
    " /api/traces/ID of each"
)
_KEYS: Final = (
    ({"traces"}, _SEARCH_OF_TEMPO),
    ({"transaction"}, "Elastic APM, which is not read"),
    ({"id", "trace_id", "start_time"}, "AWS X-Ray, which is not read"),
    ({"traceEvents"}, "a Chrome trace, which has no requests"),
    ({"parent", "child", "callCount"}, "dependencies of services, without spans"),
)
"""JSON objects by keys that they have."""


def describe(data: bytes) -> str:
    """What bytes look like, in words."""
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    if data[_TAR] == b"ustar":
        return "a tar archive: unpack it first"
    start = data.lstrip()[:60]
    try:
        shown = start.decode()
    except UnicodeDecodeError as error:
        if error.start < len(start) - 3:
            return f"binary data that begins {data[:8].hex(' ')}"
        shown = start.decode(errors="ignore")  # cut within a character
    shown = " ".join(shown.split())
    if not shown.isprintable():
        return f"binary data that begins {data[:8].hex(' ')}"
    if shown[:1] == "<":
        return f"HTML or XML that begins {shown!r}"
    return f"{'JSON' if shown[:1] in ('{', '[') else 'text'} that begins {shown!r}"


def looks_like(value: Any) -> str:
    """What a JSON value looks like, in words."""
    if isinstance(value, dict):
        for keys, name in _KEYS:
            if keys <= value.keys():
                return name
        return f"an object with {', '.join(reprlib.repr(key) for key in list(value)[:5])}"
    return f"{type(value).__name__} {reprlib.repr(value)}"
