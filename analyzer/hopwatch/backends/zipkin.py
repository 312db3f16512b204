"""Zipkin's API v2: whole traces that began in a window, of all services if none is named.

https://zipkin.io/zipkin-api/
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from hopwatch.backends.client import Client
from hopwatch.errors import InputError
from hopwatch.formats import zipkin
from hopwatch.formats.documents import Document

_MS: Final = 10**6


def connect(client: Client) -> V2:
    """The server's API. Raises InputError where it is no Zipkin."""
    if not client.json("/api/v2/services", {}):
        raise InputError(
            f"{client.base}: there is no API of Zipkin here; is a base path missing, as in"
            " zipkin+http://HOST:9411/zipkin?"
        )
    return V2(client)


class V2:
    """API v2."""

    step_ns = _MS
    format = zipkin

    def __init__(self, client: Client) -> None:
        self._client = client

    def services(self) -> Sequence[str | None]:
        """All at once."""
        return (None,)

    def search(
        self, service: str | None, start_ns: int, end_ns: int, limit: int
    ) -> dict[str, Document]:
        """Traces by their ids."""
        first, last = start_ns // _MS, -(-end_ns // _MS)
        asked = {"endTs": last, "lookback": max(1, last - first), "limit": limit}
        return self._traces("/api/v2/traces", asked | ({"serviceName": service} if service else {}))

    def trace(self, trace_id: str) -> dict[str, Document]:
        """One trace, or none."""
        return self._traces(f"/api/v2/trace/{trace_id}", {})

    def _traces(self, path: str, parameters: dict[str, Any]) -> dict[str, Document]:
        found = {}
        for answer in self._client.json(path, parameters):
            traces = answer.value if isinstance(answer.value, list) else []
            for trace in [traces] if traces and isinstance(traces[0], dict) else traces:
                if isinstance(trace, list) and trace and isinstance(trace[0], dict):
                    found[str(trace[0].get("traceId"))] = answer._replace(value=trace)
        return found
