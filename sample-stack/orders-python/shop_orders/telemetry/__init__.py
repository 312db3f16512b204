"""Sends traces, metrics and logs by OTLP. Losing telemetry never fails a call."""

from .logs import log_to_console
from .sending import SERVICE_NAME, Telemetry, start

__all__ = ["SERVICE_NAME", "Telemetry", "log_to_console", "start"]
