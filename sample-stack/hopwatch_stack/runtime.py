"""What it takes to run single instances of services: as processes, or as containers.

A runtime starts, asks and ends what it is told. What is decided about a stack (the order, rolling
restarts, bringing back what died, giving up) is decided once, by the supervisor, for all runtimes.
Nothing above this interface knows of pids or containers.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from .services import Service
from .surroundings import Surroundings

# By what another process finds an instance again; kept as JSON in the session file.
Handle = dict[str, Any]


@dataclass(frozen=True)
class Usage:
    """What an instance has used since it began, with its children, those that ended among them.
    Memory counts shared pages by their share where the system tells (PSS)."""

    cpu_user_s: float
    cpu_system_s: float
    memory_bytes: int
    threads: int

    @property
    def cpu_seconds(self) -> float:
        return self.cpu_user_s + self.cpu_system_s


@dataclass(frozen=True)
class Exit:
    """How an instance ended; `how` reads like "exit code 1" or "ended by SIGKILL"."""

    ok: bool
    how: str


class Found(Protocol):
    """One run of one service, whoever launched it. No call waits for the service; `usage` is
    asked from another thread than the rest."""

    def exit(self) -> Exit | None:
        """None while it runs. How it ended is known to the process that launched it."""

    def stop(self) -> None:
        """Asks it to end, by the service's stop signal."""

    def kill(self) -> None:
        """Ends it and all it started."""

    def usage(self) -> Usage | None:
        """None when it has ended."""


class Instance(Found, Protocol):
    """One run of one service, as the process that launched it sees it."""

    @property
    def handle(self) -> Handle: ...

    @property
    def label(self) -> str:
        """The runtime's word for it, for people: "pid 42"."""

    def is_ready(self) -> bool:
        """Whether this very instance serves, also while an older one has the same ports."""


class Runtime(Protocol):
    """Kept state lives in the stack's state folder, or where every process finds it."""

    @property
    def name(self) -> str:
        """By which `--runtime` chooses it."""

    @property
    def surroundings(self) -> Surroundings: ...

    def prepare(self, services: Sequence[Service]) -> None:
        """Before the first launch of a stack: forgets the logs of the last one and makes what the
        services share. Raises StackError when a port is taken, or something is missing."""

    def launch(self, service: Service, env: Mapping[str, str]) -> Instance:
        """Starts an instance with this environment (`service.env` and what the supervisor adds)
        and returns at once. Its log is appended to the service's. Raises ServiceError.
        A service with `overlaps` may have an older instance on the same ports."""

    def find(self, handle: Handle) -> Found | None:
        """An instance launched by any process, if it still runs."""

    def clear(self) -> None:
        """When all instances have ended, or their supervisor was killed: removes what is left of
        this stack."""

    def log_names(self) -> list[str]:
        """The services that have a log, of this stack or the last."""

    def log_end(self, service: str, lines: int) -> str:
        """The last lines of a service's log, of all its instances. UsageError: there is none."""

    def follow_log(self, service: str) -> Iterator[str]:
        """Lines of a service's log as they are written, from now on, without end."""
