"""Servers that answer as Jaeger, Tempo and Zipkin do: with traces recorded from the real ones
(`golden/backends`; of Tempo, which cannot be had here, with OTLP in its envelopes), by window,
service and limit."""

from __future__ import annotations

import functools
import itertools
import json
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import numpy as np

RECORDED = Path(__file__).parent / "golden" / "backends"
SENT = RECORDED / "sent.jsonl"
START = 1_790_000_000 * 10**9
"""Before the first span; all begin within a second."""
BEFORE, BEHIND = START - 10**9, START + 2 * 10**9


class Answer(NamedTuple):
    """What a server says. `send` writes the body in its own way."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = {}
    send: Callable[[BaseHTTPRequestHandler], None] | None = None


class Asked(NamedTuple):
    """A request."""

    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes = b""


@contextmanager
def serving(answer: Callable[[Asked], Answer]) -> Iterator[tuple[str, list[Asked]]]:
    """A server on a free port: its address, and what it was asked."""
    asked: list[Asked] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            url = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(url.query).items()}
            length = int(self.headers.get("Content-Length", 0))
            asked.append(Asked(url.path, query, dict(self.headers), self.rfile.read(length)))
            given = answer(asked[-1])
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            if given.send is None:
                self.send_header("Content-Length", str(len(given.body)))
                self.end_headers()
                self.wfile.write(given.body)
            else:
                self.end_headers()
                given.send(self)
                self.close_connection = True

        do_POST = do_GET  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", asked
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def jaeger_v1(asked: Asked) -> Answer:
    """Jaeger without API v3: any other path has its page."""
    traces = _recorded("jaeger-v1")["data"]
    services = {
        process["serviceName"] for trace in traces for process in trace["processes"].values()
    }
    match asked.path:
        case "/api/services":
            return _json({"data": sorted(services), "total": len(services), "errors": None})
        case "/api/traces":
            if "service" not in asked.query:
                return _json(_errors(400, "parameter 'service' is required"), 400)
            return _json(
                {"data": [t for t in traces if _in_v1(t, asked)][: _limit(asked, "limit")]}
            )
        case path if path.startswith("/api/traces/"):
            found = [trace for trace in traces if path.endswith(trace["traceID"])]
            return _json({"data": found}) if found else _json(_errors(404, "trace not found"), 404)
    return Answer(200, b"<!doctype html><title>Jaeger UI</title>")


def jaeger_v3(asked: Asked) -> Answer:
    """Jaeger with both APIs."""
    resources = _recorded("jaeger-v3")["result"]["resourceSpans"]
    by_trace: dict[str, list[Any]] = {}
    for resource in resources:
        trace_id = resource["scopeSpans"][0]["spans"][0]["traceId"]
        by_trace.setdefault(trace_id, []).append(resource)
    match asked.path:
        case "/api/v3/services":
            return _json({"services": sorted({_service(resource) for resource in resources})})
        case "/api/v3/traces":
            found = [t for t in by_trace.values() if _in_v3(t, asked)]
            return _otlp(itertools.chain(*found[: _limit(asked, "query.num_traces")]))
        case path if path.startswith("/api/v3/traces/"):
            return _otlp(by_trace.get(path.rpartition("/")[2], []))
    return jaeger_v1(asked)


def zipkin(asked: Asked) -> Answer:
    """Zipkin."""
    traces = _recorded("zipkin")
    match asked.path:
        case "/api/v2/services":
            return _json(
                sorted({span["localEndpoint"]["serviceName"] for t in traces for span in t})
            )
        case "/api/v2/traces":
            return _json([t for t in traces if _in_zipkin(t, asked)][: _limit(asked, "limit")])
        case path if path.startswith("/api/v2/trace/"):
            wanted = path.rpartition("/")[2]
            for trace in traces:
                if trace[0]["traceId"] == wanted:
                    return _json(trace)
            return Answer(404, f"{wanted} not found".encode())
    return Answer(404, b"404 Not Found")


def tempo(asked: Asked, *, partial: str = "", v2: bool = True) -> Answer:
    """Tempo. `partial`: the trace that it cannot read whole; `v2`: whether it has API v2."""
    by_trace: dict[str, list[Any]] = {}
    for line in SENT.read_text().splitlines():
        for resource in json.loads(line)["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    one = {**resource, "scopeSpans": [{**scope, "spans": [span]}]}
                    by_trace.setdefault(span["traceId"], []).append(one)
    wanted = asked.path.rpartition("/")[2]
    if asked.path == "/api/search":
        start, end = (int(asked.query.get(key, 0)) for key in ("start", "end"))
        inside = [
            name
            for name, resources in by_trace.items()
            if not end or start * 10**9 <= min(_starts(resources)) < end * 10**9
            if asked.query.get("q") in (None, "{  }")
            or any(f'= "{_service(r)}"' in asked.query["q"] for r in resources)
        ]
        return _json({"traces": [{"traceID": name} for name in inside[: _limit(asked, "limit")]]})
    if wanted in by_trace and asked.path.startswith("/api/v2/traces/") and v2:
        trace = {"resourceSpans": by_trace[wanted]}
        status = {"status": "PARTIAL", "message": "too large"} if wanted == partial else {}
        return _json({"trace": trace} | status)
    if wanted in by_trace and asked.path.startswith("/api/traces/"):
        return _json({"batches": by_trace[wanted]})
    return Answer(404, b"trace not found")


@functools.cache
def _recorded(name: str) -> Any:
    return json.loads((RECORDED / f"{name}.json").read_bytes())


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(status, json.dumps(value).encode(), {"Content-Type": "application/json"})


def _otlp(resources: Iterable[Any]) -> Answer:
    found = list(resources)
    if not found:
        return _json({"error": {"httpCode": 404, "message": "No traces found"}}, 404)
    return _json({"result": {"resourceSpans": found}})


def _errors(code: int, said: str) -> Any:
    return {"data": None, "errors": [{"code": code, "msg": said}]}


def _limit(asked: Asked, key: str) -> int:
    return int(asked.query.get(key, 100))


def _in_v1(trace: Any, asked: Asked) -> bool:
    start, end = (int(asked.query[key]) for key in ("start", "end"))
    return any(
        trace["processes"][span["processID"]]["serviceName"] == asked.query["service"]
        and start <= span["startTime"] <= end
        for span in trace["spans"]
    )


def _in_v3(resources: list[Any], asked: Asked) -> bool:
    start, end = (
        np.datetime64(asked.query[f"query.start_time_{key}"].rstrip("Z"), "ns").astype(int)
        for key in ("min", "max")
    )
    wanted = asked.query["query.service_name"]
    mine = [resource for resource in resources if _service(resource) == wanted]
    return any(start <= at <= end for at in _starts(mine))


def _in_zipkin(trace: list[Any], asked: Asked) -> bool:
    end, lookback = int(asked.query["endTs"]), int(asked.query["lookback"])
    first = min(span["timestamp"] for span in trace) // 1000
    named = {span["localEndpoint"]["serviceName"] for span in trace}
    return (
        end - lookback <= first <= end
        and asked.query.get("serviceName", next(iter(named))) in named
    )


def _service(resource: Any) -> str:
    attributes = {a["key"]: a["value"] for a in resource["resource"]["attributes"]}
    return str(attributes["service.name"]["stringValue"])


def _starts(resources: list[Any]) -> list[int]:
    return [
        int(span["startTimeUnixNano"])
        for resource in resources
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
