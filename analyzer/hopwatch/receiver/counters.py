"""What the receiver has done.

received = stored + rejected + refused + duplicate holds exactly for each signal, at any moment.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, Metric

from hopwatch.formats import Rejections
from hopwatch.signals import SIGNALS, Signal

_OUTCOMES: Final = {
    "received": "in bodies that could be decoded",
    "stored": "that are safe on the disk",
    "rejected": "that are invalid, by reason",
    "refused": "answered with 503, for the client to send again",
    "duplicate": "in bodies that had been stored just before",
    "repaired": "stored or duplicate, with repaired text",
}


class Counters:
    """Counters that threads share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: Counter[tuple[Signal, str]] = Counter()
        self._rejected: Counter[tuple[Signal, str]] = Counter()
        self._requests: Counter[tuple[str, int]] = Counter()

    def count_request(self, signal: str, status: int) -> None:
        """One more request answered."""
        with self._lock:
            self._requests[signal, status] += 1

    def count_rows(self, signal: Signal, outcome: str, valid: int, rejections: Rejections) -> None:
        """The rows of one body: the valid ones were `stored`, `refused` or `duplicate`."""
        with self._lock:
            self._rows[signal, "received"] += valid + rejections.total
            self._rows[signal, outcome] += valid
            for reason, count in rejections.counts.items():
                self._rejected[signal, reason] += count
            if outcome != "refused":
                self._rows[signal, "repaired"] += rejections.repaired

    def collect(self) -> Iterator[Metric]:
        """All counters, as they are at one moment."""
        with self._lock:
            rows, rejected, requests = (
                self._rows.copy(),
                self._rejected.copy(),
                self._requests.copy(),
            )
        for signal in SIGNALS:
            for outcome, meaning in _OUTCOMES.items():
                name, said = (
                    f"hopwatch_{signal.name}_{outcome}",
                    f"{signal.item.capitalize()}s {meaning}.",
                )
                if outcome != "rejected":
                    yield CounterMetricFamily(name, said, rows[signal, outcome])
                    continue
                by_reason = CounterMetricFamily(name, said, labels=["reason"])
                for (of, reason), count in sorted(rejected.items(), key=lambda item: item[0][1]):
                    if of is signal:
                        by_reason.add_metric([reason], count)
                yield by_reason
        answered = CounterMetricFamily(
            "hopwatch_requests", "Requests answered.", labels=["signal", "code"]
        )
        for (name, status), count in sorted(requests.items()):
            answered.add_metric([name, str(status)], count)
        yield answered
