"""Spans, part by part -> arrays: one entry a row, integers only."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hopwatch import semconv
from hopwatch.attribution import links
from hopwatch.attribution.columnar.contents import SAID, Contents
from hopwatch.attribution.columnar.distinct import Numbering, distinct_rows
from hopwatch.attribution.columnar.jit import compiled
from hopwatch.attribution.columnar.sampled import Sampling
from hopwatch.attribution.columnar.texts import (
    NONE,
    Codes,
    MapColumn,
    MapPart,
    TextColumn,
    Vocabulary,
)  # fmt: skip
from hopwatch.attribution.forest import COLUMNS
from hopwatch.attribution.source import Source

Integers = npt.NDArray[np.signedinteger[Any]]

_SIGN = np.uint64(1 << 63)
_PART: Final = 1 << 15
"""Rows that are read at once: what is made of them on the way stays in the processor's cache."""
_TEXTS: Final = (
    "name", "kind", "status_code", "service_name", "service_namespace", "service_version",
    "telemetry_sdk_language", "scope_name", "service_instance_id",
)  # fmt: skip
_MAPS: Final = {
    "resource_attributes": semconv.RESOURCE_FIELDS,
    "scope_attributes": semconv.SCOPE_FIELDS,
    "span_attributes": {**semconv.SPAN_FIELDS, **semconv.SAMPLING_FIELDS},
}
_COLUMNS: Final = {
    **dict.fromkeys(("span_id", "parent_id", "mark", "start", "end"), np.int64),
    **dict.fromkeys(("has_parent", "follows"), np.bool_),
    "process": np.int32,
}


@dataclass(slots=True)
class Received:
    """What rows say that is mended, or not needed any more, once spans are nodes. mark: a hash
    of all that a row says in columns that attribution reads, but for its ids and times."""

    start: Integers
    end: Integers
    parent_id: Integers
    mark: Integers


@dataclass(frozen=True, slots=True)
class Rows:
    """Spans in the order of their rows. Ids are 64-bit halves, as signed integers that sort as
    their bytes do. `trace_ids` are sorted; the rows of trace t are those of the runs
    by_trace[trace_bounds[t]:trace_bounds[t + 1]], where run r begins at row run_begins[r].
    `process` and `granularity`: as in the reference (`forest`), numbered alike. is_sampled:
    whether any row says anything of sampling."""

    vocabulary: Vocabulary
    contents: Contents
    trace_ids: npt.NDArray[np.uint8]  # n x 16 bytes
    run_begins: Integers
    by_trace: Integers
    trace_bounds: Integers
    span_id: Integers
    has_parent: npt.NDArray[np.bool_]
    process: Integers
    granularity: Integers
    threshold: Integers  # see `sampling`
    tail_sampled: npt.NDArray[np.bool_]
    is_sampled: bool
    follows: npt.NDArray[np.bool_]  # begins work that nobody waits for: see `links`

    def of_traces(self, first: int, last: int) -> tuple[Integers, Integers]:
        """The rows of traces [first, last), by trace, else in their order; and where each
        trace begins among them."""
        runs = self.by_trace[self.trace_bounds[first] : self.trace_bounds[last]]
        bounds = self.trace_bounds[first : last + 1] - self.trace_bounds[first]
        found: tuple[Integers, Integers] = _expand(self.run_begins, runs, bounds)
        return found


def read(source: Source, waits: frozenset[str]) -> tuple[Rows, Received]:
    """All spans of a source, of the columns that attribution needs."""
    reading = _Reading(waits, source.most_rows)
    for part in source.parts(COLUMNS):
        for batch in part.to_batches(max_chunksize=_PART):
            if batch.num_rows:
                reading.add(batch)
    return reading.finish()


class _Reading:
    def __init__(self, waits: frozenset[str], most_rows: int) -> None:
        self._vocabulary = Vocabulary()
        self._contents = Contents(self._vocabulary, waits, most_rows)
        self._texts = {
            name: TextColumn(self._vocabulary, salt) for salt, name in enumerate(_TEXTS, 1)
        }
        self._maps = {
            name: MapColumn(meanings, self._vocabulary, salt)
            for salt, (name, meanings) in enumerate(_MAPS.items(), len(_TEXTS) + 1)
        }
        self._sampling = Sampling(self._vocabulary)
        self._processes = Numbering(5)
        self._granularity = _Granularity()
        self._rows = 0
        # What is not filled is never touched, and takes no memory.
        self._columns: dict[str, npt.NDArray[Any]] = {
            name: np.empty(most_rows, dtype) for name, dtype in _COLUMNS.items()
        }
        self._runs: list[tuple[Integers, Integers, Integers]] = []

    def add(self, batch: pa.RecordBatch) -> None:
        marks = np.zeros(batch.num_rows, np.uint64)
        said = {name: column.read(batch[name], marks) for name, column in self._texts.items()}
        resource, of_scope, of_span = (
            column.read(batch[name], marks) for name, column in self._maps.items()
        )
        self._sampling.read(batch["trace_state"], of_span.fields, of_scope.fields, marks)
        process = self._process(said, resource, batch.num_rows)
        fields = {**said, **resource.fields, **of_span.fields}
        self._contents.read({name: fields[name] for name in SAID if name in fields}, batch.num_rows)
        start = _integers(batch["start_time_unix_nano"])
        self._granularity.add(start, process)
        high, low = _halves(batch["trace_id"], 2)
        parent_id = _halves(batch["parent_span_id"], 1)[0]
        known = batch["parent_span_id"].is_valid().to_numpy(zero_copy_only=False)
        has_parent = known & (parent_id != np.iinfo(np.int64).min)
        linked = links.of_rows(pa.Table.from_batches([batch]))
        # Copies that have links are compared as they are.
        marks[list(linked)] = self._rows + np.fromiter(linked, np.uint64, len(linked))
        follows = np.zeros(batch.num_rows, np.bool_)
        follows[[row for row, found in linked.items() if found.follows]] = True
        begins = np.flatnonzero(_changes(high, low))
        self._runs.append((self._rows + begins, high[begins], low[begins]))
        here = slice(self._rows, self._rows + batch.num_rows)
        for name, values in {
            "span_id": _halves(batch["span_id"], 1)[0],
            "parent_id": parent_id,
            "has_parent": has_parent,
            "follows": follows,
            "mark": (marks + known).view(np.int64),
            "start": start,
            "end": start + _integers(batch["duration_nano"]),
            "process": process,
        }.items():
            self._columns[name][here] = values
        self._rows += batch.num_rows

    def finish(self) -> tuple[Rows, Received]:
        self._contents.finish()
        none = np.empty(0, np.int64)
        begins, high, low = map(np.concatenate, zip((none, none, none), *self._runs, strict=True))
        trace, trace_ids = _traces(high, low)
        by_trace, bounds = group(trace, len(trace_ids))
        columns = {name: column[: self._rows] for name, column in self._columns.items()}
        rows = Rows(
            vocabulary=self._vocabulary,
            contents=self._contents,
            trace_ids=trace_ids,
            run_begins=np.append(begins, self._rows),
            by_trace=by_trace,
            trace_bounds=bounds,
            granularity=self._granularity.finish(),
            threshold=self._sampling.threshold,
            tail_sampled=self._sampling.tail_sampled,
            is_sampled=self._sampling.is_said,
            **{name: columns.pop(name) for name in ("span_id", "has_parent", "process", "follows")},
        )
        return rows, Received(**columns)

    def _process(self, said: dict[str, Codes], resource: MapPart, rows: int) -> Codes:
        """The number of each row's process: service.instance.id, else host and pid, else all
        that the resource says; each within its service."""
        none = np.full(rows, NONE, np.int32)
        instance = said["service_instance_id"]
        host, pid = (resource.fields.get(name, none) for name in ("host", "pid"))
        by_instance = instance != NONE
        by_pid = ~by_instance & (host != NONE) & (pid != NONE)
        one = np.where(by_instance, instance, np.where(by_pid, host, none))
        other = np.where(by_pid, pid, none)
        by_resource = np.flatnonzero(~by_instance & ~by_pid)
        which = by_pid.astype(np.int32)
        if len(by_resource):
            which[by_resource] = 2
            one[by_resource] = resource.whole(by_resource, self._vocabulary)
        services = said["service_namespace"], said["service_name"]
        return self._processes.add([*services, which, one, other], rows)[0]


def _integers(column: pa.Array) -> Integers:
    # Always a copy: kernels for memory that cannot be written would be others, compiled anew.
    return np.array(column.to_numpy(zero_copy_only=False), np.int64)


def _halves(column: pa.Array, count: int) -> list[Integers]:
    """Each 8 bytes of a column of ids as an integer that sorts as they do; 0 bytes for null."""
    data = np.frombuffer(column.buffers()[1], ">u8")
    part = data[count * column.offset : count * (column.offset + len(column))].reshape(-1, count)
    if column.null_count:
        part = np.where(column.is_null().to_numpy(zero_copy_only=False)[:, None], 0, part)
    signed = (part.astype(np.uint64) ^ _SIGN).view(np.int64)
    return [np.ascontiguousarray(signed[:, half]) for half in range(count)]


def as_integers(ids: Iterable[bytes]) -> Integers:
    """Ids of 8 bytes as `Rows` has them."""
    data = np.frombuffer(b"".join(ids), ">u8").astype(np.uint64)
    return (data ^ _SIGN).view(np.int64)


def as_ids(integers: Integers) -> pa.FixedSizeBinaryArray:
    """Ids of 8 bytes that `Rows` has as integers."""
    data = (integers.view(np.uint64) ^ _SIGN).astype(">u8")
    return pa.Array.from_buffers(pa.binary(8), len(data), [None, pa.py_buffer(data)])


def _changes(high: Integers, low: Integers) -> npt.NDArray[np.bool_]:
    """Where the trace is another than in the row before."""
    changed = np.ones(len(high), np.bool_)
    changed[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    return changed


def _traces(high: Integers, low: Integers) -> tuple[Integers, npt.NDArray[np.uint8]]:
    """The place of each run's trace among the sorted trace ids, and these as n x 16 bytes."""
    number, first = distinct_rows([high, low])
    order = np.lexsort((low[first], high[first]))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    halves = np.stack([high[first[order]], low[first[order]]], axis=1)
    ids = (halves.view(np.uint64) ^ _SIGN).astype(">u8").view(np.uint8).reshape(-1, 16)
    return place[number] if len(order) else number, ids


class _Granularity:
    """See `forest.granularity`; stamps come in parts."""

    def __init__(self) -> None:
        self._fitting = np.zeros((0, 4), np.int64)

    def add(self, start: Integers, process: Codes) -> None:
        more = int(process.max()) + 1 - len(self._fitting)
        if more > 0:
            self._fitting = np.concatenate([self._fitting, np.zeros((more, 4), np.int64)])
        _count_fitting(start, process, self._fitting)

    def finish(self) -> Integers:
        stamps, *fitting = self._fitting.T
        result = np.ones(len(stamps), np.int64)
        for unit, fits in zip((256, 1_000, 1_000_000), fitting, strict=True):
            result[(stamps >= 20) & (100 * fits >= 99 * stamps)] = unit
        return result


@compiled
def _count_fitting(start: Any, process: Any, fitting: Any) -> None:
    for row in range(len(start)):
        of = fitting[process[row]]
        of[0] += 1
        of[1] += start[row] & 255 == 0
        if start[row] % 1_000 == 0:
            of[2] += 1
            of[3] += start[row] % 1_000_000 == 0


@compiled
def group(group: Any, groups: Any) -> Any:
    """What is in each group, in its order, and where each group begins."""
    bounds = np.zeros(groups + 1, np.int64)
    for i in range(len(group)):
        bounds[group[i] + 1] += 1
    bounds = np.cumsum(bounds)
    free = bounds[:-1].copy()
    order = np.empty(len(group), np.int64)
    for i in range(len(group)):
        order[free[group[i]]] = i
        free[group[i]] += 1
    return order, bounds


@compiled
def _expand(begins: Any, runs: Any, bounds: Any) -> Any:
    size = 0
    for run in runs:
        size += begins[run + 1] - begins[run]
    rows = np.empty(size, np.int64)
    found = np.zeros(len(bounds), np.int64)
    filled = 0
    for one in range(len(bounds) - 1):
        for i in range(bounds[one], bounds[one + 1]):
            for row in range(begins[runs[i]], begins[runs[i] + 1]):
                rows[filled] = row
                filled += 1
        found[one + 1] = filled
    return rows, found
