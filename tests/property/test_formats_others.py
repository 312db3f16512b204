"""The same spans, written as each system writes them, are read as the same rows; and no bytes at
all make a reader do worse than raise InputError."""

from __future__ import annotations

import base64
import gzip
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hopwatch.errors import InputError
from hopwatch.formats import Contents, decode
from hopwatch.signals import SPANS

whole_files = settings(
    deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
US = 1000
KINDS = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")


class Spoken(NamedTuple):
    """A span, whatever it is written in; times in µs."""

    trace_id: int
    span_id: int
    parent_id: int
    name: str
    kind: str
    start: int
    duration: int
    service: str
    failed: bool
    attributes: dict[str, str]


keys = st.sampled_from(["http.method", "db.name", "a", "b.c"])
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@st.composite
def forests(draw: st.DrawFn) -> list[Spoken]:
    """Random trees, each id once, parents before or behind their children or nowhere."""
    size = draw(st.integers(1, 12))
    spans = []
    for number in range(size):
        trace = draw(st.sampled_from([0xABC, (0x12 << 64) + 7]))
        spans.append(
            Spoken(
                trace,
                number + 1,
                draw(st.sampled_from([0, *range(1, size + 1), 99])),
                draw(texts),
                draw(st.sampled_from(KINDS)),
                draw(st.integers(1, 2**50)),
                draw(st.integers(0, 2**40)),
                draw(st.sampled_from(["shop", "orders", "ürün"])),
                draw(st.booleans()),
                draw(st.dictionaries(keys, texts, max_size=3)),
            )
        )
    return draw(st.permutations(spans))


def jaeger_tags(span: Spoken) -> list[dict[str, Any]]:
    tags: list[dict[str, Any]] = [
        {"key": key, "type": "string", "value": text} for key, text in span.attributes.items()
    ]
    if span.kind != "UNSPECIFIED":
        tags.append({"key": "span.kind", "type": "string", "value": span.kind.lower()})
    if span.failed:
        tags.append({"key": "otel.status_code", "type": "string", "value": "ERROR"})
    return tags


def jaeger_span(span: Spoken, hexed: Callable[[int], str]) -> dict[str, Any]:
    reference = {
        "refType": "CHILD_OF",
        "traceID": hexed(span.trace_id),
        "spanID": hexed(span.parent_id),
    }
    return {
        "traceID": hexed(span.trace_id),
        "spanID": hexed(span.span_id),
        "operationName": span.name,
        "references": [reference] if span.parent_id else [],
        "startTime": span.start,
        "duration": span.duration,
        "tags": jaeger_tags(span),
        "logs": None,
    }


def jaeger_api(spans: list[Spoken]) -> bytes:
    traces: dict[int, list[Spoken]] = {}
    for span in spans:
        traces.setdefault(span.trace_id, []).append(span)
    services = sorted({span.service for span in spans})
    processes = {f"p{at}": {"serviceName": name} for at, name in enumerate(services)}
    data = [
        {
            "traceID": f"{trace_id:x}",
            "spans": [
                {
                    **jaeger_span(span, lambda number: f"{number:x}"),
                    "processID": f"p{services.index(span.service)}",
                }
                for span in found
            ],
            "processes": processes,
        }
        for trace_id, found in traces.items()
    ]
    return json.dumps({"data": data, "total": 0, "errors": None}).encode()


def jaeger_bulk(spans: list[Spoken]) -> bytes:
    lines = []
    for span in spans:
        document = jaeger_span(span, lambda number: f"{number:016x}")
        tags = {tag["key"].replace(".", "@"): tag["value"] for tag in document.pop("tags")}
        document |= {"tag": tags, "process": {"serviceName": span.service, "tags": []}}
        lines += ['{"index":{"_index":"jaeger-span-2024-01-31"}}', json.dumps(document)]
    return "\n".join(lines).encode() + b"\n"


def jaeger_search(spans: list[Spoken]) -> bytes:
    hits = [
        {
            "_index": "jaeger-span",
            "_source": {
                **jaeger_span(span, lambda number: f"{number:016x}"),
                "startTime": float(span.start),
                "process": {"serviceName": span.service},
            },
        }
        for span in spans
    ]
    return json.dumps({"took": 1, "hits": {"total": len(hits), "hits": hits}}, indent=2).encode()


def jaeger_kafka(spans: list[Spoken]) -> bytes:
    def encoded(number: int, length: int) -> str:
        return base64.b64encode(number.to_bytes(length)).decode()

    lines = []
    for span in spans:
        reference = {
            "traceId": encoded(span.trace_id, 16),
            "spanId": encoded(span.parent_id, 8),
        }
        document = {
            "traceId": encoded(span.trace_id, 16),
            "spanId": encoded(span.span_id, 8),
            "operationName": span.name,
            "references": [reference] if span.parent_id else [],
            "startTime": iso(span.start, "T", "Z"),
            "duration": f"{span.duration // 10**6}.{span.duration % 10**6:06}s",
            "tags": [{"key": tag["key"], "vStr": tag["value"]} for tag in jaeger_tags(span)],
            "process": {"serviceName": span.service},
        }
        lines.append(json.dumps(document))
    return "\n".join(lines).encode()


def iso(us: int, between: str, zone: str) -> str:
    date = datetime.fromtimestamp(us // 10**6, UTC)
    return f"{date:%Y-%m-%d}{between}{date:%H:%M:%S}.{us % 10**6:06}000{zone}"


def zipkin(spans: list[Spoken]) -> bytes:
    found = []
    for span in spans:
        tags = dict(span.attributes)
        if span.failed:
            tags["otel.status_code"] = "ERROR"
        document = {
            "traceId": f"{span.trace_id:016x}",
            "id": f"{span.span_id:016x}",
            "name": span.name,
            "timestamp": span.start,
            "duration": span.duration,
            "localEndpoint": {"serviceName": span.service, "ipv4": "10.0.0.1"},
            "tags": tags,
        }
        if span.parent_id:
            document["parentId"] = f"{span.parent_id:016x}"
        if span.kind == "INTERNAL":
            tags["span.kind"] = "internal"
        elif span.kind != "UNSPECIFIED":
            document["kind"] = span.kind
        found.append(document)
    return json.dumps([found]).encode()


def otlp_resources(spans: list[Spoken]) -> list[dict[str, Any]]:
    def encoded(number: int, length: int) -> str:
        return base64.b64encode(number.to_bytes(length)).decode() if number else ""

    return [
        {
            "resource": {
                "attributes": [{"key": "service.name", "value": {"stringValue": span.service}}]
            },
            "instrumentationLibrarySpans": [
                {
                    "spans": [
                        {
                            "traceId": encoded(span.trace_id, 16),
                            "spanId": encoded(span.span_id, 8),
                            "parentSpanId": encoded(span.parent_id, 8),
                            "name": span.name,
                            "kind": f"SPAN_KIND_{span.kind}",
                            "startTimeUnixNano": str(span.start * US),
                            "endTimeUnixNano": str((span.start + span.duration) * US),
                            "status": {"code": "STATUS_CODE_ERROR"} if span.failed else {},
                            "attributes": [
                                {"key": key, "value": {"stringValue": text}}
                                for key, text in span.attributes.items()
                            ],
                        }
                    ]
                }
            ],
        }
        for span in spans
    ]


def tempo_v1(spans: list[Spoken]) -> bytes:
    return json.dumps({"batches": otlp_resources(spans)}).encode("utf-16")


def tempo_v2(spans: list[Spoken]) -> bytes:
    document = {"trace": {"resourceSpans": otlp_resources(spans)}, "status": "complete"}
    return b"\xef\xbb\xbf" + json.dumps(document, indent=1).encode()


def opensearch_flat(spans: list[Spoken]) -> bytes:
    lines = []
    for span in spans:
        lines += [
            '{"create":{}}',
            json.dumps(
                {
                    "traceId": f"{span.trace_id:032x}",
                    "spanId": f"{span.span_id:016x}",
                    "parentSpanId": f"{span.parent_id:016x}" if span.parent_id else "",
                    "name": span.name,
                    "kind": f"SPAN_KIND_{span.kind}",
                    "startTime": iso(span.start, "T", "Z"),
                    "durationInNanos": span.duration * US,
                    "resource.attributes.service@name": span.service,
                    "status.code": 2 if span.failed else 0,
                    **{
                        f"span.attributes.{key.replace('.', '@')}": text
                        for key, text in span.attributes.items()
                    },
                }
            ),
        ]
    return "\r\n".join(lines).encode()


def opensearch_nested(spans: list[Spoken]) -> bytes:
    return json.dumps(
        [
            {
                "traceId": f"{span.trace_id:032x}",
                "spanId": f"{span.span_id:016x}",
                "parentSpanId": f"{span.parent_id:016x}" if span.parent_id else "",
                "name": span.name,
                "kind": span.kind.capitalize(),
                "startTime": iso(span.start, "T", "+00:00"),
                "endTime": iso(span.start + span.duration, "T", "Z"),
                "resource": {"service.name": span.service},
                "attributes": span.attributes,
                "status": {"code": "Error" if span.failed else "Unset", "message": ""},
            }
            for span in spans
        ]
    ).encode()


def clickhouse_rows(spans: list[Spoken]) -> list[dict[str, Any]]:
    return [
        {
            "Timestamp": iso(span.start, " ", ""),
            "TraceId": f"{span.trace_id:032x}",
            "SpanId": f"{span.span_id:016x}",
            "ParentSpanId": f"{span.parent_id:016x}" if span.parent_id else "",
            "TraceState": "",
            "SpanName": span.name,
            "SpanKind": span.kind.capitalize(),
            "ServiceName": span.service,
            "ResourceAttributes": {"service.name": span.service},
            "SpanAttributes": span.attributes,
            "Duration": str(span.duration * US),
            "StatusCode": "Error" if span.failed else "STATUS_CODE_UNSET",
            "StatusMessage": "",
            "Events.Timestamp": [],
            "Events.Name": [],
            "Events.Attributes": [],
        }
        for span in spans
    ]


def clickhouse_lines(spans: list[Spoken]) -> bytes:
    return "\n".join(json.dumps(row) for row in clickhouse_rows(spans)).encode()


def clickhouse_parquet(spans: list[Spoken], text: pa.DataType | None = None) -> bytes:
    text = text or pa.binary()
    rows = [
        row
        | {"Timestamp": span.start * US, "Duration": span.duration * US}
        | {key: list(row[key].items()) for key in ("ResourceAttributes", "SpanAttributes")}
        for row, span in zip(clickhouse_rows(spans), spans, strict=True)
    ]
    attributes = pa.map_(text, text)
    types = {
        "Timestamp": pa.timestamp("ns", "UTC"),
        "Duration": pa.uint64(),
        "ResourceAttributes": attributes,
        "SpanAttributes": attributes,
        "Events.Timestamp": pa.list_(pa.timestamp("ns", "UTC")),
        "Events.Name": pa.list_(text),
        "Events.Attributes": pa.list_(attributes),
    }
    schema = pa.schema([(name, types.get(name, text)) for name in rows[0]])
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows, schema), file)
    return file.getvalue()


WRITERS = [
    jaeger_api, jaeger_bulk, jaeger_search, jaeger_kafka, zipkin, tempo_v1, tempo_v2,
    opensearch_flat, opensearch_nested, clickhouse_lines, clickhouse_parquet,
    lambda spans: clickhouse_parquet(spans, pa.string()),
]  # fmt: skip


def rows_of(contents: Contents) -> list[Spoken]:
    table, rejected = contents.of(SPANS)
    assert not rejected.total
    assert not contents.unreadable.total
    table.validate(full=True)
    return sorted(
        Spoken(
            int.from_bytes(row["trace_id"]),
            int.from_bytes(row["span_id"]),
            int.from_bytes(row["parent_span_id"] or b""),
            row["name"] or "",
            row["kind"],
            row["start_time_unix_nano"] // US,
            row["duration_nano"] // US,
            row["service_name"],
            row["status_code"] == "ERROR",
            dict(row["span_attributes"]),
        )
        for row in table.to_pylist()
        if row["start_time_unix_nano"] % US == 0 and row["duration_nano"] % US == 0
    )


def sorted_(spans: list[Spoken]) -> list[Any]:
    return sorted(spans, key=lambda span: (span.trace_id, span.span_id))


@whole_files
@given(forests(), st.sampled_from(WRITERS))
def test_what_was_written_is_read(
    spans: list[Spoken], write: Callable[[list[Spoken]], bytes]
) -> None:
    assert rows_of(decode(write(spans), "file")) == sorted_(spans)


@whole_files
@given(forests(), st.permutations(range(8)))
def test_lines_of_several_formats_are_one_file(spans: list[Spoken], order: list[int]) -> None:
    writers = [jaeger_kafka, zipkin, opensearch_nested, clickhouse_lines]
    parts = [write([span]) for write, span in zip(writers * 3, spans, strict=False)]
    some = sorted_(spans[: len(parts)])
    lines = [parts[at] for at in order if at < len(parts)] + parts[8:]
    read = decode(b"\n".join(lines), "file")
    assert rows_of(read) == some
    noisy = decode(b"\n".join([b"INFO started", *lines, b"} bye"]), "file")
    assert noisy.unreadable.counts == {"invalid_line": 2}
    assert noisy.of(SPANS).table.num_rows == len(some)


@settings(whole_files, max_examples=150)
@given(forests(), st.sampled_from(WRITERS), st.data())
def test_damaged_files(
    spans: list[Spoken], write: Callable[[list[Spoken]], bytes], draw: st.DataObject
) -> None:
    """Whatever a changed byte or a cut does, spans are kept or something is counted."""
    damaged = bytearray(write(spans))
    for _ in range(draw.draw(st.integers(1, 3))):
        place = draw.draw(st.integers(0, len(damaged) - 1))
        damaged[place] = draw.draw(st.integers(0, 255))
    cut = bytes(damaged[: draw.draw(st.integers(0, len(damaged)))])
    for data in (bytes(damaged), cut, gzip.compress(cut)[: draw.draw(st.integers(0, 400))]):
        try:
            contents = decode(data, "file")
        except InputError:
            continue
        table, rejected = contents.of(SPANS)
        table.validate(full=True)
        counted = table.num_rows + rejected.total + contents.unreadable.total
        assert counted or data.strip(b" \r\n\t[]{}0") != data


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=6)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner)),
    max_leaves=6,
)
FIELDS = [
    "traceID", "spanID", "spans", "processes", "processID", "process", "references", "tags", "tag",
    "logs", "startTime", "duration", "flags", "warnings", "operationName", "traceId", "spanId",
    "id", "parentId", "kind", "name", "timestamp", "shared", "localEndpoint", "remoteEndpoint",
    "annotations", "binaryAnnotations", "endTime", "durationInNanos", "resource", "attributes",
    "status", "events", "links", "TraceId", "SpanId", "Timestamp", "Duration", "SpanKind",
    "ResourceAttributes", "Events.Name", "Events.Timestamp", "Links", "batches", "resourceSpans",
    "data", "hits", "_source", "trace", "result",
]  # fmt: skip
IDS = st.sampled_from(["1", "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "", "x"])
TIMES = st.one_of(
    st.integers(0, 2**63), st.sampled_from(["2024-01-31T00:00:00.5Z", "1e999999999", "-1", 1.5])
)
odd_documents = st.fixed_dictionaries(
    {},
    optional={
        field: st.one_of(
            json_values, IDS, TIMES, st.lists(st.dictionaries(st.sampled_from(FIELDS), json_values))
        )
        for field in FIELDS
    },
)


@settings(whole_files, max_examples=60)
@given(st.lists(odd_documents, max_size=3))
def test_documents_of_any_types(documents: list[dict[str, Any]]) -> None:
    """Members of any type under the names that readers look at."""
    data = json.dumps(documents).encode()
    try:
        contents = decode(data, "file")
    except InputError:
        return
    contents.of(SPANS).table.validate(full=True)


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    for start in (b"", b"[", b'{"', b"PAR1", b"\x1f\x8b", b"\xff\xfe"):
        try:
            decode(start + data, "file")
        except InputError:
            continue
