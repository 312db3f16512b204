"""The signals that hopwatch keeps. What is the same for all of them takes the signal as a
parameter: the walk through OTLP's envelopes, the log, segments, the manifest, the counters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa

from hopwatch import logs, metrics, spans


@dataclass(frozen=True, slots=True, eq=False)
class Signal:
    """A signal's names and its table."""

    name: str
    """Of its table: the view in SQL, the word in the manifest."""
    otlp: str
    """As OTLP calls it, in paths."""
    item: str
    """What one row is, in words."""
    schema: pa.Schema
    time: str
    """The column of the time that a row is found by."""
    order: tuple[str, ...]
    """The columns that rows are sorted by in segments: what is asked for together stands
    together."""

    def concat(self, tables: Sequence[pa.Table]) -> pa.Table:
        """One table of all rows, dictionaries unified."""
        if not tables:
            return self.schema.empty_table()
        return pa.concat_tables(tables).unify_dictionaries()


SPANS: Final = Signal(
    name="spans",
    otlp="traces",
    item="span",
    schema=spans.SCHEMA,
    time="start_time_unix_nano",
    order=("trace_id", "start_time_unix_nano", "span_id"),
)
LOGS: Final = Signal(
    name="logs",
    otlp="logs",
    item="log record",
    schema=logs.SCHEMA,
    time="time_unix_nano",
    order=("trace_id", "time_unix_nano"),
)
METRICS: Final = Signal(
    name="metrics",
    otlp="metrics",
    item="data point",
    schema=metrics.SCHEMA,
    time="time_unix_nano",
    order=("name", "service_name", "service_instance_id", "time_unix_nano"),
)
SIGNALS: Final = (SPANS, LOGS, METRICS)


def named(name: str) -> Signal:
    """The signal whose table has this name. Raises KeyError."""
    return {signal.name: signal for signal in SIGNALS}[name]


def of(table: pa.Table) -> Signal:
    """The signal whose table this is. Raises ValueError for a table of another schema."""
    for signal in SIGNALS:
        if signal.schema.names == table.schema.names:
            return signal
    raise ValueError(f"no signal has a table of the columns {table.schema.names}")
