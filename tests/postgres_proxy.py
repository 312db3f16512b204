"""A way to Postgres that can fail: it refuses, cuts connections, and loses commits."""

import contextlib
import socket
import threading
from collections.abc import Callable
from urllib.parse import urlsplit, urlunsplit

CHUNK = 1 << 16


class PostgresProxy:
    """Stands between a service and the server that `url` names; `self.url` leads through it.

    `lose_next("commit")` drops the next COMMIT with its connection: the server never hears of it.
    `lose_next("answer")` drops the answer to it: the server has committed, nobody knows.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._server = (parts.hostname, parts.port)
        self._open: list[socket.socket] = []
        self._lock = threading.Lock()
        self._next = ""
        self._listener: socket.socket | None = None
        self._port = 0
        self.up()
        address = f"{parts.username}:{parts.password}@127.0.0.1:{self._port}"
        self.url = urlunsplit(parts._replace(netloc=address))

    def up(self) -> None:
        """Takes connections (again)."""
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def down(self) -> None:
        """Ends all connections and refuses new ones."""
        if self._listener is not None:
            # close() alone would let accept() take one more.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        with self._lock:
            for end in self._open:
                _cut(end)
            self._open.clear()

    def lose_next(self, what: str) -> None:
        self._next = what

    @property
    def has_lost(self) -> bool:
        return not self._next

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                self._join(client)

    def _join(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(self._server)
        except OSError:
            client.close()
            return
        with self._lock:
            self._open += [client, server]
        lost = threading.Event()

        def asked(chunk: bytes) -> bool:
            if b"commit\0" not in chunk.lower() or not self._next:
                return True
            what, self._next = self._next, ""
            if what == "answer":
                lost.set()
            return what == "answer"

        _relay(client, server, asked)
        _relay(server, client, lambda _: not lost.is_set())


def _relay(source: socket.socket, to: socket.socket, passes: Callable[[bytes], bool]) -> None:
    """Copies in a thread until an end closes or `passes` says no; then both are cut."""

    def copy() -> None:
        with contextlib.suppress(OSError):
            while (chunk := source.recv(CHUNK)) and passes(chunk):
                to.sendall(chunk)
        _cut(source)
        _cut(to)

    threading.Thread(target=copy, daemon=True).start()


def _cut(end: socket.socket) -> None:
    with contextlib.suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
    end.close()
