"""Runs services as plain processes of this machine, children of the stack's owner."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from .children import privileges_dropped, stop_with_parent
from .errors import ServiceError
from .logs import Logs
from .ports import require_free
from .readiness import Finished
from .runtime import Exit, Handle, Usage
from .services import Service
from .session import find_process
from .surroundings import ThisMachine

KILL_SECONDS = 5


class FoundProcess:
    """A service's process, whoever launched it."""

    def __init__(self, process: psutil.Process, stop_signal: int) -> None:
        self._process = process
        self._stop_signal = stop_signal

    def exit(self) -> Exit | None:
        with contextlib.suppress(psutil.NoSuchProcess):
            if self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE:
                return None
        return Exit(ok=True, how="gone")

    def stop(self) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            self._process.send_signal(self._stop_signal)

    def kill(self) -> None:
        tree = _tree(self._process)
        for process in tree:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(tree, timeout=KILL_SECONDS)

    def usage(self) -> Usage | None:
        user = system = 0.0
        memory = threads = 0
        try:
            for process in [self._process, *self._process.children(recursive=True)]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    times = process.cpu_times()
                    # Children that have ended count with the parent that waited for them.
                    user += times.user + getattr(times, "children_user", 0.0)
                    system += times.system + getattr(times, "children_system", 0.0)
                    memory += _memory(process)
                    threads += process.num_threads()
        except psutil.NoSuchProcess:
            return None
        return Usage(user, system, memory, threads) if threads else None


class LaunchedProcess(FoundProcess):
    """A child of this process: it is known how it ended, and when it is ready."""

    def __init__(self, process: psutil.Popen, service: Service) -> None:
        super().__init__(process, service.stop_signal)
        self._child = process
        self._service = service
        self.label = f"pid {process.pid}"
        self.handle: Handle = {
            "pid": process.pid,
            "created": process.create_time(),
            "stop_signal": int(service.stop_signal),
        }

    def exit(self) -> Exit | None:
        code = self._child.poll()
        return None if code is None else Exit(ok=code == 0, how=_how(code))

    def is_ready(self) -> bool:
        ready = self._service.ready
        if isinstance(ready, Finished) or not ready.probe():
            return False
        # With SO_REUSEPORT an older instance may have answered the probe.
        return not self._service.overlaps or self._listens()

    def _listens(self) -> bool:
        listening: set[int] = set()
        with contextlib.suppress(psutil.NoSuchProcess):
            for process in [self._child, *self._child.children(recursive=True)]:
                listening |= {
                    connection.laddr.port
                    for connection in process.net_connections("tcp")
                    if connection.status == psutil.CONN_LISTEN
                }
        return listening.issuperset(self._service.ports.values())


class ProcessRuntime(Logs):
    """See runtime.Runtime. Launch from the main thread: on Linux the services ask to be stopped
    when the thread that started them ends, so that they go down with a killed owner.
    """

    name = "processes"

    def __init__(self, state_dir: Path) -> None:
        super().__init__(state_dir)
        self.surroundings = ThisMachine()

    def prepare(self, services: Sequence[Service]) -> None:
        require_free({n: p for service in services for n, p in service.ports.items()})
        self.begin()

    def launch(self, service: Service, env: Mapping[str, str]) -> LaunchedProcess:
        with self.append(service.name) as log:
            try:
                process = psutil.Popen(
                    [*privileges_dropped(service), *service.program(), *service.arguments],
                    env={**os.environ, **env},
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
        return LaunchedProcess(process, service)

    def find(self, handle: Handle) -> FoundProcess | None:
        process = find_process(handle["pid"], handle["created"])
        return FoundProcess(process, handle["stop_signal"]) if process else None

    def clear(self) -> None:
        """Processes leave nothing behind."""


def _tree(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return [*process.children(recursive=True), process]
    return []


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    with contextlib.suppress(ValueError):
        return f"ended by {signal.Signals(-code).name}"
    return f"ended by signal {-code}"


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except (psutil.AccessDenied, AttributeError):  # Another user's, or not on Linux.
        return int(process.memory_info().rss)
