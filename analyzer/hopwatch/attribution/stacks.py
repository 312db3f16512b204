"""Where the time of requests went, by call path: what a flame graph draws.

A *call path* is the chain of frames from a root span down to a span; a *frame* is what a span's
cell says of it: hop, operation, language, kind. Paths form a tree, so each is kept as its last
frame and the path above it:

    0  shop-bff POST /api/orders                 above: -
    1  |- postgresql/shop INSERT                 above: 0
    2  '- shop-bff -> shop-orders gap            above: 0
    3     '- shop-orders Orders/PlaceOrder       above: 2

The long table is route x outcome x sampling threshold x duration bucket x path -> the ledger's
measures, each span's at its own path. So the blamed ns of all paths add up to the requests'
durations, in every bucket, and `quantile` breaks a percentile down by `path` as it does by any key
of the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple, Self

import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.attribution import buckets
from hopwatch.attribution.cells import Cell
from hopwatch.attribution.long_table import MEASURES, LongTable, add_up, column_type, from_rows
from hopwatch.attribution.quantile import Breakdown
from hopwatch.attribution.units import UnitTime

DEEPEST: Final = 256
"""Frames of a path at most. Of a deeper one those before its last are left out, so that what is
said of the last still holds; else a chain of a million calls would be a million paths as long."""

_KEYS: Final = ("route", "outcome", "sampling_threshold", "bucket")
_Key = tuple[str, str, int, int]
_CELL_KEYS: Final = (*_KEYS, "path")


class Frame(NamedTuple):
    """A step of a call path: a cell's key (see `cells.Cell`) without its caller, which is the
    frame above, and its version."""

    hop: str
    operation: str
    language: str
    kind: str

    @classmethod
    def of(cls, cell: Cell) -> Self:
        return cls(cell.hop, cell.operation, cell.language, cell.kind)


PATHS_SCHEMA: Final = pa.schema(
    [("above", pa.int32()), *((name, pa.string()) for name in Frame._fields)]
)
"""`above`: the path without its last frame, -1 where that is the first; then the last frame. A
path's number is its row. They are numbered level by level, those below one path by frame."""
CELLS_SCHEMA: Final = pa.schema([(name, column_type(name)) for name in (*_CELL_KEYS, *MEASURES)])
REQUESTS_SCHEMA: Final = pa.schema(
    [
        *((name, column_type(name)) for name in (*_KEYS, "requests", "duration_ns")),
        ("exemplar_trace_id", pa.binary(16)),
    ]
)


@dataclass(frozen=True, slots=True)
class Bar:
    """A path as a flame graph draws it: from `start_ns` for `ns`, which is its own time and that
    of the bars on top of it. `share` of a request is `calls` of its last frame's hop."""

    path: int
    depth: int
    frame: Frame
    start_ns: int
    ns: int
    own_ns: int
    calls: float


@dataclass(frozen=True)
class Stacks(LongTable):
    """Cells by call path. See the module's docstring."""

    paths: pa.Table

    GROUP_KEYS = (*_CELL_KEYS, *Frame._fields)
    SUBJECT = "call paths"

    @classmethod
    def of_units(cls, units: Iterable[UnitTime]) -> Self:
        """Adds up attributed units."""
        tree = _Tree()
        cells: dict[tuple[_Key, int], list[int]] = {}
        requests: dict[_Key, tuple[int, int, bytes]] = {}
        for unit in units:
            common = (unit.route, unit.outcome, unit.threshold, buckets.of(unit.duration))
            n, duration, exemplar = requests.get(common, (0, 0, unit.trace.trace_id))
            requests[common] = n + 1, duration + unit.duration, min(exemplar, unit.trace.trace_id)
            path_of: dict[int, int] = {}
            for time in unit.spans:  # parents first
                parent = time.span.parent
                above = _NOTHING if parent is None else path_of[id(parent)]
                path = path_of[id(time.span)] = tree.path(above, Frame.of(time.cell))
                sums = cells.setdefault((common, path), [0] * len(MEASURES))
                for i, value in enumerate(time.measures()):
                    sums[i] += value
        number, paths = tree.numbered({path for _, path in cells})
        rows = sorted((*key, number[path], *sums) for (key, path), sums in cells.items())
        return cls(
            cells=from_rows(CELLS_SCHEMA, rows),
            requests=from_rows(
                REQUESTS_SCHEMA, ((*key, *sums) for key, sums in sorted(requests.items()))
            ),
            paths=paths,
        )

    def merge(self, other: Self) -> Self:
        """The call paths of both; the order does not matter."""
        tree = _Tree()
        cells = []
        for stacks in (self, other):
            places = pa.array(tree.paths(stacks), pa.int32())
            cells.append(_renumbered(stacks.cells, places))
        both = pa.concat_tables(cells)
        number, paths = tree.numbered(set(pc.unique(both["path"]).to_pylist()))
        numbers = [number.get(path) for path in range(len(tree))]
        return type(self)(
            cells=add_up(_renumbered(both, pa.array(numbers, pa.int32())), _CELL_KEYS),
            requests=add_up(pa.concat_tables([self.requests, other.requests]), _KEYS),
            paths=paths,
        )

    def to_arrow(self) -> pa.Table:
        """The cells with the last frame of their path; `paths` says what is above it."""
        return self._grouped_from(Frame._fields)

    def _repr_html_(self) -> str:
        from hopwatch.attribution.display import stacks_html

        return stacks_html(self)

    @cached_property
    def frames(self) -> list[Frame]:
        """The last frame of each path."""
        columns = (self.paths[name].to_pylist() for name in Frame._fields)
        return [Frame(*texts) for texts in zip(*columns, strict=True)]

    @cached_property
    def above(self) -> list[int]:
        """The path above each path; -1 above a first frame."""
        numbers: list[int] = self.paths["above"].to_pylist()
        return numbers

    def chain(self, path: int) -> list[Frame]:
        """A path's frames, the root's first."""
        frames = []
        while path != _NOTHING:
            frames.append(self.frames[path])
            path = self.above[path]
        return frames[::-1]

    def bars(self, breakdown: Breakdown) -> list[Bar]:
        """A request's time by `path` (`quantile.at_mean(stacks, "path")` and its like) as the
        bars of a flame graph: each before those on top of it, of which the longest comes first.
        The bars of depth 0 add up to the breakdown's total."""
        shares = {int(share.key[0]): share for share in breakdown.shares}
        whole = [shares[path].ns if path in shares else 0 for path in range(len(self.above))]
        wanted = [path in shares for path in range(len(self.above))]
        below: dict[int, list[int]] = {}
        for path in range(len(whole) - 1, -1, -1):  # what is above has a lower number
            if wanted[path]:
                above = self.above[path]
                below.setdefault(above, []).append(path)
                if above != _NOTHING:
                    whole[above] += whole[path]
                    wanted[above] = True
        bars: list[Bar] = []
        stack: list[tuple[int, int, int]] = []
        _push(stack, below.get(_NOTHING, []), whole, 0, 0)
        while stack:
            path, depth, start = stack.pop()
            share = shares.get(path)
            own, calls = (share.ns, share.calls) if share else (0, 0.0)
            bars.append(Bar(path, depth, self.frames[path], start, whole[path], own, calls))
            _push(stack, below.get(path, []), whole, depth + 1, start)
        return bars

    def _grouped_from(self, keys: Sequence[str]) -> pa.Table:
        cells = self.cells
        for name in Frame._fields:
            if name in keys:
                cells = cells.append_column(name, self.paths[name].take(self.cells["path"]))
        return cells


_NOTHING: Final = -1


def _push(
    stack: list[tuple[int, int, int]], paths: list[int], whole: list[int], depth: int, start: int
) -> None:
    """Lays `paths` side by side from `start` on, the longest first, to be popped in that order."""
    placed = []
    for path in sorted(paths, key=lambda path: (-whole[path], path)):
        placed.append((path, depth, start))
        start += whole[path]
    stack.extend(reversed(placed))


def _renumbered(cells: pa.Table, numbers: pa.Array) -> pa.Table:
    position = cells.schema.get_field_index("path")
    return cells.set_column(position, cells.schema.field("path"), numbers.take(cells["path"]))


class _Tree:
    """Paths in the order in which they come up."""

    def __init__(self) -> None:
        self._nodes: list[tuple[int, Frame]] = []
        self._depths: list[int] = []
        self._places: dict[tuple[int, Frame], int] = {}

    def __len__(self) -> int:
        return len(self._nodes)

    def path(self, above: int, frame: Frame) -> int:
        """The path that has one frame more than the one above."""
        if above != _NOTHING and self._depths[above] == DEEPEST - 1:
            above = self._nodes[above][0]
        node = (above, frame)
        place = self._places.setdefault(node, len(self._nodes))
        if place == len(self._nodes):
            self._nodes.append(node)
            self._depths.append(0 if above == _NOTHING else self._depths[above] + 1)
        return place

    def paths(self, stacks: Stacks) -> list[int]:
        """Takes all paths of `stacks` over; gives the place of each."""
        places: list[int] = []
        for above, frame in zip(stacks.above, stacks.frames, strict=True):
            places.append(self.path(_NOTHING if above == _NOTHING else places[above], frame))
        return places

    def numbered(self, used: set[int]) -> tuple[dict[int, int], pa.Table]:
        """The numbers of the paths that are used and those above them, and their table."""
        below: dict[int, list[int]] = {}
        wanted = [place in used for place in range(len(self._nodes))]
        for place in range(len(self._nodes) - 1, -1, -1):
            if wanted[place]:
                above = self._nodes[place][0]
                below.setdefault(above, []).append(place)
                if above != _NOTHING:
                    wanted[above] = True

        def frame(place: int) -> Frame:
            return self._nodes[place][1]

        number = {_NOTHING: _NOTHING}
        order = sorted(below.get(_NOTHING, []), key=frame)
        for place in order:  # grows level by level
            number[place] = len(number) - 1
            order.extend(sorted(below.get(place, []), key=frame))
        rows = ((number[self._nodes[place][0]], *frame(place)) for place in order)
        return number, from_rows(PATHS_SCHEMA, rows)
