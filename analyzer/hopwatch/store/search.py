"""Finding traces: one row a trace, by what its request or any of its spans is.

The same SQL serves the segments of a store and a span table in memory. A trace is known by its
*head*: its first span without a parent; in a trace that has none, its first span of all. What a
head means (its route, whether it failed) is asked of `semconv`, once for each distinct head, so
that a route here is a route of the ledger.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import duckdb
import pyarrow as pa

from hopwatch import semconv, spans
from hopwatch.store.lookup import Source, create_view

Status = Literal["ok", "error", "error_inside"]
Order = Literal["newest", "slowest"]

_EARLIEST: Final = -(2**63)
_LATEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Query:
    """What a trace must be to be found. Everything given must hold.

    start_ns, end_ns: its head starts in [start, end). route: a glob (`*`, `?`) for the head's
    route. service, operation: one of its spans is of this service (with or without namespace)
    and has a name that fits this glob. status: its head failed, or did not; or any of its spans
    failed. min_ns, max_ns: what its head took. attributes: for each key, one of its spans has it,
    on itself or its resource, with this text. trace_id: in hex, the beginning of it.
    """

    start_ns: int = _EARLIEST
    end_ns: int = _LATEST
    route: str | None = None
    service: str | None = None
    operation: str | None = None
    status: Status | None = None
    min_ns: int | None = None
    max_ns: int | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    trace_id: str | None = None
    order: Order = "newest"


@dataclass(frozen=True, slots=True)
class Found:
    """What was found.

    total: how many traces fit. traces: of these the first in the order asked for
    (`TRACES_SCHEMA`). sample: an even choice of all that fit, by the hash of their ids and so
    the same at every look, for a picture of them (`SAMPLE_SCHEMA`).
    """

    total: int
    traces: pa.Table
    sample: pa.Table


@dataclass(frozen=True, slots=True)
class Names:
    """What can be asked for: routes, and services with their operations, the most frequent
    first."""

    routes: tuple[str, ...]
    operations: Mapping[str, tuple[str, ...]]


SAMPLE_SCHEMA: Final = pa.schema(
    [
        ("trace_id", pa.string()),  # hex
        ("start_time_unix_nano", pa.int64()),
        ("duration_nano", pa.int64()),
        ("route", pa.string()),
        ("outcome", pa.string()),  # ok | error
    ]
)
TRACES_SCHEMA: Final = pa.schema(
    [
        *SAMPLE_SCHEMA,
        ("name", pa.string()),
        ("service", pa.string()),
        ("complete", pa.bool_()),  # its head has no parent
        ("spans", pa.int64()),
        ("errors", pa.int64()),  # spans with status ERROR
        ("services", pa.list_(pa.string())),
    ]
)

_SERVICE: Final = f"coalesce(service_name, '{semconv.UNKNOWN}')"
_HOP: Final = (
    f"CASE WHEN coalesce(service_namespace, '') = '' THEN {_SERVICE}"
    f" ELSE service_namespace || '/' || {_SERVICE} END"
)  # as semconv.hop

_MEANINGS: Final = (
    "http_route", "http_method", "http_status", "url_template", "rpc_system", "rpc_service",
    "rpc_method", "rpc_status", "db_system", "db_summary", "db_operation", "db_collection",
    "messaging_system", "error",
)  # fmt: skip
_FIELDS: Final = ", ".join(
    f"{meaning} := coalesce("
    + ", ".join(f"span_attributes['{key}']" for key in semconv.SPAN_FIELDS[meaning])
    + ")"
    for meaning in _MEANINGS
)

_IN_WINDOW: Final = (
    "start_time_unix_nano >= $start AND start_time_unix_nano < $end"
    " AND trace_id BETWEEN unhex($low) AND unhex($high)"
)
_HEADS: Final = f"""
SELECT trace_id, unnest(arg_min(struct_pack(
    start_time_unix_nano, duration_nano := greatest(duration_nano, 0), name,
    service := {_HOP}, complete := parent_span_id IS NULL,
    meaning := CAST(to_json(struct_pack(name, status := status_code, {_FIELDS})) AS VARCHAR)
), (start_time_unix_nano, span_id)))
FROM spans WHERE {_IN_WINDOW} AND {{chosen}} GROUP BY trace_id
"""
_WITH_ROOT: Final = _HEADS.format(chosen="parent_span_id IS NULL")
_ROOTLESS: Final = f"""
CREATE TEMP TABLE rootless AS
SELECT DISTINCT trace_id FROM spans
ANTI JOIN (SELECT trace_id FROM spans WHERE parent_span_id IS NULL) USING (trace_id)
WHERE {_IN_WINDOW}
"""
_WITHOUT_ROOT: Final = _HEADS.format(chosen="trace_id IN (FROM rootless)")
_MATCHING: Final = """
CREATE TEMP TABLE matching AS
SELECT heads.*, route, outcome
FROM heads JOIN meanings USING (meaning)
WHERE ($route IS NULL OR regexp_full_match(route, $route, 's'))
    AND ($outcome IS NULL OR outcome = $outcome)
    AND ($min_ns IS NULL OR duration_nano >= $min_ns)
    AND ($max_ns IS NULL OR duration_nano <= $max_ns)
    {conditions}
"""
_ONE_SPAN: Final = f"""AND trace_id IN (
    SELECT trace_id FROM spans
    WHERE ($service IS NULL OR service_name = $service OR {_HOP} = $service)
        AND ($operation IS NULL OR regexp_full_match(name, $operation, 's'))
)"""
_ERROR_INSIDE: Final = "AND trace_id IN (SELECT trace_id FROM spans WHERE status_code = 'ERROR')"
_ATTRIBUTE: Final = """AND trace_id IN (
    SELECT trace_id FROM spans
    WHERE span_attributes[$key{n}] = $text{n} OR resource_attributes[$key{n}] = $text{n}
)"""
_ORDERS: Final[Mapping[Order, str]] = {
    "newest": "start_time_unix_nano DESC, trace_id",
    "slowest": "duration_nano DESC, trace_id",
}
_TRACES: Final = f"""
WITH shown AS (FROM matching ORDER BY {{order}} LIMIT $limit),
inside AS (
    SELECT trace_id,
        count(DISTINCT span_id) AS spans,
        count(DISTINCT span_id) FILTER (status_code = 'ERROR') AS errors,
        list(DISTINCT {_HOP} ORDER BY {_HOP}) AS services
    FROM spans WHERE trace_id IN (SELECT trace_id FROM shown)
    GROUP BY trace_id
)
SELECT lower(hex(trace_id)) AS trace_id, start_time_unix_nano, duration_nano, route, outcome,
    name, service, complete, spans, errors, services
FROM shown JOIN inside USING (trace_id)
ORDER BY {{order}}
"""
_SAMPLE: Final = """
SELECT lower(hex(trace_id)) AS trace_id, start_time_unix_nano, duration_nano, route, outcome
FROM (FROM matching ORDER BY hash(trace_id), trace_id LIMIT $points)
ORDER BY start_time_unix_nano, trace_id
"""
_OPERATIONS: Final = f"""
WITH counted AS (
    SELECT {_HOP} AS hop, name, count(*) AS spans FROM spans
    WHERE start_time_unix_nano >= $start AND start_time_unix_nano < $end AND name IS NOT NULL
    GROUP BY hop, name
)
SELECT hop, name FROM counted
QUALIFY row_number() OVER (PARTITION BY hop ORDER BY spans DESC, name) <= $limit
ORDER BY hop, spans DESC, name
"""


def search(source: Source, query: Query, *, limit: int, points: int) -> Found:
    """The traces of `source` (a span table, or the paths of a store's segments) that `query`
    asks for: `limit` of them as rows, `points` of them as a sample.

    Raises UsageError for a trace id that is no hex.
    """
    low, high = _id_range(query.trace_id)
    window = {"start": query.start_ns, "end": query.end_ns, "low": low, "high": high}
    with _connect(source) as connection:
        _find_heads(connection, window)
        conditions, parameters = _conditions(query)
        connection.execute(_MATCHING.format(conditions=conditions), parameters)
        ((total,),) = connection.execute("SELECT count(*) FROM matching").fetchall()
        return Found(
            total=total,
            traces=_table(
                connection,
                _TRACES.format(order=_ORDERS[query.order]),
                {"limit": limit},
                TRACES_SCHEMA,
            ),
            sample=_table(connection, _SAMPLE, {"points": points}, SAMPLE_SCHEMA),
        )


def names(source: Source, start_ns: int, end_ns: int, *, limit: int) -> Names:
    """The routes of the traces that begin in [start_ns, end_ns), and the services and operations
    of the spans that do; at most `limit` routes, and operations of a service."""
    low, high = _id_range(None)
    window = {"start": start_ns, "end": end_ns, "low": low, "high": high}
    with _connect(source) as connection:
        _find_heads(connection, window)
        routes = connection.execute(
            "SELECT route FROM heads JOIN meanings USING (meaning)"
            " GROUP BY route ORDER BY count(*) DESC, route LIMIT ?",
            [limit],
        ).fetchall()
        rows = connection.execute(
            _OPERATIONS, {"start": start_ns, "end": end_ns, "limit": limit}
        ).fetchall()
    operations: dict[str, list[str]] = {}
    for hop, name in rows:
        operations.setdefault(hop, []).append(name)
    return Names(
        routes=tuple(route for (route,) in routes),
        operations={hop: tuple(found) for hop, found in operations.items()},
    )


def _connect(source: Source) -> duckdb.DuckDBPyConnection:
    """A connection that knows `source` as the view `spans`."""
    connection = duckdb.connect()
    create_view(connection, "spans", source if len(source) else spans.empty())
    return connection


def _find_heads(connection: duckdb.DuckDBPyConnection, window: Mapping[str, Any]) -> None:
    connection.execute(f"CREATE TEMP TABLE heads AS {_WITH_ROOT}", window)
    connection.execute(_ROOTLESS, window)
    if connection.execute("FROM rootless LIMIT 1").fetchall():  # rare, and not for free
        connection.execute(f"INSERT INTO heads {_WITHOUT_ROOT}", window)
    distinct = connection.execute("SELECT DISTINCT meaning FROM heads").fetchall()
    texts = [text for (text,) in distinct]
    understood = [_understand(text) for text in texts]
    columns = [texts, [route for route, _ in understood], [outcome for _, outcome in understood]]
    connection.register(
        "meanings",
        pa.table(
            [pa.array(column, pa.string()) for column in columns],
            names=["meaning", "route", "outcome"],
        ),
    )


def _understand(meaning: str) -> tuple[str, str]:
    """Route and outcome of a head, as `attribution.cells` names them."""
    fields = {key: text for key, text in json.loads(meaning).items() if text is not None}
    name, status = fields.pop("name", ""), fields.pop("status", "")
    route = semconv.operation(name, fields) or semconv.UNKNOWN
    return route, "error" if semconv.is_failure(status, fields) else "ok"


def _conditions(query: Query) -> tuple[str, dict[str, Any]]:
    """What `_MATCHING` needs beside itself: SQL with the parameters' names, and their values."""
    parts = []
    values: dict[str, Any] = {
        "route": query.route and _glob(query.route),
        "outcome": query.status if query.status in ("ok", "error") else None,
        "min_ns": query.min_ns,
        "max_ns": query.max_ns,
    }
    if query.service or query.operation:
        parts.append(_ONE_SPAN)
        values["service"] = query.service
        values["operation"] = query.operation and _glob(query.operation)
    if query.status == "error_inside":
        parts.append(_ERROR_INSIDE)
    for n, (key, text) in enumerate(query.attributes.items()):
        parts.append(_ATTRIBUTE.format(n=n))
        values |= {f"key{n}": key, f"text{n}": text}
    return "\n".join(parts), values


def _glob(pattern: str) -> str:
    """`*` and `?` are wild; all else, brackets of routes among it, is meant as it stands."""
    wild = {"*": ".*", "?": "."}
    return "".join(wild.get(c) or re.escape(c) for c in pattern)


def _id_range(prefix: str | None) -> tuple[str, str]:
    wanted = spans.trace_id_prefix(prefix) if prefix and not prefix.isspace() else ""
    return wanted.ljust(32, "0"), wanted.ljust(32, "f")


def _table(
    connection: duckdb.DuckDBPyConnection, sql: str, values: Mapping[str, Any], schema: pa.Schema
) -> pa.Table:
    return connection.sql(sql, params=dict(values)).to_arrow_table().cast(schema)
