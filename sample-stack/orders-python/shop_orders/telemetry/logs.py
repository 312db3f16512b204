"""Log lines: JSON on stdout, with the trace and span that they belong to, and the same by OTLP."""

import logging
import sys
import time

from opentelemetry import trace
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from pythonjsonlogger.json import JsonFormatter

# An absent collector fails every export.
SECONDS_BETWEEN_COMPLAINTS = 60.0


class _TraceFilter(logging.Filter):
    """Adds the trace and span to records of the console; OTLP has fields of their own for them."""

    def filter(self, record: logging.LogRecord) -> bool:
        span = trace.get_current_span().get_span_context()
        if span.is_valid:
            record.trace_id = trace.format_trace_id(span.trace_id)
            record.span_id = trace.format_span_id(span.span_id)
        return True


class _SparingFilter(logging.Filter):
    """Lets what goes wrong with telemetry pass at most once a minute, and says what it means."""

    def __init__(self) -> None:
        super().__init__()
        self._last = -SECONDS_BETWEEN_COMPLAINTS

    def filter(self, record: logging.LogRecord) -> bool:
        now = time.monotonic()
        if now - self._last < SECONDS_BETWEEN_COMPLAINTS:
            return False
        self._last = now
        record.error = record.getMessage()
        record.msg, record.args = "telemetry fails; calls are not affected", None
        record.levelname = logging.getLevelName(logging.WARNING)
        return True


def log_to_console(service: str) -> None:
    """Write the service's log lines to stdout, a JSON object each."""
    console = logging.StreamHandler(sys.stdout)
    console.setFormatter(
        JsonFormatter(
            ["levelname", "message"],
            timestamp="time",
            rename_fields={"levelname": "level", "message": "msg"},
            static_fields={"service": service},
        )
    )
    console.addFilter(_TraceFilter())
    root = logging.getLogger()
    root.setLevel(logging.INFO)
    root.addHandler(console)
    # Trouble with telemetry is told to the console alone: it would be sent in vain.
    telemetry = logging.getLogger("opentelemetry")
    telemetry.propagate = False
    complaints = logging.StreamHandler(sys.stdout)
    complaints.setFormatter(console.formatter)
    complaints.addFilter(_SparingFilter())
    telemetry.setLevel(logging.WARNING)
    telemetry.addHandler(complaints)


def send_logs(provider: LoggerProvider) -> logging.Handler:
    """Send what is logged by OTLP, too."""
    handler = LoggingHandler(logger_provider=provider)
    logging.getLogger().addHandler(handler)
    return handler
