"""A trace's log records in the terminal, at their time within the trace."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa
from rich.console import Console
from rich.table import Table
from rich.text import Text

from hopwatch import logs, semconv
from hopwatch.attribution import Attribution, UnitTime
from hopwatch.reports.numbers import duration
from hopwatch.reports.text import language_style, shorten

_AT_WIDTH: Final = 11
_LEVEL_WIDTH: Final = 5
_SERVICE_WIDTH: Final = 16
_MOST_LINES: Final = 4
_STYLES: Final = {"WARN": "yellow", "ERROR": "red", "FATAL": "bold red"}


def print_logs(console: Console, attribution: Attribution, table: pa.Table) -> None:
    """Prints log records (`logs.SCHEMA`) of the only trace of `attribution`. Times count from
    the trace's first request, by its clock: each record is moved as its span is."""
    console.print()
    if not table.num_rows:
        console.print(Text("No log record carries this trace's id.", style="dim"))
        return
    units = [*attribution.requests(), *attribution.detached(), *attribution.fragments()]
    shifts = _shifts(units)
    begin = min(unit.unit.root.start for unit in units)
    service_width = min(_SERVICE_WIDTH, max(6, console.width // 5))
    message_width = max(8, console.width - _AT_WIDTH - _LEVEL_WIDTH - service_width - 4)
    shown = Table(box=None, padding=(0, 1, 0, 0), show_edge=False, header_style="dim")
    shown.add_column("at", width=_AT_WIDTH, justify="right", no_wrap=True)
    shown.add_column("level", width=_LEVEL_WIDTH, no_wrap=True)
    shown.add_column("service", width=service_width, no_wrap=True)
    shown.add_column("log", width=message_width, overflow="fold")
    rows = [
        (row["time_unix_nano"] - shifts.get(row["span_id"], 0), row) for row in table.to_pylist()
    ]
    for time, row in sorted(rows, key=lambda item: item[0]):
        level = _level(row)
        hop = semconv.hop(row["service_name"], row["service_namespace"])
        shown.add_row(
            Text(f"{'+' if time >= begin else ''}{duration(time - begin)}", style="dim"),
            Text(level, style=_STYLES.get(level, "")),
            Text(
                shorten(hop, service_width),
                style=language_style(row["telemetry_sdk_language"] or semconv.UNKNOWN),
            ),
            Text(shorten(_message(row), _MOST_LINES * message_width)),
        )
    console.print(shown)


def _shifts(units: list[UnitTime]) -> dict[bytes, int]:
    """Span id -> by how much its stamps are ahead of the root's clock, ns."""
    return {time.span.id[:8]: time.shift for unit in units for time in unit.spans}


def _message(row: dict[str, Any]) -> str:
    """The record's body (of an event without one, its name), then its attributes."""
    said = [row["body"] or row["event_name"] or ""]
    said += [f"{key}={value}" for key, value in row["log_attributes"]]
    return " ".join(said).strip()


def _level(row: dict[str, Any]) -> str:
    named = logs.severity(row["severity_number"])
    return named or shorten(row["severity_text"] or "", _LEVEL_WIDTH)
