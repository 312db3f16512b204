"""The Go modules' own tests and checks, and the service over a real Postgres that goes away."""

import subprocess
import sys
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest

from hopwatch_stack import toolchains
from hopwatch_stack.paths import DATABASE, ORDERS, SAMPLE_STACK
from hopwatch_stack.processes import ProcessRuntime
from hopwatch_stack.runtime import Instance
from hopwatch_stack.services import Service, services
from hopwatch_stack.settings import Settings
from hopwatch_stack.waiting import wait_until

MODULES = pytest.mark.parametrize("module", [ORDERS, DATABASE], ids=["orders-go", "db"])
PRODUCT, PRICE = "p00001", 5790


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
def messages() -> Iterator[Any]:
    """The contract's messages and stubs, made from the .proto file."""
    folder = str(SAMPLE_STACK / "proto" / "hopwatch" / "shop" / "v1")
    sys.path.insert(0, folder)
    try:
        yield grpc.protos_and_services("shop.proto")
    finally:
        sys.path.remove(folder)


@dataclass
class Shop:
    """A database and a service over it; no collector, and no client that tries again."""

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


@pytest.mark.parametrize("how", [lambda i: i.stop(), lambda i: i.kill()], ids=["stop", "kill -9"])
def test_no_call_fails_while_postgres_restarts(
    shop: Shop, messages: Any, how: Callable[[Instance], None]
) -> None:
    protos, stubs = messages
    port = shop.services["orders"].ports["orders"]
    over = threading.Event()

    def customer(number: int) -> int:
        """Reads and orders until it is over; returns how many orders were placed."""
        placed = 0
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            catalog, orders = stubs.CatalogStub(channel), stubs.OrdersStub(channel)
            while not over.is_set():
                page = catalog.ListProducts(protos.ListProductsRequest(), timeout=10)
                assert page.products[0].id == PRODUCT
                orders.PlaceOrder(
                    protos.PlaceOrderRequest(
                        idempotency_key=str(uuid.uuid4()),
                        lines=[protos.OrderLine(product_id=PRODUCT, quantity=1)],
                        customer_email=f"c{number}.{placed}@example.com",
                        expected_total=protos.Money(currency="EUR", minor_units=PRICE),
                    ),
                    timeout=10,
                )
                placed += 1
        return placed

    def units() -> int:
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
            asked = protos.GetStockRequest(product_ids=[PRODUCT])
            levels = stubs.StockStub(channel).GetStock(asked, timeout=10).levels
        return int(levels[0].units)

    before = units()
    with ThreadPoolExecutor(8) as pool:
        customers = [pool.submit(customer, number) for number in range(8)]
        try:
            for _ in range(2):
                over.wait(0.5)
                shop.end("postgres", how)
                shop.start("postgres")
            over.wait(0.5)
        finally:
            over.set()
        placed = [customer.result() for customer in customers]
    assert min(placed) > 0
    assert before - units() == sum(placed)
