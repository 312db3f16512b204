"""Span table -> arrays: one entry a row, integers only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hopwatch import semconv
from hopwatch.attribution.columnar.contents import Contents, text_columns
from hopwatch.attribution.columnar.distinct import distinct_rows
from hopwatch.attribution.columnar.jit import compiled
from hopwatch.attribution.columnar.sampled import thresholds
from hopwatch.attribution.columnar.texts import NONE, Codes, Maps, Vocabulary

Integers = npt.NDArray[np.int64]

_SIGN = np.uint64(1 << 63)


@dataclass(frozen=True, slots=True)
class Rows:
    """A span table in the order of its rows. Ids are 64-bit halves, as signed integers that
    sort as their bytes do. `trace`: place of the row's trace in `trace_ids`, which are sorted.
    `process` and `granularity`: as in the reference (`forest`), numbered alike."""

    vocabulary: Vocabulary
    contents: Contents
    trace_ids: npt.NDArray[np.uint8]  # n x 16 bytes
    trace: Integers
    span_id: Integers
    parent_id: Integers
    has_parent: npt.NDArray[np.bool_]
    start: Integers
    end: Integers
    process: Integers
    granularity: Integers
    threshold: Integers  # see `sampling`
    tail_sampled: npt.NDArray[np.bool_]


def read(table: pa.Table, waits: frozenset[str]) -> Rows:
    """The rows of a span table, or of its columns that attribution needs."""
    vocabulary = Vocabulary()
    texts = text_columns(table, vocabulary)
    resource = Maps(table["resource_attributes"], vocabulary)
    of_resource = resource.fields(semconv.RESOURCE_FIELDS)
    process = _processes(texts, resource, of_resource)
    fields = Maps(table["span_attributes"], vocabulary).fields(
        {**semconv.SPAN_FIELDS, **semconv.SAMPLING_FIELDS}
    )
    sampled = {meaning: fields.pop(meaning) for meaning in semconv.SAMPLING_FIELDS}
    of_scope = Maps(table["scope_attributes"], vocabulary).fields(semconv.SCOPE_FIELDS)
    del texts["service_instance_id"]
    said = {**texts, "runtime": of_resource["runtime"], **fields}
    start = _integers(table["start_time_unix_nano"])
    parent_id = _halves(table["parent_span_id"], 1)[0]
    known = table["parent_span_id"].is_valid().to_numpy()
    trace, trace_ids = _traces(table["trace_id"])
    return Rows(
        vocabulary=vocabulary,
        contents=Contents(said, vocabulary, waits),
        trace_ids=trace_ids,
        trace=trace,
        span_id=_halves(table["span_id"], 1)[0],
        parent_id=parent_id,
        has_parent=known & (parent_id != np.iinfo(np.int64).min),
        start=start,
        end=start + _integers(table["duration_nano"]),
        process=process,
        granularity=_granularity(start, process, int(process.max(initial=-1)) + 1),
        threshold=thresholds(table["trace_state"], sampled, vocabulary),
        tail_sampled=(sampled["tail_policy"] != NONE) | (of_scope["tail_policy"] != NONE),
    )


def _processes(texts: dict[str, Codes], resource: Maps, fields: dict[str, Codes]) -> Integers:
    """The number of each row's process: service.instance.id, else host and pid, else all that
    the resource says; each within its service."""
    instance, host, pid = texts["service_instance_id"], fields["host"], fields["pid"]
    by_instance = instance != NONE
    by_pid = ~by_instance & (host != NONE) & (pid != NONE)
    by_resource = ~by_instance & ~by_pid
    one = np.where(by_instance, instance, np.where(by_pid, host, NONE))
    other = np.where(by_pid, pid, NONE)
    if by_resource.any():
        one = np.where(by_resource, resource.whole(by_resource), one)
    which = by_pid + np.int64(2) * by_resource
    return distinct_rows([texts["service_namespace"], texts["service_name"], which, one, other])[0]


def _integers(column: pa.ChunkedArray) -> Integers:
    # Always a copy: kernels for memory that cannot be written would be others, compiled anew.
    return np.array(column.to_numpy(), np.int64)


def _halves(column: pa.ChunkedArray, count: int) -> list[Integers]:
    """Each 8 bytes of a column of ids as an integer that sorts as they do; 0 bytes for null."""
    parts = []
    for chunk in column.chunks:
        data = np.frombuffer(chunk.buffers()[1], ">u8")
        part = data[count * chunk.offset : count * (chunk.offset + len(chunk))].reshape(-1, count)
        if chunk.null_count:
            part = np.where(chunk.is_null().to_numpy(zero_copy_only=False)[:, None], 0, part)
        parts.append(part)
    joined = np.concatenate(parts) if parts else np.empty((0, count), ">u8")
    signed = (joined.astype(np.uint64) ^ _SIGN).view(np.int64)
    return [np.ascontiguousarray(signed[:, half]) for half in range(count)]


def _traces(column: pa.ChunkedArray) -> tuple[Integers, npt.NDArray[np.uint8]]:
    """The place of each row's trace among the sorted trace ids, and these as n x 16 bytes."""
    high, low = _halves(column, 2)
    number, first = distinct_rows([high, low])
    order = np.lexsort((low[first], high[first]))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    halves = np.stack([high[first[order]], low[first[order]]], axis=1)
    ids = (halves.view(np.uint64) ^ _SIGN).astype(">u8").view(np.uint8).reshape(-1, 16)
    return place[number] if len(order) else number, ids


@compiled
def _granularity(start: Integers, process: Integers, processes: int) -> Integers:
    """See `forest.granularity`."""
    stamps = np.zeros(processes, np.int64)
    fitting = np.zeros((processes, 3), np.int64)
    for row in range(len(start)):
        stamps[process[row]] += 1
        fitting[process[row], 0] += start[row] % 1_000_000 == 0
        fitting[process[row], 1] += start[row] % 1_000 == 0
        fitting[process[row], 2] += start[row] % 256 == 0
    result = np.ones(processes, np.int64)
    for one in range(processes):
        if stamps[one] >= 20:
            for choice, unit in enumerate((1_000_000, 1_000, 256)):
                if 100 * fitting[one, choice] >= 99 * stamps[one]:
                    result[one] = unit
                    break
    return result
