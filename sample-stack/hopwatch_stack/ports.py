"""Ports: refused before anything starts when another program has them."""

import random
import socket
from collections.abc import Mapping

import psutil

from .errors import StackError

# Free enough of well-known ones, and below those of outgoing connections (settings.Ports).
FREE_RANGE = (20_000, 32_768)


def require_free(ports: Mapping[str, int]) -> None:
    """Raises StackError naming every port that is taken, and by whom where that can be told."""
    taken = [
        f"port {port} ({name}) is in use{_holder(port)}"
        for name, port in ports.items()
        if not _is_free(port)
    ]
    if taken:
        raise StackError(f"{'; '.join(taken)}. Choose others with --ports NAME=PORT,...")


def free_ports(count: int) -> list[int]:
    """Different ports that nothing listens on now, nor any outgoing connection will be given."""
    found: list[int] = []
    while len(found) < count:
        port = random.SystemRandom().randrange(*FREE_RANGE)
        if port not in found and _is_free(port):
            found.append(port)
    return found


def _is_free(port: int) -> bool:
    try:
        # create_server reuses addresses: a port in TIME_WAIT counts as free.
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True


def _holder(port: int) -> str:
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr.port == port
            if listens and connection.pid:
                return f" by {psutil.Process(connection.pid).name()} (process {connection.pid})"
    except psutil.Error:
        pass  # Other users' processes cannot be looked into everywhere.
    return ""
