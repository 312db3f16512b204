"""A database of the shop for each test that asks for one."""

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from shop_orders.database import Database, open_database

MIGRATIONS = Path(__file__).parents[2] / "db" / "migrations"


@pytest.fixture(scope="session")
def template() -> Iterator[tuple[str, str]]:
    """The server that TEST_DATABASE_URL names, and a database on it that has the shop's products:
    to copy it takes a tenth of the time of making one."""
    server = os.environ.get("TEST_DATABASE_URL")
    if not server:
        pytest.skip("TEST_DATABASE_URL names no server on which databases may be created")
    name = _new_name()
    asyncio.run(_migrate(server, name))
    yield server, name
    asyncio.run(_run(server, f"DROP DATABASE {name}"))


@pytest.fixture
async def database_url(template: tuple[str, str]) -> AsyncIterator[str]:
    """A new database with the shop's products."""
    server, copied = template
    name = _new_name()
    await _run(server, f"CREATE DATABASE {name} TEMPLATE {copied}")
    yield _named(server, name)
    await _run(server, f"DROP DATABASE {name} WITH (FORCE)")


def _new_name() -> str:
    return f"orders_python_{uuid.uuid4().hex}"


def _named(server: str, name: str) -> str:
    return urlsplit(server)._replace(path=f"/{name}").geturl()


async def _migrate(server: str, name: str) -> None:
    await _run(server, f"CREATE DATABASE {name}")
    for file in sorted(MIGRATIONS.glob("*.sql")):
        await _run(_named(server, name), file.read_text().partition("-- +goose Down")[0])


async def _run(url: str, sql: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """The shop's database as the service uses it."""
    opened = await open_database(database_url)
    yield opened
    await opened.close()


@pytest.fixture
async def other(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of somebody else to the same database."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()
