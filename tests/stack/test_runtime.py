"""How the stack starts, fails and ends; with services of a few lines in place of the shop's."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from hopwatch_stack.errors import ServiceError, StackError
from hopwatch_stack.ports import free_ports
from hopwatch_stack.processes import ProcessRuntime
from hopwatch_stack.progress import Silent
from hopwatch_stack.readiness import Finished, TcpReady
from hopwatch_stack.services import Service, services
from hopwatch_stack.settings import Settings
from hopwatch_stack.surroundings import ThisMachine
from hopwatch_stack.waiting import wait_until
from tests.running_stack import RunningStack

SERVER = """
import socket, sys, time
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
print("listening", flush=True)
time.sleep(600)
"""
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + SERVER
# Owns a stack of the services that it is given and tells when they are up.
OWNER = """
import sys
from pathlib import Path
from hopwatch_stack.processes import ProcessRuntime
from hopwatch_stack.progress import Silent
from tests.stack.test_runtime import server
runtime = ProcessRuntime(Path(sys.argv[1]))
runtime.start([server("one", int(sys.argv[2]))], Silent())
print("up", flush=True)
runtime.watch()
"""


def server(name: str, port: int, code: str = SERVER, **fields: object) -> Service:
    service = Service(
        name=name,
        program=lambda: [sys.executable, "-c", code, str(port)],
        ready=TcpReady(port),
        ports={name: port},
        stop_seconds=2,
    )
    return replace(service, **fields)


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[ProcessRuntime]:
    runtime = ProcessRuntime(tmp_path)
    yield runtime
    runtime.stop()


def pids(runtime: ProcessRuntime) -> dict[str, int]:
    return {status.name: int(status.instance.split()[1]) for status in runtime.status()}


def is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_services_start_after_what_they_need_and_stop_before_it(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    database, shop = free_ports(2)
    note = f"open({str(tmp_path / 'made')!r}, 'w')"
    wanted = [
        server("database", database),
        Service(
            name="migrate",
            program=lambda: [sys.executable, "-c", note],
            ready=Finished(),
            needs=["database"],
        ),
        server("shop", shop, f"open({str(tmp_path / 'made')!r})\n" + SERVER, needs=["migrate"]),
    ]
    runtime.start(wanted, Silent())
    assert runtime.is_up()
    states = {status.name: status.state for status in runtime.status()}
    assert states == {"database": "ready", "migrate": "finished", "shop": "ready"}
    started = pids(runtime)
    assert runtime.stop() == []
    assert not any(is_running(pid) for pid in started.values())
    assert runtime.status() == []
    assert not runtime.is_up()


def test_service_that_dies_is_named_with_its_exit_and_log(runtime: ProcessRuntime) -> None:
    runtime.start([server("one", free_ports(1)[0])], Silent())
    os.kill(pids(runtime)["one"], signal.SIGKILL)
    with pytest.raises(ServiceError, match=r"one died: ended by SIGKILL(.|\n)*listening"):
        runtime.watch()


def test_service_that_dies_at_start_stops_the_others(runtime: ProcessRuntime) -> None:
    port, never = free_ports(2)
    broken = server("two", never, "import sys; sys.exit('no such database')", needs=["one"])
    with pytest.raises(ServiceError, match=r"two died before(.|\n)*code 1(.|\n)*no such database"):
        runtime.start([server("one", port), broken], Silent())
    assert runtime.status() == []
    assert wait_until(lambda: not _accepts(port), 2)


def test_service_that_never_gets_ready_is_named(runtime: ProcessRuntime) -> None:
    slow = server("slow", free_ports(1)[0], "import time; time.sleep(60)", ready_seconds=0.3)
    with pytest.raises(ServiceError, match="slow was not ready within 0 s"):
        runtime.start([slow], Silent())


def test_service_that_cannot_be_started_is_named(runtime: ProcessRuntime) -> None:
    missing = Service(name="orders", program=lambda: ["/no/such/orders"], ready=Finished())
    with pytest.raises(ServiceError, match=r"orders cannot be started.*/no/such/orders.*make"):
        runtime.start([missing], Silent())


def test_service_that_ignores_the_stop_is_killed_and_told(runtime: ProcessRuntime) -> None:
    runtime.start([server("deaf", free_ports(1)[0], STUBBORN, stop_seconds=0.2)], Silent())
    pid = pids(runtime)["deaf"]
    assert runtime.stop() == ["deaf did not stop within 0 s and was killed"]
    assert not is_running(pid)


def test_port_in_use_is_told_before_anything_starts(runtime: ProcessRuntime) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        mine = rf"port {port} \(shop\) is in use by .*process {os.getpid()}.*--ports"
        with pytest.raises(StackError, match=mine):
            runtime.start([server("shop", port)], Silent())
    assert runtime.log_names() == []


def test_second_stack_in_one_folder_is_refused_and_harms_nothing(
    runtime: ProcessRuntime, tmp_path: Path
) -> None:
    one, two = free_ports(2)
    runtime.start([server("one", one)], Silent())
    with pytest.raises(StackError, match="already up"):
        ProcessRuntime(tmp_path).start([server("two", two)], Silent())
    assert _accepts(one)


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A process of its own that owns a stack, and the pid of its one service."""
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(tmp_path), str(free_ports(1)[0])],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    yield process, pids(ProcessRuntime(tmp_path))["one"]
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_services_end_with_an_owner_that_is_killed(
    owner: tuple[subprocess.Popen[str], int],
) -> None:
    process, pid = owner
    process.kill()
    assert wait_until(lambda: not is_running(pid), 5)


def test_another_process_stops_the_stack(
    owner: tuple[subprocess.Popen[str], int], tmp_path: Path
) -> None:
    process, pid = owner
    assert ProcessRuntime(tmp_path).stop() == []
    assert not is_running(process.pid)
    assert wait_until(lambda: not is_running(pid), 5)
    assert ProcessRuntime(tmp_path).status() == []


# With the real services


def test_ctrl_c_leaves_nothing_behind(
    free_settings: Settings, cli: Callable[..., subprocess.Popen[str]]
) -> None:
    up = cli("up")
    runtime = ProcessRuntime(free_settings.state_dir)
    assert wait_until(runtime.is_up, 30)
    started = pids(runtime)
    up.send_signal(signal.SIGINT)
    assert up.wait(60) == 0
    assert not any(is_running(pid) for pid in started.values())
    ports = free_settings.ports
    assert not any(_accepts(port) for port in (ports.shop, ports.postgres, ports.hopwatch))


def test_absent_collector_fails_no_request(free_settings: Settings) -> None:
    runtime = ProcessRuntime(free_settings.state_dir)
    wanted = [
        s for s in services(free_settings, ThisMachine()) if s.name not in ("collector", "hopwatch")
    ]
    runtime.start(wanted, Silent())
    try:
        for _ in range(20):
            with urllib.request.urlopen(f"{free_settings.shop_url}/api/products", timeout=5) as got:
                assert len(json.load(got)["products"]) > 0
    finally:
        assert runtime.stop() == []


def test_stack_is_small(stack: RunningStack) -> None:
    memory = {status.name: status.memory_bytes or 0 for status in stack.runtime.status()}
    del memory["hopwatch"]
    assert sum(memory.values()) < 400 << 20, memory


@pytest.fixture
def cli(free_settings: Settings) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Runs hopwatch-stack with the settings of the test."""
    started: list[subprocess.Popen[str]] = []
    ports = ",".join(f"{name}={port}" for name, port in vars(free_settings.ports).items())
    words = ["--state-dir", free_settings.state_dir, "--store", free_settings.store]

    def run(command: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "hopwatch_stack", command, *words, "--ports", ports],
            stdout=subprocess.DEVNULL,
            text=True,
        )
        started.append(process)
        return process

    yield run
    for process in started:
        process.terminate()
        process.wait(60)


def _accepts(port: int) -> bool:
    return TcpReady(port).probe()
