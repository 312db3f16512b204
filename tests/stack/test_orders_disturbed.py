"""What orders get over, in every language: restarts, crashes and outages of Postgres, lost commits,
kills and restarts of themselves. No order fails that need not, none is placed twice, none is
unpaid."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from hopwatch_stack import implementations
from hopwatch_stack.waiting import wait_until
from tests.orders_clients import (
    PAN,
    Client,
    GrpcClient,
    Refused,
    message,
    order_of,
    pan,
    someone,
)
from tests.orders_service import Bench, Orders, locked, psql, stuck
from tests.postgres_proxy import PostgresProxy

PATIENCE = 5.0  # how long calls wait for Postgres
NOWHERE = "http://127.0.0.1:1"
LISTED = "Orders", "Catalog", "Stock"


class Customers:
    """Some who read and order for a while; an order that fails is sent again with its key."""

    def __init__(self, orders: Orders, protocol: str = "grpc", retrying: bool = False) -> None:
        self._new_client = lambda: orders.client(protocol, retrying=retrying)
        self._over = threading.Event()
        self.failures: list[str] = []

    def during(self, disturb: Callable[[], None], count: int = 6) -> int:
        """How many orders were placed; `failures` has the codes of the calls that failed."""
        with ThreadPoolExecutor(count) as pool:
            customers = [pool.submit(self._shop) for _ in range(count)]
            try:
                self._over.wait(0.3)
                disturb()
                self._over.wait(0.3)
            finally:
                self._over.set()
            return sum(customer.result() for customer in customers)

    def _shop(self) -> int:
        placed = 0
        client = self._new_client()
        try:
            while not self._over.is_set():
                self._until_answered(client, "ListProducts", message("ListProductsRequest"))
                self._until_answered(client, "PlaceOrder", pan())
                placed += 1
        finally:
            client.close()
        return placed

    def _until_answered(self, client: Client, method: str, request: object) -> None:
        while True:
            try:
                client.call(method, request)
            except Refused as error:
                self.failures.append(str(error))
                time.sleep(0.1)
            else:
                return


def expect_sold(orders: Orders, before: dict[str, int], count: int) -> None:
    assert count > 0
    assert orders.books() == {
        "orders": before["orders"] + count,
        "authorised": before["authorised"] + count,
        "units": before["units"] - count,
        "unmatched": 0,
    }


# Postgres


def test_no_call_fails_while_postgres_restarts(orders: Orders, bench: Bench) -> None:
    """Unless it takes longer than orders wait for it, which it does on a machine that is too busy
    to tell anything: then calls fail late, and say so."""
    outages = []

    def restart_twice() -> None:
        for _ in range(2):
            start = time.monotonic()
            bench.end("postgres", lambda postgres: postgres.stop())
            bench.start("postgres")
            outages.append(time.monotonic() - start)

    before, customers = orders.books(), Customers(orders)
    placed = customers.during(restart_twice)
    allowed = {"UNAVAILABLE"} if max(outages) > PATIENCE else set()
    assert {failure.partition(":")[0] for failure in customers.failures} <= allowed, outages
    expect_sold(orders, before, placed)


def test_postgres_killed_costs_no_order(orders: Orders, bench: Bench) -> None:
    """How long it recovers depends on the machine; calls may fail after 5 s, and then at once."""

    def kill() -> None:
        bench.end("postgres", lambda postgres: postgres.kill())
        bench.start("postgres")

    before, customers = orders.books(), Customers(orders)
    placed = customers.during(kill)
    assert {failure.partition(":")[0] for failure in customers.failures} <= {"UNAVAILABLE"}
    expect_sold(orders, before, placed)


def test_no_call_fails_when_postgres_ends_connections(orders: Orders) -> None:
    def end_all() -> None:
        for _ in range(4):
            psql(
                orders.database_url,
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = "
                "current_database() AND application_name = 'shop-orders'",
            )
            time.sleep(0.2)

    before, customers = orders.books(), Customers(orders)
    placed = customers.during(end_all)
    assert customers.failures == []
    expect_sold(orders, before, placed)


@pytest.mark.parametrize("lost", ["commit", "answer"])
def test_order_is_placed_once_when_the_commit_is_lost(orders: Orders, lost: str) -> None:
    proxy = PostgresProxy(orders.database_url)
    orders.kill()
    orders.start(DATABASE_URL=proxy.url)
    client = orders.client()
    try:
        client.call("ListCategories")
        before = orders.books()
        proxy.lose_next(lost)
        request = pan()
        placed = client.call("PlaceOrder", request)
        assert proxy.has_lost
        expect_sold(orders, before, 1)
        assert client.call("GetOrder", message("GetOrderRequest", order_id=placed.id)) == placed
        assert client.call("PlaceOrder", request) == placed
    finally:
        client.close()
        orders.kill()
        proxy.down()
        orders.start()


def test_start_waits_for_postgres(orders: Orders, bench: Bench) -> None:
    orders.kill()
    bench.end("postgres", lambda postgres: postgres.stop())
    early = orders.launch()
    time.sleep(0.5)
    assert early.exit() is None
    bench.start("postgres")
    assert wait_until(early.is_ready, 15)


# Its own end


def test_call_that_runs_at_the_signal_is_answered(orders: Orders, client: Client) -> None:
    [instance] = orders.instances
    health = GrpcClient(orders.grpc_port)
    assert {health.health(f"hopwatch.shop.v1.{name}") for name in LISTED} == {"SERVING"}
    assert health.health() == "SERVING"
    slow = {"baggage": "hopwatch.lab.delay=shop-orders/PlaceOrder:1200ms"}
    other = orders.client(client.protocol)
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(other.call, "PlaceOrder", pan(), headers=slow)
        time.sleep(0.4)
        instance.stop()
        assert wait_until(lambda: health.health() == "NOT_SERVING", 0.9, every=0.02)
        assert len(client.call("ListCategories").categories) == 8  # For SHOP_DRAIN_SECONDS.
        assert running.result().id
    end = orders.ended(instance)
    assert end is not None
    assert end.ok, end.how
    health.close()
    other.close()
    orders.start()


def test_second_signal_ends_it_at_once(orders: Orders) -> None:
    [instance] = orders.instances
    client = orders.client()
    slow = {"baggage": "hopwatch.lab.delay=shop-orders:9000ms"}
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(client.call, "ListCategories", headers=slow)
        time.sleep(0.3)
        instance.stop()
        time.sleep(0.2)
        instance.stop()
        start = time.monotonic()
        end = orders.ended(instance)
        assert time.monotonic() - start < 1.5
        assert end is not None
        assert not end.ok
        with pytest.raises(Refused, match="UNAVAILABLE"):
            running.result()
    client.close()
    orders.start()


def test_instances_take_over_on_one_port(orders: Orders, client: Client) -> None:
    def take_over() -> None:
        for _ in range(2):
            [old] = orders.instances
            orders.start()
            orders.stop(old)

    before, customers = orders.books(), Customers(orders, client.protocol, retrying=True)
    placed = customers.during(take_over)
    assert customers.failures == []
    expect_sold(orders, before, placed)


def test_killed_between_payment_and_order_leaves_neither(orders: Orders) -> None:
    before, request = orders.books(), pan()
    client = orders.client(retrying=True)

    def until_placed() -> None:
        while True:
            try:
                client.call("PlaceOrder", request)
            except Refused as error:
                if error.code != "UNAVAILABLE":
                    raise
            else:
                return

    with ThreadPoolExecutor(1) as pool:
        with locked(orders.database_url, PAN):
            placing = pool.submit(until_placed)
            assert wait_until(lambda: stuck(orders.database_url) == 1, 5)
            orders.kill()
        assert orders.books() == before
        orders.start()
        placing.result()
    client.close()
    expect_sold(orders, before, 1)


# Its settings


def test_labs_are_off_unless_switched_on(orders: Orders) -> None:
    orders.kill()
    orders.start(HOPWATCH_LABS="0", OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE)
    client = orders.client()
    slow = {"baggage": "hopwatch.lab.delay=shop-orders:9000ms"}
    assert len(client.call("ListCategories", seconds=3, headers=slow).categories) == 8
    client.close()
    # Telemetry that finds no collector does not hold up the end either.
    start = time.monotonic()
    orders.stop(orders.instances[0])
    assert time.monotonic() - start < 6
    orders.start()


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"DATABASE_URL": ""}, "DATABASE_URL"),
        ({"SHOP_DRAIN_SECONDS": "soon"}, "SHOP_DRAIN_SECONDS"),
        ({"ORDERS_LISTEN": "15051"}, "ORDERS_LISTEN"),
    ],
)
def test_settings_that_make_no_sense_are_told(
    orders: Orders, env: dict[str, str], said: str
) -> None:
    instance = orders.launch(**env)
    end = orders.ended(instance)
    assert end is not None
    assert end.how == "exit code 1"
    assert said in orders.log_end()


@pytest.mark.parametrize("connections", ["0", "-1", "many"])
def test_pool_that_makes_no_sense_is_told(orders: Orders, connections: str) -> None:
    url = f"{orders.database_url}&pool_max_conns={connections}"
    instance = orders.launch(DATABASE_URL=url)
    end = orders.ended(instance)
    assert end is not None
    assert end.how == "exit code 1"
    assert "DATABASE_URL: " in orders.log_end()


@pytest.mark.parametrize("name", ["ORDERS_REST_LISTEN", "PAYMENTS_ADDRESS"])
def test_setting_that_is_not_offered_is_told(orders: Orders, name: str) -> None:
    """Were it ignored, what is measured would be taken for something else."""
    chosen = implementations.ORDERS[orders.implementation]
    if {"ORDERS_REST_LISTEN": chosen.rest, "PAYMENTS_ADDRESS": chosen.payments_apart}[name]:
        pytest.skip(f"orders in {chosen.language} obey {name}")
    end = orders.ended(orders.launch(**{name: "127.0.0.1:1"}))
    assert end is not None
    assert end.how == "exit code 1"
    assert f"{name} is set, but" in orders.log_end()


def test_request_that_is_too_large_is_refused(orders: Orders) -> None:
    client = orders.client()
    with pytest.raises(Refused) as raised:
        client.call("PlaceOrder", order_of((PAN, 1), total=1, customer_email="a" * (300 << 10)))
    assert raised.value.code == "RESOURCE_EXHAUSTED"
    assert client.call("PlaceOrder", pan(customer_email=someone())).id
    client.close()
