"""One running stack, as any process sees it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from .progress import Steps
from .services import Service


@dataclass(frozen=True)
class ServiceStatus:
    """One service as it is now. `instance` is the runtime's word for what runs it, such as
    "pid 42"; memory counts shared pages by their share where the system tells (PSS)."""

    name: str
    state: str
    instance: str
    ports: dict[str, int]
    uptime_s: float | None = None
    cpu_s: float | None = None
    memory_bytes: int | None = None


class Stack(Protocol):
    """What it keeps, it keeps in the stack's state folder, so that any process can ask for the
    status, read the logs and stop the stack."""

    def start(self, services: Sequence[Service], show: Steps) -> None:
        """Returns when all are ready; side by side where `needs` allows. When one dies or is
        not ready in time, stops the others and raises ServiceError."""

    def watch(self) -> None:
        """Returns never; raises ServiceError when a service of this stack dies."""

    def stop(self) -> list[str]:
        """Stops all, dependents first, and leaves nothing behind. Returns what went amiss,
        such as a service that had to be killed. Stopping what does not run is no error."""

    def is_up(self) -> bool:
        """Whether all services are ready."""

    def status(self) -> list[ServiceStatus]:
        """The services in the order in which they were started; empty when none run."""

    def log_names(self) -> list[str]:
        """The services that have a log, of this run or the last."""

    def log_end(self, service: str, lines: int) -> str:
        """The last lines of a service's log."""

    def follow_log(self, service: str) -> Iterator[str]:
        """Lines of a service's log as they are written, from now on, without end."""
