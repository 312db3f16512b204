"""Stacks of a few small services, and what tests ask of them."""

import socket
import threading
from collections.abc import Callable

import psutil

from hopwatch_stack.errors import StackError
from hopwatch_stack.stack import Stack

# Owns a stack of the services that it is given and tells when they are up.
OWNER = """
import sys
from pathlib import Path
from hopwatch_stack.interrupts import end_as_interrupted
from hopwatch_stack.processes import ProcessRuntime
from hopwatch_stack.progress import Silent
from hopwatch_stack.supervisor import Supervisor
from tests.small_services import server
end_as_interrupted()
state_dir = Path(sys.argv[1])
supervisor = Supervisor(state_dir, ProcessRuntime(state_dir), print)
try:
    one, two = (int(port) for port in sys.argv[2:])
    supervisor.start([server("one", one, overlaps=True), server("two", two)], Silent())
    print("up", flush=True)
    supervisor.watch()
finally:
    supervisor.stop()
"""


class Said:
    """What a supervisor said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def __call__(self, text: str) -> None:
        self.lines.append(text)

    def __contains__(self, text: str) -> bool:
        return any(text in line for line in self.lines)


def pids(stack: Stack) -> dict[str, int]:
    return {s.name: int(s.instance.split()[1]) for s in stack.status() if s.instance}


def states(stack: Stack) -> dict[str, str]:
    return {status.name: status.state for status in stack.status()}


def is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def answer(port: int) -> int:
    """The pid of the server that answers. What waits to be accepted when a server leaves is
    reset by Linux; as every good client does, this one tries again then."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            return int(connection.recv(20))
    except ConnectionResetError:
        return answer(port)


class asked:  # noqa: N801
    """Runs a request to the stack in a thread, as another process would make it."""

    def __init__(self, request: Callable[[], None]) -> None:
        self.error: StackError | None = None
        self._request = request
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            self._request()
        except StackError as error:
            self.error = error

    def __enter__(self) -> Callable[[], bool]:
        self._thread.start()
        return lambda: not self._thread.is_alive()

    def __exit__(self, *_: object) -> None:
        self._thread.join()
