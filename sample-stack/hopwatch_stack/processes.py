"""Runs a stack as plain processes of this machine, children of one owner."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psutil

from .children import privileges_dropped, stop_records, stop_with_parent
from .errors import ServiceError, UsageError
from .ports import require_free
from .progress import Steps
from .readiness import Finished
from .services import Service
from .session import ProcessRecord, Session, SessionFile
from .stack import ServiceStatus

POLL_SECONDS = 0.02
WATCH_SECONDS = 0.2
LOG_LINES_SHOWN = 20
OWNER_STOP_SECONDS = 90
LOG_END_BYTES = 65536


@dataclass
class _Running:
    """A service and its process, as the owner holds them."""

    service: Service
    process: psutil.Popen
    record: ProcessRecord
    deadline: float

    @property
    def is_server(self) -> bool:
        return not isinstance(self.service.ready, Finished)


class ProcessRuntime:
    """See stack.Stack. Start and watch from the main thread: on Linux the services ask to
    be stopped when the thread that started them ends, so that they go down with a killed owner.
    """

    def __init__(self, state_dir: Path) -> None:
        self._logs = state_dir / "logs"
        self._file = SessionFile(state_dir)
        self._running: dict[str, _Running] = {}
        self._session: Session | None = None

    # What the owner does

    def start(self, services: Sequence[Service], show: Steps) -> None:
        self._file.own()
        left_over = self._file.read()
        me = psutil.Process()
        self._session = Session(owner_pid=me.pid, owner_created=me.create_time())
        try:
            if left_over:  # Its owner was killed.
                stop_records(left_over.records)
            require_free({n: p for service in services for n, p in service.ports.items()})
            self._start_all(services, show)
            self._session.up = True
            self._write_session()
        except BaseException:
            self.stop()
            raise

    def watch(self) -> None:
        while True:
            time.sleep(WATCH_SECONDS)
            for running in self._running.values():
                if running.is_server and running.process.poll() is not None:
                    raise self._failure(running, f"died: {_exit(running.process.returncode)}")

    def _start_all(self, services: Sequence[Service], show: Steps) -> None:
        self._logs.mkdir(parents=True, exist_ok=True)
        waiting = list(services)
        starting: list[_Running] = []
        ready: set[str] = set()
        while waiting or starting:
            for service in [s for s in waiting if ready.issuperset(s.needs)]:
                waiting.remove(service)
                show.began(service.name)
                starting.append(self._spawn(service))
            for running in [r for r in starting if self._has_become_ready(r)]:
                starting.remove(running)
                ready.add(running.service.name)
                running.record.state = "ready" if running.is_server else "finished"
                self._write_session()
                show.ended(running.service.name, running.record.state)
            time.sleep(POLL_SECONDS)

    def _spawn(self, service: Service) -> _Running:
        log = self._log_path(service.name).open("wb")
        with log:
            try:
                process = psutil.Popen(
                    [*privileges_dropped(service), *service.program(), *service.arguments],
                    env={**os.environ, **service.env},
                    cwd=service.folder,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # Ctrl-C on the terminal is for the owner, which stops the rest in order.
                    process_group=0,
                    preexec_fn=stop_with_parent(service.stop_signal),
                )
            except OSError as error:
                what = f"cannot be started: {error.strerror}: {error.filename}; run `make build`"
                raise ServiceError(service.name, what, "") from error
        record = ProcessRecord(
            service=service.name,
            pid=process.pid,
            created=process.create_time(),
            ports=dict(service.ports),
            stop_signal=service.stop_signal,
            stop_seconds=service.stop_seconds,
            outlived_by=[*service.needs, *service.outlived_by],
        )
        deadline = time.monotonic() + service.ready_seconds
        running = self._running[service.name] = _Running(service, process, record, deadline)
        assert self._session is not None
        self._session.records.append(record)
        self._write_session()
        return running

    def _write_session(self) -> None:
        assert self._session is not None
        self._file.write(self._session)

    def _has_become_ready(self, running: _Running) -> bool:
        code = running.process.poll()
        if code is not None:
            if code == 0 and not running.is_server:
                return True
            raise self._failure(running, f"died before it was ready: {_exit(code)}")
        if time.monotonic() > running.deadline:
            seconds = running.service.ready_seconds
            raise self._failure(running, f"was not ready within {seconds:.0f} s")
        ready = running.service.ready
        return False if isinstance(ready, Finished) else ready.probe()

    def _failure(self, running: _Running, what: str) -> ServiceError:
        name = running.service.name
        return ServiceError(name, what, self.log_end(name, LOG_LINES_SHOWN))

    # What any process can do

    def stop(self) -> list[str]:
        if self._session is not None:
            records = self._session.records
            self._session = None
            self._running.clear()
            return self._stop_and_forget(records)
        if (session := self._file.read()) and (owner := session.owner()):
            owner.terminate()
            try:
                owner.wait(OWNER_STOP_SECONDS)
            except psutil.TimeoutExpired:
                return [f"its owner, process {owner.pid}, is still busy stopping it"]
        if (session := self._file.read()) is None:
            return []
        # Its owner was killed.
        self._file.own()
        return self._stop_and_forget(session.records)

    def is_up(self) -> bool:
        session = self._file.read()
        return session is not None and session.up and session.owner() is not None

    def status(self) -> list[ServiceStatus]:
        session = self._file.read()
        return [_status(record) for record in session.records] if session else []

    def log_names(self) -> list[str]:
        return sorted(path.stem for path in self._logs.glob("*.log"))

    def log_end(self, service: str, lines: int) -> str:
        with self._open_log(service) as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - LOG_END_BYTES))
            text = log.read().decode(errors="replace")
        return "\n".join(text.splitlines()[-lines:])

    def follow_log(self, service: str) -> Iterator[str]:
        with self._open_log(service) as log:
            log.seek(0, os.SEEK_END)
            while True:
                if line := log.readline():
                    yield line.decode(errors="replace").rstrip("\n")
                else:
                    time.sleep(WATCH_SECONDS)

    def _open_log(self, service: str) -> IO[bytes]:
        try:
            return self._log_path(service).open("rb")
        except FileNotFoundError:
            names = ", ".join(self.log_names()) or "none yet"
            raise UsageError(f"no log of {service}; there are: {names}.") from None

    def _log_path(self, service: str) -> Path:
        return self._logs / f"{service}.log"

    def _stop_and_forget(self, records: Sequence[ProcessRecord]) -> list[str]:
        problems = stop_records(records)
        self._file.release()
        return problems


def _exit(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"ended by {signal.Signals(-code).name}"
    return f"ended by signal {-code}"


def _status(record: ProcessRecord) -> ServiceStatus:
    process = record.process()
    if process is None:
        state = record.state if record.state == "finished" else "gone"
        return ServiceStatus(record.service, state, f"pid {record.pid}", record.ports)
    with contextlib.suppress(psutil.NoSuchProcess):
        tree = [process, *process.children(recursive=True)]
        return ServiceStatus(
            name=record.service,
            state=record.state,
            instance=f"pid {record.pid}",
            ports=record.ports,
            uptime_s=time.time() - record.created,
            cpu_s=sum(sum(one.cpu_times()[:2]) for one in tree),
            memory_bytes=sum(_memory(one) for one in tree),
        )
    return ServiceStatus(record.service, "gone", f"pid {record.pid}", record.ports)


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.AccessDenied, AttributeError):  # Another user's, or not on Linux.
        return int(process.memory_info().rss)
