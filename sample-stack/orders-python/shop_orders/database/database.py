"""Runs queries and transactions, and runs them again where that may help."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

import asyncpg

from .. import labs
from .budget import Budget
from .errors import NoAnswerError, busy, explain, lost_connection, lost_race
from .metrics import PoolMetrics
from .outage import Outage
from .tracing import Tracing, attempt

# Attempts at one query or transaction. An outage costs one, however long: see Outage.
MAX_ATTEMPTS = 5
FIRST_PAUSE_SECONDS = 0.005
LONGEST_PAUSE_SECONDS = 0.2
# How long a call waits for a connection while others use them all.
ACQUIRE_TIMEOUT_SECONDS = 2.0
# How long a connection may take to become usable again, after a statement was cut off.
RELEASE_TIMEOUT_SECONDS = 1.0

T = TypeVar("T")
Rows = Sequence[asyncpg.Record]

_log = logging.getLogger(__name__)


class Session:
    """A connection that a call has for itself; its statements are traced."""

    def __init__(self, connection: Any, tracing: Tracing) -> None:
        self._connection = connection
        self._tracing = tracing

    async def fetch(self, sql: str, *arguments: object) -> Rows:
        """Run one statement and return its rows."""
        with self._tracing.statement(sql):
            rows: Rows = await self._connection.fetch(sql, *arguments)
            return rows

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """What is done within is done as one, or not at all."""
        await self._run("BEGIN")
        try:
            yield
        except Exception as error:
            if not lost_connection(error):
                await self._run("ROLLBACK")
            raise
        await self._run("COMMIT")

    async def _run(self, command: str) -> None:
        with self._tracing.statement(command):
            await self._connection.execute(command)


class Database:
    """A pool of connections. What was asked runs again if the connection was lost or a race with
    another was, within the deadline of the call and the budget for retries. The spans of a further
    attempt have the same parent and say which attempt it is."""

    def __init__(
        self, pool: asyncpg.Pool, outage: Outage, tracing: Tracing, metrics: PoolMetrics
    ) -> None:
        self._pool = pool
        self._outage = outage
        self._tracing = tracing
        self._metrics = metrics
        self._retries = Budget()
        self._releasing: set[asyncio.Task[None]] = set()

    async def select(self, sql: str, *arguments: object) -> Rows:
        """Return the rows that a statement without side effects gives."""
        sql, arguments = labs.slow_down(sql, arguments)
        return await self.execute(sql, *arguments)

    async def select_by_id(self, sql: str, ids: Sequence[str]) -> Rows:
        """Return the rows of the ids, which the statement takes as an array in $1."""
        rows: list[asyncpg.Record] = []
        for batch in labs.batches(ids):
            rows += await self.select(sql, batch)
        return rows

    async def execute(self, sql: str, *arguments: object) -> Rows:
        """Run a statement that may be run twice."""
        return await self._repeat(lambda session: session.fetch(sql, *arguments))

    async def transact(self, work: Callable[[Session], Awaitable[T]]) -> T:
        """Run work in a transaction. If the connection is lost at the commit, nobody knows whether
        it was done; work runs again all the same, so it must begin with a row of a unique key that
        was chosen before: the second one meets the first (is_duplicate)."""

        async def within(session: Session) -> T:
            async with session.transaction():
                return await work(session)

        return await self._repeat(within)

    async def close(self) -> None:
        """Wait until no connection is in use, and close all."""
        self._outage.stop()
        await self._pool.close()

    async def _repeat(self, work: Callable[[Session], Awaitable[T]]) -> T:
        self._retries.earn()
        pause = FIRST_PAUSE_SECONDS
        for number in range(MAX_ATTEMPTS):
            try:
                return await self._attempt(number, work)
            except Exception as error:
                if number + 1 == MAX_ATTEMPTS or not await self._may_repeat(error):
                    raise
            await asyncio.sleep(pause)
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
        raise AssertionError("the last attempt returns or raises")

    async def _attempt(self, number: int, work: Callable[[Session], Awaitable[T]]) -> T:
        token = attempt.set(number)
        try:
            await self._outage.wait()
            async with self._connection() as connection:
                return await work(Session(connection, self._tracing))
        finally:
            attempt.reset(token)

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[Any]:
        connection = await self._acquire()
        try:
            with self._metrics.using():
                yield connection
        except asyncio.CancelledError:
            # Postgres is being told that nobody waits for the statement; nobody waits for that.
            task = asyncio.create_task(self._abandon(connection))
            self._releasing.add(task)
            task.add_done_callback(self._releasing.discard)
            raise
        except Exception as error:
            if lost_connection(error):
                # The pool may have noticed before, and taken it back.
                with contextlib.suppress(asyncpg.InterfaceError):
                    connection.terminate()
            await self._release(connection)
            raise
        else:
            await self._release(connection)

    async def _abandon(self, connection: Any) -> None:
        """Give back what a call has left in the middle of a statement or a transaction."""
        try:
            # Waits for the end of the statement, and does no harm outside a transaction.
            await connection.execute("ROLLBACK", timeout=RELEASE_TIMEOUT_SECONDS)
        except Exception as error:
            _log.info("statement given up", extra={"error": explain(error)})
            # The pool may have noticed before, and taken it back.
            with contextlib.suppress(asyncpg.InterfaceError):
                connection.terminate()
        await self._release(connection)

    async def _release(self, connection: Any) -> None:
        try:
            await self._pool.release(connection, timeout=RELEASE_TIMEOUT_SECONDS)
        except Exception as error:
            # The pool has closed it, and connects anew; what the call asked for is not affected.
            _log.info("connection to the database closed", extra={"error": explain(error)})

    async def _acquire(self) -> Any:
        with self._metrics.waiting(), self._tracing.span("pool.acquire"):
            try:
                async with asyncio.timeout(ACQUIRE_TIMEOUT_SECONDS) as limit:
                    return await self._pool.acquire()
            except TimeoutError:
                if not limit.expired():
                    raise  # of connecting
                self._metrics.timed_out()
                in_use = self._pool.get_size() - self._pool.get_idle_size()
                raise NoAnswerError if in_use < self._pool.get_max_size() else busy() from None

    async def _may_repeat(self, error: Exception) -> bool:
        """Whether another attempt may do better and can be afforded."""
        if lost_connection(error):
            if self._outage.begin(error):
                # The others are as dead, most likely: nobody should have to find out.
                await self._pool.expire_connections()
        elif not lost_race(error):
            return False
        return self._retries.spend()
