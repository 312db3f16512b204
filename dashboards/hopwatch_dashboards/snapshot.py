"""What a session looks at: one version of the source, one window. A click answers from the
ledger of the snapshot; only another window, a refresh, or the live view takes a new one."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar, cast

import pyarrow as pa
import streamlit as st

from hopwatch.attribution import COLUMNS, Attribution, Ledger, Selection, Stacks
from hopwatch.attribution.failures import Failures
from hopwatch.quality import Quality
from hopwatch.quality import quality as check
from hopwatch_dashboards.source import Source
from hopwatch_dashboards.views.attributes import by_key
from hopwatch_dashboards.views.flame import Flame, flame
from hopwatch_dashboards.views.processes import NAMES
from hopwatch_dashboards.views.selection import Filters, failures_of, filtered
from hopwatch_dashboards.views.windows import Window

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """`source` and `version` name the data."""

    source: str
    version: str
    window: Window


def now_ns() -> int:
    return time.time_ns()


@st.cache_resource(max_entries=16, show_spinner="Adding up where the time went …")
def ledger(
    snapshot: Snapshot,
    _source: Source,
    service: str | None = None,
    attribute: tuple[str, str] | None = None,
) -> Ledger:
    """The ledger of all requests that begin in the snapshot's window; of those in which
    `service` takes part, or that have the attribute (see `Filters`)."""
    return _attribution(snapshot, _source).ledger(_wanted(snapshot, service, attribute))


@st.cache_resource(max_entries=4, show_spinner="Adding up the call paths …")
def stacks(
    snapshot: Snapshot,
    _source: Source,
    service: str | None = None,
    attribute: tuple[str, str] | None = None,
) -> Stacks:
    """The same by call path."""
    return _attribution(snapshot, _source).stacks(_wanted(snapshot, service, attribute))


@st.cache_resource(max_entries=4, show_spinner="Looking where requests failed …")
def failures(
    snapshot: Snapshot,
    _source: Source,
    service: str | None = None,
    attribute: tuple[str, str] | None = None,
) -> Failures:
    """Where these requests failed, or it was masked."""
    return _attribution(snapshot, _source).where_failed(_wanted(snapshot, service, attribute))


def one_trace(snapshot: Snapshot, source: Source, trace_id: bytes) -> Ledger:
    """The ledger of one trace of the snapshot; empty where it has none of that id."""
    return _attribution(snapshot, source).only(trace_id).ledger()


@st.cache_data(max_entries=8, show_spinner=False)
def told_apart(snapshot: Snapshot, _source: Source) -> dict[str, tuple[str, ...]]:
    """Attributes by which the snapshot's requests can be told apart (see `views.attributes`)."""
    return by_key(_attribution(snapshot, _source).table["resource_attributes"])


def _wanted(
    snapshot: Snapshot, service: str | None, attribute: tuple[str, str] | None
) -> Selection:
    window = snapshot.window
    attributes = dict([attribute]) if attribute else {}
    return Selection(start=window.start, end=window.end, service=service, attributes=attributes)


@st.cache_resource(max_entries=3, show_spinner=False)
def _attribution(snapshot: Snapshot, _source: Source) -> Attribution:
    window = snapshot.window
    return Attribution(_source.window(window.start, window.end, COLUMNS))


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests of a snapshot that a page is about, and what is computed from their ledger:
    once, however often the page is drawn."""

    snapshot: Snapshot
    filters: Filters
    source: Source

    @property
    def ledger(self) -> Ledger:
        return _filtered(self.snapshot, self.filters, self.source)

    @property
    def stacks(self) -> Stacks:
        filters = self.filters
        found = stacks(self.snapshot, self.source, filters.service, filters.attribute)
        return filtered(found, filters)

    @property
    def failures(self) -> Failures:
        filters = self.filters
        found = failures(self.snapshot, self.source, filters.service, filters.attribute)
        return failures_of(found, filters)

    def view(self, compute: Callable[..., T], *args: object) -> T:
        """`compute(ledger, *args)`, a pure function of a module."""
        name = f"{compute.__module__}.{compute.__qualname__}"
        found = _computed(name, args, self.snapshot, self.filters, compute, self.source)
        return cast(T, found)

    def flame(self, at: str) -> Flame:
        """What requests at the statistic spend, by call path."""
        return _flame(self.snapshot, self.filters, at, self)


@st.cache_resource(max_entries=16, show_spinner=False)
def _filtered(snapshot: Snapshot, filters: Filters, _source: Source) -> Ledger:
    return filtered(ledger(snapshot, _source, filters.service, filters.attribute), filters)


@st.cache_resource(max_entries=16, show_spinner=False)
def _flame(snapshot: Snapshot, filters: Filters, at: str, _requests: Requests) -> Flame:
    return flame(_requests.stacks, at)


@st.cache_resource(max_entries=256, show_spinner=False)
def _computed(
    name: str,
    args: tuple[object, ...],
    snapshot: Snapshot,
    filters: Filters,
    _compute: Callable[..., object],
    _source: Source,
) -> object:
    return _compute(_filtered(snapshot, filters, _source), *args)


@st.cache_data(max_entries=32, show_spinner=False)
def metrics(snapshot: Snapshot, service: str, _source: Source) -> pa.Table:
    """What the processes of a service reported in the snapshot's window."""
    window = snapshot.window
    return _source.metrics(NAMES, window.start, window.end, service)


@st.cache_resource(max_entries=4, show_spinner="Checking the data …")
def quality(snapshot: Snapshot, _source: Source) -> Quality:
    """What is odd about the data of the snapshot's window."""
    attribution = _attribution(snapshot, _source)
    return check(_source.inventory(), attribution, now_ns(), ledger(snapshot, _source))
