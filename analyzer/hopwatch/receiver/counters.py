"""What the receiver has done, in the Prometheus text format.

received = stored + rejected + refused + duplicate holds exactly, at any moment.
"""

from __future__ import annotations

import threading
from collections import Counter
from typing import Final

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

_HELP: Final = {
    "hopwatch_spans_received_total": "Spans in bodies that could be decoded.",
    "hopwatch_spans_stored_total": "Spans that are safe on the disk.",
    "hopwatch_spans_rejected_total": "Spans that are invalid, by reason.",
    "hopwatch_spans_refused_total": "Spans answered with 503, for the client to send again.",
    "hopwatch_spans_duplicate_total": "Spans in bodies that had been stored just before.",
    "hopwatch_spans_repaired_total": "Stored or duplicate spans with repaired text.",
    "hopwatch_requests_total": "Requests answered, by signal and status code.",
}


class Counters:
    """Counters that threads share."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._spans: Counter[str] = Counter()
        self._rejected: Counter[str] = Counter()
        self._requests: Counter[tuple[str, int]] = Counter()

    def count_request(self, signal: str, status: int) -> None:
        """One more request answered."""
        with self._lock:
            self._requests[signal, status] += 1

    def count_spans(self, outcome: str, valid: int, rejected: Counter[str], repaired: int) -> None:
        """The spans of one body: the valid ones were `stored`, `refused` or `duplicate`."""
        with self._lock:
            self._spans["received"] += valid + rejected.total()
            self._spans[outcome] += valid
            self._rejected.update(rejected)
            if outcome != "refused":
                self._spans["repaired"] += repaired

    def exposition(self) -> str:
        """All counters, as Prometheus scrapes them."""
        with self._lock:
            values: dict[str, dict[str, int]] = {
                f"hopwatch_spans_{name}_total": {"": self._spans[name]}
                for name in ("received", "stored", "refused", "duplicate", "repaired")
            }
            values["hopwatch_spans_rejected_total"] = {
                f'{{reason="{reason}"}}': count for reason, count in self._rejected.items()
            } or {"": 0}
            values["hopwatch_requests_total"] = {
                f'{{signal="{signal}",code="{status}"}}': count
                for (signal, status), count in self._requests.items()
            }
        lines = []
        for name, text in _HELP.items():
            lines += [f"# HELP {name} {text}", f"# TYPE {name} counter"]
            lines += [f"{name}{labels} {value}" for labels, value in sorted(values[name].items())]
        return "\n".join(lines) + "\n"
