"""What span and resource attributes mean: the one place where old and current OpenTelemetry
semantic conventions are read as one.

A *field* below names a meaning and lists the attribute keys that carry it, the current
convention first; the first key that a span has wins. Sources: semantic-conventions 1.43 for
http, rpc, database, messaging and resources, and the spellings of the releases before the
stability migrations.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

SPAN_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "http_route": ("http.route",),
    "http_method": ("http.request.method", "http.method"),
    "http_status": ("http.response.status_code", "http.status_code"),
    "url_template": ("url.template",),
    "url": ("url.full", "http.url"),
    # The conventions have one for HTTP only; hopwatch's own is for whatever else is repeated.
    "resend_count": (
        "http.request.resend_count",
        "http.resend_count",
        "hopwatch.resend_count",
    ),
    "rpc_system": ("rpc.system.name", "rpc.system"),
    "rpc_service": ("rpc.service",),
    "rpc_method": ("rpc.method",),
    "db_system": ("db.system.name", "db.system"),
    "db_namespace": ("db.namespace", "db.name"),
    "db_summary": ("db.query.summary",),
    "db_operation": ("db.operation.name", "db.operation"),
    "db_collection": ("db.collection.name", "db.sql.table"),
    "messaging_system": ("messaging.system",),
    "messaging_destination": ("messaging.destination.name", "messaging.destination"),
    "peer_service": ("service.peer.name", "peer.service", "upstream_cluster.name"),
    "peer_address": (
        "server.address",
        "net.peer.name",
        "http.host",
        "net.peer.ip",
        "peer.address",
    ),
    "peer_port": ("server.port", "net.peer.port"),
}
"""Meaning -> keys of span attributes."""

SAMPLING_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    # Of Jaeger's clients, and of the OpenTelemetry samplers that do as these did.
    "sampler_type": ("sampler.type", "jaeger.sampler.type"),
    "sampler_param": ("sampler.param", "jaeger.sampler.param"),
    "tail_policy": ("tailsampling.policy", "sampling.policy", "meta.refinery.reason"),
}
"""Meaning -> keys of span attributes that say how the span came to be kept."""

SCOPE_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    # The collector's tail sampler writes on scopes; of a late span only that it was decided.
    "tail_policy": ("tailsampling.policy", "tailsampling.cached_decision"),
}
"""Meaning -> keys of scope attributes."""

RESOURCE_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "host": ("host.id", "host.name", "k8s.pod.uid", "container.id"),
    "pid": ("process.pid",),
    "runtime": ("process.runtime.name",),
}
"""Meaning -> keys of resource attributes that are no columns of the span table."""

WAIT_NAMES: Final = frozenset(
    {
        "pool.acquire",
        "pgxpool.acquire",
        "pg-pool.connect",
        "pg.connect",
        "hikaridatasource.getconnection",
        "datasource.getconnection",
        "acquire connection",
        "connection pool wait",
        "semaphore.acquire",
        "lock.acquire",
        "mutex.lock",
    }
)
"""Names, in lower case, of spans that stand for waiting for a resource."""

_LANGUAGE_OF_RUNTIME: Final = {
    "browser": "webjs",
    "cpython": "python",
    "pypy": "python",
    "nodejs": "nodejs",
    "node": "nodejs",
    "go": "go",
    "gc": "go",
    "rustc": "rust",
    ".net": "dotnet",
    ".net core": "dotnet",
    ".net framework": "dotnet",
    "openjdk runtime environment": "java",
    "ruby": "ruby",
    "php": "php",
}
_LANGUAGE_OF_SCOPE: Final = (  # the more particular ones first
    ("@opentelemetry/instrumentation-document-load", "webjs"),
    ("@opentelemetry/instrumentation-fetch", "webjs"),
    ("@opentelemetry/instrumentation-long-task", "webjs"),
    ("@opentelemetry/instrumentation-user-interaction", "webjs"),
    ("@opentelemetry/instrumentation-xml-http-request", "webjs"),
    ("@opentelemetry/", "nodejs"),
    ("io.opentelemetry.contrib.php", "php"),
    ("go.opentelemetry.io/", "go"),
    ("github.com/", "go"),
    ("io.opentelemetry.", "java"),
    ("opentelemetry.instrumentation.", "python"),
    ("OpenTelemetry::Instrumentation", "ruby"),
    ("OpenTelemetry.Instrumentation.", "dotnet"),
    ("Microsoft.", "dotnet"),
    ("System.Net.", "dotnet"),
)

UNKNOWN: Final = "unknown"
NO_LANGUAGE: Final = "-"
"""Language of what is no code of ours: a database, a broker, a peer, the way between."""


def is_wait(name: str, extra: frozenset[str] = frozenset()) -> bool:
    """Whether a span of this name stands for waiting for a resource, not for work."""
    lowered = name.lower()
    return lowered in WAIT_NAMES or lowered in extra


def language(sdk_language: str | None, runtime: str | None, scope: str | None) -> str:
    """telemetry.sdk.language as it is; else one inferred from the runtime or the
    instrumentation scope, marked by a trailing `?`; else `unknown`."""
    if sdk_language:
        return sdk_language
    if runtime:
        found = _LANGUAGE_OF_RUNTIME.get(runtime.lower())
        if found:
            return found + "?"
    for prefix, found in _LANGUAGE_OF_SCOPE:
        if scope and scope.startswith(prefix):
            return found + "?"
    return UNKNOWN


def hop(service: str | None, namespace: str | None) -> str:
    """Name of a service as a hop: `service.name`, with `service.namespace/` where set."""
    name = service or UNKNOWN
    return f"{namespace}/{name}" if namespace else name


_VARIABLE_PARTS = re.compile(
    r"""[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}  # UUID
      | (?<![0-9A-Za-z])(?=[0-9a-fA-F]*[0-9])[0-9a-fA-F]{8,}(?![0-9A-Za-z])            # long hex
      | (?<![0-9A-Za-z_.])[0-9]+(?![0-9A-Za-z_.])                                      # number
    """,
    re.VERBOSE,
)


def template(name: str) -> str:
    """A span name with what varies from call to call (UUIDs, long hex, whole numbers) as
    `{id}`, so that names of one operation become one."""
    return _VARIABLE_PARTS.sub("{id}", name)


def rpc_operation(fields: Mapping[str, str]) -> str | None:
    """`package.Service/Method`, however the convention split it."""
    method, service = fields.get("rpc_method"), fields.get("rpc_service")
    if method and "/" in method:
        return method.lstrip("/")
    if method and service:
        return f"{service}/{method}"
    return method or None


def operation(name: str, fields: Mapping[str, str]) -> str:
    """What a span does, in few distinct words: its route, its RPC, its query, its name."""
    path = fields.get("http_route") or fields.get("url_template")
    if path:
        method = fields.get("http_method")
        return f"{method} {path}" if method else path
    if "db_system" in fields:
        if "db_summary" in fields:
            return fields["db_summary"]
        words = [fields[key] for key in ("db_operation", "db_collection") if key in fields]
        return " ".join(words) if words else template(name)
    if "messaging_system" not in fields and (rpc := rpc_operation(fields)):
        return rpc
    return template(name)


def database(fields: Mapping[str, str]) -> str:
    """Name of a database as a hop: `system/namespace`."""
    system = fields.get("db_system", UNKNOWN)
    return f"{system}/{fields['db_namespace']}" if "db_namespace" in fields else system


def broker(fields: Mapping[str, str]) -> str:
    """Name of a message broker as a hop: its system, else where it is."""
    return fields.get("messaging_system") or peer(fields)


def peer(fields: Mapping[str, str]) -> str:
    """Name of a peer without instrumentation, from what its caller knows of it."""
    if "peer_service" in fields:
        return fields["peer_service"]
    if "peer_address" in fields:
        port = fields.get("peer_port")
        address = fields["peer_address"]
        return f"{address}:{port}" if port and ":" not in address else address
    if host := url_host(fields.get("url", "")):
        return host
    return fields.get("rpc_service") or UNKNOWN


def url_host(url: str) -> str:
    """Host and port of an URL; empty where it has none."""
    try:
        return urlsplit(url).netloc.rpartition("@")[2]
    except ValueError:
        return ""


def request(name: str, fields: Mapping[str, str]) -> tuple[str, ...]:
    """Whom a client span asks, and for what, as exactly as its caller says it: two calls that
    agree in all parts ask for the same thing. The first part says what the others are; an URL
    comes last."""
    if "db_system" in fields:
        return "db", database(fields), operation(name, fields)
    if "messaging_system" in fields:
        return "messaging", broker(fields), name, fields.get("messaging_destination", "")
    if "url" in fields:
        return "url", peer(fields), fields.get("http_method", name), fields["url"]
    return "peer", peer(fields), operation(name, fields)


def is_failure(status_code: str, fields: Mapping[str, str]) -> bool:
    """Whether a span failed: status ERROR, or a 5xx answer."""
    return status_code == "ERROR" or fields.get("http_status", "").startswith("5")
