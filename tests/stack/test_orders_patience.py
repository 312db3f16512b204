"""How long orders wait: for a call without a deadline, and for a Postgres that stays away. All
implementations at once, for each waits many seconds."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from hopwatch_stack.waiting import wait_until
from tests.orders_clients import PAN, GrpcClient, Refused, pan
from tests.orders_service import Bench, Orders, locked, orders_over
from tests.postgres_proxy import PostgresProxy
from tests.stack.conftest import all_that_can_be_had

CALL_SECONDS = 10.0  # the most that a call gets
PATIENCE = 5.0  # how long calls wait for Postgres to come back
AWAY = "UNAVAILABLE: the database cannot answer now; try again"
LATE = "DEADLINE_EXCEEDED: the call took longer than its deadline"


@dataclass(frozen=True)
class Far:
    """Orders whose way to Postgres can be cut."""

    orders: Orders
    proxy: PostgresProxy
    client: GrpcClient


@pytest.fixture(scope="module")
def everyone(bench: Bench) -> Iterator[dict[str, Far]]:
    with ExitStack() as stack:
        all_of_them = {}
        for name in all_that_can_be_had():
            orders = stack.enter_context(orders_over(bench, name, f"patient_{name}"))
            proxy = PostgresProxy(orders.database_url)
            stack.callback(proxy.down)
            orders.start(DATABASE_URL=proxy.url)
            client = GrpcClient(orders.grpc_port)
            stack.callback(client.close)
            all_of_them[name] = Far(orders, proxy, client)
        yield all_of_them


def of_all(everyone: dict[str, Far], ask: Callable[[Far], str]) -> dict[str, str]:
    """What each says, asked side by side."""
    with ThreadPoolExecutor(len(everyone)) as pool:
        return dict(zip(everyone, pool.map(ask, everyone.values()), strict=True))


def outcome(call: Callable[[], object], least: float, most: float) -> str:
    """What the client hears, once it has been heard in time."""
    start = time.monotonic()
    try:
        call()
        said = "answered"
    except Refused as error:
        said = str(error)
    took = time.monotonic() - start
    return said if least <= took <= most else f"{said} after {took:.1f} s"


def test_call_without_a_deadline_ends(everyone: dict[str, Far]) -> None:
    def without_end(far: Far) -> str:
        with locked(far.orders.database_url, PAN):
            return outcome(
                lambda: far.client.call("PlaceOrder", pan(), seconds=60),
                CALL_SECONDS - 0.5,
                CALL_SECONDS + 3,
            )

    assert of_all(everyone, without_end) == dict.fromkeys(everyone, LATE)


def test_long_outage_fails_calls_late_and_then_at_once(everyone: dict[str, Far]) -> None:
    def cut_off(far: Far) -> str:
        far.proxy.down()
        first = outcome(lambda: far.client.call("ListCategories"), PATIENCE - 1, PATIENCE + 3)
        then = outcome(lambda: far.client.call("ListCategories"), 0, 1)
        return first if first == then else f"{first}, then {then}"

    assert of_all(everyone, cut_off) == dict.fromkeys(everyone, AWAY)


def test_service_is_healthy_while_postgres_is_away_and_recovers(everyone: dict[str, Far]) -> None:
    healthy = of_all(everyone, lambda far: far.client.health())
    assert healthy == dict.fromkeys(everyone, "SERVING")

    def back(far: Far) -> str:
        far.proxy.up()
        answered = wait_until(
            lambda: outcome(lambda: far.client.call("ListCategories"), 0, 5) == "answered", 5
        )
        return "answered" if answered else "still away"

    assert of_all(everyone, back) == dict.fromkeys(everyone, "answered")
