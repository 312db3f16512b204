"""Where telemetry goes, and what the service says of itself."""

import logging
import os
import platform
import threading
import time
import uuid
from dataclasses import dataclass

from opentelemetry import metrics, propagate, trace
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from .logs import send_logs

# What the service calls itself in telemetry and labs.
SERVICE_NAME = "shop-orders"

ENDPOINT_VARIABLE = "OTEL_EXPORTER_OTLP_ENDPOINT"
DEFAULT_ENDPOINT = "http://127.0.0.1:4317"

# Spans and logs are on their way to whoever looks at them within a second.
BATCH_DELAY_MS = 1000
# Enough for a burst of a thousand calls and more; beyond it telemetry is dropped, not calls.
MAX_QUEUED_SPANS = 16384
MAX_QUEUED_LOGS = 4096
METRIC_INTERVAL_MS = 5000

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Telemetry:
    """What the service says of itself while it runs."""

    traces: TracerProvider
    metrics: MeterProvider
    logs: LoggerProvider
    log_handler: logging.Handler

    def shutdown(self, seconds: float) -> None:
        """Send what is left of all three, side by side, for so long at most."""
        # What is logged from now on would come too late.
        logging.getLogger().removeHandler(self.log_handler)
        endings = [self.traces.shutdown, self.metrics.shutdown, self.logs.shutdown]
        threads = [threading.Thread(target=end, daemon=True) for end in endings]
        for thread in threads:
            thread.start()
        end = time.monotonic() + seconds
        for thread in threads:
            thread.join(max(end - time.monotonic(), 0))
        if any(thread.is_alive() for thread in threads):
            _log.warning("the last telemetry was not sent")


def start(version: str) -> Telemetry:
    """Install the providers and the propagators (W3C trace context and baggage). It does not wait
    for the collector."""
    # What is instrumented by packages is to speak current conventions.
    os.environ.setdefault("OTEL_SEMCONV_STABILITY_OPT_IN", "http")
    # The exporters look there themselves, but have another default.
    os.environ.setdefault(ENDPOINT_VARIABLE, DEFAULT_ENDPOINT)
    resource = describe(version)
    traces = TracerProvider(resource=resource, shutdown_on_exit=False)
    traces.add_span_processor(
        BatchSpanProcessor(
            OTLPSpanExporter(),
            max_queue_size=MAX_QUEUED_SPANS,
            schedule_delay_millis=BATCH_DELAY_MS,
        )
    )
    reader = PeriodicExportingMetricReader(
        OTLPMetricExporter(), export_interval_millis=METRIC_INTERVAL_MS
    )
    meters = MeterProvider([reader], resource=resource, shutdown_on_exit=False)
    logs = LoggerProvider(resource=resource, shutdown_on_exit=False)
    logs.add_log_record_processor(
        BatchLogRecordProcessor(
            OTLPLogExporter(),
            max_queue_size=MAX_QUEUED_LOGS,
            schedule_delay_millis=BATCH_DELAY_MS,
        )
    )
    trace.set_tracer_provider(traces)
    metrics.set_meter_provider(meters)
    propagate.set_global_textmap(
        CompositePropagator([TraceContextTextMapPropagator(), W3CBaggagePropagator()])
    )
    return Telemetry(traces, meters, logs, send_logs(logs))


def describe(version: str) -> Resource:
    """The service, its process and its host. Whoever starts it may say which instance it is, to
    add what is measured from outside."""
    given = OTELResourceDetector().detect().attributes
    return Resource.create(
        {
            "service.instance.id": str(uuid.uuid4()),
            **given,
            "host.name": platform.node(),
            "process.pid": os.getpid(),
            "process.runtime.name": platform.python_implementation().lower(),
            "process.runtime.version": platform.python_version(),
            "process.runtime.description": platform.python_version() + " " + platform.platform(),
            "service.name": SERVICE_NAME,
            "service.version": version,
        }
    )
