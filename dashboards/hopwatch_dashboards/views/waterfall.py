"""A trace -> the columns that the waterfall component draws.

Not one object a span: columns of numbers, and texts that are numbered. Times are float64 ns since
`origin_ns`, which is exact for 104 days.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from hopwatch import semconv
from hopwatch.attribution import UnitTime
from hopwatch.attribution.model import Span
from hopwatch.attribution.units import SpanTime
from hopwatch_dashboards.theme import colour, readable
from hopwatch_dashboards.views.packed import packed

ON_PATH: Final = 1
"""Has time on the critical path, or leads to a span that has."""
ERROR: Final = 2
REMOTE: Final = 4
"""The first span of its service in another process than its parent."""
LATE: Final = 8
"""Asynchronous work that began when the root of what it is part of had ended."""
FRAGMENT: Final = 16
"""The root of a fragment: its parent is missing."""
DETACHED: Final = 32
"""The root of asynchronous work."""

MANY_ROWS: Final = 500
"""From here on only the critical path is shown at first."""
_LONGEST_NAME: Final = 256

_DTYPES: Final[Mapping[str, str]] = {
    "depth": "<i4",
    "name": "<i4",  # index into texts
    "hop": "<i4",  # index into hops
    "cell": "<i4",  # index into cells
    "oddities": "<i4",  # index into texts
    "flags": "<i4",
    "start": "<f8",  # of its own process's clock
    "shift": "<f8",  # its clock minus its root's: aligned start = start - shift
    "duration": "<f8",
    "own": "<f8",  # blamed time
    "local": "<f8",  # own time over its full extent, on the path or not
    "segments": "<i4",  # n + 1 bounds: rows i's segments are [segments[i], segments[i + 1])
    "segment_start": "<f8",  # in the root's clock
    "segment_end": "<f8",
    "marks": "<i4",  # n + 1 bounds, as of segments
    "mark_at": "<f8",  # in the clock of the span's own process
    "mark_bad": "<i4",  # 1: an error
}


class Mark(NamedTuple):
    """Something that happened at a moment of a span: an event, a line of its log."""

    at_ns: int  # in the clock of the span's own process
    is_error: bool


@dataclass(frozen=True, slots=True)
class Waterfall:
    """Rows in the order shown: each unit's root, then depth first. `spans[i]` is row i."""

    origin_ns: int
    spans: tuple[SpanTime, ...]
    columns: Mapping[str, npt.NDArray[Any]]
    texts: Sequence[str]
    hops: Sequence[Mapping[str, str]]  # name, language, colour
    cells: Sequence[Mapping[str, str]]  # hop, language, kind, colour

    def table(self) -> pd.DataFrame:
        """The same as a table, for who does not see the picture or wants to sort it."""
        columns = self.columns
        hops = [self.hops[code] for code in columns["hop"]]
        cells = [self.cells[code] for code in columns["cell"]]
        return pd.DataFrame(
            {
                "span": [self.texts[code] for code in columns["name"]],
                "service": [hop["name"] for hop in hops],
                "language": [hop["language"] for hop in hops],
                "begins, ms": (columns["start"] - columns["shift"]) / 1e6,
                "took, ms": columns["duration"] / 1e6,
                "on the critical path, ms": columns["own"] / 1e6,
                "counts as": [f"{cell['hop']}, {cell['kind']}" for cell in cells],
                "depth": columns["depth"],
                "failed": (columns["flags"] & ERROR) != 0,
            }
        )

    def span_id(self, row: int) -> str:
        """The id, in hex, of the row's span."""
        return self.spans[row].span.id.hex()

    def row_of(self, span_id: str) -> int | None:
        """The row of the span with this id in hex."""
        return next((row for row in range(len(self.spans)) if self.span_id(row) == span_id), None)

    def encode(self, selected: int | None = None) -> bytes:
        """What the component reads. `selected`: the row that is open at first."""
        header = {
            "rows": len(self.spans),
            "selected": selected,
            "path_only": len(self.spans) >= MANY_ROWS,
            "texts": self.texts,
            "hops": self.hops,
            "cells": self.cells,
        }
        return packed(header, self.columns)


def lay_out(
    units: Iterable[UnitTime], marks: Mapping[bytes, Sequence[Mark]] = MappingProxyType({})
) -> Waterfall:
    """All units of one trace, one after the other. `marks`: by span id. Raises ValueError
    without any unit."""
    ordered = list(units)
    if not ordered:
        raise ValueError("a waterfall needs at least one unit")
    origin = ordered[0].unit.root.start
    columns: dict[str, list[Any]] = {name: [] for name in _DTYPES}
    texts, hops, cells = _Numbered(), _Numbered(), _Numbered()
    rows: list[SpanTime] = []
    columns["segments"].append(0)
    columns["marks"].append(0)
    for unit in ordered:
        for time, depth in _depth_first(unit):
            span = time.span
            rows.append(time)
            columns["depth"].append(depth)
            columns["name"].append(texts.number(readable(span.name, _LONGEST_NAME)))
            columns["hop"].append(hops.number((span.hop, span.language)))
            columns["cell"].append(
                cells.number((time.cell.hop, time.cell.language, time.cell.kind))
            )
            columns["oddities"].append(texts.number(", ".join(sorted(span.flags))))
            columns["flags"].append(_flags(time, unit))
            columns["start"].append(span.start - origin)
            columns["shift"].append(time.shift)
            columns["duration"].append(span.duration)
            columns["own"].append(time.own)
            columns["local"].append(time.local)
            for low, high in time.segments:
                columns["segment_start"].append(low - origin)
                columns["segment_end"].append(high - origin)
            columns["segments"].append(len(columns["segment_start"]))
            for mark in marks.get(span.id, ()):
                columns["mark_at"].append(mark.at_ns - origin)
                columns["mark_bad"].append(int(mark.is_error))
            columns["marks"].append(len(columns["mark_at"]))
    arrays = {name: np.asarray(values, _DTYPES[name]) for name, values in columns.items()}
    _mark_path(arrays)
    return Waterfall(
        origin_ns=origin,
        spans=tuple(rows),
        columns=arrays,
        texts=texts.values,
        hops=[
            {"name": readable(hop), "language": readable(language), "colour": colour(language)}
            for hop, language in hops.values
        ],
        cells=[
            {
                "hop": readable(hop),
                "language": readable(language),
                "kind": kind,
                "colour": colour(language, kind),
            }
            for hop, language, kind in cells.values
        ],
    )


class _Numbered:
    """Distinct values, numbered as they come."""

    def __init__(self) -> None:
        self._numbers: dict[Any, int] = {}

    def number(self, value: Any) -> int:
        return self._numbers.setdefault(value, len(self._numbers))

    @property
    def values(self) -> list[Any]:
        return list(self._numbers)


def _depth_first(unit: UnitTime) -> Iterator[tuple[SpanTime, int]]:
    times = {id(time.span): time for time in unit.spans}
    stack: list[tuple[Span, int]] = [(unit.unit.root, 0)]
    while stack:
        span, depth = stack.pop()
        yield times[id(span)], depth
        stack.extend((child, depth + 1) for child in reversed(span.children))


def _flags(time: SpanTime, unit: UnitTime) -> int:
    span = time.span
    root = span is unit.unit.root
    return (
        (ON_PATH if time.own else 0)
        | (ERROR if semconv.is_failure(span.status, span.fields) else 0)
        | (REMOTE if span.parent is None or span.is_remote_to(span.parent) else 0)
        | (LATE if span.begun_by is not None else 0)
        | (FRAGMENT if root and unit.unit.kind == "fragment" else 0)
        | (DETACHED if root and unit.unit.kind == "detached" else 0)
    )


def _mark_path(columns: Mapping[str, npt.NDArray[Any]]) -> None:
    """Sets ON_PATH on every ancestor of a span that has it, and on every unit's root."""
    depth, flags = columns["depth"].tolist(), columns["flags"].tolist()
    below: dict[int, bool] = {}  # depth -> whether a row there, after this one, is on the path
    for row in range(len(depth) - 1, -1, -1):
        level = depth[row]
        if below.pop(level + 1, False) or level == 0:
            flags[row] |= ON_PATH
        below[level] = below.get(level, False) or bool(flags[row] & ON_PATH)
    columns["flags"][:] = flags
