"""Which requests a ledger is of: by time, by service, by route, by attribute."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.attribution.units import UnitTime

ATTRIBUTE_COLUMNS: Final = ("span_attributes", "resource_attributes")
"""Where attributes are looked for."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What a request must be to count. Everything given must hold.

    start, end: the root starts in [start, end), Unix ns. service: one of the request's spans
    is of this service (its name, with or without its namespace). route: a glob (`*`, `?`) for
    the request's route. outcome: `ok` or `error`. attributes: for each key, one of the
    request's spans has it, on itself or its resource, with this text. traces: ids, one of which
    is its trace's.
    """

    start: int | None = None
    end: int | None = None
    service: str | None = None
    route: str | None = None
    outcome: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    traces: frozenset[bytes] | None = None

    def predicate(self, table: pa.Table) -> Callable[[UnitTime], bool]:
        """The test for units that were attributed from `table`."""
        rows = self.rows(table)
        fits = self.route_test()

        def selected(unit: UnitTime) -> bool:
            root = unit.unit.root
            return (
                (self.start is None or root.start >= self.start)
                and (self.end is None or root.start < self.end)
                and (self.outcome is None or unit.outcome == self.outcome)
                and (self.traces is None or root.trace_id in self.traces)
                and fits(unit.route)
                and (
                    self.service is None
                    or any(self.is_service(time.span.hop) for time in unit.spans)
                )
                and all(any(having[time.span.row] for time in unit.spans) for having in rows)
            )

        return selected

    def route_test(self) -> Callable[[str], bool]:
        """The test for routes."""
        if self.route is None:
            return lambda _: True
        pattern = glob(self.route)
        return lambda route: pattern.fullmatch(route) is not None

    def is_service(self, hop: str) -> bool:
        """Whether a hop is the service asked for."""
        return self.service in (hop, hop.rpartition("/")[2])

    def rows(self, table: pa.Table) -> list[npt.NDArray[np.bool_]]:
        """For each of `attributes` which rows of `table` have it."""
        return [_rows_with(table, key, text) for key, text in self.attributes.items()]


def glob(pattern: str) -> re.Pattern[str]:
    """`*` and `?` are wild; all else, brackets of routes among it, is meant as it stands.

    What stands between two `*` is sought once, at its first place: a later one would only leave
    less for the rest. To try each would take time without end for a pattern of many.
    """
    first, *others = (
        "".join("." if c == "?" else re.escape(c) for c in piece) for piece in pattern.split("*")
    )
    if not others:
        return re.compile(first, re.DOTALL)
    between = "".join(f"(?>.*?{piece})" for piece in others[:-1])
    return re.compile(f"{first}{between}.*{others[-1]}", re.DOTALL)


def _rows_with(table: pa.Table, key: str, text: str) -> npt.NDArray[np.bool_]:
    having = np.zeros(table.num_rows, np.bool_)
    for column in ATTRIBUTE_COLUMNS:
        first = 0
        for chunk in table[column].chunks:
            offsets = chunk.offsets.to_numpy()
            entries = np.flatnonzero(_is(chunk.keys, key) & _is(chunk.items, text))
            entries = entries[(entries >= offsets[0]) & (entries < offsets[-1])]
            having[first + np.searchsorted(offsets, entries, side="right") - 1] = True
            first += len(chunk)
    return having


def _is(array: pa.Array, text: str) -> npt.NDArray[np.bool_]:
    """Where an array of text, plain or dictionary-encoded, is `text`."""
    wanted: pa.Scalar = pa.scalar(text)
    if pa.types.is_dictionary(array.type):
        wanted = pc.index(array.dictionary, wanted)
        array = array.indices
    found: npt.NDArray[np.bool_] = pc.fill_null(pc.equal(array, wanted), False).to_numpy(
        zero_copy_only=False
    )
    return found
