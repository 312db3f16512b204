"""The service's settings."""

import pytest

from shop_orders.config import Address, Config, ConfigError
from shop_orders.database.opening import DatabaseNotReadyError, Target

URL = "postgres://shop:secret@127.0.0.1:15432/shop"


def test_defaults() -> None:
    assert Config.from_environment({"DATABASE_URL": URL, "ORDERS_LISTEN": ""}) == Config(
        listen=Address("127.0.0.1", 15051),
        rest_listen=None,
        database_url=URL,
        version="dev",
        drain_seconds=1,
        labs=False,
    )


def test_what_the_environment_says() -> None:
    config = Config.from_environment(
        {"DATABASE_URL": URL, "ORDERS_LISTEN": "[::1]:0", "ORDERS_REST_LISTEN": ":15052"}
        | {"SHOP_VERSION": "1.2", "SHOP_DRAIN_SECONDS": "0.25", "HOPWATCH_LABS": "1"}
    )
    assert (str(config.listen), str(config.rest_listen)) == ("[::1]:0", "0.0.0.0:15052")
    assert (config.version, config.drain_seconds, config.labs) == ("1.2", 0.25, True)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ConfigError) as error:
        Config.from_environment(
            {"ORDERS_LISTEN": "15051", "ORDERS_REST_LISTEN": "a:x", "SHOP_DRAIN_SECONDS": "nan"}
            | {"PAYMENTS_ADDRESS": "127.0.0.1:15053"}
        )
    problems = str(error.value).splitlines()
    assert [problem.split()[0] for problem in problems] == [
        "ORDERS_LISTEN",
        "ORDERS_REST_LISTEN",
        "SHOP_DRAIN_SECONDS",
        "DATABASE_URL",
        "PAYMENTS_ADDRESS",
    ]


def test_size_of_the_pool_is_not_for_the_server() -> None:
    target = Target.parse(URL + "?sslmode=disable&pool_max_conns=3&pool_min_conns=1")
    assert (target.url, target.pool_max, target.pool_min) == (URL + "?sslmode=disable", 3, 1)


@pytest.mark.parametrize(
    "url", ["", "shop", "mysql://h/d", URL + "?pool_max_conns=0", URL + "?pool_max_conns=x"]
)
def test_what_is_no_database_is_refused(url: str) -> None:
    with pytest.raises(DatabaseNotReadyError, match="DATABASE_URL"):
        Target.parse(url)
