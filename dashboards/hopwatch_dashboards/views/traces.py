"""Finding traces: what was asked for in words -> a query; what was found -> rows and points."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import pandas as pd
import pyarrow as pa

from hopwatch.errors import UsageError
from hopwatch.store.search import Found, Query, Status
from hopwatch_dashboards.theme import readable
from hopwatch_dashboards.views.windows import Window

ROWS: Final = 100
"""Traces in the list."""
POINTS: Final = 2000
"""Traces in the picture."""

STATUSES: Final[Mapping[str, Status]] = {
    "succeeded": "ok",
    "failed": "error",
    "error inside": "error_inside",
}
"""What an outcome is called, in the form and in the URL -> status of `Query`."""
MS: Final = 1_000_000


def parse_attributes(text: str) -> dict[str, str]:
    """`http.route=/orders tenant="a b"` as pairs. Raises UsageError."""
    try:
        words = shlex.split(text)
    except ValueError as error:
        raise UsageError(f"attributes {text!r} cannot be read: {error}") from error
    pairs = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not key or not equals:
            raise UsageError(
                f"{word!r} is no attribute: write key=value, as in http.route=/api/orders;"
                ' quote what has spaces: tenant="a b"'
            )
        pairs[key] = value
    return pairs


def query(window: Window, asked: Mapping[str, str | float | None]) -> Query:
    """The query that the finder's form stands for. `asked`: its values by their names in the URL,
    None or empty where nothing is asked. Raises UsageError."""

    def text(key: str) -> str | None:
        return str(asked.get(key) or "").strip() or None

    def ns(key: str) -> int | None:
        value = asked.get(key)
        return None if value is None else round(float(value) * MS)

    return Query(
        start_ns=window.start,
        end_ns=window.end,
        route=text("route"),
        service=text("service"),
        operation=text("operation"),
        status=STATUSES.get(text("status") or ""),
        min_ns=ns("min"),
        max_ns=ns("max"),
        attributes=parse_attributes(text("with") or ""),
        trace_id=text("id"),
        order="slowest" if asked.get("order") == "slowest" else "newest",
    )


@dataclass(frozen=True, slots=True)
class TraceRow:
    """A line of the list. `part`: its duration as a part of the longest one's."""

    trace_id: str
    route: str
    service: str
    started: str
    duration_ns: int
    part: float
    spans: int
    errors: int
    services: tuple[str, ...]
    failed: bool
    complete: bool


def rows(traces: pa.Table) -> list[TraceRow]:
    """What was found, as lines. `traces`: `search.TRACES_SCHEMA`."""
    found = traces.to_pylist()
    longest = max((row["duration_nano"] for row in found), default=0) or 1
    return [
        TraceRow(
            trace_id=row["trace_id"],
            route=row["route"],
            service=row["service"],
            started=moment(row["start_time_unix_nano"]),
            duration_ns=row["duration_nano"],
            part=row["duration_nano"] / longest,
            spans=row["spans"],
            errors=row["errors"],
            services=tuple(row["services"]),
            failed=row["outcome"] == "error",
            complete=row["complete"],
        )
        for row in found
    ]


def points(sample: pa.Table) -> pd.DataFrame:
    """What was found, as points: when, ms, outcome, route, trace. Durations of nothing are shown
    as 1 µs, for the axis is logarithmic. `sample`: `search.SAMPLE_SCHEMA`."""
    frame = sample.to_pandas()
    return pd.DataFrame(
        {
            "when": pd.to_datetime(
                frame["start_time_unix_nano"], unit="ns", utc=True
            ).dt.tz_convert(datetime.now(UTC).astimezone().tzinfo),
            "ms": (frame["duration_nano"] / MS).clip(lower=0.001),
            "outcome": frame["outcome"].map({"ok": "succeeded", "error": "failed"}),
            "route": [readable(route, 60) for route in frame["route"]],
            "trace": frame["trace_id"],
        }
    )


def counted(found: Found) -> str:
    """How much was found and how much of it is shown, in a sentence."""
    shown = found.traces.num_rows
    traces = "trace" if found.total == 1 else "traces"
    if found.total == shown:
        return f"{found.total:,} {traces}."
    sampled = found.sample.num_rows
    picture = (
        f"; the picture shows {sampled:,} of them, chosen evenly by a hash of their ids"
        if sampled < found.total
        else ""
    )
    return f"{found.total:,} {traces}. The list shows the first {shown:,}{picture}."


def moment(ns: int) -> str:
    """A point in time for people, in the zone of this machine: `2026-11-28 12:31:05.123`."""
    local = datetime.fromtimestamp(ns // 1_000_000_000, UTC).astimezone()
    return f"{local:%Y-%m-%d %H:%M:%S}.{ns % 1_000_000_000 // MS:03d}"
