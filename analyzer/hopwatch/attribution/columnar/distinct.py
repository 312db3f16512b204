"""Equal rows of codes, found by hashing: what Arrow and numpy can only do by sorting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hopwatch.attribution.columnar.jit import compiled

Codes = npt.NDArray[np.int64]


def distinct_rows(columns: Sequence[npt.NDArray[Any]]) -> tuple[Codes, Codes]:
    """For each row of equally long integer columns the number of its combination, by first
    appearance; and for each combination its first row."""
    rows = len(columns[0])
    if not rows:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    telling = [column for column in columns if (column != column[0]).any()] or [columns[0]]
    wide = any(column.dtype == np.int64 for column in telling)
    matrix = np.empty((len(telling), rows), np.int64 if wide else np.int32)
    for position, column in enumerate(telling):
        matrix[position] = column
    number, first = _distinct(matrix)
    return number, first


class Numbering:
    """Numbers for combinations of 32-bit codes that come in parts, by first appearance."""

    def __init__(self, width: int) -> None:
        self._width = width
        self._known = np.empty((1 << 10, width), np.int32)
        self._table = np.full(1 << 12, -1, np.int32)
        self._factors = np.random.default_rng(width).integers(
            1 << 63, size=width, dtype=np.uint64, endpoint=True
        ) | np.uint64(1)
        self._count = 0
        self._room = np.empty(0, np.int32)

    def add(
        self, columns: Sequence[npt.NDArray[np.int32] | None], rows: int
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """The number of each row's combination; and the combinations that are new, one a row.
        None stands for a column of -1."""
        told = [(place, column) for place, column in enumerate(columns) if column is not None]
        given = np.array([place for place, _ in told], np.int64)
        if len(self._room) < len(told) * rows:  # new memory is slow
            self._room = np.empty(self._width * rows, np.int32)
        matrix = self._room[: len(told) * rows].reshape(len(told), rows)
        for position, (_, column) in enumerate(told):
            matrix[position] = column
        before = self._count
        number = np.empty(rows, np.int32)
        numbered = 0
        while True:
            numbered, self._count = _number(
                matrix, given, self._factors, self._table, self._known,
                self._count, numbered, number,
            )  # fmt: skip
            if numbered == rows:
                return number, self._known[before : self._count].copy()
            self._grow()

    def _grow(self) -> None:
        known = np.empty((2 * len(self._known), self._width), np.int32)
        known[: self._count] = self._known[: self._count]
        self._known = known
        self._table = np.full(4 * len(known), -1, np.int32)
        _fill(self._table, self._factors, known[: self._count])


@compiled
def _slot(mark: Any, table: Any) -> Any:
    mixed = (mark ^ (mark >> np.uint64(32))) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed >> np.uint64(20)) & np.uint64(len(table) - 1)


@compiled
def _fill(table: Any, factors: Any, known: Any) -> None:
    mask = np.uint64(len(table) - 1)
    for one in range(len(known)):
        mark = np.uint64(0)
        for position in range(len(factors)):
            mark += np.uint64(known[one, position] + 1) * factors[position]
        slot = _slot(mark, table)
        while table[slot] >= 0:
            slot = (slot + np.uint64(1)) & mask
        table[slot] = one


@compiled
def _number(
    matrix: Any, given: Any, factors: Any, table: Any, known: Any, count: Any, first: Any,
    number: Any,
) -> Any:  # fmt: skip
    """Numbers rows from `first` on, until there is no room for what is new. Gives how many rows
    have numbers, and how many combinations are known. A column that is not given is of -1,
    which does not add to the hash."""
    mask = np.uint64(len(table) - 1)
    told = np.empty(len(given), np.uint64)
    wanted = np.full(len(factors), -1, np.int32)
    for place in range(len(given)):
        told[place] = factors[given[place]]
    for row in range(first, matrix.shape[1]):
        mark = np.uint64(0)
        for place in range(len(given)):
            mark += np.uint64(matrix[place, row] + 1) * told[place]
            wanted[given[place]] = matrix[place, row]
        slot = _slot(mark, table)
        while table[slot] >= 0:
            equal = True
            for position in range(len(factors)):
                if known[table[slot], position] != wanted[position]:
                    equal = False
                    break
            if equal:
                break
            slot = (slot + np.uint64(1)) & mask
        if table[slot] < 0:
            if count == len(known):
                return row, count
            table[slot] = count
            known[count] = wanted
            count += 1
        number[row] = table[slot]
    return matrix.shape[1], count


@compiled
def _distinct(matrix: Any) -> Any:
    width, rows = matrix.shape
    size = 1
    while size < 2 * rows:
        size *= 2
    mask = np.uint64(size - 1)
    table = np.full(size, -1, np.int32)  # number of the combination
    number = np.empty(rows, np.int64)
    first = np.empty(rows, np.int64)
    found = 0
    for row in range(rows):
        mixed = np.uint64(0)
        for position in range(width):
            mixed = (mixed ^ np.uint64(matrix[position, row])) * np.uint64(0x9E3779B97F4A7C15)
            mixed ^= mixed >> np.uint64(29)
        slot = mixed & mask
        while table[slot] >= 0:
            other = first[table[slot]]
            equal = True
            for position in range(width):
                if matrix[position, row] != matrix[position, other]:
                    equal = False
                    break
            if equal:
                break
            slot = (slot + np.uint64(1)) & mask
        if table[slot] < 0:
            table[slot] = found
            first[found] = row
            found += 1
        number[row] = table[slot]
    return number, first[:found].copy()
