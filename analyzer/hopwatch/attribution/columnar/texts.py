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

NONE: Final = -1
"""The number of no text; the empty text counts as none."""


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

    def column(self, column: pa.ChunkedArray) -> Codes:
        """A column of text as numbers."""
        parts = [self.renumber(*encoded(chunk)) for chunk in column.chunks]
        return np.concatenate(parts) if parts else np.empty(0, np.int32)

    def renumber(self, codes: Codes, dictionary: pa.Array) -> Codes:
        """Codes of an Arrow dictionary (-1: null) as numbers of this vocabulary. Only the texts
        that occur become part of it."""
        used = _used(codes, len(dictionary))
        occurring = np.flatnonzero(used)
        numbers = np.full(len(dictionary) + 1, NONE, np.int32)  # the last stands for -1
        numbers[occurring] = [
            self.number(text) for text in dictionary.take(pa.array(occurring)).to_pylist()
        ]
        renumbered: Codes = _renumbered(codes, numbers)
        return renumbered


@compiled
def _used(codes: Any, size: int) -> Any:
    used = np.zeros(size, np.bool_)
    for code in codes:
        if code >= 0:
            used[code] = True
    return used


@compiled
def _renumbered(codes: Any, numbers: Any) -> Any:
    result = np.empty(len(codes), np.int32)
    for i in range(len(codes)):
        result[i] = numbers[codes[i]]
    return result


def encoded(array: pa.Array) -> tuple[Codes, pa.Array]:
    """The codes (-1: null) and the dictionary of an array of text."""
    if not pa.types.is_dictionary(array.type):
        array = array.dictionary_encode()
    codes = array.indices.fill_null(NONE) if array.null_count else array.indices
    return np.array(codes.to_numpy(zero_copy_only=False), np.int32), array.dictionary


class Maps:
    """An attribute map column, for reading by key."""

    def __init__(self, column: pa.ChunkedArray, vocabulary: Vocabulary) -> None:
        self._vocabulary = vocabulary
        self._length = len(column)
        self._chunks = [_MapChunk(chunk) for chunk in column.chunks if len(chunk)]

    def fields(self, meanings: Mapping[str, tuple[str, ...]]) -> dict[str, Codes]:
        """For each meaning the text of the first of its keys that a row has."""
        nothing = np.full(self._length, NONE, np.int32)
        found = dict.fromkeys(meanings, nothing)
        first = 0
        for chunk in self._chunks:
            for meaning, codes in chunk.first_of(meanings).items():
                if found[meaning] is nothing:
                    found[meaning] = nothing.copy()
                numbers = self._vocabulary.renumber(codes, chunk.texts)
                found[meaning][first : first + len(codes)] = numbers
            first += chunk.rows
        return found

    def whole(self, wanted: npt.NDArray[np.bool_]) -> Codes:
        """For each wanted row one text that stands for its whole map, else `NONE`."""
        result = np.full(self._length, NONE, np.int32)
        first = 0
        for chunk in self._chunks:
            rows = np.flatnonzero(wanted[first : first + chunk.rows])
            if len(rows):
                result[first + rows] = chunk.whole(rows, self._vocabulary)
            first += chunk.rows
        return result


class _MapChunk:
    def __init__(self, array: pa.MapArray) -> None:
        self.rows = len(array)
        self.offsets = array.offsets.to_numpy(zero_copy_only=False).astype(np.int64)
        self.ends = self.offsets[1:]
        if array.null_count:  # what lies under a null does not count
            self.ends = np.where(array.is_null(), self.offsets[:-1], self.ends)
        self.key_codes, self.keys = encoded(array.keys)
        self.text_codes, self.texts = encoded(array.items)

    def first_of(self, meanings: Mapping[str, tuple[str, ...]]) -> dict[str, Codes]:
        """Per meaning that occurs the code of the text of the first of its keys in each row, -1
        for none."""
        keys = set(self.keys.to_pylist())
        occurring = [meaning for meaning in meanings if keys.intersection(meanings[meaning])]
        places = {
            key: (position, rank)
            for position, meaning in enumerate(occurring)
            for rank, key in enumerate(meanings[meaning])
        }
        none = (NONE, NONE)
        place = np.array([places.get(key, none) for key in self.keys.to_pylist()], np.int32)
        found = _first_of(
            self.offsets, self.ends, self.key_codes, self.text_codes, place.reshape(-1, 2),
            len(occurring),
        )  # fmt: skip
        return dict(zip(occurring, found, strict=True))

    def whole(self, rows: npt.NDArray[np.int64], vocabulary: Vocabulary) -> Codes:
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


@compiled
def _first_of(offsets: Any, ends: Any, keys: Any, texts: Any, place: Any, meanings: int) -> Any:
    rows = len(ends)
    found = np.full((meanings, rows), -1, np.int32)
    best = np.empty(meanings, np.int32)
    for row in range(rows):
        best[:] = 1 << 30
        for entry in range(offsets[row], ends[row]):
            meaning, rank = place[keys[entry], 0], place[keys[entry], 1]
            if meaning >= 0 and rank < best[meaning] and texts[entry] >= 0:
                best[meaning] = rank
                found[meaning, row] = texts[entry]
    return found


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
