"""A ledger as a comparison reads it: sums by cell, exact, and block by block.

Requests count by their weight (`LongTable.weights`), in units that cancel: whatever a comparison
says is a ratio of such sums.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, partial
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.attribution import Ledger
from hopwatch.comparison.blocks import BLOCKS, PIECES, Blocking, Integers, blocking, require_enough
from hopwatch.comparison.bridge import Numbers
from hopwatch.errors import ConservationError

Floats = npt.NDArray[np.float64]

_MEASURES: Final = ("spans", "blamed_ns", "local_ns", "calls")
_LARGEST_CODE: Final = 1 << 62
_NOTHING: Final = 1e-9
"""What is left of a weighted sum in floats without all that is in it: nothing."""


class Cell(NamedTuple):
    """What spans have in common that a comparison tells apart."""

    route: str
    caller: str
    hop: str
    operation: str
    language: str
    version: str
    kind: str

    @property
    def callee(self) -> str:
        """Who was called: the hop, or where a gap leads."""
        return self.hop[len(self.caller) + len(" -> ") :] if self.kind == "gap" else self.hop


@dataclass(frozen=True, slots=True)
class WindowSums:
    """Of each route [requests, ns] and of each cell [spans, blamed ns, local ns, and where they are
    exact calls], in the order of `Window.routes` and `Window.cells`; the last dimension is that of
    `bridge.Numbers`."""

    routes: Numbers
    cells: Numbers


class Window:
    """One side of a comparison."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self._routes = Codes(ledger.requests, ("route",))
        self._outcomes = Codes(ledger.requests, ("outcome",))
        self._cells = Codes(ledger.cells, Cell._fields)
        self.routes: list[str] = [route for (route,) in self._routes.keys]
        self.cells: list[Cell] = [Cell(*key) for key in self._cells.keys]

    @cached_property
    def exact(self) -> WindowSums:
        """The sums of everything, as fractions.

        Raises ConservationError where sums in the ledger are beyond 64 bits.
        """
        routes = self._exact(self.ledger.requests, self._routes, ("requests", "duration_ns"))
        cells = self._exact(self.ledger.cells, self._cells, _MEASURES)
        if cells[:, 1].sum() != routes[:, 1].sum():
            raise ConservationError(
                "the cells of a side do not add up to its requests' time: sums are beyond 292 "
                "years; look at a shorter window"
            )
        return WindowSums(routes, cells)

    def _exact(self, table: pa.Table, codes: Codes, measures: tuple[str, ...]) -> Numbers:
        keys = {"code": codes.of_row, "threshold": table["sampling_threshold"]}
        sums = pa.table({**keys, **{name: table[name] for name in measures}}).group_by(list(keys))
        found = sums.aggregate([(name, "sum") for name in measures])
        by_threshold, unit = self.ledger.weights
        totals = np.zeros((len(codes.keys), len(measures)), dtype=object)
        for code, threshold, *values in zip(*(c.to_pylist() for c in found.columns), strict=True):
            for i, value in enumerate(values):
                totals[code, i] += by_threshold[threshold] * value
        fractions = [Fraction(total, unit) for total in totals.ravel().tolist()]
        return np.array(fractions, dtype=object).reshape(*totals.shape, 1)

    @cached_property
    def floats(self) -> WindowSums:
        """As `exact`, nearly."""
        return WindowSums(self.exact.routes.astype(np.float64), self.exact.cells.astype(np.float64))

    @cached_property
    def weighted_requests(self) -> Fraction:
        """How many requests those of this side stand for."""
        return _total(self.exact.routes[:, 0])

    @cached_property
    def mean_ns(self) -> Fraction:
        """Of a request."""
        return _total(self.exact.routes[:, 1]) / self.weighted_requests

    @property
    def failed_share(self) -> float:
        """Of the requests."""
        counts = self._exact(self.ledger.requests, self._outcomes, ("requests",))
        failed = [outcome == "error" for (outcome,) in self._outcomes.keys]
        return float(_total(counts[failed, 0]) / self.weighted_requests)

    @cached_property
    def request_counts(self) -> Integers:
        """By route how many requests are there, by no weight."""
        found = np.zeros(len(self.routes), np.int64)
        np.add.at(found, self._routes.of_row, self.ledger.requests["requests"].to_numpy())
        return found

    @cached_property
    def starts(self) -> Integers:
        """The ledger's time blocks that have requests, Unix ns, ascending."""
        found: Integers = np.unique(self.ledger.requests["block_start_unix_nano"].to_numpy())
        return found

    @cached_property
    def blocking(self) -> Blocking:
        """The blocks of this side. Raises NotEnoughDataError."""
        return blocking(self.starts)

    def require_enough(self) -> None:
        """Raises NotEnoughDataError where there is too little traffic for verdicts."""
        counted = self.ledger.requests.group_by("block_start_unix_nano").aggregate(
            [("requests", "sum")]
        )
        counted = counted.sort_by("block_start_unix_nano")
        require_enough(self.blocking, counted["requests_sum"].to_numpy())

    @cached_property
    def without_each_block(self) -> WindowSums:
        """The sums without one block, for each. Raises NotEnoughDataError."""
        return WindowSums(
            without_each(_blocks(self.routes_by_piece)), without_each(_blocks(self.cells_by_piece))
        )

    @cached_property
    def routes_by_piece(self) -> Floats:
        """[requests, ns] of each route [route, measure, piece]. Raises NotEnoughDataError."""
        return self._by_piece(self.ledger.requests, self._routes, "requests", "duration_ns")

    @cached_property
    def cells_by_piece(self) -> Floats:
        """[spans, blamed ns, local ns] of each cell [cell, measure, piece]. Raises
        NotEnoughDataError."""
        return self._by_piece(self.ledger.cells, self._cells, *_MEASURES[:3])

    @property
    def requests_by_piece(self) -> Integers:
        """How many requests are there, by no weight. Raises NotEnoughDataError."""
        found = np.zeros(PIECES, np.int64)
        counts = self.ledger.requests["requests"].to_numpy()
        np.add.at(found, self._piece_of(self.ledger.requests), counts)
        return found

    @cached_property
    def durations_by_bucket(self) -> dict[int, int]:
        """Duration bucket -> its requests' time, in the units of `Ledger.weights`."""
        by_threshold, _ = self.ledger.weights
        sums = self.ledger.requests.group_by(["bucket", "sampling_threshold"]).aggregate(
            [("duration_ns", "sum")]
        )
        found: dict[int, int] = {}
        for bucket, threshold, ns in zip(*(c.to_pylist() for c in sums.columns), strict=True):
            found[bucket] = found.get(bucket, 0) + by_threshold[threshold] * ns
        return found

    def blamed_by_bucket(self, part_of_cell: Integers) -> Iterator[tuple[int, int, int]]:
        """(duration bucket, part, blamed ns in the units of `Ledger.weights`) of the parts that
        the cells are assigned to; a bucket and part may come more than once."""
        by_threshold, _ = self.ledger.weights
        names = ("bucket", "part", "sampling_threshold")
        cells = self.ledger.cells
        table = pa.table(
            [cells["bucket"], part_of_cell[self._cells.of_row], cells["sampling_threshold"],
             cells["blamed_ns"]],
            [*names, "ns"],
        )  # fmt: skip
        sums = table.group_by(list(names)).aggregate([("ns", "sum")])
        for bucket, part, threshold, ns in zip(*(c.to_pylist() for c in sums.columns), strict=True):
            yield bucket, part, by_threshold[threshold] * ns

    @property
    def route_blocks(self) -> Floats:
        """Requests [route, block]. Raises NotEnoughDataError."""
        return _blocks(self.routes_by_piece[:, 0])

    @cached_property
    def requests_by_bucket_and_piece(self) -> tuple[Integers, Floats]:
        """Duration buckets, ascending, and how many requests [bucket, piece] they have. Raises
        NotEnoughDataError."""
        found = Codes(self.ledger.requests, ("bucket",))
        sums = self._by_piece(self.ledger.requests, found, "requests")[:, 0]
        return np.array([bucket for (bucket,) in found.keys], np.int64), sums

    @property
    def requests_by_bucket(self) -> tuple[Integers, Floats]:
        """The same by block."""
        found, sums = self.requests_by_bucket_and_piece
        return found, _blocks(sums)

    @cached_property
    def failures_by_block(self) -> Floats:
        """[requests, failed requests] by block. Raises NotEnoughDataError."""
        sums = _blocks(self._by_piece(self.ledger.requests, self._outcomes, "requests")[:, 0])
        failed = [outcome == "error" for (outcome,) in self._outcomes.keys]
        return np.stack([sums.sum(axis=0), sums[failed].sum(axis=0)])

    def _by_piece(self, table: pa.Table, codes: Codes, *measures: str) -> Floats:
        """Weighted sums [code, measure, piece] of a table of this side."""
        place = codes.of_row * PIECES + self._piece_of(table)
        weights = self._weight_of(table)
        sums = [
            np.bincount(place, table[name].to_numpy() * weights, len(codes.keys) * PIECES)
            for name in measures
        ]
        return np.stack([one.reshape(len(codes.keys), PIECES) for one in sums], axis=1)

    def _piece_of(self, table: pa.Table) -> Integers:
        encoded = _encoded(table, "block_start_unix_nano")
        places = np.searchsorted(self.blocking.starts, encoded.dictionary.to_numpy())
        found: Integers = self.blocking.pieces[places][encoded.indices.to_numpy()]
        return found

    def _weight_of(self, table: pa.Table) -> Floats | float:
        if not self.ledger.is_weighted:
            return 1.0
        by_threshold, unit = self.ledger.weights
        encoded = _encoded(table, "sampling_threshold")
        weights = [float(Fraction(by_threshold[t], unit)) for t in encoded.dictionary.to_pylist()]
        found: Floats = np.array(weights)[encoded.indices.to_numpy()]
        return found


class Codes:
    """The different combinations of some columns: `keys`, ascending, and which of them each
    row has."""

    def __init__(self, table: pa.Table, names: tuple[str, ...]) -> None:
        codes: Integers = np.zeros(table.num_rows, np.int64)
        keys: list[tuple[Any, ...]] = [()]
        radix, columns = 1, list[list[Any]]()
        with ThreadPoolExecutor() as pool:  # to look at texts is most of the work
            for column in pool.map(partial(_encoded, table), names):
                if radix * len(column.dictionary) > _LARGEST_CODE:
                    codes, keys = _compact(codes, keys, columns)
                    radix, columns = len(keys), []
                columns.append(column.dictionary.to_pylist())
                if len(column.dictionary) > 1:  # in place: new memory is slow
                    codes *= len(column.dictionary)
                    codes += column.indices.to_numpy()
                radix *= len(column.dictionary)
        codes, keys = _compact(codes, keys, columns)
        order = sorted(range(len(keys)), key=keys.__getitem__)
        rank = np.empty(len(keys), np.int64)
        rank[order] = np.arange(len(keys))
        self.keys: list[tuple[Any, ...]] = [keys[i] for i in order]
        self.of_row: Integers = rank[codes]


def _encoded(table: pa.Table, name: str) -> pa.DictionaryArray:
    return pc.dictionary_encode(table[name]).unify_dictionaries().combine_chunks()


def _compact(
    codes: Integers, keys: list[tuple[Any, ...]], columns: list[list[Any]]
) -> tuple[Integers, list[tuple[Any, ...]]]:
    """Codes of (key, one value of each of the columns) as numbers without holes."""
    encoded = pa.array(codes).dictionary_encode()
    found = []
    for code in encoded.dictionary.to_pylist():
        values: tuple[Any, ...] = ()
        for column in reversed(columns):
            code, at = divmod(code, len(column))
            values = (column[at], *values)
        found.append((*keys[code], *values))
    return encoded.indices.to_numpy().astype(np.int64), found


def _total(numbers: Numbers) -> Fraction:
    return sum(numbers.ravel().tolist(), Fraction(0))


def _blocks(by_piece: Floats) -> Floats:
    """Sums by piece -> by block."""
    found: Floats = by_piece.reshape(*by_piece.shape[:-1], BLOCKS, PIECES // BLOCKS).sum(axis=-1)
    return found


def without_each(sums: Floats) -> Floats:
    """WindowSums [.., block] -> those of all other blocks."""
    totals = sums.sum(axis=-1, keepdims=True)
    rest: Floats = totals - sums
    rest[rest < _NOTHING * totals] = 0.0
    return rest
