"""Spans and durations of statements, by the semantic conventions of database clients.

The instrumentation package for asyncpg would name the spans of our statements "--", which is how
they begin; and it knows neither their summary nor which attempt they belong to.
"""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar

from opentelemetry import metrics, trace
from opentelemetry.trace import SpanKind, StatusCode

from .errors import explain, sql_state

# What http.request.resend_count is for HTTP; the conventions for databases have no such attribute.
RESEND_COUNT = "hopwatch.resend_count"

# The buckets that the semantic conventions advise for database clients, in seconds.
BUCKETS = (0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10)

# Of the statements that a call runs: 1 is the second attempt.
attempt: ContextVar[int] = ContextVar("attempt", default=0)


def summary(sql: str) -> str:
    """Such as "SELECT products": our statements carry it as a comment in their first line, where
    the server's logs and pg_stat_activity show it too; BEGIN and COMMIT are their own."""
    return sql.partition("\n")[0].removeprefix("-- ")


class Tracing:
    """Traces and measures what is asked of one database."""

    def __init__(self, host: str, port: int, database: str) -> None:
        self._tracer = trace.get_tracer(__name__)
        self._attributes: dict[str, str | int] = {
            "db.system.name": "postgresql",
            "db.namespace": database,
            "server.address": host,
            "server.port": port,
        }
        self._duration = metrics.get_meter(__name__).create_histogram(
            "db.client.operation.duration",
            unit="s",
            description="Duration of database client operations.",
            explicit_bucket_boundaries_advisory=BUCKETS,
        )

    @contextmanager
    def span(self, name: str, attributes: Mapping[str, str | int] | None = None) -> Iterator[None]:
        """A CLIENT span around what the driver does; none where no call is traced."""
        if not trace.get_current_span().is_recording():
            yield
            return
        with self._tracer.start_as_current_span(
            name,
            kind=SpanKind.CLIENT,
            attributes={**self._attributes, **(attributes or {})},
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except BaseException as error:
                state = sql_state(error)
                span.set_status(StatusCode.ERROR, explain(error))
                span.set_attribute("error.type", state or type(error).__qualname__)
                if state:
                    span.set_attribute("db.response.status_code", state)
                raise

    @contextmanager
    def statement(self, sql: str) -> Iterator[None]:
        """A span and a measurement of one statement."""
        name = summary(sql)
        operation = name.partition(" ")[0]
        attributes: dict[str, str | int] = {
            "db.query.text": sql,
            "db.query.summary": name,
            "db.operation.name": operation,
        }
        if resent := attempt.get():
            attributes[RESEND_COUNT] = resent
        start = time.perf_counter()
        try:
            with self.span(name, attributes):
                yield
        finally:
            self._duration.record(
                time.perf_counter() - start,
                {"db.system.name": "postgresql", "db.operation.name": operation},
            )
