"""The db.client.connection.* metrics of one pool."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import asyncpg
from opentelemetry import metrics
from opentelemetry.metrics import CallbackOptions, Observation

from .tracing import BUCKETS


class PoolMetrics:
    """How many connections there are, who waits for one, and how long they are used."""

    def __init__(self, pool: asyncpg.Pool, name: str) -> None:
        self._pool = pool
        self._of = {"db.client.connection.pool.name": name}
        meter = metrics.get_meter(__name__)
        meter.create_observable_up_down_counter(
            "db.client.connection.count", [self._counts], unit="{connection}"
        )
        meter.create_observable_up_down_counter(
            "db.client.connection.max", [self._limit], unit="{connection}"
        )
        self._pending = meter.create_up_down_counter(
            "db.client.connection.pending_requests", unit="{request}"
        )
        self._timeouts = meter.create_counter("db.client.connection.timeouts", unit="{timeout}")
        self._wait = meter.create_histogram(
            "db.client.connection.wait_time", unit="s", explicit_bucket_boundaries_advisory=BUCKETS
        )
        self._use = meter.create_histogram(
            "db.client.connection.use_time", unit="s", explicit_bucket_boundaries_advisory=BUCKETS
        )

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """A call asks for a connection."""
        start = time.perf_counter()
        self._pending.add(1, self._of)
        try:
            yield
        finally:
            self._pending.add(-1, self._of)
            self._wait.record(time.perf_counter() - start, self._of)

    @contextmanager
    def using(self) -> Iterator[None]:
        """A call has a connection."""
        start = time.perf_counter()
        try:
            yield
        finally:
            self._use.record(time.perf_counter() - start, self._of)

    def timed_out(self) -> None:
        """A call was not given a connection in time."""
        self._timeouts.add(1, self._of)

    def _counts(self, _: CallbackOptions) -> Iterable[Observation]:
        idle = self._pool.get_idle_size()
        used = self._pool.get_size() - idle
        yield Observation(idle, self._of | {"db.client.connection.state": "idle"})
        yield Observation(used, self._of | {"db.client.connection.state": "used"})

    def _limit(self, _: CallbackOptions) -> Iterable[Observation]:
        yield Observation(self._pool.get_max_size(), self._of)
