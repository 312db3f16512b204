"""Tempo: a search names traces, which are then fetched one by one.

A search that has found as many as it may stops, so its answers are no particular ones of many:
only what a window holds altogether is taken. JSON is asked for, for it says of a trace whether
it is whole. Older servers have API v1 for traces.

https://grafana.com/docs/tempo/latest/api_docs/
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from hopwatch.backends.client import Client
from hopwatch.errors import InputError
from hopwatch.formats import otlp_json
from hopwatch.formats.documents import Document

_S: Final = 10**9


def connect(client: Client) -> Api:
    """The server's API. Raises InputError where it is no Tempo."""
    if not client.json("/api/search", {"limit": 1}):
        raise InputError(
            f"{client.base}: there is no API of Tempo here; is a base path missing, as in"
            " tempo+http://HOST:3200/tempo?"
        )
    return Api(client)


class PartialTraceError(InputError):
    """A trace that the server could not read whole."""


class Api:
    """The API of a querier or a query frontend."""

    step_ns = _S
    format = otlp_json

    def __init__(self, client: Client) -> None:
        self._client = client

    def services(self) -> Sequence[str | None]:
        """All at once."""
        return (None,)

    def search(
        self, service: str | None, start_ns: int, end_ns: int, limit: int
    ) -> dict[str, Document | None]:
        """Ids of traces, without these."""
        wanted = f"resource.service.name = {json.dumps(service)}" if service else ""
        parameters: dict[str, str | int] = {
            "q": f"{{ {wanted} }}",
            "start": start_ns // _S,
            "end": -(-end_ns // _S),
            "limit": limit,
            "spss": 1,
        }
        found: dict[str, Document | None] = {}
        for answer in self._client.json("/api/search", parameters):
            traces = answer.value.get("traces") if isinstance(answer.value, dict) else None
            for trace in traces if isinstance(traces, list) else ():
                if isinstance(trace, dict) and trace.get("traceID"):
                    found[str(trace["traceID"])] = None
        return found

    def trace(self, trace_id: str) -> dict[str, Document]:
        """One trace, or none. Raises PartialTraceError."""
        for path in ("/api/v2/traces", "/api/traces"):
            for answer in self._client.json(f"{path}/{trace_id}", {}):
                value = answer.value if isinstance(answer.value, dict) else {}
                if value.get("status") == "PARTIAL":
                    said = value.get("message") or "it is larger than the server gives out"
                    raise PartialTraceError(
                        f"{self._client.base}: trace {trace_id} is not whole: {said}"
                    )
                return {trace_id: answer._replace(value=_otlp(value.get("trace", value)))}
        return {}


def _otlp(trace: Any) -> dict[str, Any]:
    """A trace under OTLP's present name."""
    found = trace if isinstance(trace, dict) else {}
    return {"resourceSpans": found.get("resourceSpans", found.get("batches", []))}
