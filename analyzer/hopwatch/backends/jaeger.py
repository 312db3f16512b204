"""Jaeger's query service: API v3, which answers OTLP with nanoseconds, or, where it is older, the
API of its UI, which cuts times off to microseconds.

Both ask for a service, and answer whole traces in which a span of it begins in a window, a
limited number of them, without a word on those that were cut off. Traces come as they were
received: the query service else moves spans whose clocks seem to be wrong.

https://www.jaegertracing.io/docs/latest/architecture/apis/
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from hopwatch.backends.client import Client
from hopwatch.errors import InputError
from hopwatch.formats import jaeger, otlp_json
from hopwatch.formats.documents import Document

STEP_NS: Final = 1000
_S: Final = 10**9


def connect(client: Client) -> V3 | V1:
    """The newest API that the server has. Raises InputError where it is no Jaeger."""
    backend: V3 | V1
    for backend in (V3(client), V1(client)):
        try:
            backend.services()
        except InputError as error:
            # A server without API v3 may answer any path with its page.
            if isinstance(backend, V1) or "answers no JSON" not in str(error):
                raise
        except LookupError:
            continue
        else:
            return backend
    raise InputError(
        f"{client.base}: there is no API of Jaeger here; is a base path missing, as in"
        " jaeger+http://HOST:16686/jaeger?"
    )


class V3:
    """API v3: OTLP, spans of all traces together."""

    step_ns = STEP_NS
    format = otlp_json

    def __init__(self, client: Client) -> None:
        self._client = client

    def services(self) -> Sequence[str | None]:
        """All services. Raises LookupError where there is no such API."""
        return _names(self._client, "/api/v3/services", "services")

    def search(
        self, service: str | None, start_ns: int, end_ns: int, limit: int
    ) -> dict[str, Document]:
        """Traces by their ids."""
        parameters: dict[str, str | int] = {
            "query.service_name": service or "",
            "query.start_time_min": _rfc3339(start_ns),
            "query.start_time_max": _rfc3339(end_ns),
            "query.num_traces": limit,
            "query.raw_traces": "true",
        }
        return _by_trace(self._client.json("/api/v3/traces", parameters))

    def trace(self, trace_id: str) -> dict[str, Document]:
        """One trace, or none."""
        return _by_trace(self._client.json(f"/api/v3/traces/{trace_id}", {"raw_traces": "true"}))


class V1:
    """The API of Jaeger's UI."""

    step_ns = STEP_NS
    format = jaeger

    def __init__(self, client: Client) -> None:
        self._client = client

    def services(self) -> Sequence[str | None]:
        """All services. Raises LookupError where there is no such API."""
        return _names(self._client, "/api/services", "data")

    def search(
        self, service: str | None, start_ns: int, end_ns: int, limit: int
    ) -> dict[str, Document]:
        """Traces by their ids."""
        parameters: dict[str, str | int] = {
            "service": service or "",
            "start": start_ns // 1000,
            "end": -(-end_ns // 1000),
            "limit": limit,
            "raw": "true",
        }
        return self._traces("/api/traces", parameters)

    def trace(self, trace_id: str) -> dict[str, Document]:
        """One trace, or none."""
        return self._traces(f"/api/traces/{trace_id}", {"raw": "true"})

    def _traces(self, path: str, parameters: Mapping[str, str | int]) -> dict[str, Document]:
        return {
            str(trace["traceID"]): answer._replace(value=trace)
            for answer in self._client.json(path, parameters)
            for trace in _list(answer.value, "data")
            if "traceID" in trace
        }


def _names(client: Client, path: str, key: str) -> Sequence[str | None]:
    for answer in client.json(path, {}):
        names = _object(answer.value, key)
        if isinstance(names, list) or (names is None and _has(answer.value, key)):
            return sorted(str(name) for name in names or ())
    raise LookupError(path)


def _by_trace(answers: list[Document]) -> dict[str, Document]:
    """OTLP cut into one document a trace. An answer is one document, or a stream of them."""
    found: dict[str, Document] = {}
    for answer in answers:
        for resource in _list(_object(answer.value, "result"), "resourceSpans"):
            for scope in _list(resource, "scopeSpans"):
                for trace_id, spans in _grouped(scope):
                    trace = found.setdefault(trace_id, answer._replace(value={"resourceSpans": []}))
                    part = {**resource, "scopeSpans": [{**scope, "spans": spans}]}
                    trace.value["resourceSpans"].append(part)
    return found


def _grouped(scope: dict[str, Any]) -> Iterator[tuple[str, list[Any]]]:
    groups: dict[str, list[Any]] = {}
    for span in _list(scope, "spans"):
        groups.setdefault(str(span.get("traceId")), []).append(span)
    yield from groups.items()


def _object(value: Any, key: str) -> Any:
    return value.get(key) if isinstance(value, dict) else None


def _has(value: Any, key: str) -> bool:
    return isinstance(value, dict) and key in value


def _list(value: Any, key: str) -> list[dict[str, Any]]:
    """The objects of a list that should be there."""
    found = _object(value, key)
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _rfc3339(ns: int) -> str:
    seconds, rest = divmod(ns, _S)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"
