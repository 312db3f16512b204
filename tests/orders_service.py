"""Orders in every language as the stack starts them, each over a database of its own."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

from hopwatch_stack import implementations, toolchains
from hopwatch_stack.ports import free_ports
from hopwatch_stack.processes import ProcessRuntime
from hopwatch_stack.runtime import Exit, Instance
from hopwatch_stack.services import Service, embedded_database_url, services
from hopwatch_stack.settings import Settings
from hopwatch_stack.waiting import wait_until
from tests.orders_clients import Client, GrpcClient, RestClient

READY_SECONDS = 90
END_SECONDS = 20


@dataclass
class Bench:
    """What orders stand on: Postgres, and a collector and hopwatch where they are started."""

    settings: Settings
    runtime: ProcessRuntime = field(init=False)
    running: dict[str, Instance] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.runtime = ProcessRuntime(self.settings.state_dir)
        described = services(self.settings, self.runtime.surroundings)
        self.services = {service.name: service for service in described}
        self.runtime.prepare(described)

    def start(self, *names: str) -> None:
        """Side by side; returns when all serve, or have done their work."""
        for name in names:
            service = self.services[name]
            self.running[name] = self.runtime.launch(service, service.env)
        for name in names:
            service, instance = self.services[name], self.running[name]
            assert wait_until(
                lambda one=instance: one.exit() is not None or one.is_ready(), READY_SECONDS, 0.02
            ), self.runtime.log_end(name, 20)
            end = None if service.is_server else Exit(True, "exit code 0")
            assert instance.exit() == end, self.runtime.log_end(name, 20)

    def end(self, name: str, how: Callable[[Instance], None]) -> None:
        instance = self.running.pop(name)
        how(instance)
        assert wait_until(lambda: instance.exit() is not None, END_SECONDS)

    def database(self, name: str) -> str:
        """The URL of a new database with the shop's products."""
        url = embedded_database_url(self.settings)
        psql(url.replace("/shop?", "/postgres?"), f"CREATE DATABASE {name} TEMPLATE shop")
        return url.replace("/shop?", f"/{name}?")

    def close(self) -> None:
        for name in ("collector", "hopwatch", "postgres"):
            if name in self.running:
                self.running[name].stop()
        for instance in self.running.values():
            wait_until(lambda one=instance: one.exit() is not None, END_SECONDS)
            instance.kill()


@dataclass
class Orders:
    """One implementation over its database, on ports of its own."""

    bench: Bench
    implementation: str
    database_url: str
    service: Service
    runtime: ProcessRuntime
    instances: list[Instance] = field(default_factory=list)

    @property
    def grpc_port(self) -> int:
        return self.service.ports["orders"]

    @property
    def serves_rest(self) -> bool:
        return "orders_rest" in self.service.ports

    def client(self, protocol: str = "grpc", **options: Any) -> Client:
        if protocol == "rest":
            return RestClient(self.service.ports["orders_rest"], **options)
        return GrpcClient(self.grpc_port, **options)

    def start(self, **env: str) -> Instance:
        """One more instance, on the same ports."""
        instance = self.launch(**env)
        assert wait_until(
            lambda: instance.is_ready() or instance.exit() is not None, READY_SECONDS, 0.02
        ), self.log_end()
        assert instance.exit() is None, self.log_end()
        return instance

    def launch(self, **env: str) -> Instance:
        """As `start`, without waiting."""
        service = replace(self.service, env={**self.service.env, **env})
        instance = self.runtime.launch(service, service.env)
        self.instances.append(instance)
        return instance

    def stop(self, instance: Instance) -> None:
        """As the stack does; it must end well, and in time."""
        instance.stop()
        assert self.ended(instance) == Exit(True, "exit code 0"), self.log_end()

    def log(self) -> str:
        """All that its instances have said."""
        return self.runtime.log_end("orders", 10_000)

    def log_end(self) -> str:
        return self.runtime.log_end("orders", 5)

    def ended(self, instance: Instance) -> Exit | None:
        """How it ended, which it must do in time."""
        wait_until(lambda: instance.exit() is not None, self.service.stop_seconds, 0.02)
        if (end := instance.exit()) is not None:
            self.instances.remove(instance)
        return end

    def kill(self) -> None:
        while self.instances:
            self.instances.pop().kill()

    def sql(self, query: str) -> list[list[str]]:
        return psql(self.database_url, query)

    def books(self) -> dict[str, int]:
        """What must agree: orders, payments for them, units in stock, and what has no other."""
        [row] = self.sql(BOOKS)
        return dict(zip(("orders", "authorised", "units", "unmatched"), map(int, row), strict=True))


BOOKS = """
SELECT (SELECT count(*) FROM orders),
    (SELECT count(*) FROM payments WHERE status = 'authorised'),
    (SELECT sum(units) FROM stock_levels),
    (SELECT count(*) FROM orders AS o
        FULL JOIN (SELECT * FROM payments WHERE status = 'authorised') AS p ON p.id = o.payment_id
        WHERE o.id IS NULL OR p.id IS NULL)
"""


@contextmanager
def orders_over(bench: Bench, implementation: str, database: str) -> Iterator[Orders]:
    """The implementation, not yet started, over a new database of that name."""
    rest = implementations.ORDERS[implementation].rest
    url = bench.database(database)
    grpc_port, rest_port = free_ports(2)
    settings = replace(
        bench.settings,
        orders=implementation,
        protocol="rest" if rest else "grpc",
        database_url=url,
        ports=replace(bench.settings.ports, orders=grpc_port, orders_rest=rest_port),
    )
    described = services(settings, bench.runtime.surroundings)
    service = next(service for service in described if service.name == "orders")
    runtime = ProcessRuntime(bench.settings.state_dir / database)
    runtime.prepare([service])
    orders = Orders(bench, implementation, url, service, runtime)
    try:
        yield orders
    finally:
        orders.kill()
        admin = embedded_database_url(bench.settings)
        psql(admin, f"DROP DATABASE {database} WITH (FORCE)")


def psql(url: str, query: str) -> list[list[str]]:
    """The rows of a query, as text."""
    done = subprocess.run(
        [toolchains.find("psql"), "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", url, "-c", query],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [line.split("|") for line in done.stdout.splitlines()]


@contextmanager
def locked(url: str, product: str) -> Iterator[None]:
    """As long as the block lasts nobody can take units of the product from the stock."""
    session = subprocess.Popen(
        [toolchains.find("psql"), "-XAtq", "-d", url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert session.stdin is not None
    assert session.stdout is not None
    try:
        session.stdin.write(
            f"BEGIN; SELECT units FROM stock_levels WHERE product_id = '{product}' FOR UPDATE;\n"
        )
        session.stdin.flush()
        assert session.stdout.readline()
        yield
    finally:
        session.communicate("ROLLBACK;\n")


def stuck(url: str) -> int:
    """How many sessions wait for a lock in order to take units from the stock."""
    name = urlsplit(url).path.strip("/")
    [[count]] = psql(
        url,
        "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
        f"AND datname = '{name}' AND query LIKE '%UPDATE stock_levels%'",
    )
    return int(count)
