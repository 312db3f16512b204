"""Connects to the database, and waits until it holds the products."""

import asyncio
import logging
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import asyncpg

from .database import Database
from .errors import UNDEFINED_TABLE, explain, is_unavailable, lost_connection, sql_state
from .metrics import PoolMetrics
from .outage import Outage
from .tracing import Tracing

# The same on every machine, and that of the service in other languages: what waits for a
# connection here waits there too.
DEFAULT_POOL_SIZE = 8
CONNECT_TIMEOUT_SECONDS = 5.0
# How long a database that is started at the same time may take to come up and be migrated.
PATIENCE_SECONDS = 30.0
POLL_SECONDS = 0.05

_log = logging.getLogger(__name__)


class DatabaseNotReadyError(Exception):
    """There is no such database, or it does not hold what it should."""


@dataclass(frozen=True)
class Target:
    """What DATABASE_URL names: a database, and sizes of the pool (pool_max_conns, pool_min_conns)
    that drivers of other languages take from there too."""

    url: str
    host: str
    port: int
    name: str
    pool_max: int
    pool_min: int

    @classmethod
    def parse(cls, url: str) -> "Target":
        """Read the URL; raises DatabaseNotReadyError."""
        try:
            parts = urlsplit(url)
            parameters = dict(parse_qsl(parts.query))
            pool_max = int(parameters.pop("pool_max_conns", DEFAULT_POOL_SIZE))
            pool_min = int(parameters.pop("pool_min_conns", 0))
            port = parts.port or 5432
        except ValueError as error:
            raise DatabaseNotReadyError(f"DATABASE_URL: {error}") from None
        if parts.scheme not in ("postgres", "postgresql") or not parts.hostname:
            raise DatabaseNotReadyError("DATABASE_URL must be postgres://user:password@host/name")
        if not 0 <= pool_min <= pool_max or pool_max < 1:
            raise DatabaseNotReadyError(
                f"DATABASE_URL: a pool of {pool_min} to {pool_max} connections makes no sense"
            )
        return cls(
            url=parts._replace(query=urlencode(parameters)).geturl(),
            host=parts.hostname,
            port=port,
            name=parts.path.removeprefix("/"),
            pool_max=pool_max,
            pool_min=pool_min,
        )

    async def connect(self, **options: Any) -> asyncpg.Connection:
        """Open a connection of one's own."""
        return await asyncpg.connect(
            self.url,
            timeout=CONNECT_TIMEOUT_SECONDS,
            server_settings={
                "application_name": "shop-orders",
                # Should the request to cancel a statement get lost, its end comes with that of the
                # connection.
                "client_connection_check_interval": "500ms",
            },
            **options,
        )


async def open_database(url: str) -> Database:
    """Connect to the database at url; raises DatabaseNotReadyError."""
    target = Target.parse(url)
    tracing = Tracing(target.host, target.port, target.name)

    async def connect(_: None, **options: Any) -> asyncpg.Connection:
        with tracing.span("connect"):
            return await target.connect(**options)

    async def leave_as_is(_: asyncpg.Connection) -> None:
        """Our statements change no settings: there is nothing to reset, at a round trip a call."""

    try:
        await _wait_until_ready(target)
    except Exception as error:
        raise DatabaseNotReadyError(
            f"database {target.name} on {target.host}:{target.port} is not ready "
            f"(is it running, did shop-migrate succeed?): {explain(error)}"
        ) from error
    pool = await asyncpg.create_pool(
        connect=connect,
        reset=leave_as_is,
        min_size=target.pool_min,
        max_size=target.pool_max,
        max_cached_statement_lifetime=0,
    )
    metrics = PoolMetrics(pool, f"{target.host}:{target.port}/{target.name}")
    return Database(pool, Outage(lambda: _takes_connections(target)), tracing, metrics)


async def _takes_connections(target: Target) -> bool:
    """A server that answers, be it with a refusal, is there."""
    try:
        connection = await target.connect()
    except Exception as error:
        return not lost_connection(error)
    await connection.close()
    return True


async def _wait_until_ready(target: Target) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    said = False
    while True:
        try:
            return await _check_ready(target)
        except Exception as error:
            if not _may_become_ready(error) or time.monotonic() > deadline:
                raise
            if not said:
                _log.info("waiting for the database", extra={"error": explain(error)})
                said = True
        await asyncio.sleep(POLL_SECONDS)


async def _check_ready(target: Target) -> None:
    connection = await target.connect()
    try:
        if not await connection.fetchval("SELECT EXISTS (SELECT FROM products)"):
            raise DatabaseNotReadyError("there are no products")
    finally:
        await connection.close()


def _may_become_ready(error: Exception) -> bool:
    """A server that answered and said no will not change its mind."""
    if sql_state(error) == UNDEFINED_TABLE or isinstance(error, DatabaseNotReadyError):
        return True
    return is_unavailable(error)
