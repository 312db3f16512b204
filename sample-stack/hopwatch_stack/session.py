"""What the owner of a running stack writes down for other processes, and for the next owner.

One process owns a stack: it holds the lock of the state folder as long as it lives, however it
ends, and keeps `session.json` true. Everyone else only reads.
"""

import dataclasses
import fcntl
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from .errors import StackError
from .runtime import Handle

# Creation times are told by the wall clock, which may have been set since.
CLOCK_STEP_SECONDS = 2.0


@dataclass(frozen=True)
class InstanceRecord:
    """One instance of a service that runs."""

    handle: Handle
    label: str
    started_at: float


@dataclass(frozen=True)
class ServiceRecord:
    """One service: its state, the last thing that befell it, its instances with the one that
    counts first."""

    service: str
    # Which of several, if there are several.
    implementation: str
    state: str
    note: str
    ports: dict[str, int]
    stop_seconds: float
    # Services that are stopped only after this one has ended.
    outlived_by: list[str]
    instances: list[InstanceRecord]


@dataclass(frozen=True)
class Session:
    owner_pid: int
    owner_created: float
    runtime: str
    labs: bool = False
    # How the BFF calls orders, and where payments are.
    protocol: str = ""
    payments: str = ""
    up: bool = False
    services: list[ServiceRecord] = field(default_factory=list)

    def owner(self) -> psutil.Process | None:
        return find_process(self.owner_pid, self.owner_created)


def find_process(pid: int, created: float) -> psutil.Process | None:
    """The process with this pid that began at `created`, unless it has ended."""
    try:
        process = psutil.Process(pid)
        same = abs(process.create_time() - created) < CLOCK_STEP_SECONDS
        alive = same and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return None
    return process if alive else None


class SessionFile:
    """`session.json` of a state folder, and the lock beside it."""

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._path = state_dir / "session.json"
        self._lock: IO[str] | None = None

    def own(self) -> None:
        """Takes the lock; raises StackError when another process owns this stack."""
        self._state_dir.mkdir(parents=True, exist_ok=True)
        lock = (self._state_dir / "lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            session = self.read()
            by = f" by process {session.owner_pid}" if session else ""
            raise StackError(
                f"a stack is already up in {self._state_dir}{by}: `hopwatch-stack down` stops it, "
                "--state-dir and --ports let another run beside it."
            ) from None
        self._lock = lock

    def read(self) -> Session | None:
        try:
            raw = json.loads(self._path.read_text())
            services = [_service_record(record) for record in raw.pop("services")]
            return Session(**raw, services=services)
        except FileNotFoundError:
            return None
        except (ValueError, TypeError, KeyError) as error:
            raise StackError(f"{self._path} is damaged ({error!r}): remove it.") from error

    def write(self, session: Session) -> None:
        scratch = self._path.with_suffix(f".{os.getpid()}")
        scratch.write_text(json.dumps(dataclasses.asdict(session)))
        scratch.replace(self._path)

    def release(self) -> None:
        """Forgets the session and gives the lock back."""
        self._path.unlink(missing_ok=True)
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _service_record(raw: dict[str, object]) -> ServiceRecord:
    instances = raw.pop("instances")
    assert isinstance(instances, list)
    return ServiceRecord(
        **raw,  # type: ignore[arg-type]
        instances=[InstanceRecord(**instance) for instance in instances],
    )
