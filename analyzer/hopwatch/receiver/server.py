"""The app behind waitress: one thread reads from all connections, and a few work, so that a
slow or half-open client costs a socket but never a worker."""

from __future__ import annotations

import socket
from typing import Any, Final

from flask import Flask
from waitress import create_server
from waitress.channel import HTTPChannel
from waitress.task import ErrorTask

from hopwatch.errors import UsageError
from hopwatch.receiver import answers
from hopwatch.receiver.app import answer_content

_THREADS: Final = 8
"""Workers mostly wait for the log's sync together; decoding takes turns."""
_CONNECTIONS: Final = 1000
_IDLE_S: Final = 30
_HEADER_BYTES: Final = 64 << 10
_DRAINED: Final = 4
"""Bodies up to so many times the cap are read to their end (to a file), so that the client
gets to see the 413 of the app; beyond that its connection is cut."""
_BACKLOG: Final = 1024


class _ErrorTask(ErrorTask):  # type: ignore[misc]  # waitress has no types
    """What waitress refuses before the app sees it, answered as OTLP asks for."""

    def execute(self) -> None:
        error = self.request.error
        content = answer_content(self.request.headers.get("CONTENT_TYPE", ""))
        body = answers.encode_status(content, error.code, f"{error.reason}: {error.body}")
        self.status = f"{error.code} {error.reason}"
        self.response_headers.append(("Content-Type", content.value))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


class _Channel(HTTPChannel):  # type: ignore[misc]
    error_task_class = _ErrorTask


class Server:
    """A bound HTTP server. Raises UsageError if it cannot listen at `host` and `port`."""

    def __init__(self, app: Flask, host: str, port: int, max_body: int) -> None:
        self._server: Any = create_server(
            app,
            sockets=[_listen(host, port)],
            threads=_THREADS,
            connection_limit=_CONNECTIONS,
            channel_timeout=_IDLE_S,
            cleanup_interval=_IDLE_S // 3,
            max_request_header_size=_HEADER_BYTES,
            max_request_body_size=_DRAINED * max_body,
            backlog=_BACKLOG,
            asyncore_use_poll=True,
            ident=None,
        )
        self._server.channel_class = _Channel
        self.port: int = self._server.socket.getsockname()[1]

    def run(self) -> None:
        """Serve until SystemExit or KeyboardInterrupt is raised in this thread; requests that
        are being worked on then are finished."""
        self._server.run()
        self._server.close()


def _listen(host: str, port: int) -> socket.socket:
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        return socket.create_server((address[0], port), family=family, backlog=_BACKLOG)
    except OSError as error:
        raise UsageError(
            f"cannot listen at {host}:{port}: {error.strerror}; choose another address with"
            " --listen, or stop what uses this one"
        ) from error
