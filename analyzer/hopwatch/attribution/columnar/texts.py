"""Text as numbers: every distinct text of a span table once, spans by its number.

Attribute maps are read by key: for each meaning of `semconv` the number of the text that the
first of its keys has. Maps may hold plain or dictionary-encoded text; of Parquet that holds
them so, hardly any text is ever made.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hopwatch.attribution.columnar.jit import compiled

Codes = npt.NDArray[np.int32]
Marks = npt.NDArray[np.uint64]

NONE: Final = -1
"""The number of no text; the empty text counts as none."""
_UNKNOWN: Final = -2
"""Stands where a dictionary's text has no number yet."""


class Vocabulary:
    """Texts by number and numbers by text."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str | None) -> int:
        """The number of a text, a new one where it is new."""
        if not text:
            return NONE
        number = self._numbers.setdefault(text, len(self.texts))
        if number == len(self.texts):
            self.texts.append(text)
        return number

    def text(self, number: int) -> str | None:
        """The text of a number; None of `NONE`."""
        return None if number == NONE else self.texts[number]


class Dictionary:
    """An Arrow dictionary as numbers of a vocabulary. Only the texts that occur become part of
    it. Arrays that follow each other often share one: see `of`."""

    def __init__(self, texts: pa.Array, vocabulary: Vocabulary) -> None:
        self._texts = texts
        self._vocabulary = vocabulary
        self._numbers = np.full(len(texts) + 1, _UNKNOWN, np.int32)  # the last stands for -1
        self._numbers[-1] = NONE
        self._marks: Marks | None = None

    @classmethod
    def of(cls, texts: pa.Array, vocabulary: Vocabulary, last: Dictionary | None) -> Dictionary:
        """A dictionary of these texts: `last`, if it is of the same."""
        if last is not None and _is_same(texts, last._texts):
            return last
        return cls(texts, vocabulary)

    def mix(self, codes: Codes, marks: Marks, salt: int) -> None:
        """Mixes the texts of codes into the marks of their rows."""
        _mix(marks, codes, self.marks, np.uint64(salt))

    def renumber(self, codes: Codes) -> None:
        """Makes codes (-1: null) numbers, in place."""
        unknown = _unknown(codes, self._numbers)
        if len(unknown):
            number = self._vocabulary.number
            texts = self._texts.take(pa.array(unknown)).to_pylist()
            self._numbers[unknown] = [number(text) for text in texts]
        _renumber(codes, self._numbers)

    @property
    def marks(self) -> Marks:
        """By code a hash of the text; the last is that of null."""
        if self._marks is None:
            texts = self._texts.cast(pa.string())
            _, offsets, data = texts.buffers()
            bounds = np.frombuffer(offsets, np.int32) if offsets else np.zeros(1, np.int32)
            self._marks = _text_marks(
                bounds[texts.offset : texts.offset + len(texts) + 1],
                np.frombuffer(data or b"\0", np.uint8),
            )
        return self._marks


def _is_same(one: pa.Array, other: pa.Array) -> bool:
    """Whether two arrays are the same memory."""
    return one is other or (
        (len(one), one.offset) == (len(other), other.offset)
        and [buffer and buffer.address for buffer in one.buffers()]
        == [buffer and buffer.address for buffer in other.buffers()]
    )


class TextColumn:
    """A column of text as numbers, array by array. salt: another for each column."""

    def __init__(self, vocabulary: Vocabulary, salt: int) -> None:
        self._vocabulary = vocabulary
        self._salt = salt
        self._last: Dictionary | None = None

    def read(self, array: pa.Array, marks: Marks) -> Codes:
        """The numbers of an array's texts, which are mixed into the `marks` of their rows."""
        codes, texts = encoded(array)
        self._last = Dictionary.of(texts, self._vocabulary, self._last)
        self._last.mix(codes, marks, self._salt)
        self._last.renumber(codes)
        return codes


class MapColumn:
    """A column of attribute maps, read by key, array by array. salt: another for each column."""

    def __init__(
        self, meanings: Mapping[str, tuple[str, ...]], vocabulary: Vocabulary, salt: int
    ) -> None:
        self._meanings = meanings
        self._vocabulary = vocabulary
        self._salt = np.uint64(salt)
        self._last: Dictionary | None = None
        self._room = np.empty(0, np.int32)

    def read(self, array: pa.MapArray, marks: Marks) -> MapPart:
        """An array, of which what it says is mixed into the `marks` of its rows."""
        part = MapPart(array)
        self._last = Dictionary.of(part.texts, self._vocabulary, self._last)
        keys: list[str] = part.keys.to_pylist()
        occurring = [m for m, names in self._meanings.items() if not set(names).isdisjoint(keys)]
        places = {
            key: (position, rank)
            for position, meaning in enumerate(occurring)
            for rank, key in enumerate(self._meanings[meaning])
        }
        place = np.array([places.get(key, (NONE, NONE)) for key in keys], np.int32).reshape(-1, 2)
        size = len(occurring) * len(part.ends)
        if len(self._room) < size:  # new memory is slow
            self._room = np.empty(size, np.int32)
        found = self._room[:size].reshape(len(occurring), len(part.ends))
        _first_of(
            part.offsets, part.ends, part.key_codes, part.text_codes, place, found,
            Dictionary(part.keys, self._vocabulary).marks, self._last.marks, self._salt, marks,
        )  # fmt: skip
        self._last.renumber(found.reshape(-1))
        part.fields = dict(zip(occurring, found, strict=True))
        return part


class MapPart:
    """An array of attribute maps: `fields` has, for each meaning that occurs, the number of the
    text of the first of its keys in each row, until the next array is read."""

    fields: dict[str, Codes]

    def __init__(self, array: pa.MapArray) -> None:
        offsets = array.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
        entries = slice(offsets[0], offsets[-1])
        self.offsets = offsets - offsets[0]
        self.ends = self.offsets[1:]
        if array.null_count:  # what lies under a null does not count
            nulls = array.is_null().to_numpy(zero_copy_only=False)
            self.ends = np.where(nulls, self.offsets[:-1], self.ends)
        self.key_codes, self.keys = encoded(array.keys[entries])
        self.text_codes, self.texts = encoded(array.items[entries])

    def whole(self, rows: npt.NDArray[np.int64], vocabulary: Vocabulary) -> Codes:
        """For each of some rows a text that stands for its whole map."""
        number, first = _distinct_lists(
            self.offsets, self.ends, self.key_codes, self.text_codes, rows
        )
        keys, texts = self.keys.to_pylist(), self.texts.to_pylist()
        names = np.empty(len(first), np.int32)
        for position, row in enumerate(rows[first]):
            entries = range(self.offsets[row], self.ends[row])
            pairs = sorted((keys[self.key_codes[i]], texts[self.text_codes[i]]) for i in entries)
            names[position] = vocabulary.number(repr(pairs))
        named: Codes = names[number]
        return named


def encoded(array: pa.Array) -> tuple[Codes, pa.Array]:
    """The codes (-1: null) and the dictionary of an array of text."""
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    codes = array.indices.fill_null(NONE) if array.null_count else array.indices
    # A copy where it cannot be written to: kernels for such memory would be others.
    values = codes.to_numpy(zero_copy_only=False)
    return np.array(values, np.int32), array.dictionary


@compiled
def _unknown(codes: Any, numbers: Any) -> Any:
    """The codes that have no number yet, each once, rising."""
    found = 0
    for code in codes:
        if numbers[code] == -2:
            numbers[code] = -3
            found += 1
    unknown = np.empty(found, np.int64)
    if found:
        found = 0
        for code in range(len(numbers)):
            if numbers[code] == -3:
                unknown[found] = code
                found += 1
    return unknown


@compiled
def _renumber(codes: Any, numbers: Any) -> None:
    for i in range(len(codes)):
        codes[i] = numbers[codes[i]]


@compiled
def _mixed(mark: Any) -> Any:
    """A hash of 64 bits: the finalizer of MurmurHash3."""
    mark = (mark ^ (mark >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    mark = (mark ^ (mark >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return mark ^ (mark >> np.uint64(33))


@compiled
def _text_marks(bounds: Any, data: Any) -> Any:
    marks = np.empty(len(bounds), np.uint64)
    marks[-1] = np.uint64(0x9E3779B97F4A7C15)
    for text in range(len(bounds) - 1):
        mark = np.uint64(0xCBF29CE484222325)
        for i in range(bounds[text], bounds[text + 1]):
            mark = (mark ^ np.uint64(data[i])) * np.uint64(0x100000001B3)
        marks[text] = _mixed(mark)
    return marks


@compiled
def _mix(marks: Any, codes: Any, of_code: Any, salt: Any) -> None:
    for row in range(len(marks)):
        if codes[row] >= 0:
            marks[row] = _mixed(marks[row] + of_code[codes[row]] + salt)


@compiled
def _first_of(
    offsets: Any, ends: Any, keys: Any, texts: Any, place: Any, found: Any, key_marks: Any,
    text_marks: Any, salt: Any, marks: Any,
) -> Any:  # fmt: skip
    """Per meaning and row the code of the text of the first of its keys, -1 for none: `found`.
    Into the marks go all entries, in whatever order they are."""
    found[:] = -1
    best = np.empty(len(found), np.int32)
    for row in range(len(ends)):
        best[:] = 1 << 30
        mark = np.uint64(0)
        for entry in range(offsets[row], ends[row]):
            key, text = keys[entry], texts[entry]
            mark += _mixed(key_marks[key] + np.uint64(3) * text_marks[text])
            meaning, rank = place[key, 0], place[key, 1]
            if meaning >= 0 and rank < best[meaning] and text >= 0:
                best[meaning] = rank
                found[meaning, row] = text
        if ends[row] > offsets[row]:
            marks[row] = _mixed(marks[row] + mark + salt)


@compiled
def _distinct_lists(offsets: Any, ends: Any, keys: Any, texts: Any, rows: Any) -> Any:
    size = 1
    while size < 2 * len(rows):
        size *= 2
    table = np.full(size, -1, np.int64)
    number = np.empty(len(rows), np.int64)
    first = np.empty(len(rows), np.int64)
    found = 0
    for i in range(len(rows)):
        low, high = offsets[rows[i]], ends[rows[i]]
        mixed = np.uint64(high - low)
        for entry in range(low, high):
            mixed = (mixed ^ np.uint64(keys[entry])) * np.uint64(0x9E3779B97F4A7C15)
            mixed = (mixed ^ np.uint64(texts[entry] + 1)) * np.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> np.uint64(29)
        slot = mixed & np.uint64(size - 1)
        while table[slot] >= 0:
            other = rows[first[table[slot]]]
            equal = ends[other] - offsets[other] == high - low
            for step in range(high - low if equal else 0):
                if (
                    keys[offsets[other] + step] != keys[low + step]
                    or texts[offsets[other] + step] != texts[low + step]
                ):
                    equal = False
                    break
            if equal:
                break
            slot = (slot + np.uint64(1)) & np.uint64(size - 1)
        if table[slot] < 0:
            table[slot] = found
            first[found] = i
            found += 1
        number[i] = table[slot]
    return number, first[:found].copy()
