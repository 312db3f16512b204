"""CPU time, memory and threads of every service, measured from outside by its runtime.

One source for all languages, so that they can be compared. The points carry the name and the
instance id that the service itself reports with: that joins them with its spans.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from types import TracebackType

from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    Metric,
    MetricExportResult,
    MetricsData,
    NumberDataPoint,
    ResourceMetrics,
    ScopeMetrics,
    Sum,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope

from .runtime import Usage
from .supervisor import Measured

EVERY_SECONDS = 5.0
EXPORT_SECONDS = 2.0
# A collector that restarts is away for a moment; that is not worth a word.
FAILURES_TOLD = 3
SCOPE = InstrumentationScope("hopwatch_stack.process_metrics")


class ProcessMetrics:
    """Measures and sends in a thread of its own while the block runs. `say` is told when the
    collector takes none for long, and when it does again; nothing else comes of it."""

    def __init__(
        self,
        instances: Callable[[], Sequence[Measured]],
        otlp_url: str,
        say: Callable[[str], None],
    ) -> None:
        # Failures are told here, in fewer words.
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
        self._instances = instances
        self._exporter = OTLPMetricExporter(f"{otlp_url}/v1/metrics", timeout=EXPORT_SECONDS)
        self._say = say
        self._failures = 0
        self._last: dict[str, Usage] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _value: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._over.set()
        self._exporter.shutdown()
        self._thread.join(EXPORT_SECONDS)

    def _run(self) -> None:
        while not self._over.wait(EVERY_SECONDS):
            measured = [
                (one, self._grown(one.instance_id, usage))
                for one in self._instances()
                if (usage := one.usage())
            ]
            if measured:
                self._note(self._exporter.export(as_otlp(measured, time.time_ns())))

    def _grown(self, instance_id: str, usage: Usage) -> Usage:
        """A child that ends between two looks may be missed by both; a sum never falls."""
        last = self._last.get(instance_id, usage)
        grown = replace(
            usage,
            cpu_user_s=max(usage.cpu_user_s, last.cpu_user_s),
            cpu_system_s=max(usage.cpu_system_s, last.cpu_system_s),
        )
        self._last[instance_id] = grown
        return grown

    def _note(self, result: MetricExportResult) -> None:
        if result is MetricExportResult.SUCCESS:
            if self._failures >= FAILURES_TOLD:
                self._say("The collector takes the process metrics again.")
            self._failures = 0
            return
        self._failures += 1
        if self._failures == FAILURES_TOLD and not self._over.is_set():
            self._say("The collector takes no process metrics; measuring goes on.")


def as_otlp(measured: Iterable[tuple[Measured, Usage]], now_ns: int) -> MetricsData:
    """One resource an instance, with the metrics of the semantic conventions for processes."""
    host = socket.gethostname()
    return MetricsData(
        [
            ResourceMetrics(
                Resource(
                    {
                        "service.name": one.service_name,
                        "service.instance.id": one.instance_id,
                        "host.name": host,
                    }
                ),
                [ScopeMetrics(SCOPE, _metrics(usage, int(one.started_at * 1e9), now_ns), "")],
                "",
            )
            for one, usage in measured
        ]
    )


def _metrics(usage: Usage, start_ns: int, now_ns: int) -> list[Metric]:
    def point(value: float, **attributes: str) -> NumberDataPoint:
        named = {key.replace("_", "."): text for key, text in attributes.items()}
        return NumberDataPoint(named, start_ns, now_ns, value)

    def metric(
        name: str, unit: str, what: str, monotonic: bool, *points: NumberDataPoint
    ) -> Metric:
        data = Sum(list(points), AggregationTemporality.CUMULATIVE, monotonic)
        return Metric(name, what, unit, data)

    return [
        metric(
            "process.cpu.time", "s", "CPU time since the start, with that of children", True,
            point(usage.cpu_user_s, cpu_mode="user"), point(usage.cpu_system_s, cpu_mode="system"),
        ),
        metric(
            "process.memory.usage", "By", "Memory in use, shared pages by their share", False,
            point(usage.memory_bytes),
        ),
        metric("process.thread.count", "{thread}", "Threads", False, point(usage.threads)),
    ]  # fmt: skip
