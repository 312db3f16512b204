"""Files of JSON documents, of one format or of several, each told by what it holds.

To add a format, add a module with `NAME`, `recognises(value)` and `reader(source)`, and name it
in FORMATS, the more particular ones first.
"""

from __future__ import annotations

import re
from typing import Any, Final, Protocol

from hopwatch.errors import InputError
from hopwatch.formats import clickhouse, jaeger, opensearch, otlp_json, tempo, zipkin
from hopwatch.formats.decoded import Contents
from hopwatch.formats.describe import looks_like
from hopwatch.formats.documents import Document, documents, text_of
from hopwatch.formats.unwrap import complaint, shortfall, unwrapped


class Reader(Protocol):
    """Reads what a file has of one format."""

    def read(self, item: Document) -> None:
        """Take in a value that the format recognises; what is wrong in it is counted.

        Raises InputError where it cannot be read at all.
        """

    def finish(self, contents: Contents) -> None:
        """Add all rows, and what was left out."""


class JsonFormat(Protocol):
    """What a module of this package has that reads JSON documents."""

    NAME: str

    def recognises(self, value: Any) -> bool: ...

    def reader(self, source: str) -> Reader: ...


FORMATS: Final[tuple[JsonFormat, ...]] = (
    otlp_json, tempo, jaeger, opensearch, clickhouse, zipkin,
)  # fmt: skip
NAME: Final = ", ".join(format_.NAME for format_ in FORMATS)

_HEAD: Final = 1 << 16
_BEGINNING: Final = re.compile(r"^[\s\x1e\ufeff]*[\[{]", re.MULTILINE)
_NO_TEXT: Final = re.compile("[\x00-\x08\x0e-\x1a\x1c\x1d\x1f]")


def recognises(data: bytes) -> bool:
    """Whether `data` is text in which a line begins as JSON does. (Protobuf has control characters
    in its first bytes, for tags and lengths.)"""
    head = text_of(data[:_HEAD])
    return _BEGINNING.search(head) is not None and _NO_TEXT.search(head, 0, 1024) is None


def decode_file(data: bytes, source: str) -> Contents:
    """What the documents of a file hold. What is none, or of no known format, is counted."""
    contents = Contents()
    readers: dict[str, Reader] = {}
    for document in documents(data, source, contents.unreadable):
        if said := complaint(document.value):
            contents.unreadable.add("error_answer", document.source, f"an answer says: {said}")
            continue
        if said := shortfall(document.value):
            contents.unreadable.add("partial_trace", document.source, f"an answer says: {said}")
        for value in unwrapped(document.value, lambda value: _format_of(value) is not None):
            found = _format_of(value)
            if found is None:
                detail = f"no telemetry that is known: {looks_like(value)}"
                contents.unreadable.add("unknown_document", document.source, detail)
                continue
            if found.NAME not in readers:
                readers[found.NAME] = found.reader(source)
            try:
                readers[found.NAME].read(document._replace(value=value))
            except InputError as error:
                detail = str(error).removeprefix(f"{document.source}: ")
                contents.unreadable.add("invalid_document", document.source, detail)
    for reader in readers.values():
        reader.finish(contents)
    return contents


def _format_of(value: Any) -> JsonFormat | None:
    if not isinstance(value, dict):
        return None
    return next((format_ for format_ in FORMATS if format_.recognises(value)), None)
