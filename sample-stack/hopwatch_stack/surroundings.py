"""How a service sees the world from where its runtime puts it."""

from pathlib import Path
from typing import Protocol


class Surroundings(Protocol):
    """`services.services` makes the services' addresses and paths with it."""

    def listen(self, port: int) -> str:
        """Where to listen, such as "127.0.0.1:8080", so that the host's 127.0.0.1 has it too."""

    def reach(self, service: str, port: int) -> str:
        """Where another service of the stack is reached, such as "127.0.0.1:15051"."""

    def path(self, path: Path) -> str:
        """What a file or folder of the host is called there."""


class ThisMachine:
    """For plain processes: everything is where it is."""

    def listen(self, port: int) -> str:
        return f"127.0.0.1:{port}"

    def reach(self, _service: str, port: int) -> str:
        return f"127.0.0.1:{port}"

    def path(self, path: Path) -> str:
        return str(path)
