"""Starts the service, serves until it is told to stop, and stops in order."""

import asyncio
import contextlib
import logging
import signal
import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from . import telemetry
from .config import Config
from .database import Database, open_database
from .server.grpc_server import GrpcServer
from .server.services import Services

if TYPE_CHECKING:
    from .server.web import WebServer

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
        services = Services.of(database)
        server = GrpcServer(services, config.labs)
        web = None
        if config.rest_listen is not None:
            # Half of what the service loads: not for those who do without.
            from .rest import create_app
            from .server.web import WebServer

            app = create_app(services, server.health, asyncio.get_running_loop(), config.labs)
            web = WebServer(config.rest_listen, app)
        addresses = await _listen(config, server, web)
        _log.info(
            "serving",
            extra={
                **addresses,
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
        if web is not None:
            web.send_away()
        await asyncio.sleep(config.drain_seconds)
        await asyncio.gather(server.stop(), *([web.stop()] if web is not None else []))
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


async def _listen(config: Config, server: GrpcServer, web: "WebServer | None") -> dict[str, str]:
    """Start both; returns where they listen, for the log."""
    try:
        port = await server.start(config.listen)
    except RuntimeError as error:
        raise ListenError(
            f"cannot listen on {config.listen} (see ORDERS_LISTEN): {error}"
        ) from error
    addresses = {"address": str(config.listen._replace(port=port))}
    if web is not None and config.rest_listen is not None:
        try:
            port = web.start()
        except OSError as error:
            raise ListenError(
                f"cannot listen on {config.rest_listen} (see ORDERS_REST_LISTEN): {error}"
            ) from error
        addresses["rest_address"] = str(config.rest_listen._replace(port=port))
    return addresses
