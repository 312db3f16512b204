"""The HTTP server beside the gRPC server."""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable
from typing import Any

from cheroot import wsgi

from ..config import Address

# Calls that are answered at the same time; most of that time they wait for the database.
THREADS = 32
# Of the socket, and how long an idle connection stays open: longer than clients keep one.
TIMEOUT_SECONDS = 10
BACKLOG = 128
# Idle ones, beyond which a connection is closed after its answer.
MAX_KEPT_CONNECTIONS = 1000
MAX_HEADER_BYTES = 16 << 10
# Requests that still run get this long to end.
STOP_SECONDS = 10

App = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

_log = logging.getLogger(__name__)


class _LoggingServer(wsgi.Server):
    def error_log(self, msg: str = "", level: int = logging.INFO, traceback: bool = False) -> None:
        """Log what the library would print."""
        _log.log(level, "web server", extra={"error": msg}, exc_info=traceback)


class WebServer:
    """Serves a WSGI application from threads."""

    def __init__(self, address: Address, app: App) -> None:
        self._app = app
        self._leaving = False
        self._server = _LoggingServer(
            tuple(address),
            self._answer,
            numthreads=THREADS,
            timeout=TIMEOUT_SECONDS,
            shutdown_timeout=STOP_SECONDS,
            request_queue_size=BACKLOG,
            # The next instance listens beside this one while this one drains.
            reuse_port=True,
        )
        self._server.keep_alive_conn_limit = MAX_KEPT_CONNECTIONS
        self._server.max_request_header_size = MAX_HEADER_BYTES

    def start(self) -> int:
        """Listen; returns the port. Raises OSError where that is impossible."""
        self._server.prepare()
        threading.Thread(target=self._server.serve, name="web", daemon=True).start()
        port: int = self._server.bind_addr[1]
        return port

    def send_away(self) -> None:
        """Ask clients, answer by answer, to connect anew: to another instance."""
        self._leaving = True

    async def stop(self) -> None:
        """Take no more connections, and return when the last request has its answer."""
        await asyncio.to_thread(self._server.stop)

    def _answer(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        def start(status: str, headers: list[tuple[str, str]], *rest: Any) -> Any:
            if self._leaving:
                headers = [*headers, ("Connection", "close")]
            return start_response(status, headers, *rest)

        # The server ends a body of any kind itself; without this, one in chunks counts as empty.
        return self._app({**environ, "wsgi.input_terminated": True}, start)
