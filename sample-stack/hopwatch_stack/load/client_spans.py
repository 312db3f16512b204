"""The load's own view of each request: a CLIENT span that the shop's spans join."""

import logging
import os
import platform
import socket
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from opentelemetry import baggage, propagate, trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

EXPORT_SECONDS = 2
SERVICE_NAME = "shop-load"
# Asks the shop not to trace a request.
UNSAMPLED = {"traceparent": f"00-{'1' * 32}-{'1' * 16}-00"}


class _CountingExporter(SpanExporter):
    """Counts what could not be delivered: an absent collector must not disturb the load."""

    def __init__(self, otlp_url: str) -> None:
        self._exporter = OTLPSpanExporter(f"{otlp_url}/v1/traces", timeout=EXPORT_SECONDS)
        self.lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        outcome = self._exporter.export(spans)
        if outcome is not SpanExportResult.SUCCESS:
            self.lost += len(spans)
        return outcome

    def shutdown(self) -> None:
        self._exporter.shutdown()  # type: ignore[no-untyped-call]


class ClientSpans:
    """Makes and exports CLIENT spans after the HTTP semantic conventions."""

    def __init__(self, shop_url: str, otlp_url: str) -> None:
        # Failed exports are counted and told once, at the end.
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)
        self._shop_url = shop_url
        address = urlsplit(shop_url)
        self._server = {"server.address": address.hostname, "server.port": address.port or 80}
        self._exporter = _CountingExporter(otlp_url)
        self._provider = TracerProvider(resource=_resource())
        self._provider.add_span_processor(
            BatchSpanProcessor(self._exporter, schedule_delay_millis=500, max_queue_size=16384)
        )
        self._tracer = self._provider.get_tracer("hopwatch_stack.load")

    @contextmanager
    def request(
        self, method: str, path: str, template: str, lab: str, traced: bool
    ) -> Iterator[tuple[trace.Span, dict[str, str]]]:
        """A span around one request, and the headers that carry it and the lab's baggage; nothing
        is recorded of one that is not to be traced."""
        if not traced:
            yield trace.INVALID_SPAN, UNSAMPLED
            return
        attributes = {
            "http.request.method": method,
            "url.full": self._shop_url + path,
            "url.template": template,
            **self._server,
        }
        with self._tracer.start_as_current_span(
            f"{method} {template}", kind=trace.SpanKind.CLIENT, attributes=attributes
        ) as span:
            context = trace.set_span_in_context(span)
            if lab:
                key, _, value = lab.partition("=")
                context = baggage.set_baggage(key, value, context)
            headers: dict[str, str] = {}
            propagate.inject(headers, context)
            yield span, headers

    def close(self) -> int:
        """Exports what is left; returns how many spans were lost."""
        self._provider.shutdown()
        return self._exporter.lost


def resent(span: trace.Span, times: int) -> None:
    """Records how often the request was sent again within this span, if it was."""
    if times:
        span.set_attribute("http.request.resend_count", times)


def ended(span: trace.Span, status: int, error: str | None) -> None:
    """Records how the request ended; `status` 0 means that no answer came."""
    if status:
        span.set_attribute("http.response.status_code", status)
    if error is not None:
        span.set_attribute("error.type", str(status) if status else error)
        span.set_status(trace.StatusCode.ERROR)


def _resource() -> Resource:
    return Resource.create(
        {
            "service.name": SERVICE_NAME,
            "service.version": os.environ.get("SHOP_VERSION", "dev"),
            "service.instance.id": str(uuid.uuid4()),
            "host.name": socket.gethostname(),
            "process.pid": os.getpid(),
            "process.runtime.name": platform.python_implementation().lower(),
            "process.runtime.version": platform.python_version(),
        }
    )
