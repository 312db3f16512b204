"""One running stack, as any process sees it, and what any process can ask of it."""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from . import control, runtimes
from .errors import StackError
from .runtime import Runtime, Usage
from .session import ServiceRecord, Session, SessionFile
from .slot import UP
from .stopping import stop_in_order
from .supervisor import leavers

OWNER_STOP_SECONDS = 90
# A restart waits for a drain and a start, each of some seconds, for each service.
REQUEST_SECONDS_EACH = 120


@dataclass(frozen=True)
class ServiceStatus:
    """One service as it is now. `implementation` says which it is where there are several, `note`
    is the last thing that befell it, `instance` is the runtime's word for what runs it, such as
    "pid 42"; usage is that of all its instances."""

    name: str
    implementation: str
    state: str
    note: str
    instance: str
    ports: dict[str, int]
    uptime_s: float | None = None
    cpu_s: float | None = None
    memory_bytes: int | None = None

    @property
    def is_up(self) -> bool:
        return self.state in UP


class Stack:
    """The stack of a state folder, whoever owns it."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._file = SessionFile(state_dir)

    @property
    def runtime(self) -> Runtime:
        """What runs it; of a stack that is down, what would unless told."""
        session = self._file.read()
        return runtimes.make(session.runtime if session else runtimes.DEFAULT, self._state_dir)

    def is_up(self) -> bool:
        """Whether all services that are awaited were ready, and it has an owner."""
        session = self._file.read()
        return session is not None and session.up and session.owner() is not None

    def has_labs(self) -> bool:
        """Whether it is up and obeys labs."""
        session = self._file.read()
        return session is not None and session.labs and session.owner() is not None

    def status(self) -> list[ServiceStatus]:
        """The services in the order in which they were started; empty when none run."""
        session = self._file.read()
        if session is None:
            return []
        runtime = self.runtime
        # An engine of containers takes a second for each.
        with ThreadPoolExecutor() as pool:
            return list(pool.map(lambda record: _status(record, runtime), session.services))

    def restart(self, services: Sequence[str]) -> None:
        """One after the other, each without losing a request where it can overlap. Returns when
        all are ready again; raises StackError."""
        self._ask("restart", services)

    def start(self, services: Sequence[str]) -> None:
        """Brings services back that have ended, also those that were given up."""
        self._ask("start", services)

    def swap(self, service: str, implementation: str) -> None:
        """Restarts a service by another implementation of it. When that does not get ready, the
        old one stays, and StackError says why."""
        self._ask("swap", [service], implementation)

    def stop(self) -> list[str]:
        """Stops all and leaves nothing behind. Returns what went amiss, such as a service that
        had to be killed. Stopping what does not run is no error."""
        if (session := self._file.read()) and (owner := session.owner()):
            owner.terminate()
            try:
                owner.wait(OWNER_STOP_SECONDS)
            except psutil.TimeoutExpired:
                return [f"its owner, process {owner.pid}, is still busy stopping it"]
        if (session := self._file.read()) is None:
            return []
        # Its owner was killed.
        runtime = self.runtime
        self._file.own()
        problems = stop_in_order(leavers(session, runtime))
        runtime.clear()
        self._file.release()
        return problems

    def _ask(self, action: str, services: Sequence[str], implementation: str = "") -> None:
        def owner_lives() -> bool:
            session: Session | None = self._file.read()
            return session is not None and session.owner() is not None

        if not owner_lives():
            raise StackError(f"no stack is up in {self._state_dir}: `hopwatch-stack up`.")
        seconds = REQUEST_SECONDS_EACH * len(services)
        control.ask(self._state_dir, action, services, implementation, owner_lives, seconds)


def _status(record: ServiceRecord, runtime: Runtime) -> ServiceStatus:
    found = [
        (one, usage)
        for one in record.instances
        if (instance := runtime.find(one.handle)) and (usage := instance.usage())
    ]
    usages: list[Usage] = [usage for _, usage in found]
    return ServiceStatus(
        name=record.service,
        implementation=record.implementation,
        state=record.state if found or not record.instances else "gone",
        note=record.note,
        instance=", ".join(one.label for one in record.instances),
        ports=record.ports,
        uptime_s=time.time() - found[0][0].started_at if found else None,
        cpu_s=sum(usage.cpu_user_s + usage.cpu_system_s for usage in usages) if found else None,
        memory_bytes=sum(usage.memory_bytes for usage in usages) if found else None,
    )
