"""Span table -> forest: every span once, under its parent, in exactly one unit.

What is repaired, and counted in `Trace.repairs` (attribution.md section 1; Jaeger's
"sanitizers" have the same task):

    duplicate           identical copies of a span: one is kept
    conflicting_copies  copies that differ: earliest start, latest end, attributes of the copy
                        whose content sorts first
    shared_id           CLIENT and SERVER under one id (Zipkin): the server becomes the
                        client's child, with an id of its own
    negative_duration   end before start: zero length
    missing_parent      starts a fragment, or asynchronous work; never re-attached by time
    cycle               cut at its member with the least (start, id), which starts a fragment
    detached            CONSUMER below a span: asynchronous work, a unit of its own

The result does not depend on the order of rows.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, cast

import pyarrow as pa
import pyarrow.compute as pc

from hopwatch import semconv
from hopwatch.attribution import links, sampling
from hopwatch.attribution.model import Forest, Process, Span, Trace, Unit
from hopwatch.spans import ATTRIBUTES

GRANULARITIES: Final = (1_000_000, 1_000, 256)
_NO_PARENT: Final = bytes(8)


COLUMNS: Final = (
    "trace_id", "span_id", "parent_span_id", "trace_state", "name", "kind", "start_time_unix_nano",
    "duration_nano", "status_code", "service_name", "service_namespace", "service_version",
    "service_instance_id", "telemetry_sdk_language", "scope_name", "resource_attributes",
    "scope_attributes", "span_attributes", "links",
)  # fmt: skip
"""The columns of the span table that attribution reads."""


@dataclass(frozen=True, slots=True)
class Excerpt:
    """Some rows of a span table, and what the whole of it says of the processes: each row's,
    and each process's granularity."""

    rows: list[int]
    process: list[int]
    granularity: list[int]


def build(table: pa.Table, excerpt: Excerpt | None = None) -> Forest:
    """The forest of a span table (any order, any number of traces), or of an excerpt.

    Clock granularity is judged per process over all of `table`.
    """
    if excerpt is None:
        spans, granularity = _spans(_plain(table))
    else:
        spans, _ = _spans(_plain(table.take(pa.array(excerpt.rows, pa.int64()))))
        granularity = excerpt.granularity
        for span, row, process in zip(spans, excerpt.rows, excerpt.process, strict=True):
            span.row, span.process = row, process
    by_trace: dict[bytes, list[Span]] = {}
    for span in spans:
        by_trace.setdefault(span.trace_id, []).append(span)
    content = RowContent(table)
    traces = [_trace(trace_id, by_trace[trace_id], content) for trace_id in sorted(by_trace)]
    return Forest(traces, granularity)


def _plain(table: pa.Table) -> pa.Table:
    """The columns that are read, attribute maps as plain text."""
    columns = {
        name: table[name].cast(ATTRIBUTES) if name.endswith("_attributes") else table[name]
        for name in COLUMNS
    }
    return pa.table(columns)


def _trace(trace_id: bytes, spans: list[Span], content: RowContent) -> Trace:
    trace = Trace(trace_id)
    repairs = trace.repairs
    nodes = _nodes_by_id(spans, content, repairs)
    _attach(nodes, repairs)
    _cut_cycles(nodes, repairs)
    for span in sorted(nodes.values(), key=lambda s: (s.start, s.id)):
        if span.duration < 0:
            span.end = span.start
            span.flags.add("negative_duration")
            repairs["negative_duration"] += 1
        span.children.sort(key=lambda s: (s.start, s.id))
        if span.parent is not None:
            continue
        if _is_detached(span):
            trace.detached.append(Unit(span, "detached"))
        elif span.parent_id is None:
            trace.requests.append(Unit(span, "request"))
        else:
            trace.fragments.append(Unit(span, "fragment"))
    return trace


def _is_detached(root: Span) -> bool:
    """Whether a root begins asynchronous work: nobody waits for it, parent, none, or a lost one."""
    return root.kind == "CONSUMER" or (root.parent_id is None and root.links.follows)


def _nodes_by_id(
    spans: list[Span], content: RowContent, repairs: Counter[str]
) -> dict[bytes, Span]:
    """Copies collapsed, shared ids split: one span per id."""
    copies: dict[bytes, list[Span]] = {}
    for span in spans:
        copies.setdefault(span.id, []).append(span)
    nodes: dict[bytes, Span] = {}
    for span_id, same_id in copies.items():
        if len(same_id) == 1:
            nodes[span_id] = same_id[0]
            continue
        servers = [span for span in same_id if span.kind == "SERVER"]
        others = [span for span in same_id if span.kind != "SERVER"]
        if servers and any(span.kind == "CLIENT" for span in others):
            repairs["shared_id"] += 1
            client = _collapse(others, content, repairs)
            server = _collapse(servers, content, repairs)
            server.id = span_id + b"server"
            server.parent_id = span_id
            server.flags.add("shared_id")
            nodes[server.id] = server
            nodes[span_id] = client
        else:
            nodes[span_id] = _collapse(same_id, content, repairs)
    return nodes


def _collapse(copies: list[Span], content: RowContent, repairs: Counter[str]) -> Span:
    if len(copies) == 1:
        return copies[0]
    distinct = {content.of(span.row): span for span in sorted(copies, key=lambda s: -s.row)}
    repairs["duplicate"] += len(copies) - len(distinct)
    kept = distinct[min(distinct)]
    if len(distinct) > 1:
        repairs["conflicting_copies"] += len(distinct) - 1
        kept.flags.add("conflicting_copies")
        kept.start = min(span.start for span in copies)
        kept.end = max(span.end for span in copies)
    return kept


def _attach(nodes: dict[bytes, Span], repairs: Counter[str]) -> None:
    """Sets `parent`, without children yet; detaches consumers, marks fragments."""
    for span in nodes.values():
        if span.parent_id is None:
            continue
        parent = nodes.get(span.parent_id)
        shared = nodes.get(span.parent_id + b"server")
        if shared is not None and span is not shared and parent is not None:
            # Calls made while serving carry the shared id too: they are the server's, but for
            # what the client's own process recorded.
            of_client = span.process == parent.process and span.process != shared.process
            parent = parent if of_client else shared
        if parent is None:
            span.flags.add("missing_parent")
            repairs["missing_parent"] += 1
        elif span.kind == "CONSUMER":
            span.flags.add("detached")
            repairs["detached"] += 1
        else:
            span.parent = parent


def _cut_cycles(nodes: dict[bytes, Span], repairs: Counter[str]) -> None:
    """Cuts each cycle of `parent` links, then fills `children`.

    u -> v -> w -> u      every member has a parent, so none can be reached from a root
    """
    settled: set[int] = set()
    for first in nodes.values():
        path: list[Span] = []
        on_path: set[int] = set()
        span: Span | None = first
        while span is not None and id(span) not in settled and id(span) not in on_path:
            path.append(span)
            on_path.add(id(span))
            span = span.parent
        if span is not None and id(span) in on_path:
            cycle = path[path.index(span) :]
            cut = min(cycle, key=lambda s: (s.start, s.id))
            cut.parent = None
            cut.flags.add("cycle")
            repairs["cycle"] += 1
        settled |= on_path
    for span in nodes.values():
        if span.parent is not None:
            span.parent.children.append(span)


class RowContent:
    """Canonical content of rows: of two copies with the same, either may be kept. Made only for
    the rows that have copies, of the columns that attribution reads."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table.select(COLUMNS)
        self._made: dict[int, str] = {}

    def of(self, row: int) -> str:
        """The content of a row, as text that sorts."""
        if row not in self._made:
            self.load([row])
        return self._made[row]

    def load(self, rows: list[int]) -> None:
        """Makes the content of many rows at once."""
        records = _plain(self._table.take(pa.array(rows, pa.int64()))).to_pylist()
        for row, record in zip(rows, records, strict=True):
            for name in ("resource_attributes", "scope_attributes", "span_attributes", "links"):
                record[name] = sorted(record[name] or (), key=repr)
            self._made[row] = repr(sorted(record.items()))


def _spans(table: pa.Table) -> tuple[list[Span], list[int]]:
    """Rows as spans, and the granularity of each process's clock."""
    resource = _fields(table, "resource_attributes", semconv.RESOURCE_FIELDS)
    columns = {
        name: table[name].to_pylist() for name in COLUMNS if not name.endswith("_attributes")
    }
    fields = _fields(table, "span_attributes", semconv.SPAN_FIELDS)
    sampled = _fields(table, "span_attributes", semconv.SAMPLING_FIELDS)
    of_scope = _fields(table, "scope_attributes", semconv.SCOPE_FIELDS)
    linked = links.of_rows(table)
    identities = _identities(table, resource)
    processes: dict[tuple[str, ...], int] = {}
    stamps: list[list[int]] = []
    spans = []
    for row, trace_id in enumerate(columns["trace_id"]):
        service = columns["service_name"][row]
        process = processes.setdefault(identities[row], len(processes))
        if process == len(stamps):
            stamps.append([])
        start = columns["start_time_unix_nano"][row]
        stamps[process].append(start)
        parent_id = columns["parent_span_id"][row]
        spans.append(
            Span(
                trace_id=trace_id,
                id=columns["span_id"][row],
                parent_id=None if parent_id == _NO_PARENT else parent_id,
                start=start,
                end=start + columns["duration_nano"][row],
                name=columns["name"][row] or "",
                kind=columns["kind"][row] or "UNSPECIFIED",
                status=columns["status_code"][row] or "UNSET",
                hop=semconv.hop(service, columns["service_namespace"][row]),
                language=semconv.language(
                    columns["telemetry_sdk_language"][row],
                    resource[row].get("runtime"),
                    columns["scope_name"][row],
                ),
                version=columns["service_version"][row] or "",
                process=process,
                fields=fields[row],
                row=row,
                links=linked.get(row, links.NO_LINKS),
                threshold=sampling.threshold(columns["trace_state"][row], sampled[row]),
                tail_sampled="tail_policy" in sampled[row] or "tail_policy" in of_scope[row],
            )
        )
    return spans, [granularity(starts) for starts in stamps]


def processes(table: pa.Table) -> list[Process]:
    """The processes of a span table, by their number."""
    table = _plain(table)
    resource = _fields(table, "resource_attributes", semconv.RESOURCE_FIELDS)
    return [
        Process(semconv.hop(service, namespace), _label(*told))
        for namespace, service, *told in dict.fromkeys(_identities(table, resource))
    ]


def _label(told_by: str, *texts: str) -> str:
    if told_by == "resource":
        return f"resource {hashlib.sha256(texts[0].encode()).hexdigest()[:8]}"
    return "/".join(texts)


def _identities(table: pa.Table, resource: list[dict[str, str]]) -> list[tuple[str, ...]]:
    """Which process each row is of: its service, and service.instance.id, else host and pid,
    else all that the resource says."""
    whole = table["resource_attributes"]
    identities: list[tuple[str, ...]] = []
    told: tuple[str, ...]
    for row, (namespace, service, instance) in enumerate(
        zip(
            *(
                table[name].to_pylist()
                for name in ("service_namespace", "service_name", "service_instance_id")
            ),
            strict=True,
        )
    ):
        found = resource[row]
        if instance:
            told = ("instance", instance)
        elif "host" in found and "pid" in found:
            told = ("pid", found["host"], found["pid"])
        else:
            told = ("resource", repr(sorted(whole[row].as_py() or ())))
        identities.append((namespace or "", service or "", *told))
    return identities


def granularity(starts: Iterable[int], least: int = 20) -> int:
    """The coarsest of 1 ms, 1 µs, 256 ns, 1 ns of which at least 99 % of a process's start
    stamps are multiples; 1 ns if there are fewer than `least` stamps.

    JavaScript SDKs stamp starts in whole ms and shift the whole span by up to 1 ms; stamps
    that went through a double are multiples of 256 ns.
    """
    stamps = list(starts)
    if len(stamps) < least:
        return 1
    for unit in GRANULARITIES:
        if 100 * sum(stamp % unit == 0 for stamp in stamps) >= 99 * len(stamps):
            return unit
    return 1


def _fields(
    table: pa.Table, column: str, meanings: Mapping[str, tuple[str, ...]]
) -> list[dict[str, str]]:
    """Per row: meaning -> text of the first of its keys that the row's attributes have."""
    rows: list[dict[str, str]] = [{} for _ in range(table.num_rows)]
    attributes = table[column].combine_chunks()
    for meaning, keys in meanings.items():
        found = pc.coalesce(*(pc.map_lookup(attributes, key, "first") for key in keys))
        present = pc.indices_nonzero(pc.is_valid(found))
        texts = cast("list[str]", found.take(present).to_pylist())
        for row, text in zip(present.to_pylist(), texts, strict=True):
            if text:
                rows[row][meaning] = text
    return rows
