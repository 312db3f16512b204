"""Orders in each language, by each protocol: what the tests of its contract are made for. And
stacks of services of a few lines."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from hopwatch_stack import implementations
from hopwatch_stack.ports import free_ports
from hopwatch_stack.processes import ProcessRuntime
from hopwatch_stack.settings import Ports, Settings
from hopwatch_stack.stack import Stack
from hopwatch_stack.supervisor import Supervisor
from tests.orders_clients import Client
from tests.orders_service import Bench, Orders, orders_over
from tests.small_stack import OWNER, Said

NAMES = implementations.NAMES
SERVED = [
    (name, protocol)
    for name in NAMES
    for protocol in ("grpc", *(["rest"] if implementations.ORDERS[name].rest else []))
]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`orders` is each implementation; `client` calls each by each protocol that it serves, and
    `told` is what each told of such calls."""
    if "orders" not in metafunc.fixturenames:
        return
    by_protocol = {"client", "told"}.intersection(metafunc.fixturenames)
    names, chosen = ("orders", *by_protocol), SERVED if by_protocol else [(name,) for name in NAMES]
    ids = ["-".join(one) for one in chosen]
    metafunc.parametrize(names, chosen, indirect=True, ids=ids, scope="module")


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """Postgres, the collector and hopwatch."""
    folder = tmp_path_factory.mktemp("bench")
    ports = Ports(*free_ports(len(fields(Ports))))
    bench = Bench(
        Settings(state_dir=folder / "state", store=folder / "store", ports=ports, labs=True)
    )
    try:
        bench.start("postgres-init", "hopwatch", "collector")
        bench.start("postgres")
        bench.start("migrate")
        yield bench
    finally:
        bench.close()


@pytest.fixture(scope="module")
def orders(request: pytest.FixtureRequest, bench: Bench) -> Iterator[Orders]:
    """One implementation with one instance, for all tests of a module."""
    name = had(request.param)
    with orders_over(bench, name, f"orders_{name}") as orders:
        orders.start()
        yield orders


@pytest.fixture(scope="module")
def client(request: pytest.FixtureRequest, orders: Orders) -> Iterator[Client]:
    client = orders.client(request.param)
    yield client
    client.close()


@pytest.fixture(scope="module")
def products(orders: Orders) -> dict[str, dict[str, str]]:
    """All products by id, as the database has them."""
    columns = [
        "id",
        "name",
        "description",
        "category",
        "price_minor_units",
        "currency",
        "sales_rank",
    ]
    rows = orders.sql(f"SELECT {', '.join(columns)} FROM products ORDER BY id")
    return {row[0]: dict(zip(columns, row, strict=True)) for row in rows}


def had(name: str) -> str:
    """The implementation, if it can be had here; CI must have all."""
    reason = implementations.ORDERS[name].missing()
    if reason and not os.environ.get("CI"):
        pytest.skip(f"no orders in {name}: {reason}")
    assert reason is None
    return name


def all_that_can_be_had() -> list[str]:
    """The implementations that can be had here; CI must have all."""
    lacking = [name for name in NAMES if implementations.ORDERS[name].missing()]
    assert not (lacking and os.environ.get("CI"))
    return [name for name in NAMES if name not in lacking]


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def supervisor(tmp_path: Path, said: Said) -> Iterator[Supervisor]:
    supervisor = Supervisor(tmp_path, ProcessRuntime(tmp_path), said)
    yield supervisor
    supervisor.stop()


@pytest.fixture
def stack_here(tmp_path: Path) -> Stack:
    """The stack of the test's folder, as another process sees it."""
    return Stack(tmp_path)


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process of its own that owns a stack of two services, of which `one` can overlap."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path), *map(str, free_ports(2))],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()
