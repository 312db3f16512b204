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
        "http.retry_count",
        "hopwatch.resend_count",
    ),
    "error": ("error",),  # OpenTracing's, Zipkin's
    "rpc_system": ("rpc.system.name", "rpc.system"),
    "rpc_service": ("rpc.service",),
    "rpc_method": ("rpc.method",),
    "rpc_status": (
        "rpc.response.status_code",
        "rpc.grpc.status_code",
        "grpc.status_code",  # Envoy, Brave
    ),
    "db_system": ("db.system.name", "db.system", "db.type"),
    "db_namespace": (
        "db.namespace",
        "db.name",
        "db.cassandra.keyspace",
        "db.hbase.namespace",
        "db.instance",
        "cassandra.keyspace",
        "db.redis.database_index",
    ),
    "db_summary": ("db.query.summary",),
    "db_operation": ("db.operation.name", "db.operation"),
    "db_collection": (
        "db.collection.name",
        "db.sql.table",
        "db.mongodb.collection",
        "db.cassandra.table",
        "db.cosmosdb.container",
        "mongodb.collection",
    ),
    "messaging_system": ("messaging.system",),
    "messaging_destination": (
        "messaging.destination.name",
        "messaging.destination",
        "message_bus.destination",
        "kafka.topic",
        "rabbit.queue",
        "jms.queue",
        "jms.topic",
    ),
    "peer_service": (
        "service.peer.name",
        "peer.service",
        "upstream_cluster.name",
        "upstream_cluster",
    ),
    "peer_address": (
        "server.address",
        "net.peer.name",
        "http.host",
        "peer.hostname",
        "net.sock.peer.name",
        "server.socket.domain",
        "net.peer.ip",
        "peer.address",
        "network.peer.address",
        "net.sock.peer.addr",
        "server.socket.address",
        "peer.ipv4",
        "peer.ipv6",
    ),
    "peer_port": (
        "server.port",
        "net.peer.port",
        "peer.port",
        "network.peer.port",
        "net.sock.peer.port",
        "server.socket.port",
    ),
}
"""Meaning -> keys of span attributes."""

IMPLIED: Final[Mapping[str, tuple[str, str]]] = {
    "sql.query": ("db.system.name", "other_sql"),
    "cassandra.keyspace": ("db.system.name", "cassandra"),
    "mongodb.collection": ("db.system.name", "mongodb"),
    "mongodb.command": ("db.system.name", "mongodb"),
    "kafka.topic": ("messaging.system", "kafka"),
    "rabbit.exchange": ("messaging.system", "rabbitmq"),
    "rabbit.queue": ("messaging.system", "rabbitmq"),
    "jms.queue": ("messaging.system", "jms"),
    "jms.topic": ("messaging.system", "jms"),
}
"""Tags of Zipkin's tracers -> the attribute that the conventions have for what they imply."""

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
    "host": ("host.id", "host.name", "k8s.pod.uid", "container.id", "hostname"),
    "pid": ("process.pid",),
    # Jaeger's clients name their language with their version: Go-2.30.0.
    "runtime": ("process.runtime.name", "jaeger.version", "opencensus.exporterversion"),
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
    "beam": "erlang",
    "ruby": "ruby",
    "jruby": "ruby",
    "php": "php",
    "deno": "nodejs",
    "bun": "nodejs",
}
_JAVA_RUNTIME: Final = "runtime environment"
_LANGUAGE_OF_JAEGER_CLIENT: Final = {
    "go": "go",
    "java": "java",
    "node": "nodejs",
    "python": "python",
    "c#": "dotnet",
    "csharp": "dotnet",
    "c++": "cpp",
    "ruby": "ruby",
}
_DATABASE_SYSTEMS: Final = {
    "cache": "intersystems_cache",
    "cloudscape": "derby",
    "coldfusion": "other_sql",
    "cosmosdb": "azure.cosmosdb",
    "db2": "ibm.db2",
    "dynamodb": "aws.dynamodb",
    "firebird": "firebirdsql",
    "h2": "h2database",
    "hanadb": "sap.hana",
    "informix": "ibm.informix",
    "ingres": "actian.ingres",
    "maxdb": "sap.maxdb",
    "mssql": "microsoft.sql_server",
    "mssqlcompact": "microsoft.sql_server",
    "netezza": "ibm.netezza",
    "oracle": "oracle.db",
    "postgres": "postgresql",
    "redshift": "aws.redshift",
    "spanner": "gcp.spanner",
    "sql": "other_sql",
    "sqlserver": "microsoft.sql_server",
}
"""Names of before the conventions were settled, and OpenTracing's, to today's."""
_SOME_SQL: Final = "other_sql"
_FAILED_CALLS: Final = frozenset(
    {
        "2", "UNKNOWN", "4", "DEADLINE_EXCEEDED", "12", "UNIMPLEMENTED", "13", "INTERNAL",
        "14", "UNAVAILABLE", "15", "DATA_LOSS",
    }
)  # fmt: skip
"""Answers of gRPC that are the server's fault, by number and by name."""
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
    ("io.opentracing.", "java"),
    ("io.micrometer.", "java"),
    ("org.springframework.", "java"),
    ("opentelemetry_cowboy", "erlang"),
    ("opentelemetry_ecto", "erlang"),
    ("opentelemetry_phoenix", "erlang"),
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
    if runtime and (found := _language_of_runtime(runtime.lower())):
        return found + "?"
    for prefix, found in _LANGUAGE_OF_SCOPE:
        if scope and scope.startswith(prefix):
            return found + "?"
    return UNKNOWN


def _language_of_runtime(runtime: str) -> str | None:
    if runtime.endswith(_JAVA_RUNTIME):
        return "java"
    # "go-2.30.0", or as the collector rewrites it, "jaeger-go-2.30.0"
    client, version, _ = runtime.removeprefix("jaeger-").partition("-")
    return _LANGUAGE_OF_RUNTIME.get(runtime) or (
        _LANGUAGE_OF_JAEGER_CLIENT.get(client) if version else None
    )


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
    """Name of a database as a hop: `system/namespace`; of SQL without more, what its caller
    calls it."""
    said = fields.get("db_system", UNKNOWN)
    system = _DATABASE_SYSTEMS.get(said.lower(), said)
    namespace = fields.get("db_namespace")
    if namespace is None and system == _SOME_SQL:
        namespace = fields.get("peer_service")
    return f"{system}/{namespace}" if namespace else system


def broker(fields: Mapping[str, str]) -> str:
    """Name of a message broker as a hop: its system, else where it is."""
    return fields.get("messaging_system") or peer(fields)


def peer(fields: Mapping[str, str]) -> str:
    """Name of a peer without instrumentation, from what its caller knows of it."""
    service = fields.get("peer_service", "")
    if name := _peer_service(service):
        return name
    if "peer_address" in fields:
        port = fields.get("peer_port")
        address = _address(fields["peer_address"])
        return f"{address}:{port}" if port and ":" not in address else address
    # Envoy names no cluster where it called nobody: then the URL is the one it was asked for.
    if not service and (host := url_host(fields.get("url", ""))):
        return host
    return fields.get("rpc_service") or UNKNOWN


def _peer_service(name: str) -> str:
    """A peer's name; of Istio's clusters (`outbound|8080|subset|host`) the host; empty for `-`,
    which Envoy writes for none."""
    return "" if name == "-" else name.rpartition("|")[2]


def _address(text: str) -> str:
    """An address; OpenTracing's `peer.ipv4` may be one in a single number."""
    if text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 1 << 32:
        return ".".join(str(byte) for byte in int(text).to_bytes(4))
    return text


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
    """Whether a span failed: status ERROR, OpenTracing's `error`, a 5xx answer, or one of gRPC
    that is the server's fault."""
    return (
        status_code == "ERROR"
        or fields.get("error", "").lower() == "true"
        or fields.get("http_status", "").startswith("5")
        or fields.get("rpc_status", "").upper() in _FAILED_CALLS
    )
