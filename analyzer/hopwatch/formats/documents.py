"""Bytes to JSON documents: one value, one a line, several one behind the other, with lines
between them that are no JSON.

Of a document that is broken or cut off the items before the break are kept. What it swallowed
behind the break, documents that are lines by themselves, is read as well.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from hopwatch.formats.decoded import Rejections
from hopwatch.formats.lenient_json import WrittenFloat, shallow

_DECODER: Final = json.JSONDecoder(parse_float=WrittenFloat)
_MANY_DIGITS: Final = json.JSONDecoder(parse_float=WrittenFloat, parse_int=WrittenFloat)
"""For documents with integers of more digits than Python converts."""

_SPACE: Final = re.compile(r"[\s\x1e\ufeff]*")
"""Between documents: white space, the record separators of RFC 7464, byte order marks."""
_SURROGATE: Final = re.compile(r"\\u[dD][89a-fA-F]|[\ud800-\udfff]")
_NEXT: Final = re.compile(r"^[\[{]", re.MULTILINE)
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[\[\]{}]', re.DOTALL)
_LISTS_OF_ITEMS: Final = frozenset(
    ("[", key) for key in ("", "data", "spans", "logRecords", "metrics", "hits")
)
"""Lists whose members can be kept one by one, with the key before each; no key: a list in a list,
or by itself."""


class Document(NamedTuple):
    """A JSON object or list, where it is from, and whether its texts need repair: they may hold
    what is no character."""

    value: Any
    source: str
    repair: bool


def text_of(data: bytes) -> str:
    """The text of JSON in UTF-8, UTF-16 or UTF-32, told apart by its first bytes. Bytes that are
    no UTF-8 become lone surrogates, so that they can be found and repaired."""
    encoding = json.detect_encoding(data)
    return data.decode(encoding, "surrogateescape" if encoding.startswith("utf-8") else "replace")


def documents(data: bytes, source: str, unreadable: Rejections) -> Iterator[Document]:
    """The documents in `data`. What is none is counted in `unreadable`: as `invalid_line`, or as
    `invalid_document` where it goes over several lines."""
    yield from _Scanner(text_of(data), source, unreadable).documents()


class _Scanner:
    """One walk through a text."""

    def __init__(self, text: str, source: str, unreadable: Rejections) -> None:
        self._text = text
        self._source = source
        self._unreadable = unreadable
        self._repair = _SURROGATE.search(text) is not None
        self._line = 1
        self._counted = 0  # the line ends before this place are in `_line`

    def documents(self) -> Iterator[Document]:
        first = position = self._behind_space(0)
        while position < len(self._text):
            start = position
            try:
                value, position = self._parse(start)
            except ValueError as error:
                place = getattr(error, "pos", start)
                yield from self._saved(start, place, error)
                position = self._broken_until(start, place)
            else:
                alone = start == first and self._behind_space(position) == len(self._text)
                yield from self._document(value, self._source if alone else self._where(start))
            position = self._behind_space(position)

    def _parse(self, start: int) -> tuple[Any, int]:
        """The value that begins at `start`, and the place behind it. Raises ValueError."""
        try:
            try:
                return _DECODER.raw_decode(self._text, start)
            except RecursionError:
                self._text = self._text[:start] + shallow(self._text[start:])
                return _DECODER.raw_decode(self._text, start)
        except json.JSONDecodeError:
            raise
        except ValueError:
            return _MANY_DIGITS.raw_decode(self._text, start)

    def _document(self, value: Any, where: str) -> Iterator[Document]:
        if isinstance(value, (dict, list)):
            yield Document(value, where, self._repair)
        else:
            self._unreadable.add("invalid_line", where, "no JSON object or list")

    def _broken_until(self, start: int, place: int) -> int:
        """Where to go on behind a document that stops being JSON at `place`: behind its line, or
        where the next document of several lines begins."""
        line_end = self._line_end(start)
        if place <= line_end or self._text[start] not in "[{":
            return line_end
        found = _NEXT.search(self._text, self._text.rfind("\n", start, place))
        return found.start() if found else len(self._text)

    def _saved(self, start: int, place: int, error: ValueError) -> Iterator[Document]:
        """What can be kept of a document that stops being JSON at `place`."""
        where = self._where(start)
        lines = self._lines_alone(start, place)
        several = place > self._line_end(start) and self._text[start] in "[{" and not lines
        self._unreadable.add(
            "invalid_document" if several else "invalid_line",
            where,
            f"invalid JSON: {getattr(error, 'msg', error)}",
        )
        closed = None if lines else _closed(self._text[start:place])
        if closed is not None:
            yield from self._document(_MANY_DIGITS.decode(closed), where)
        for line_start, value in lines:
            yield from self._document(value, self._where(line_start))

    def _lines_alone(self, start: int, end: int) -> list[tuple[int, Any]]:
        """Of the lines that a broken document swallowed, those that are documents: in one that
        is written over several lines, they would be indented."""
        found = []
        start = self._line_end(start) + 1
        while start < end:
            stop = self._line_end(start)
            line = self._text[start:stop].rstrip()
            if line[:1] in ("{", "[") and line[-1:] in ("}", "]"):
                # Else it is a line of the broken document.
                with contextlib.suppress(ValueError, RecursionError):
                    found.append((start, _DECODER.decode(line)))
            start = stop + 1
        return found

    def _behind_space(self, position: int) -> int:
        found = _SPACE.match(self._text, position)
        return found.end() if found else position

    def _line_end(self, position: int) -> int:
        end = self._text.find("\n", position)
        return len(self._text) if end < 0 else end

    def _where(self, position: int) -> str:
        if position >= self._counted:
            self._line += self._text.count("\n", self._counted, position)
            self._counted = position
        return f"{self._source}:{self._line}"


def _closed(text: str) -> str | None:
    """The beginning of a document, closed behind its last item that is whole; None if there is
    none.

        {"data": [{"spans": [{...}, {...}, {"trace   ->   {"data": [{"spans": [{...}, {...}]}]}
    """
    open_brackets: list[tuple[str, str]] = []  # with the key before each
    text_before, cut, closing = "", 0, ""
    for token in _TOKEN.finditer(text):
        bracket = token[0]
        if bracket in ("[", "{"):
            open_brackets.append((bracket, text_before))
        elif bracket in ("]", "}"):
            if open_brackets:
                open_brackets.pop()
            if open_brackets and open_brackets[-1] in _LISTS_OF_ITEMS:
                cut = token.end()
                closing = "".join(
                    "]" if opened == "[" else "}" for opened, _ in open_brackets[::-1]
                )
        text_before = bracket[1:-1] if bracket[0] == '"' else ""
    return text[:cut] + closing if cut else None
