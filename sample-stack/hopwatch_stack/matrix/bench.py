"""What contenders stand on: a Postgres of their own, and a receiver that forgets telemetry.

One database for all contenders, and one contender at a time: the rows that one writes, all have
from then on.
"""

import contextlib
import dataclasses
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from ..errors import ServiceError
from ..ports import free_ports
from ..processes import LaunchedProcess, ProcessRuntime
from ..readiness import TcpReady
from ..runtime import Usage
from ..services import Service, services
from ..settings import Ports, Settings
from ..waiting import wait_until
from . import loadgen
from .contenders import Contender
from .loadgen import Target

LOG_LINES = 20
POLL_SECONDS = 0.01


@dataclass
class Started:
    """One process of a contender that has answered. It uses nothing of those before it."""

    instance: LaunchedProcess
    target: Target
    start_seconds: float

    def memory_bytes(self) -> int:
        """RSS: what it would need alone. PSS depends on who else runs: an interpreter or a library
        is shared out among all that have it, the Python of this command among them."""
        try:
            process = psutil.Process(self.instance.handle["pid"])
            return sum(
                one.memory_info().rss for one in (process, *process.children(recursive=True))
            )
        except psutil.NoSuchProcess as error:
            raise ServiceError("orders", "ended while it was measured", "") from error

    def usage(self) -> Usage:
        usage = self.instance.usage()
        if usage is None:
            raise ServiceError("orders", "ended while it was measured", "")
        return usage


class Bench:
    """Made by `standing`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._runtime = ProcessRuntime(settings.state_dir)
        self._running: list[tuple[Service, LaunchedProcess]] = []

    def begin(self) -> None:
        described = {one.name: one for one in services(self.settings, self._runtime.surroundings)}
        self._runtime.prepare(list(described.values()))
        for service in (
            described["postgres-init"],
            described["postgres"],
            described["migrate"],
            _sink(self.settings.ports),
        ):
            instance = self._launch(service)
            wait_until(
                lambda one=instance: one.exit() is not None or one.is_ready(),  # type: ignore[misc]
                service.ready_seconds,
            )
            end = instance.exit()
            if not (instance.is_ready() if service.is_server else end is not None and end.ok):
                raise self._failed(service.name, "did not get ready" if end is None else end.how)

    def postgres_cpu_seconds(self) -> float:
        return self._cpu_seconds("postgres")

    def bystanders_cpu_seconds(self) -> float:
        """Of this process, and of what receives telemetry."""
        own = psutil.Process().cpu_times()
        return float(own.user + own.system) + self._cpu_seconds("sink")

    def _cpu_seconds(self, name: str) -> float:
        usage = next(instance for one, instance in self._running if one.name == name).usage()
        if usage is None:
            raise self._failed(name, "ended while orders were measured")
        return usage.cpu_seconds

    def start(self, contender: Contender) -> Started:
        """A new process, when it has answered a call. Others of its kind may run already."""
        service = self._described(contender)
        port = service.ports["orders" if contender.protocol == "grpc" else "orders_rest"]
        target = Target(contender.protocol, port)
        with loadgen.first_answer(target) as waiting:
            instance = self._launch(service)
            # It has begun when it is launched; before that, this process was copied.
            begun = time.monotonic()
            took = waiting.seconds_since(
                begun,
                lambda: (
                    instance.exit() is None and time.monotonic() - begun < service.ready_seconds
                ),
            )
        if took is None:
            raise self._failed("orders", f"in {contender.implementation} did not answer")
        return Started(instance, target, took)

    def replace(self, started: Started, contender: Contender) -> None:
        """As a stack does: a second process beside the first, on the same port. The signal to the
        first is `drain_seconds`."""
        service = self._described(contender)
        instance = self._launch(service)
        wait_until(
            lambda: instance.exit() is not None or instance.is_ready(),
            service.ready_seconds,
            POLL_SECONDS,
        )
        if instance.exit() is not None or not instance.is_ready():
            raise self._failed("orders", "did not start beside its predecessor")

    def drain_seconds(self, started: Started) -> float:
        """Sends it the signal; returns how long it took to end. Raises ServiceError where it does
        not end well."""
        service = next(one for one, instance in self._running if instance is started.instance)
        begun = time.monotonic()
        started.instance.stop()
        wait_until(lambda: started.instance.exit() is not None, service.stop_seconds, POLL_SECONDS)
        took = time.monotonic() - begun
        end = started.instance.exit()
        if end is None or not end.ok:
            how = "did not end in time" if end is None else f"ended by {end.how}"
            raise self._failed("orders", f"{how} after the signal to stop")
        self._running = [one for one in self._running if one[1] is not started.instance]
        return took

    def close(self) -> None:
        """The last first; who does not end is killed."""
        for service, instance in reversed(self._running):
            instance.stop()
            if not wait_until(lambda one=instance: one.exit() is not None, service.stop_seconds):  # type: ignore[misc]
                instance.kill()
        self._running.clear()

    def kill_orders(self) -> None:
        """At the end of a turn, however it ended."""
        for service, instance in self._running:
            if service.name == "orders":
                instance.kill()
        self._running = [one for one in self._running if one[0].name != "orders"]

    def _described(self, contender: Contender) -> Service:
        settings = replace(
            self.settings, orders=contender.implementation, protocol=contender.protocol
        )
        described = services(settings, self._runtime.surroundings)
        return next(service for service in described if service.name == "orders")

    def _launch(self, service: Service) -> LaunchedProcess:
        instance = self._runtime.launch(service, service.env)
        self._running.append((service, instance))
        return instance

    def _failed(self, service: str, what: str) -> ServiceError:
        return ServiceError(service, what, self._runtime.log_end(service, LOG_LINES))


def _sink(ports: Ports) -> Service:
    return Service(
        name="sink",
        program=lambda: [str(loadgen.BINARY)],
        arguments=[
            "sink", "-grpc", f"127.0.0.1:{ports.otlp_grpc}",
            "-http", f"127.0.0.1:{ports.otlp_http}",
        ],
        ports={"otlp_grpc": ports.otlp_grpc, "otlp_http": ports.otlp_http},
        ready=TcpReady(ports.otlp_http),
    )  # fmt: skip


@contextlib.contextmanager
def standing(state_dir: Path) -> Iterator[Bench]:
    """On ports that are free, with an empty database; nothing of it is left after the block."""
    state_dir.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=state_dir))
    folder.chmod(0o755)  # Postgres may be another user.
    ports = Ports(*free_ports(len(dataclasses.fields(Ports))))
    bench = Bench(Settings(state_dir=folder, store=folder / "store", ports=ports))
    try:
        bench.begin()
        yield bench
    finally:
        bench.close()
        shutil.rmtree(folder, ignore_errors=True)
