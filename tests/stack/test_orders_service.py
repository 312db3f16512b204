"""The Go modules' own tests and checks, and the service over a real Postgres that goes away."""

import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from hopwatch_stack import toolchains
from hopwatch_stack.paths import DATABASE, ORDERS_GO, SAMPLE_STACK
from hopwatch_stack.processes import ProcessRuntime
from hopwatch_stack.runtime import Instance
from hopwatch_stack.services import Service, services
from hopwatch_stack.settings import Settings
from hopwatch_stack.waiting import wait_until

MODULES = pytest.mark.parametrize("module", [ORDERS_GO, DATABASE], ids=["orders-go", "db"])
PRODUCT, PRICE = "p00001", 5790
CALL_SECONDS = 15  # more than the service gives any call


def go(module: Path, *arguments: str, **extra: str) -> None:
    done = subprocess.run(
        [toolchains.find("go"), *arguments],
        cwd=module,
        env=toolchains.environment() | extra,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@MODULES
def test_go_tests_pass(module: Path, postgres_url: str) -> None:
    # Results of tests that use a database are not to be remembered.
    go(module, "test", "-count=1", "./...", TEST_DATABASE_URL=postgres_url)


@MODULES
def test_go_vet_finds_nothing(module: Path) -> None:
    go(module, "vet", "./...")


@MODULES
def test_go_code_is_formatted(module: Path) -> None:
    gofmt = toolchains.find("go").with_name("gofmt")
    done = subprocess.run(
        [gofmt, "-l", "."], cwd=module, capture_output=True, text=True, check=True
    )
    assert done.stdout == ""


@pytest.fixture(scope="module")
def contract() -> Iterator[Any]:
    """The contract's messages and stubs, made from the .proto file."""
    folder = str(SAMPLE_STACK / "proto" / "hopwatch" / "shop" / "v1")
    sys.path.insert(0, folder)
    try:
        yield grpc.protos_and_services("shop.proto")
    finally:
        sys.path.remove(folder)


@dataclass
class Shop:
    """A database and a service over it, without a collector."""

    runtime: ProcessRuntime
    services: dict[str, Service]
    running: dict[str, Instance] = field(default_factory=dict)

    def start(self, name: str) -> None:
        service = self.services[name]
        instance = self.running[name] = self.runtime.launch(service, service.env)
        if service.is_server:
            assert wait_until(instance.is_ready, 30), self.runtime.log_end(name, 20)
        else:
            done = wait_until(lambda: (end := instance.exit()) is not None and end.ok, 60)
            assert done, self.runtime.log_end(name, 20)

    def end(self, name: str, how: Callable[[Instance], None]) -> None:
        how(self.running[name])
        assert wait_until(lambda: self.running[name].exit() is not None, 15)


@pytest.fixture
def shop(free_settings: Settings) -> Iterator[Shop]:
    runtime = ProcessRuntime(free_settings.state_dir)
    all_services = {s.name: s for s in services(free_settings, runtime.surroundings)}
    wanted = ["postgres-init", "postgres", "migrate", "orders"]
    shop = Shop(runtime, {name: all_services[name] for name in wanted})
    runtime.prepare(list(shop.services.values()))
    try:
        for name in wanted:
            shop.start(name)
        yield shop
    finally:
        for instance in shop.running.values():
            instance.kill()


class Customers:
    """Eight who read and order until `over`; an order that fails is sent again with its key."""

    def __init__(self, port: int, contract: Any) -> None:
        self.over = threading.Event()
        self._address = f"127.0.0.1:{port}"
        self._protos, self._stubs = contract
        self._failures: list[str] = []

    def units(self) -> int:
        with grpc.insecure_channel(self._address) as channel:
            asked = self._protos.GetStockRequest(product_ids=[PRODUCT])
            levels = self._stubs.StockStub(channel).GetStock(asked, timeout=CALL_SECONDS).levels
        return int(levels[0].units)

    def during(self, disturb: Callable[[], None]) -> tuple[int, list[str]]:
        """How many orders were placed, and the codes of the calls that failed."""
        with ThreadPoolExecutor(8) as pool:
            customers = [pool.submit(self._shop, number) for number in range(8)]
            try:
                self.over.wait(0.5)
                disturb()
                self.over.wait(0.5)
            finally:
                self.over.set()
            return sum(customer.result() for customer in customers), self._failures

    def _shop(self, number: int) -> int:
        placed = 0
        protos = self._protos
        with grpc.insecure_channel(self._address) as channel:
            catalog, orders = self._stubs.CatalogStub(channel), self._stubs.OrdersStub(channel)
            while not self.over.is_set():
                self._until_answered(catalog.ListProducts, protos.ListProductsRequest())
                order = protos.PlaceOrderRequest(
                    idempotency_key=str(uuid.uuid4()),
                    lines=[protos.OrderLine(product_id=PRODUCT, quantity=1)],
                    customer_email=f"c{number}.{placed}@example.com",
                    expected_total=protos.Money(currency="EUR", minor_units=PRICE),
                )
                self._until_answered(orders.PlaceOrder, order)
                placed += 1
        return placed

    def _until_answered(self, call: Callable[..., Any], request: Any) -> None:
        while True:
            try:
                call(request, timeout=CALL_SECONDS)
            except grpc.RpcError as error:
                self._failures.append(error.code().name)
                time.sleep(0.1)
            else:
                return


def test_no_call_fails_while_postgres_restarts(shop: Shop, contract: Any) -> None:
    customers = Customers(shop.services["orders"].ports["orders"], contract)
    before = customers.units()

    def restart_twice() -> None:
        for _ in range(2):
            shop.end("postgres", lambda postgres: postgres.stop())
            shop.start("postgres")

    placed, failures = customers.during(restart_twice)
    assert failures == []
    assert before - customers.units() == placed > 0


def test_postgres_killed_costs_no_order(shop: Shop, contract: Any) -> None:
    """How long it recovers depends on the machine; calls may fail after 5 s, and then at once."""
    customers = Customers(shop.services["orders"].ports["orders"], contract)
    before = customers.units()

    def kill() -> None:
        shop.end("postgres", lambda postgres: postgres.kill())
        shop.start("postgres")

    placed, failures = customers.during(kill)
    assert set(failures) <= {"UNAVAILABLE"}
    assert before - customers.units() == placed > 0
