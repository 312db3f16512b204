"""Finding logs, data points and services: the same SQL for the segments of a store and for
tables in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from hopwatch import semconv
from hopwatch.errors import UsageError
from hopwatch.formats import Contents, Rejections
from hopwatch.signals import LOGS, METRICS, SIGNALS, Signal
from hopwatch.store.inventory import Inventory, LeftOut, Service, Stored

Source: TypeAlias = pa.Table | Sequence[str]
"""A table in a signal's schema, or the paths of Parquet files with one."""

_SERVICES: Final = """
SELECT service_namespace, service_name, telemetry_sdk_language, service_version,
    service_instance_id, count(*)
FROM source GROUP BY ALL
"""


def logs(
    source: Source,
    *,
    trace_id: bytes | str | None = None,
    start: int | None = None,
    end: int | None = None,
    services: Collection[str] | None = None,
    min_severity: int | None = None,
    limit: int | None = None,
) -> pa.Table:
    """Log records in `logs.SCHEMA` by time, oldest first.

    `trace_id`: of this trace, as bytes or 32 hex digits. [start, end) in ns. `services`: by
    service.name. `min_severity`: a severity number from 1 to 24, so much or more severe.
    `limit`: at most so many, the latest.
    """
    if isinstance(trace_id, str):
        trace_id = _trace_id(trace_id)
    conditions = {
        "trace_id = $trace_id": ("trace_id", trace_id),
        "severity_number >= $min_severity": ("min_severity", min_severity),
        **_common(start, end, services),
    }
    order = "time_unix_nano, service_name, span_id, body"
    return _select(source, LOGS, conditions, order, limit)


def metrics(
    source: Source,
    *,
    names: Collection[str] | None = None,
    start: int | None = None,
    end: int | None = None,
    services: Collection[str] | None = None,
) -> pa.Table:
    """Data points in `metrics.SCHEMA`, each series together and by time. [start, end) in ns;
    `services`: by service.name."""
    conditions = {
        "list_contains($names, name)": ("names", None if names is None else sorted(names)),
        **_common(start, end, services),
    }
    order = (
        "name, service_namespace, service_name, service_instance_id, point_attributes::VARCHAR,"
        " time_unix_nano"
    )
    return _select(source, METRICS, conditions, order, None)


def services(sources: Mapping[Signal, Source]) -> tuple[Service, ...]:
    """Every service that any of the sources names, by name."""
    found: dict[str, dict[str, Any]] = {}
    for signal, source in sources.items():
        with _connected(source) as connection:
            rows = connection.execute(_SERVICES).fetchall()
        for namespace, name, language, version, instance, count in rows:
            service = found.setdefault(
                semconv.hop(name, namespace),
                {"languages": set(), "versions": set(), "instances": set()}
                | dict.fromkeys((s.name for s in SIGNALS), 0),
            )
            service["languages"] |= {language} - {None}
            service["versions"] |= {version} - {None}
            service["instances"] |= {instance} - {None}
            service[signal.name] += count
    return tuple(
        Service(
            name,
            tuple(sorted(service.pop("languages"))),
            tuple(sorted(service.pop("versions"))),
            len(service.pop("instances")),
            **service,
        )
        for name, service in sorted(found.items())
    )


def inventory_of(contents: Contents, source: str) -> Inventory:
    """What files hold, which `source` names. Lines and files that could not be read are of the
    signal `unknown`."""
    tables = {signal: contents.of(signal).table for signal in SIGNALS}
    left_out = [
        entry
        for signal in SIGNALS
        for entry in _left_out(signal.name, "rejected", contents.of(signal).rejected)
    ]
    left_out += _left_out("unknown", "unreadable", contents.unreadable)
    return Inventory(
        source,
        tuple(_stored(signal, table) for signal, table in tables.items()),
        services(tables),
        tuple(left_out),
    )


def _stored(signal: Signal, table: pa.Table) -> Stored:
    times = pc.min_max(table[signal.time]).as_py()
    return Stored(signal.name, table.num_rows, None, times["min"], times["max"])


def _left_out(signal: str, outcome: str, rejections: Rejections) -> Iterator[LeftOut]:
    for reason, count in rejections.counts.items():
        yield LeftOut(signal, outcome, reason, count, None, None, rejections.example(reason))
    if rejections.repaired:
        yield LeftOut(signal, "repaired", "", rejections.repaired, None, None, "")


def _trace_id(text: str) -> bytes:
    try:
        trace_id = bytes.fromhex(text)
    except ValueError:
        trace_id = b""
    if len(trace_id) != 16:
        raise UsageError(f"{text!r} is no trace id: 32 hex digits are expected")
    return trace_id


def _common(
    start: int | None, end: int | None, services: Collection[str] | None
) -> dict[str, tuple[str, Any]]:
    return {
        "time_unix_nano >= $start": ("start", start),
        "time_unix_nano < $end": ("end", end),
        "list_contains($services, service_name)": (
            "services",
            None if services is None else sorted(services),
        ),
    }


def _select(
    source: Source,
    signal: Signal,
    conditions: Mapping[str, tuple[str, Any]],
    order: str,
    limit: int | None,
) -> pa.Table:
    """Rows for which all conditions hold whose parameter is given; with `limit` the latest."""
    asked = {text: given for text, given in conditions.items() if given[1] is not None}
    query = "SELECT * FROM source"
    if asked:
        query += " WHERE " + " AND ".join(asked)
    parameters = dict(asked.values())
    if limit is not None:
        query += f" ORDER BY {signal.time} DESC LIMIT $limit"
        parameters["limit"] = limit
    columns = ", ".join(f'"{name}"' for name in signal.schema.names)
    with _connected(source) as connection:
        found = connection.sql(
            f"SELECT {columns} FROM ({query}) ORDER BY {order}", params=parameters
        )
        return found.to_arrow_table().cast(signal.schema)


@contextmanager
def _connected(source: Source) -> Iterator[duckdb.DuckDBPyConnection]:
    """DuckDB with the source as the view `source`."""
    with duckdb.connect() as connection:
        create_view(connection, "source", source)
        yield connection


def create_view(connection: duckdb.DuckDBPyConnection, name: str, source: Source) -> None:
    """Let queries of this connection see a source by name."""
    if isinstance(source, pa.Table):
        connection.register(name, source)
    else:
        connection.read_parquet(list(source)).create_view(name)
