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
_OPEN_STRING: Final = "Unterminated string"
_TOKEN_SIZE: Final = 16
"""An error so near to the end of a text may come of a word or an escape that goes on behind it."""
_GROWTH: Final = 8
_AT_LEAST: Final = 1 << 16
_NEXT: Final = re.compile(r"^[\[{]", re.MULTILINE)
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*+\\?(?:"|\Z)|[\[\]{}]', re.DOTALL)
"""Brackets, and strings, in which brackets count for nothing: also one that the text breaks off in.
"""
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


class _BrokenError(ValueError):
    """Text stops being JSON at `place`."""

    def __init__(self, said: str, place: int) -> None:
        super().__init__(said)
        self.place = place


def _raw_decode(text: str) -> tuple[Any, int]:
    """The JSON value that `text` begins with, and its length. Raises JSONDecodeError."""
    try:
        return _DECODER.raw_decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        return _MANY_DIGITS.raw_decode(text)


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
            if self._text[start] not in "[{":
                detail = "no JSON object or list"
                self._unreadable.add("invalid_line", self._where(start), detail)
                position = self._line_end(start)
            else:
                try:
                    value, position = self._parse(start)
                except _BrokenError as broken:
                    yield from self._saved(start, broken)
                    position = self._broken_until(start, broken.place)
                else:
                    alone = start == first and self._behind_space(position) == len(self._text)
                    where = self._source if alone else self._where(start)
                    yield Document(value, where, self._repair)
            position = self._behind_space(position)

    def _parse(self, start: int) -> tuple[Any, int]:
        """The value that begins at `start`, and the place behind it. Raises _BrokenError.

        Parses the line, then more and more of what follows: an error costs as much time as there
        is text before it.
        """
        end = self._line_end(start) + 1
        while True:
            text = self._text[start:end]
            try:
                value, length = _raw_decode(text)
            except RecursionError:
                self._text = self._text[:start] + shallow(self._text[start:])
                end = self._line_end(start) + 1
            except json.JSONDecodeError as error:
                unfinished = error.pos > len(text) - _TOKEN_SIZE or _OPEN_STRING in error.msg
                if not unfinished or end >= len(self._text):
                    raise _BrokenError(error.msg, start + error.pos) from None
                end = start + _GROWTH * (end - start) + _AT_LEAST
            else:
                return value, start + length

    def _broken_until(self, start: int, place: int) -> int:
        """Where to go on behind a document that stops being JSON at `place`: behind its line, or
        where the next document of several lines begins."""
        line_end = self._line_end(start)
        if place <= line_end:
            return line_end
        found = _NEXT.search(self._text, self._text.rfind("\n", start, place))
        return found.start() if found else len(self._text)

    def _saved(self, start: int, broken: _BrokenError) -> Iterator[Document]:
        """What can be kept of a document that is broken."""
        where = self._where(start)
        lines = self._lines_alone(start, broken.place)
        one_line = lines or broken.place <= self._line_end(start) + 1
        reason = "invalid_line" if one_line else "invalid_document"
        self._unreadable.add(reason, where, f"invalid JSON: {broken}")
        closed = None if lines else _closed(self._text[start : broken.place])
        if closed is not None:
            yield Document(_raw_decode(closed)[0], where, self._repair)
        for line_start, value in lines:
            yield Document(value, self._where(line_start), self._repair)

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
                    value, length = _raw_decode(line)
                    if length == len(line):
                        found.append((start, value))
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
