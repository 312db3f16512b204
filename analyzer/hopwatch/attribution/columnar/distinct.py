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

    def __init__(self) -> None:
        self._numbers: dict[bytes, int] = {}

    def add(
        self, columns: Sequence[npt.NDArray[np.int32] | None], rows: int
    ) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
        """The number of each row's combination; and the combinations that are new, one a row.
        None stands for a column of -1."""
        given = [column for column in columns if column is not None]
        which, first = distinct_rows(given or [np.full(rows, -1, np.int32)])
        found = np.full((len(first), len(columns)), -1, np.int32)
        for position, column in enumerate(columns):
            if column is not None:
                found[:, position] = column[first]
        known = len(self._numbers)
        numbers = self._numbers
        of = np.array([numbers.setdefault(row.tobytes(), len(numbers)) for row in found], np.int32)
        return of[which], found[of >= known]


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
