"""Arrays of numbers -> Arrow columns of the tables that attribution makes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pyarrow as pa

from hopwatch.attribution.bands import runs
from hopwatch.attribution.columnar.rows import Integers

Keyed = Integers | tuple[Integers, list[str]]
"""A key of a table: its values, or places in a list of texts."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Units by the values of some keys, as these sort. begins: the first unit of each run of
    equal values, and the end. keys: the values of each run."""

    units: Integers
    begins: Integers
    keys: dict[str, Keyed]

    @classmethod
    def of(cls, units: Integers, keys: dict[str, Keyed]) -> Self:
        """`keys`: the values of every unit there is."""
        columns = [_numbers(values)[units] for values in keys.values()]
        order = np.lexsort(columns[::-1])
        units = units[order]
        ordered = [column[order] for column in columns]
        begins = runs(*ordered) if len(units) else np.zeros(1, np.int64)
        first = units[begins[:-1]]
        return cls(units, begins, {name: _at(values, first) for name, values in keys.items()})

    def __len__(self) -> int:
        return len(self.begins) - 1


def _numbers(values: Keyed) -> Integers:
    return values[0] if isinstance(values, tuple) else values


def _at(values: Keyed, places: Integers) -> Keyed:
    if isinstance(values, tuple):
        return values[0][places], values[1]
    return values[places]


def take(values: Keyed, places: Integers) -> Integers | pa.Array:
    """The values of a key at some places, as a column."""
    found = _at(values, places)
    return text(found[1], found[0]) if isinstance(found, tuple) else found


def text(texts: list[str], which: Integers) -> pa.Array:
    """A column of text from numbers of texts."""
    return pa.array(texts, pa.string()).take(pa.array(which))
