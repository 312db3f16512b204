"""All that is known of one span, and the log lines of a trace: text only, ready to be shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc

from hopwatch import logs, semconv
from hopwatch.attribution.units import SpanTime
from hopwatch_dashboards import theme
from hopwatch_dashboards.views.waterfall import Mark

LAB_PREFIX: Final = "hopwatch.lab."
"""Attributes that give a lab's answer away."""
_LONGEST_VALUE: Final = 4000
_LINE_END: Final = "⏎"
_ERROR: Final = 17
"""The least severity number of an error (OpenTelemetry logs data model)."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A name and what stands beside it."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class EventRow:
    """An event of a span; `after_ns`: since the span began."""

    after_ns: int
    name: str
    attributes: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A link to a span of this or another trace, ids in hex."""

    trace_id: str
    span_id: str
    attributes: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class SpanDetails:
    """One span. `hidden`: how many attributes are not shown because they would give a lab's
    answer away."""

    name: str
    failed: bool
    facts: tuple[Pair, ...]
    attributes: tuple[Pair, ...]
    events: tuple[EventRow, ...]
    links: tuple[LinkRow, ...]
    resource: tuple[Pair, ...]
    scope: tuple[Pair, ...]
    hidden: int


@dataclass(frozen=True, slots=True)
class LogLine:
    """One log record. `after_ns`: since the request began, in the clock of who wrote it, moved
    as that one's spans were; None: its process has no span here. `span`: its span's name, empty
    where that is not here."""

    after_ns: int | None
    severity: str
    service: str
    body: str
    span: str
    span_id: str
    attributes: tuple[Pair, ...]


def details(time: SpanTime, table: pa.Table, *, reveal: bool) -> SpanDetails:
    """`time` is of `table`. `reveal`: also what labs wrote."""
    span = time.span
    record: dict[str, Any] = table.slice(span.row, 1).to_pylist()[0]
    hidden = 0
    if not reveal:
        hidden = sum(key.startswith(LAB_PREFIX) for key, _ in record["span_attributes"] or ())
    scope = [("name", record["scope_name"]), ("version", record["scope_version"])]
    return SpanDetails(
        name=span.name,
        failed=semconv.is_failure(span.status, span.fields),
        facts=tuple(_facts(time, record)),
        attributes=pairs(record["span_attributes"], reveal=reveal),
        events=tuple(
            EventRow(
                after_ns=event["time_unix_nano"] - span.start,
                name=event["name"] or "",
                attributes=pairs(event["attributes"], reveal=reveal),
            )
            for event in record["events"] or ()
        ),
        links=tuple(
            LinkRow(
                trace_id=link["trace_id"].hex(),
                span_id=link["span_id"].hex(),
                attributes=pairs(link["attributes"], reveal=reveal),
            )
            for link in record["links"] or ()
        ),
        resource=pairs(record["resource_attributes"], reveal=True),
        scope=pairs([*((k, v) for k, v in scope if v), *(record["scope_attributes"] or ())],
                    reveal=True),
        hidden=hidden,
    )  # fmt: skip


def pairs(attributes: Iterable[tuple[str, str]] | None, *, reveal: bool) -> tuple[Pair, ...]:
    """Attributes by name, made harmless; those of labs only where they may be seen."""
    return tuple(
        Pair(theme.readable(key), block(value or ""))
        for key, value in sorted(attributes or ())
        if reveal or not key.startswith(LAB_PREFIX)
    )


def marks(spans: pa.Table, log: pa.Table) -> dict[bytes, list[Mark]]:
    """When something happened in spans: their events, and what was logged; by span id."""
    found: dict[bytes, list[Mark]] = {}
    some = spans.filter(pc.greater(pc.fill_null(pc.list_value_length(spans["events"]), 0), 0))
    for span_id, events in zip(
        some["span_id"].to_pylist(), some["events"].to_pylist(), strict=True
    ):
        found[span_id] = [
            Mark(event["time_unix_nano"], event["name"] == "exception") for event in events
        ]
    records = (log[name].to_pylist() for name in ("span_id", "time_unix_nano", "severity_number"))
    for span_id, at_ns, severity in zip(*records, strict=True):
        found.setdefault(span_id, []).append(Mark(at_ns, severity >= _ERROR))
    return found


def block(text: str) -> str:
    """A text of several lines, such as a statement or a stack trace, with each line harmless
    and the whole of bounded length."""
    lines = theme.readable(text.replace("\n", _LINE_END), _LONGEST_VALUE).split(_LINE_END)
    return "\n".join(lines)


def _facts(time: SpanTime, record: Mapping[str, Any]) -> Iterable[Pair]:
    span = time.span
    yield Pair("service", theme.readable(span.hop))
    yield Pair("language", theme.readable(span.language))
    yield Pair("kind", span.kind)
    yield Pair("took", f"{theme.time(span.duration)} ({span.duration:,} ns)")
    yield Pair("on the critical path", f"{theme.time(time.own)} ({time.own:,} ns)")
    if time.local != time.own:
        yield Pair("own time in all", f"{theme.time(time.local)} ({time.local:,} ns)")
    if time.doubtful:
        low = time.own - time.doubtful
        yield Pair("at least its own", f"{theme.time(low)}: the rest may be other spans' time")
    cell = time.cell
    yield Pair("counts as", f"{theme.readable(cell.hop)}, {cell.kind}")
    if span.status != "UNSET":
        message = record["status_message"]
        yield Pair(
            "status", span.status + (f": {theme.readable(message, 1000)}" if message else "")
        )
    if span.flags:
        yield Pair("odd", ", ".join(sorted(span.flags)))
    yield Pair("span id", span.id[:8].hex())
    dropped = [
        f"{record[f'dropped_{what}_count']:,} {what}"
        for what in ("attributes", "events", "links")
        if record[f"dropped_{what}_count"]
    ]
    if dropped:
        yield Pair("left out by its SDK", ", ".join(dropped))


def log_lines(
    table: pa.Table, rows: tuple[SpanTime, ...], origin_ns: int, *, reveal: bool
) -> list[LogLine]:
    """The log records of a trace (`hopwatch.logs.SCHEMA`), in time order. `rows`: the
    waterfall's; `origin_ns`: when the request began."""
    by_id = {time.span.id: time for time in rows}
    shifts = {time.span.hop: time.shift for time in reversed(rows)}
    lines = []
    for record in table.to_pylist():
        hop = semconv.hop(record["service_name"], record["service_namespace"])
        found = by_id.get(record["span_id"])
        shift = found.shift if found else shifts.get(hop)
        lines.append(
            LogLine(
                after_ns=None if shift is None else record["time_unix_nano"] - shift - origin_ns,
                severity=logs.severity(record["severity_number"]),
                service=theme.readable(hop, 60),
                body=block(record["body"] or record["event_name"] or ""),
                span=theme.readable(found.span.name, 60) if found else "",
                span_id=found.span.id.hex() if found else "",
                attributes=pairs(record["log_attributes"], reveal=reveal),
            )
        )
    return sorted(lines, key=lambda line: (line.after_ns is None, line.after_ns or 0))
