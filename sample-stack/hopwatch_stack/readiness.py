"""How to tell that a service is ready. Each probe asks once and answers at once."""

import http.client
import socket
import struct
from dataclasses import dataclass

PROBE_SECONDS = 0.5


@dataclass(frozen=True)
class HttpReady:
    """GET `path` answers 2xx."""

    port: int
    path: str

    def probe(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PROBE_SECONDS)
        try:
            connection.request("GET", self.path)
            return 200 <= connection.getresponse().status < 300
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()


@dataclass(frozen=True)
class TcpReady:
    """Connections are accepted."""

    port: int

    def probe(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=PROBE_SECONDS).close()
        except OSError:
            return False
        return True


@dataclass(frozen=True)
class PostgresReady:
    """Postgres asks for a password. While it starts or recovers it listens, but sends an error."""

    port: int

    def probe(self) -> bool:
        # A StartupMessage of protocol 3.0; an AuthenticationRequest begins with "R".
        body = struct.pack("!I", 196608) + b"user\0postgres\0database\0shop\0\0"
        try:
            with socket.create_connection(("127.0.0.1", self.port), PROBE_SECONDS) as connection:
                connection.sendall(struct.pack("!I", len(body) + 4) + body)
                return connection.recv(1) == b"R"
        except OSError:
            return False


@dataclass(frozen=True)
class Finished:
    """Not a server: ready once it has exited with 0."""


Readiness = HttpReady | TcpReady | PostgresReady | Finished
