"""Starts the service, serves until it is told to stop, and stops in order."""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Awaitable

from . import telemetry
from .config import Address, Config
from .database import Database, open_database
from .server.grpc_server import GrpcServer
from .server.services import Services

# Bounds the sending of the last telemetry.
FLUSH_SECONDS = 2.0

_log = logging.getLogger(__name__)


class ListenError(Exception):
    """An address cannot be listened on."""


async def run(config: Config) -> None:
    """Serve until SIGTERM or SIGINT. Raises DatabaseNotReadyError and ListenError."""
    started = time.monotonic()
    sending = telemetry.start(config.version)
    try:
        await _serve(config, _told_to_stop(), started)
    finally:
        sending.shutdown(FLUSH_SECONDS)
        _log.info("stopped")


def _told_to_stop() -> asyncio.Event:
    """An event for the first signal; a second one ends the process at once."""
    loop = asyncio.get_running_loop()
    told = asyncio.Event()

    def tell() -> None:
        told.set()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, tell)
    return told


async def _serve(config: Config, told_to_stop: asyncio.Event, started: float) -> None:
    database = await _unless(told_to_stop, open_database(config.database_url))
    if database is None:
        return
    try:
        server = GrpcServer(Services.of(database), config.labs)
        port = await _listen(server, config.listen)
        _log.info(
            "serving",
            extra={
                "address": str(config.listen._replace(port=port)),
                "version": config.version,
                "labs": config.labs,
                "started_in_ms": round((time.monotonic() - started) * 1000),
            },
        )
        await told_to_stop.wait()
        _log.info("draining", extra={"seconds": config.drain_seconds})
        # Health says nothing of the database: it is the same for all instances, so taking them out
        # would make a short absence, which calls are got over, one of the whole service.
        await server.health.enter_graceful_shutdown()
        await asyncio.sleep(config.drain_seconds)
        await server.stop()
    finally:
        await database.close()


async def _unless(told_to_stop: asyncio.Event, opening: Awaitable[Database]) -> Database | None:
    """What is being opened, or None if the service is told to stop before."""
    opened = asyncio.ensure_future(opening)
    stop = asyncio.ensure_future(told_to_stop.wait())
    await asyncio.wait([opened, stop], return_when=asyncio.FIRST_COMPLETED)
    stop.cancel()
    if opened.done():
        return opened.result()
    opened.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await opened
    return None


async def _listen(server: GrpcServer, address: Address) -> int:
    try:
        return await server.start(address)
    except RuntimeError as error:
        raise ListenError(f"cannot listen on {address} (see ORDERS_LISTEN): {error}") from error
