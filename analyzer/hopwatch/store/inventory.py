"""What a store or some files hold, counted: rows, times, services, and what was left out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Stored:
    """What is there of one signal. Times are Unix ns; None where there is nothing."""

    signal: str  # name of a signals.Signal: spans, logs, metrics
    rows: int
    file_bytes: int | None  # of Parquet; None for files that are read as they are
    first_ns: int | None
    last_ns: int | None


@dataclass(frozen=True, slots=True)
class Service:
    """A service as its resources name it. `name` is `namespace/name` where there is a
    namespace, and `unknown` where service.name is missing."""

    name: str
    languages: tuple[str, ...]  # telemetry.sdk.language; empty: none says it
    versions: tuple[str, ...]
    instances: int
    spans: int
    logs: int
    metrics: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Input that is not stored, by why. `outcome`:

    rejected    rows that are invalid
    refused     rows that were answered with 503, for the sender to send again
    duplicate   rows of bodies that had been stored just before
    unreadable  whole requests, files or lines that could not be read: rows unknown
    repaired    rows that are stored, after invalid text in them was replaced
    """

    signal: str  # name of a signals.Signal; `unknown` for files of no signal
    outcome: str
    reason: str  # a stable snake_case word; empty where the outcome says it all
    count: int
    first_ns: int | None  # wall clock; None for files
    last_ns: int | None
    example: str  # what was wrong with one of them, and where; hostile text


@dataclass(frozen=True, slots=True)
class Inventory:
    """All of it. `source` names the store or the files."""

    source: str
    stored: tuple[Stored, ...]  # one per signal, in the order of signals.SIGNALS
    services: tuple[Service, ...]  # by name
    left_out: tuple[LeftOut, ...]
