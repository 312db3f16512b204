"""Whole traces from a backend that answers a limited number at a time, and does not say when it
has more.

    start ........................................ end
                              [ as many as a page holds: maybe more; the half is asked for ]
                                           [ fewer: all there are, taken ]
                             [ the next ]

From the newest to the oldest. Only what a backend has answered as a page that is not full is
taken, so that of any moment there are all traces or none. Only where a window can be cut no
further, a full page is taken as it is, and said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import pyarrow.compute as pc

from hopwatch.backends import jaeger, tempo, zipkin
from hopwatch.backends.client import CONNECTIONS, Client
from hopwatch.backends.target import Query, Target, target
from hopwatch.errors import InputError, TooLargeError, UsageError
from hopwatch.formats import Contents, Rejections
from hopwatch.formats.describe import looks_like
from hopwatch.formats.documents import Document
from hopwatch.signals import SPANS
from hopwatch.spans import trace_id_prefix

PAGE: Final = 500
"""Traces that one answer may have."""
MOMENT: Final = 10_000
"""Traces that an answer for the shortest window may have: that cannot be cut."""

_NEIGHBOURS: Final = 1000
_FETCHED: Final = 64
_MINUTE_NS: Final = 60 * 10**9
_GROWTH: Final = 2
_CONNECT: Final[dict[str, Callable[[Client], Backend]]] = {
    "jaeger": jaeger.connect,
    "tempo": tempo.connect,
    "zipkin": zipkin.connect,
}

Progress = Callable[[str], None]
"""Called with what has been pulled so far, in words."""


class Backend(Protocol):
    """An API of traces."""

    @property
    def step_ns(self) -> int:
        """The shortest window that it can be asked for."""

    @property
    def format(self) -> Any:
        """The module of `hopwatch.formats` that reads its traces."""

    def services(self) -> Sequence[str | None]:
        """The services that must be asked for one by one; None: all."""

    def search(
        self, service: str | None, start_ns: int, end_ns: int, limit: int
    ) -> Mapping[str, Document | None]:
        """Traces in which the service has spans in the window, by their ids; None: the id only."""

    def trace(self, trace_id: str) -> dict[str, Document]:
        """One trace by its id; empty where there is none."""


def pull(
    url: str, query: Query | None = None, progress: Progress | None = None
) -> Iterator[Contents]:
    """The traces that an address and a query ask for, a window at a time. What was cut is counted
    as `unreadable`.

    Raises UsageError for an address that is none, InputError where the backend cannot answer.
    """
    now_ns = time.time_ns()
    wanted = target(url, query or Query(), now_ns)
    with _connected(wanted) as backend:
        puller = _Puller(backend, str(wanted), wanted.query)
        yield from puller.windows(*wanted.query.bounds(now_ns), progress or (lambda _: None))


def pull_trace(url: str, query: Query, prefix: str) -> Contents:
    """One trace by its whole id, with others of its minute and services, for one trace alone does
    not tell how clocks lie. Empty where there is none."""
    trace_id = trace_id_prefix(prefix)
    if len(trace_id) not in (16, 32):
        raise UsageError(
            f"{prefix}: backends know traces by their whole ids only: 32 hex digits, or 16"
        )
    wanted = target(url, query, time.time_ns())
    with _connected(wanted) as backend:
        found = backend.trace(trace_id)
        puller = _Puller(backend, str(wanted), wanted.query)
        contents = puller.read(found.values())
        if found:
            contents.update(puller.beside(contents, set(found)))
        return contents


@contextmanager
def _connected(wanted: Target) -> Iterator[Backend]:
    client = Client(wanted.base, wanted.headers)
    try:
        yield _CONNECT[wanted.kind](client)
    finally:
        client.close()


class _Puller:
    """Asks one backend until it has all that a query wants."""

    def __init__(self, backend: Backend, source: str, query: Query) -> None:
        self._backend = backend
        self._source = source
        self._query = query

    def windows(self, start_ns: int, end_ns: int, progress: Progress) -> Iterator[Contents]:
        """All traces of [start_ns, end_ns), the newest first."""
        service = self._query.service
        services = (service,) if service else self._backend.services()
        yield from self._windows(services, start_ns, end_ns, self._query.most, set(), progress)

    def beside(self, contents: Contents, taken: set[str]) -> Contents:
        """Other traces of the same minute and services."""
        table = contents.of(SPANS).table
        found = Contents()
        if table.num_rows:
            start = pc.min(table[SPANS.time]).as_py() // _MINUTE_NS * _MINUTE_NS
            named = sorted(filter(None, pc.unique(table["service_name"]).to_pylist()))
            services: Sequence[str | None] = (
                named if self._backend.services() != (None,) else (None,)
            )
            for part in self._windows(
                services, start, start + _MINUTE_NS, _NEIGHBOURS, taken, lambda _: None
            ):
                part.unreadable = Rejections()  # that some are not here is no loss to one trace
                found.update(part)
        return found

    def read(self, answers: Iterable[Document]) -> Contents:
        """What traces hold. What is no trace is counted."""
        contents = Contents()
        reader = self._backend.format.reader(self._source)
        for answer in answers:
            values = answer.value if isinstance(answer.value, list) else [answer.value]
            for value in values:
                if not self._backend.format.recognises(value):
                    detail = f"no telemetry that is known: {looks_like(value)}"
                    contents.unreadable.add("unknown_document", answer.source, detail)
                    continue
                try:
                    reader.read(answer._replace(value=value))
                except InputError as error:
                    contents.unreadable.add("invalid_document", answer.source, str(error))
        reader.finish(contents)
        return contents

    def _windows(
        self,
        services: Sequence[str | None],
        start_ns: int,
        end_ns: int,
        most: int | None,
        taken: set[str],
        progress: Progress,
    ) -> Iterator[Contents]:
        length = end_ns - start_ns
        while end_ns > start_ns and services:
            length = max(self._backend.step_ns, min(length, end_ns - start_ns))
            begin_ns = end_ns - length
            cut = Rejections()
            found = self._search(services, begin_ns, end_ns, cut)
            if found is None:
                length //= 2
                continue
            fresh = {name: answer for name, answer in found.items() if name not in taken}
            contents = self.read(self._whole(fresh, cut))
            taken.update(fresh)
            end_ns = begin_ns
            if most is not None and len(taken) >= most and end_ns > start_ns:
                cut.add("limit", self._source, _stopped(len(taken), end_ns))
                start_ns = end_ns
            contents.unreadable.update(cut)
            progress(f"{len(taken):,} traces, back to {_time(end_ns)}")
            yield contents
            if len(found) <= PAGE // 4:
                length *= _GROWTH

    def _search(
        self, services: Sequence[str | None], start_ns: int, end_ns: int, cut: Rejections
    ) -> dict[str, Document | None] | None:
        """The traces of a window; None where an answer is full, and the window can be cut."""
        shortest = end_ns - start_ns <= self._backend.step_ns
        limit = MOMENT if shortest else PAGE
        found: dict[str, Document | None] = {}
        for service in services:
            try:
                page = self._backend.search(service, start_ns, end_ns, limit)
            except TooLargeError:
                if shortest:
                    raise
                return None
            if len(page) >= limit:
                if not shortest:
                    return None
                detail = f"{limit:,} traces at one moment, {_time(start_ns)}: there may be more"
                cut.add("full_page", self._source, detail)
            found.update(page)
        return found

    def _whole(self, found: Mapping[str, Document | None], cut: Rejections) -> Iterator[Document]:
        """Traces, those that are not here yet fetched some at a time."""
        yield from filter(None, found.values())
        missing = [name for name, answer in found.items() if answer is None]
        with ThreadPoolExecutor(CONNECTIONS) as fetching:
            for first in range(0, len(missing), _FETCHED):
                some = missing[first : first + _FETCHED]
                for answers, problem in fetching.map(self._fetch, some):
                    if problem is not None:
                        cut.add(*problem)
                    yield from answers

    def _fetch(self, name: str) -> tuple[list[Document], tuple[str, str, str] | None]:
        """One trace, or why it cannot be had: a reason, where, in words."""
        try:
            found = list(self._backend.trace(name).values())
        except tempo.PartialTraceError as error:
            return [], ("partial_trace", self._source, str(error))
        if not found:
            return [], ("missing_trace", self._source, f"trace {name} was found, then it was gone")
        return found, None


def _stopped(number: int, end_ns: int) -> str:
    return (
        f"stopped after {number:,} traces: none is here of before {_time(end_ns)}, all of later;"
        " ask for fewer (--last, --since, --until, --service) or raise --limit"
    )


def _time(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9, UTC).isoformat(" ", "milliseconds")
