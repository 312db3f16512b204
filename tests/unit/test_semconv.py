"""Old and current conventions mean the same, and the tags of other systems are read as them."""

import pytest

from hopwatch import semconv
from hopwatch.attribution import Attribution, Options
from hopwatch.attribution.columnar.engine import Engine
from tests.spans_dsl import span, table

PAIRS = [
    # what it was called, what it is called now
    ("CLIENT", {"db.system": "mssql", "db.name": "d"},
     {"db.system.name": "microsoft.sql_server", "db.namespace": "d"}),
    ("CLIENT", {"db.type": "postgres", "db.instance": "d"},
     {"db.system.name": "postgresql", "db.namespace": "d"}),
    ("CLIENT", {"db.system": "cassandra", "db.cassandra.keyspace": "k", "db.cassandra.table": "t",
                "db.operation": "SELECT"},
     {"db.system.name": "cassandra", "db.namespace": "k", "db.collection.name": "t",
      "db.operation.name": "SELECT"}),
    ("SERVER", {"http.method": "GET", "http.route": "/a", "http.status_code": "503"},
     {"http.request.method": "GET", "http.route": "/a", "http.response.status_code": 503}),
    ("SERVER", {"rpc.system": "grpc", "rpc.service": "p.S", "rpc.method": "M",
                "rpc.grpc.status_code": 14},
     {"rpc.system.name": "grpc", "rpc.method": "p.S/M", "rpc.response.status_code": "UNAVAILABLE"}),
    ("CLIENT", {"peer.service": "mail"}, {"service.peer.name": "mail"}),
    ("CLIENT", {"peer.hostname": "mail", "peer.port": 25},
     {"server.address": "mail", "server.port": 25}),
    ("CLIENT", {"net.sock.peer.addr": "10.0.0.1", "net.sock.peer.port": "25"},
     {"network.peer.address": "10.0.0.1", "network.peer.port": 25}),
    ("CLIENT", {"peer.ipv4": 167772161}, {"server.address": "10.0.0.1"}),
    ("CLIENT", {"upstream_cluster.name": "outbound|9080||reviews.default.svc"},
     {"service.peer.name": "reviews.default.svc"}),
    ("PRODUCER", {"messaging.system": "kafka", "message_bus.destination": "t"},
     {"messaging.system": "kafka", "messaging.destination.name": "t"}),
    ("CLIENT", {"http.url": "http://a/b", "upstream_cluster.name": "-"},
     {"upstream_cluster.name": "-"}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "old", "current"), PAIRS)
def test_both_spellings_are_one_cell(kind: str, old: dict, current: dict) -> None:
    """In the reference and in columns."""
    ledgers = []
    for attributes in (old, current):
        rows = table(
            span("R", 0, 1000),
            span("x", 100, 900, "R", kind=kind, span_name="call", **attributes),
        )
        reference = Attribution(rows, Options()).ledger()
        made = Engine(rows, Options()).ledger()
        assert made.cells.to_pylist() == reference.cells.to_pylist()
        ledgers.append(reference.cells.to_pylist())
    assert ledgers[0] == ledgers[1]


@pytest.mark.parametrize(
    ("fields", "failed"),
    [
        ({"error": "true"}, True),
        ({"error": "True"}, True),
        ({"error": "false"}, False),
        ({"http_status": "500"}, True),
        ({"http_status": "404"}, False),
        ({"rpc_status": "5"}, False),
        ({"rpc_status": "DEADLINE_EXCEEDED"}, True),
        ({"rpc_status": "0"}, False),
    ],
)
def test_failures(fields: dict[str, str], failed: bool) -> None:
    assert semconv.is_failure("UNSET", fields) is failed
    assert semconv.is_failure("ERROR", fields)


@pytest.mark.parametrize(
    ("runtime", "language"),
    [
        ("Go-2.30.0", "go?"),
        ("Jaeger-Go-2.22.1", "go?"),
        ("Python-4.8.0", "python?"),
        ("Node-3.19.0", "nodejs?"),
        ("Java-1.8.1", "java?"),
        ("C#-1.0.3", "dotnet?"),
        ("C++-0.5.0", "cpp?"),
        ("OpenJDK Runtime Environment", "java?"),
        ("GraalVM Runtime Environment", "java?"),
        ("BEAM", "erlang?"),
        ("Fortran-77", "unknown"),
        ("java", "unknown"),  # no runtime has this name
    ],
)
def test_language_of_runtimes_and_of_jaegers_clients(runtime: str, language: str) -> None:
    assert semconv.language(None, runtime, None) == language
    assert semconv.language("rust", runtime, None) == "rust"


def test_sql_without_more_is_named_as_its_caller_calls_it() -> None:
    assert semconv.database({"db_system": "sql", "peer_service": "app_db"}) == "other_sql/app_db"
    assert semconv.database({"db_system": "sql"}) == "other_sql"
    assert semconv.database({"db_system": "mysql", "peer_service": "app_db"}) == "mysql"


def test_hostile_addresses() -> None:
    assert semconv.peer({"peer_address": "9" * 10_000}) == "9" * 10_000
    assert semconv.peer({"peer_address": "4294967296"}) == "4294967296"
    assert semconv.peer({"peer_service": "inbound|8080||"}) == "unknown"
