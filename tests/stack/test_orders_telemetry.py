"""What orders tell of themselves is the same in every language: spans, logs and metrics as they are
stored, after real calls by each protocol."""

import json
import uuid
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest

from hopwatch.store import open_reader
from hopwatch_stack import implementations
from hopwatch_stack.waiting import wait_until, wait_until_settled
from tests.orders_clients import ROUTES, Client, GrpcClient, Refused, message, pan
from tests.orders_service import Bench, Orders
from tests.postgres_proxy import PostgresProxy

SETTLE_SECONDS = 90
CALLER = "cd" * 8
LANGUAGES = {"go": "go", "node": "nodejs", "rust": "rust", "python": "python"}
SERVICES = {
    "PlaceOrder": "hopwatch.shop.v1.Orders",
    "ListProducts": "hopwatch.shop.v1.Catalog",
    "GetStock": "hopwatch.shop.v1.Stock",
}
STATEMENTS = {
    "SELECT orders", "SELECT products", "SELECT stock_levels", "BEGIN", "INSERT orders",
    "INSERT payments", "UPDATE stock_levels", "INSERT order_lines", "COMMIT",
}  # fmt: skip
METRICS = {
    "db.client.operation.duration": "s",
    "db.client.connection.count": "{connection}",
    "db.client.connection.max": "{connection}",
    "db.client.connection.pending_requests": "{request}",
    "db.client.connection.wait_time": "s",
    "db.client.connection.use_time": "s",
}
# The calls that are made, by what is asked of them.
CALLS = {
    "order": ("PlaceOrder", ""),
    "refused": ("GetStock", ""),
    "delay": ("PlaceOrder", "hopwatch.lab.delay=shop-orders/PlaceOrder:30ms"),
    "slow-sql": ("ListProducts", "hopwatch.lab.slow-sql=shop-orders/ListProducts:40ms"),
    "n-plus-one": ("GetStock", "hopwatch.lab.n-plus-one=shop-orders/GetStock:2"),
    "again": ("ListProducts", "hopwatch.lab.n-plus-one=shop-orders/ListProducts:5"),
    "others": ("ListProducts", "hopwatch.lab.delay=shop-bff:5000ms"),
    "malformed": ("ListProducts", "hopwatch.lab.delay=shop-orders:soon"),
    "lost": ("PlaceOrder", ""),
    "last": ("ListProducts", ""),
}


@dataclass(frozen=True)
class Observed:
    """What one instance told of the calls that were made, each in a trace of its own."""

    protocol: str
    implementation: str
    traces: dict[str, str]
    spans: list[dict[str, Any]]
    logs: list[dict[str, Any]]
    metrics: list[dict[str, Any]]
    console: list[str]

    def spans_of(self, call: str) -> list[dict[str, Any]]:
        return [span for span in self.spans if span["trace"] == self.traces[call]]

    def server(self, call: str) -> dict[str, Any]:
        [span] = [span for span in self.spans_of(call) if span["kind"] == "SERVER"]
        return span

    def named(self, call: str, name: str) -> list[dict[str, Any]]:
        return [span for span in self.spans_of(call) if span["name"] == name]


def rpc(method: str) -> str:
    return f"{SERVICES[method]}/{method}"


@pytest.fixture(scope="module")
def told(request: pytest.FixtureRequest, orders: Orders, bench: Bench) -> Observed:
    """Of an instance that has been called and has ended, so that all it had to say is said."""
    protocol = request.param
    instance_id = str(uuid.uuid4())
    proxy = PostgresProxy(orders.database_url)
    orders.kill()
    instance = orders.start(
        DATABASE_URL=proxy.url,
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test,service.name=overridden,"
        f"service.instance.id={instance_id}",
    )
    traces = {call: uuid.uuid4().hex for call in (*CALLS, "health")}
    headers = {
        call: {"traceparent": f"00-{trace}-{CALLER}-01", "baggage": CALLS.get(call, ("", ""))[1]}
        for call, trace in traces.items()
    }
    client, health = orders.client(protocol), GrpcClient(orders.grpc_port)
    assert health.health(headers=headers["health"]) == "SERVING"
    for call, (method, _) in CALLS.items():
        if call == "lost":
            proxy.lose_next("commit")
        if call == "last":  # Just before the end, which must send what is left.
            assert _wait_for(bench, [traces[earlier] for earlier in CALLS if earlier != call])
        _make(client, call, method, headers[call])
    orders.stop(instance)
    client.close()
    health.close()
    proxy.down()
    assert _wait_for(bench, [traces["last"]])
    assert wait_until_settled(bench.settings.store, SETTLE_SECONDS)
    console = [line for line in orders.log().splitlines() if line]
    return _read(bench, orders, protocol, instance_id, traces, console)


def _wait_for(bench: Bench, traces: list[str]) -> bool:
    """Whether a SERVER span of each trace is stored in time."""
    wanted = ", ".join(f"'{trace}'" for trace in traces)
    query = f"""SELECT count(DISTINCT trace_id) AS traces FROM spans
        WHERE kind = 'SERVER' AND lower(hex(trace_id)) IN ({wanted})"""

    def stored() -> bool:
        with open_reader(bench.settings.store) as reader:
            return bool(reader.sql(query).to_pylist() == [{"traces": len(traces)}])

    return wait_until(stored, SETTLE_SECONDS, every=0.3)


def _make(client: Client, call: str, method: str, headers: dict[str, str]) -> None:
    asked = {
        "PlaceOrder": pan(),
        "GetStock": message("GetStockRequest", product_ids=["p00001", "p00002", "p00021"]),
        "ListProducts": message("ListProductsRequest", category="Bath"),
    }[method]
    if call == "refused":
        with pytest.raises(Refused):
            client.call(method, message("GetStockRequest"), headers=headers)
        return
    answer = client.call(method, asked, headers=headers)
    if method == "GetStock":
        assert [level.units for level in answer.levels][2] == 5
    elif method == "ListProducts":
        assert [p.id for p in answer.products] == sorted(p.id for p in answer.products)
        assert len(answer.products) == 24


def _read(
    bench: Bench,
    orders: Orders,
    protocol: str,
    instance_id: str,
    traces: dict[str, str],
    console: list[str],
) -> Observed:
    of_it = f"WHERE service_instance_id = '{instance_id}'"
    with open_reader(bench.settings.store) as reader:

        def rows(columns: str, view: str) -> list[dict[str, Any]]:
            return list(reader.sql(f"SELECT {columns} FROM {view} {of_it}").to_pylist())

        spans = rows(
            "lower(hex(trace_id)) AS trace, lower(hex(span_id)) AS id, "
            "lower(hex(parent_span_id)) AS parent, name, kind, status_code, duration_nano / 1e6 AS "
            "ms, span_attributes AS attributes, resource_attributes AS resource",
            "spans",
        )
        logs = rows(
            "lower(hex(trace_id)) AS trace, lower(hex(span_id)) AS span, severity_number, body, "
            "log_attributes AS attributes, resource_attributes AS resource",
            "logs",
        )
        metrics = rows(
            "name, unit, type, aggregation_temporality AS temporality, time_unix_nano AS time, "
            "count, point_attributes AS attributes, resource_attributes AS resource",
            "metrics",
        )
    for row in (*spans, *logs, *metrics):
        row["attributes"] = dict(row["attributes"] or ())
        row["resource"] = dict(row["resource"] or ())
    return Observed(protocol, orders.implementation, traces, spans, logs, metrics, console)


def test_server_span_says_what_was_called(told: Observed) -> None:
    server = told.server("order")
    assert server["parent"] == CALLER
    if told.protocol == "grpc":
        assert server["name"] == rpc("PlaceOrder")
        wanted = {"rpc.system.name": "grpc", "rpc.method": rpc("PlaceOrder")}
        wanted["rpc.response.status_code"] = "OK"
    else:
        assert server["name"] == f"POST {ROUTES['PlaceOrder']}"
        wanted = {"http.request.method": "POST", "http.route": ROUTES["PlaceOrder"]}
        wanted["http.response.status_code"] = "200"
    assert wanted.items() <= server["attributes"].items()


def test_refused_call_is_no_error_of_the_server(told: Observed) -> None:
    server = told.server("refused")
    code = {"grpc": "rpc.response.status_code", "rest": "http.response.status_code"}[told.protocol]
    wanted = {"grpc": "INVALID_ARGUMENT", "rest": "400"}[told.protocol]
    assert server["attributes"][code] == wanted
    assert server["status_code"] != "ERROR"
    [record] = [record for record in told.logs if record["trace"] == told.traces["refused"]]
    assert record["attributes"]["rpc.response.status_code"] == "INVALID_ARGUMENT"


def test_statements_of_an_order_are_spans_of_the_database(told: Observed) -> None:
    spans = {span["id"]: span for span in told.spans_of("order")}
    names = {span["name"] for span in spans.values() if span["kind"] == "CLIENT"}
    assert names >= STATEMENTS | {"pool.acquire"}
    server = told.server("order")
    for span in spans.values():
        up = span
        while up["id"] != server["id"]:
            up = spans[up["parent"]]
    for name in STATEMENTS:
        attributes = told.named("order", name)[0]["attributes"]
        assert attributes["db.system.name"] == "postgresql"
        assert attributes["db.operation.name"] == name.partition(" ")[0]
        assert attributes["db.query.summary"] == name
        assert attributes["db.namespace"].startswith("orders_")
        assert attributes["server.address"] == "127.0.0.1"
        assert attributes["server.port"].isdigit()
        assert attributes["db.query.text"]


def test_nothing_that_a_customer_said_is_told(told: Observed) -> None:
    everything = json.dumps([told.spans, told.logs, told.console])
    assert "customer." not in everything


def test_lost_commit_is_told_as_another_attempt(told: Observed) -> None:
    first, second = sorted(
        span["attributes"].get("hopwatch.resend_count", "0")
        for span in told.named("lost", "INSERT orders")
    )
    assert (first, second) == ("0", "1")
    parents = {span["parent"] for span in told.named("lost", "INSERT orders")}
    assert len(parents) == 1


@pytest.mark.parametrize(
    ("call", "recorded"),
    [
        ("order", {}),
        ("others", {}),
        ("delay", {"hopwatch.lab.name": "delay", "hopwatch.lab.delay_ms": "30"}),
        ("slow-sql", {"hopwatch.lab.name": "slow-sql", "hopwatch.lab.delay_ms": "40"}),
        ("n-plus-one", {"hopwatch.lab.name": "n-plus-one", "hopwatch.lab.extra_queries": "2"}),
        ("again", {"hopwatch.lab.name": "n-plus-one", "hopwatch.lab.extra_queries": "5"}),
        (
            "malformed",
            {"hopwatch.lab.error": '"shop-orders:soon" is not <service>[/<method>]:<1..10000>ms'},
        ),
    ],
)
def test_lab_is_recorded_where_it_was_obeyed(
    told: Observed, call: str, recorded: dict[str, str]
) -> None:
    attributes = told.server(call)["attributes"]
    labs = {key: value for key, value in attributes.items() if key.startswith("hopwatch.lab")}
    assert labs == recorded


def test_lab_costs_what_it_says(told: Observed) -> None:
    assert told.server("delay")["ms"] >= 30
    [select] = told.named("slow-sql", "SELECT products")
    assert 40 <= select["ms"] < 2000
    assert len(told.named("n-plus-one", "SELECT stock_levels")) == 3
    assert len(told.named("again", "SELECT products")) == 6
    assert told.server("others")["ms"] < 2000


def test_each_call_is_one_log_record(told: Observed) -> None:
    server = told.server("order")
    [record] = [record for record in told.logs if record["trace"] == told.traces["order"]]
    assert record["span"] == server["id"]
    assert 9 <= record["severity_number"] <= 12
    attributes = record["attributes"]
    assert attributes["rpc.method"] == rpc("PlaceOrder")
    assert attributes["rpc.response.status_code"] == "OK"
    assert 0 < float(attributes["duration_ms"]) <= server["ms"] + 1


def test_each_call_is_one_line_of_json(told: Observed) -> None:
    lines = [json.loads(line) for line in told.console]
    assert any(line.get("msg") == "serving" for line in lines)
    [line] = [line for line in lines if line.get("trace_id") == told.traces["order"]]
    assert line["span_id"] == told.server("order")["id"]
    assert line["service"] == "shop-orders"
    assert line["level"].upper() == "INFO"
    assert line["rpc.method"] == rpc("PlaceOrder")
    assert line["rpc.response.status_code"] == "OK"
    assert float(line["duration_ms"]) > 0


def test_health_is_asked_without_a_trace(told: Observed) -> None:
    assert told.spans_of("health") == []
    assert not [record for record in told.logs if record["trace"] == told.traces["health"]]


def test_calls_are_counted_by_method_and_outcome(told: Observed) -> None:
    name = {"grpc": "rpc.server.call.duration", "rest": "http.server.request.duration"}
    points = [point for point in told.metrics if point["name"] == name[told.protocol]]
    assert {(point["unit"], point["type"], point["temporality"]) for point in points} == {
        ("s", "histogram", "CUMULATIVE")
    }
    latest = max(point["time"] for point in points)
    counted = Counter[tuple[str, str]]()
    for point in points:
        if point["time"] == latest:
            of = point["attributes"]
            if told.protocol == "grpc":
                key = of["rpc.method"], of["rpc.response.status_code"]
            else:
                key = of["http.route"], of["http.response.status_code"]
            counted[key] += point["count"]
    wanted = Counter[tuple[str, str]]()
    for call, (method, _) in CALLS.items():
        if told.protocol == "grpc":
            wanted[rpc(method), "INVALID_ARGUMENT" if call == "refused" else "OK"] += 1
        else:
            wanted[ROUTES[method], "400" if call == "refused" else "200"] += 1
    assert counted == wanted


def test_pool_and_statements_are_measured(told: Observed) -> None:
    units = {point["name"]: point["unit"] for point in told.metrics}
    assert METRICS.items() <= units.items()


def test_it_says_who_it_is(told: Observed) -> None:
    rows = [*told.spans, *told.logs, *told.metrics]
    [resource] = {json.dumps(row["resource"], sort_keys=True) for row in rows}
    said = json.loads(resource)
    wanted = {
        "service.name": "shop-orders",
        "service.version": f"dev+{told.implementation}",
        "telemetry.sdk.language": LANGUAGES[told.implementation],
        "deployment.environment.name": "test",
    }
    assert wanted.items() <= said.items()
    keys = {"telemetry.sdk.name", "telemetry.sdk.version", "host.name", "process.pid"}
    assert keys <= said.keys()
    if told.implementation != "rust":  # Which has no runtime.
        assert {"process.runtime.name", "process.runtime.version"} <= said.keys()


def test_every_language_is_known() -> None:
    assert set(LANGUAGES) == set(implementations.NAMES)
