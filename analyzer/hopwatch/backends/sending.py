"""Rows to a receiver of OTLP/HTTP, in bounded requests, obeying what it answers.

429, 502, 503 and 504 mean to send again, after as long as it says; 413 to send less at once;
a partial success names how many rows it did not keep.

https://opentelemetry.io/docs/specs/otlp/#otlphttp-response
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlsplit

import pyarrow as pa
import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import Retry, Timeout

from hopwatch.errors import InputError, UsageError
from hopwatch.formats import Rejections
from hopwatch.formats.otlp_json_requests import request
from hopwatch.signals import LOGS, METRICS, SPANS, Signal

_ROWS: Final = 2000
_TRIES: Final = 60
_LONGEST_WAIT_S: Final = 5
_BUSY: Final = (429, 502, 503, 504)
_MOST_ANSWER: Final = 1 << 20
_REJECTED: Final = {
    SPANS: "rejectedSpans",
    LOGS: "rejectedLogRecords",
    METRICS: "rejectedDataPoints",
}


class Receiver:
    """Where rows are sent to. `rejected` counts what it did not keep.

    Raises UsageError for an address that is none.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{url!r} is no URL of a receiver; write http://127.0.0.1:4319")
        self._url = url.rstrip("/")
        self.rejected = Rejections()
        self._pool = urllib3.PoolManager(
            timeout=Timeout(connect=10, read=60),
            headers={"Content-Type": "application/json", "Content-Encoding": "gzip"},
            retries=Retry(
                total=_TRIES,
                connect=3,
                read=3,
                redirect=False,
                allowed_methods=None,  # spans that come twice count once
                status_forcelist=_BUSY,
                backoff_factor=0.2,
                backoff_max=_LONGEST_WAIT_S,
                retry_after_max=_LONGEST_WAIT_S,
                raise_on_status=False,
            ),
        )

    def put(self, signal: Signal, table: pa.Table) -> Iterator[int]:
        """Send rows, some at a time; of each time how many were kept. Raises InputError where
        the receiver cannot be reached or refuses."""
        for first in range(0, table.num_rows, _ROWS):
            yield self._send(signal, table.slice(first, _ROWS))

    def close(self) -> None:
        """Close the connection."""
        self._pool.clear()

    def _send(self, signal: Signal, table: pa.Table) -> int:
        url = f"{self._url}/v1/{signal.otlp}"
        body = gzip.compress(request(signal, table), 1, mtime=0)
        try:
            response = self._pool.request("POST", url, body=body)
        except HTTPError as error:
            reason = getattr(error, "reason", None) or error
            raise InputError(
                f"{url}: cannot be reached: {reason}; is `hopwatch serve` running there?"
            ) from error
        answer = response.data[:_MOST_ANSWER]
        match response.status:
            case HTTPStatus.OK:
                rows: int = table.num_rows
                return rows - self._count_rejected(signal, answer, url)
            case HTTPStatus.REQUEST_ENTITY_TOO_LARGE if table.num_rows > 1:
                half = table.num_rows // 2
                parts = (table.slice(0, half), table.slice(half))
                return sum(self._send(signal, part) for part in parts)
            case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                self.rejected.add("too_large", url, _said(answer))
                return 0
        raise InputError(f"{url}: the receiver answers {response.status}: {_said(answer)}")

    def _count_rejected(self, signal: Signal, answer: bytes, url: str) -> int:
        try:
            found: Any = json.loads(answer or b"{}")
            partial = found.get("partialSuccess") or {}
            number = int(partial.get(_REJECTED[signal], 0))
            said = str(partial.get("errorMessage", ""))
        except (ValueError, TypeError, AttributeError) as error:
            raise InputError(
                f"{url}: what answers is no receiver of OTLP: {_said(answer)}"
            ) from error
        if number:
            self.rejected.add("rejected_by_receiver", url, said, number)
        return number


def _said(answer: bytes) -> str:
    return " ".join(answer[:300].decode(errors="replace").split()) or "nothing"
