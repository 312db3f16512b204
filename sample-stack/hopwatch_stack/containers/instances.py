"""Containers of services, as the process that launched them and as others see them."""

import contextlib
import signal
import threading
import time
from typing import Any

import docker
import requests
from docker.errors import APIError, DockerException, NotFound
from docker.models.containers import Container

from ..logs import Logs
from ..readiness import Finished, HttpReady, PostgresReady
from ..runtime import Exit, Handle, Usage
from ..services import Service
from . import engine

POD_PROGRAM = "/hopwatch/pod"
KILL_SECONDS = 10
# How often a starting service is asked: each time costs a process in its container.
ASK_SECONDS = 0.1
# The kernel spreads connections over the instances that share a port: so many answers are very
# likely of the old and of the new one.
PROBES_OF_TWO = 8
NANOSECONDS = 1e9
# What the engine's client raises when the engine is gone or slow.
ENGINE_ERRORS = (DockerException, requests.RequestException)


class FoundContainer:
    """A service's container, whoever launched it."""

    def __init__(self, container: Container, stop_signal: str) -> None:
        self._container = container
        self._stop_signal = stop_signal

    def exit(self) -> Exit | None:
        try:
            self._container.reload()
        except ENGINE_ERRORS:
            return Exit(ok=True, how="gone")
        return None if self._container.status == "running" else Exit(ok=True, how="gone")

    def stop(self) -> None:
        with contextlib.suppress(APIError):  # It has ended.
            self._container.kill(signal=self._stop_signal)

    def kill(self) -> None:
        with contextlib.suppress(APIError):
            self._container.kill()

    def usage(self) -> Usage | None:
        try:
            return _usage(self._container.stats(stream=False, one_shot=True))
        except ENGINE_ERRORS:
            return None


class LaunchedContainer(FoundContainer):
    """A thread copies its log to the service's file, sees it end, and removes it."""

    def __init__(
        self, client: docker.DockerClient, container: Container, service: Service, logs: Logs
    ) -> None:
        super().__init__(container, service.stop_signal.name)
        self.label = f"container {container.short_id}"
        self.handle: Handle = {
            "engine": engine.url(client),
            "container": container.id,
            "stop_signal": service.stop_signal.name,
        }
        self._service = service
        self._logs = logs
        self._exit: Exit | None = None
        self._usage: Usage | None = None
        self._meter: threading.Thread | None = None
        self._asked = 0.0
        self._attendant = threading.Thread(target=self._attend, daemon=True)
        self._attendant.start()

    def exit(self) -> Exit | None:
        return self._exit

    def kill(self) -> None:
        super().kill()
        self._attendant.join(KILL_SECONDS)

    def usage(self) -> Usage | None:
        """The engine tells it once a second: the last that it told, once it has told any."""
        if self._meter is None:
            self._usage = super().usage()
            self._meter = threading.Thread(target=self._measure, daemon=True)
            self._meter.start()
        return None if self._exit else self._usage

    def is_ready(self) -> bool:
        if self._exit is not None or time.monotonic() - self._asked < ASK_SECONDS:
            return False
        self._asked = time.monotonic()
        ready = self._service.ready
        if not isinstance(ready, HttpReady | PostgresReady):
            return not isinstance(ready, Finished) and self._listens()
        if not self._service.overlaps:
            return ready.probe()
        return self._listens() and all(ready.probe() for _ in range(PROBES_OF_TWO))

    def _listens(self) -> bool:
        """Asked inside: from outside, docker's own proxy accepts whatever is behind it, and an
        older instance may have the same ports."""
        try:
            return all(
                self._container.exec_run([POD_PROGRAM, "listens", str(port)]).exit_code == 0
                for port in self._service.ports.values()
            )
        except ENGINE_ERRORS:  # It has ended, which its exit will tell.
            return False

    def _measure(self) -> None:
        with contextlib.suppress(*ENGINE_ERRORS):
            for stats in self._container.stats(stream=True, decode=True):
                self._usage = _usage(stats) or self._usage

    def _attend(self) -> None:
        try:
            with self._logs.append(self._service.name) as log:
                for chunk in self._container.logs(stream=True, follow=True):
                    log.write(chunk)
                    log.flush()
            code = self._container.wait()["StatusCode"]
            self._container.reload()
            short_of_memory = self._container.attrs["State"]["OOMKilled"]
            exit_ = Exit(ok=code == 0, how="out of memory" if short_of_memory else _how(code))
            with contextlib.suppress(NotFound):
                self._container.remove(v=True)
        except ENGINE_ERRORS as error:
            exit_ = Exit(ok=False, how=f"lost with the docker engine: {error}")
        self._exit = exit_


def _usage(stats: dict[str, Any]) -> Usage | None:
    """What the engine's statistics say; None of a container that has ended."""
    memory, cpu = stats["memory_stats"], stats["cpu_stats"]["cpu_usage"]
    if "usage" not in memory:
        return None
    # Files' pages that can be dropped at any time count for nobody, as in `docker stats`.
    cached = memory["stats"].get("total_inactive_file", memory["stats"].get("inactive_file", 0))
    return Usage(
        cpu_user_s=cpu["usage_in_usermode"] / NANOSECONDS,
        cpu_system_s=cpu["usage_in_kernelmode"] / NANOSECONDS,
        memory_bytes=memory["usage"] - cached,
        threads=stats["pids_stats"].get("current", 0),
    )


def _how(code: int) -> str:
    """As a shell would, docker tells a signal by 128 and its number."""
    with contextlib.suppress(ValueError):
        return f"ended by {signal.Signals(code - 128).name}"
    return f"exit code {code}"
