"""A span table, attributed as columns: the same ledgers as the reference makes span by span."""

from __future__ import annotations

from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.attribution import buckets, failures, request_table, times
from hopwatch.attribution import stacks as call_stacks
from hopwatch.attribution.cells import Cell
from hopwatch.attribution.clocks import Clocks
from hopwatch.attribution.columnar import details as of_spans
from hopwatch.attribution.columnar import late, offsets, per_request
from hopwatch.attribution.columnar import nodes as forest
from hopwatch.attribution.columnar.addition import add_up
from hopwatch.attribution.columnar.delays import delay_table
from hopwatch.attribution.columnar.nodes import DETACHED, REQUEST
from hopwatch.attribution.columnar.rows import Integers, as_ids, read
from hopwatch.attribution.columnar.stacks import call_paths
from hopwatch.attribution.columnar.tables import Keyed, Runs, take, text
from hopwatch.attribution.columnar.texts import NONE
from hopwatch.attribution.columnar.walk import Walked, walk
from hopwatch.attribution.details import Details
from hopwatch.attribution.forest import COLUMNS, Excerpt, processes
from hopwatch.attribution.ledger import (
    BLOCK_NS,
    CELLS_SCHEMA,
    REQUESTS_SCHEMA,
    Ledger,
)  # fmt: skip
from hopwatch.attribution.long_table import MEASURES, ensure_room
from hopwatch.attribution.model import Process
from hopwatch.attribution.sampling import MALFORMED, UNSAID
from hopwatch.attribution.select import ATTRIBUTE_COLUMNS, Selection
from hopwatch.attribution.source import Source, as_source, rows_of, whole
from hopwatch.attribution.stacks import Stacks
from hopwatch.attribution.times import CellFilter
from hopwatch.attribution.units import LONGEST_NS, Options
from hopwatch.errors import ConservationError

Mask = npt.NDArray[np.bool_]

_OUTCOMES: Final = ["error", "ok"]  # as they sort
_FLAGS: Final = ("outlives", "clock_conflict", "no_client_span", "retry")
_BOUNDS: Final = np.array([bound for bound in buckets.BOUNDS if bound < 2**63], np.int64)


class Engine:
    """Every trace of a span table, attributed at once. `clocks`: as for `Attribution`."""

    def __init__(
        self, spans: pa.Table | Source, options: Options, clocks: Clocks | None = None
    ) -> None:
        self._source = as_source(spans)
        self.rows, received = read(self._source, options.waits)
        self._whole_trees = forest.build(self.rows, received, self._source)
        del received
        self._calls = offsets.calls(self._whole_trees, self.rows)
        self.clocks = clocks or offsets.estimate(self._calls)
        self._options = options
        self._walked = walked = self._walk(self.clocks)
        self.nodes = late.set_apart(self._whole_trees, walked.late)
        self._spent, self._rare, self._sums = walked.spent, walked.rare, walked.sums
        self._cells, self._cell, self._entered = walked.cells, walked.cell, walked.entered
        self._check()

    def _walk(self, clocks: Clocks) -> Walked:
        known = offsets.known(self._calls, clocks)
        return walk(self._whole_trees, self.rows, self._calls, known, self._options)

    def ledger(self, select: Selection | None = None, *, detached: bool = False) -> Ledger:
        """See `Attribution.ledger`."""
        wanted = self._wanted(select, detached)
        kept = wanted & (self._duration <= LONGEST_NS)
        quality = self._quality(kept, everything=select is None)
        if absurd := int((wanted & ~kept).sum()):
            quality["absurd_duration"] = absurd
        ledger = self._ledger(np.flatnonzero(kept), quality)
        ledger.check()
        return ledger

    def request_table(self, select: Selection | None = None) -> pa.Table:
        """See `Attribution.request_table`."""
        units = self._counted(select)
        root = self.nodes.units[units]
        routes, route = self._routes
        sizes = np.diff(self.nodes.member_bounds)
        return pa.Table.from_arrays(
            [
                *self._ids(units),
                _dictionary(route[units], routes),
                _dictionary(self._outcome[units], _OUTCOMES),
                pa.array(self.nodes.start[root]),
                pa.array(self._duration[units]),
                pa.array(sizes[units]),
                pa.array(self._said_threshold[units]),
            ],
            schema=request_table.SCHEMA,
        )

    def stacks(self, select: Selection | None = None, *, detached: bool = False) -> Stacks:
        """See `Attribution.stacks`."""
        nodes = self.nodes
        units = self._counted(select, detached=detached)
        counted = np.isin(self._unit_of, units)
        paths, path = call_paths(nodes.members, nodes.parent, counted, self._cells, self._cell)
        runs, number = Runs.of(units, self._keys), np.arange(len(paths))
        stacks = Stacks(
            self._cell_table(runs, call_stacks.CELLS_SCHEMA, path, len(number), {"path": number}),
            self._request_rows(runs, call_stacks.REQUESTS_SCHEMA),
            paths,
        )
        stacks.check()
        return stacks

    def times(
        self, cells: CellFilter, select: Selection | None = None, *, detached: bool = False
    ) -> pa.Table:
        """See `Attribution.times`."""
        units = self._counted(select, detached=detached)
        fits = cells.test()
        chosen = np.array([fits(cell) for cell in self._cells], np.bool_)
        sums = per_request.sums(
            self.nodes, self._spent, self._rare, chosen[self._cell], self._entered
        )
        return pa.Table.from_arrays(
            [
                *self._ids(units),
                _dictionary(self._outcome[units], _OUTCOMES),
                pa.array(self._said_threshold[units]),
                pa.array(self._duration[units]),
                *(pa.array(np.ascontiguousarray(column)) for column in sums[units].T),
            ],
            schema=times.SCHEMA,
        )

    def failures(self, select: Selection | None = None, *, detached: bool = False) -> pa.Table:
        """See `Attribution.failures`."""
        units = self._counted(select, detached=detached)
        units = units[self._outcome[units] == _index(_OUTCOMES, "error")]
        origin = per_request.origins(self.nodes, self.rows, self._spent, self._failed, units)
        return self._failure_table(units, self._cell[origin])

    def masked_failures(self, select: Selection | None = None) -> pa.Table:
        """See `Attribution.masked_failures`."""
        units = self._counted(select)
        units = units[self._outcome[units] == _index(_OUTCOMES, "ok")]
        fine = np.zeros(len(self.nodes.units), np.bool_)
        fine[units] = True
        began = np.flatnonzero(per_request.began(self.nodes, self._failed) & fine[self._unit_of])
        places = np.unique(np.stack([self._unit_of[began], self._cell[began]], axis=1), axis=0)
        return self._failure_table(places[:, 0], places[:, 1])

    def _failure_table(self, units: Integers, cell: Integers) -> pa.Table:
        routes, route = self._routes
        names = ([getattr(found, name) for found in self._cells] for name in Cell._fields)
        return pa.Table.from_arrays(
            [
                *self._ids(units),
                _dictionary(route[units], routes),
                pa.array(self.nodes.start[self.nodes.units[units]]),
                pa.array(self._said_threshold[units]),
                *(text(of_cells, cell).dictionary_encode() for of_cells in names),
            ],
            schema=failures.SCHEMA,
        )

    def delays(self, select: Selection | None = None) -> pa.Table:
        """See `Attribution.delays`."""
        units = self._counted(select, detached=True)
        routes, route = self._routes
        return delay_table(
            self._table, self.rows, self.nodes, self.clocks, self.nodes.units[units],
            [routes[number] for number in route[units]],
        )  # fmt: skip

    def details(self) -> Details:
        """See `Attribution.details`."""
        return of_spans.details(self.rows, self.nodes, self._walked, self.processes())

    def blamed_under(self, clocks: Clocks) -> dict[Cell, int]:
        """See `Attribution.blamed_under`."""
        walked = self._walk(clocks)
        nodes = late.set_apart(self._whole_trees, walked.late)
        return of_spans.blamed_by_cell(nodes, walked)

    def processes(self) -> list[Process]:
        """See `forest.processes`."""
        first = offsets.first_rows(self.rows)
        return processes(rows_of(self._source, COLUMNS, first.tolist()))

    def excerpt(self, trace_id: bytes) -> Excerpt:
        """The rows of one trace, for the reference."""
        wanted = np.frombuffer(trace_id, np.uint8)
        (place,) = np.nonzero((self.rows.trace_ids == wanted).all(axis=1))
        rows = np.sort(
            np.concatenate([self.rows.of_traces(trace, trace + 1)[0] for trace in place.tolist()])
        )
        return Excerpt(
            rows.tolist(), self.rows.process[rows].tolist(), self.rows.granularity.tolist()
        )

    @cached_property
    def _table(self) -> pa.Table:
        """The spans as one table, for what is asked seldom."""
        return whole(self._source, COLUMNS)

    @cached_property
    def _content(self) -> Integers:
        """By node."""
        return self.rows.contents.of[self.nodes.row]

    @property
    def _failed(self) -> Mask:
        """By node."""
        failed: Mask = self.rows.contents.failed[self._content]
        return failed

    @cached_property
    def _unit_of(self) -> Integers:
        """By node."""
        return of_spans.unit_of(self.nodes)

    def _check(self) -> None:
        wrong = np.flatnonzero(self._sums[:, 0] != self._duration)
        if len(wrong):
            unit = wrong[0]
            root = self.nodes.units[unit]
            trace = self.rows.trace_ids[self.nodes.trace[root]].tobytes().hex()
            raise ConservationError(
                f"trace {trace}: blamed {self._sums[unit, 0]} ns of {self._duration[unit]} ns; "
                "please report this with the trace"
            )

    @cached_property
    def _duration(self) -> Integers:
        return self.nodes.end[self.nodes.units] - self.nodes.start[self.nodes.units]

    @cached_property
    def _routes(self) -> tuple[list[str], Integers]:
        """The routes, sorted, and each unit's."""
        numbers = self.rows.contents.route[self.rows.contents.of[self.nodes.row[self.nodes.units]]]
        distinct, which = np.unique(numbers, return_inverse=True)
        texts = [self.rows.vocabulary.texts[number] for number in distinct]
        routes = sorted(texts)
        place = {route: position for position, route in enumerate(routes)}
        ranks = np.array([place[text] for text in texts], np.int64)
        return routes, ranks[which] if len(ranks) else which

    @cached_property
    def _outcome(self) -> Integers:
        """By unit, of `_OUTCOMES`."""
        failed = self.rows.contents.error[self.rows.contents.of[self.nodes.row[self.nodes.units]]]
        return np.where(failed, 0, 1)

    def _trace_ids(self, traces: Integers) -> pa.Array:
        ids = np.ascontiguousarray(self.rows.trace_ids[traces])
        return pa.Array.from_buffers(pa.binary(16), len(ids), [None, pa.py_buffer(ids)])

    def _ids(self, units: Integers) -> list[pa.Array]:
        """Of units the trace ids and the span ids of their roots."""
        root = self.nodes.units[units]
        span_ids = as_ids(self.rows.span_id[self.nodes.row[root]])
        return [self._trace_ids(self.nodes.trace[root]), span_ids]

    def _counted(self, select: Selection | None, *, detached: bool = False) -> Integers:
        """The units that the ledger counts."""
        return np.flatnonzero(self._wanted(select, detached) & (self._duration <= LONGEST_NS))

    def _wanted(self, select: Selection | None, detached: bool) -> Mask:
        """Which units a ledger is asked of."""
        wanted: Mask = self.nodes.unit_kind == (DETACHED if detached else REQUEST)
        return wanted if select is None else wanted & self._selected(select)

    def _selected(self, select: Selection) -> Mask:
        """Which units are as a selection asks."""
        units = self.nodes.units
        start, (routes, route) = self.nodes.start[units], self._routes
        chosen = np.ones(len(units), np.bool_)
        if select.start is not None:
            chosen &= start >= select.start
        if select.end is not None:
            chosen &= start < select.end
        if select.outcome is not None:
            chosen &= self._outcome == _index(_OUTCOMES, select.outcome)
        if select.route is not None:
            fits = select.route_test()
            fitting = np.array([fits(route) for route in routes], np.bool_)
            chosen &= fitting[route] if len(routes) else False
        if select.service is not None:
            hops = self.rows.contents.hop
            texts = self.rows.vocabulary.texts
            named = np.array([select.is_service(texts[hop]) for hop in hops], np.bool_)
            chosen &= self._having(named[self._content])
        if select.traces is not None:
            wanted = pa.array(sorted(select.traces), pa.binary(16))
            ids = self._trace_ids(np.arange(len(self.rows.trace_ids)))
            among = pc.is_in(ids, value_set=wanted).to_numpy(zero_copy_only=False)
            chosen &= among[self.nodes.trace[units]]
        if select.attributes:
            parts = map(select.rows, self._source.parts(ATTRIBUTE_COLUMNS))
            for rows in zip(*parts, strict=True):
                chosen &= self._having(np.concatenate(rows)[self.nodes.row])
        return chosen

    def _having(self, node_is: Mask) -> Mask:
        """The units of which a node is so."""
        result = np.zeros(len(self.nodes.units), np.bool_)
        result[self._unit_of[node_is]] = True
        return result

    def _quality(self, kept: Mask, *, everything: bool) -> dict[str, int]:
        sums = self._sums[kept].sum(axis=0)
        traces = np.zeros(len(self.rows.trace_ids), np.bool_)
        traces[self.nodes.trace[self.nodes.units[kept]]] = True
        if everything:
            traces[:] = True
        quality = {}
        if kept.any():
            spans = np.diff(self.nodes.member_bounds)[kept].sum()
            quality = {"spans": int(spans), "clipped_ns": int(sums[1])}
        counts = dict(zip(_FLAGS, sums[2:], strict=True)) | self._completeness(traces)
        counts |= self._sampling(kept)
        quality |= {name: int(count) for name, count in counts.items() if count}
        return quality | {"clock_steps": self.clocks.steps}

    @property
    def _threshold(self) -> Integers:
        """By unit, what its root says; see `sampling`."""
        threshold: Integers = self.rows.threshold[self.nodes.row[self.nodes.units]]
        return threshold

    @cached_property
    def _said_threshold(self) -> Integers:
        """By unit, as the ledger has it."""
        return np.maximum(UNSAID, self._threshold)

    def _sampling(self, kept: Mask) -> dict[str, int]:
        rows = self.rows
        if not rows.is_sampled:
            return {}
        threshold = rows.threshold[self.nodes.row]
        stricter = threshold > np.maximum(0, self._threshold)[self._unit_of]
        return {
            "malformed_sampling": ((threshold == MALFORMED) & kept[self._unit_of]).sum(),
            "strictly_sampled": (self._having(stricter) & kept).sum(),
            "tail_sampled": (self._having(rows.tail_sampled[self.nodes.row]) & kept).sum(),
        }

    def _completeness(self, traces: Mask) -> dict[str, int]:
        units_of = np.zeros((len(traces), 3), np.int64)
        np.add.at(units_of, (self.nodes.trace[self.nodes.units], self.nodes.unit_kind), 1)
        units_of = units_of[traces]
        requests, detached, fragments = (units_of[:, kind] for kind in range(3))
        return {
            **dict(zip(forest.REPAIRS, self.nodes.repairs[traces].sum(axis=0), strict=True)),
            "traces": traces.sum(),
            "incomplete_traces": (fragments > 0).sum(),
            "fragments": fragments.sum(),
            "detached_units": detached.sum(),
            "late_units": traces[self.nodes.trace[self.nodes.late]].sum(),
            "traces_without_root": ((requests == 0) & (detached == 0)).sum(),
        }

    @cached_property
    def _keys(self) -> dict[str, Keyed]:
        """By unit what the rows of ledgers are told apart by, beside the time."""
        routes, route = self._routes
        return {
            "route": (route, routes),
            "outcome": (self._outcome, _OUTCOMES),
            "sampling_threshold": self._said_threshold,
            "bucket": np.searchsorted(_BOUNDS, self._duration),
        }

    def _ledger(self, units: Integers, quality: dict[str, int]) -> Ledger:
        block = self.nodes.start[self.nodes.units] // BLOCK_NS * BLOCK_NS
        runs = Runs.of(units, {"block_start_unix_nano": block, **self._keys})
        number = np.arange(len(self._cells))
        of_cell: dict[str, Keyed] = {
            name: (number, [getattr(found, name) for found in self._cells]) for name in Cell._fields
        }
        return Ledger(
            self._cell_table(runs, CELLS_SCHEMA, self._cell, len(number), of_cell),
            self._request_rows(runs, REQUESTS_SCHEMA),
            dict(sorted(quality.items())),
        )

    def _cell_table(
        self, runs: Runs, schema: pa.Schema, cell: Integers, cells: int, of_cell: dict[str, Keyed]
    ) -> pa.Table:
        """The sums of each run by `cell`, each node's of so many; `of_cell`: the keys of each."""
        ensure_room(*(
            float(each.sum(dtype=np.float64))
            for each in (self._duration[runs.units], self._spent["local"])
        ))  # fmt: skip
        run = np.repeat(np.arange(len(runs)), np.diff(runs.begins))
        of_run, found, sums = add_up(
            runs.units, run, self.nodes.members, self.nodes.member_bounds, cell, self._entered,
            self._spent, self._rare, cells,
        )  # fmt: skip
        arrays = {
            **{name: take(values, of_run) for name, values in runs.keys.items()},
            **{name: take(values, found) for name, values in of_cell.items()},
            **{name: sums[i] for i, name in enumerate(MEASURES)},
        }
        return pa.Table.from_arrays(
            [pa.array(arrays[field.name], field.type) for field in schema], schema=schema
        )

    def _request_rows(self, runs: Runs, schema: pa.Schema) -> pa.Table:
        every = np.arange(len(runs))
        trace = self.nodes.trace[self.nodes.units[runs.units]]
        least = np.minimum.reduceat(trace, runs.begins[:-1]) if len(runs) else every
        duration = self._duration[runs.units]
        arrays = {
            **{name: take(values, every) for name, values in runs.keys.items()},
            "requests": np.diff(runs.begins),
            "duration_ns": np.add.reduceat(duration, runs.begins[:-1]) if len(runs) else every,
            "exemplar_trace_id": self._trace_ids(least),
        }
        return pa.Table.from_arrays(
            [pa.array(arrays[field.name], field.type) for field in schema], schema=schema
        )


def _dictionary(codes: Integers, texts: list[str]) -> pa.Array:
    return pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(texts, pa.string()))


def _index(values: list[str], value: str) -> int:
    return values.index(value) if value in values else NONE
