"""What the receiver has done, in the Prometheus text format.

received = stored + rejected + refused + duplicate holds exactly for each signal, at any moment.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Final

from hopwatch.formats import Rejections
from hopwatch.signals import SIGNALS, Signal

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_OUTCOMES: Final = {
    "received": "in bodies that could be decoded",
    "stored": "that are safe on the disk",
    "rejected": "that are invalid, by reason",
    "refused": "answered with 503, for the client to send again",
    "duplicate": "in bodies that had been stored just before",
    "repaired": "stored or duplicate, with repaired text",
}
_REQUESTS: Final = "hopwatch_requests_total"


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

    def exposition(self) -> str:
        """All counters, as Prometheus scrapes them."""
        with self._lock:
            lines = [
                line
                for signal in SIGNALS
                for outcome, meaning in _OUTCOMES.items()
                for line in _counter(
                    f"hopwatch_{signal.name}_{outcome}_total",
                    f"{signal.item.capitalize()}s {meaning}.",
                    self._values(signal, outcome),
                )
            ]
            requests = {
                f'{{signal="{signal}",code="{status}"}}': count
                for (signal, status), count in self._requests.items()
            }
        lines += _counter(_REQUESTS, "Requests answered, by signal and status code.", requests)
        return "\n".join(lines) + "\n"

    def _values(self, signal: Signal, outcome: str) -> dict[str, int]:
        """Labels -> value of one counter."""
        if outcome != "rejected":
            return {"": self._rows[signal, outcome]}
        return {
            f'{{reason="{reason}"}}': count
            for (of, reason), count in self._rejected.items()
            if of is signal
        } or {"": 0}


def _counter(name: str, meaning: str, values: dict[str, int]) -> list[str]:
    return [
        f"# HELP {name} {meaning}",
        f"# TYPE {name} counter",
        *(f"{name}{labels} {value}" for labels, value in sorted(values.items())),
    ]
