"""Orders in each language, by each protocol: what the tests of its contract are made for."""

import os
from collections.abc import Iterator
from dataclasses import fields

import pytest

from hopwatch_stack import implementations
from hopwatch_stack.ports import free_ports
from hopwatch_stack.settings import Ports, Settings
from tests.orders_clients import Client
from tests.orders_service import Bench, Orders, orders_over

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
