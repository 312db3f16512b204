"""How the stack starts, fails and ends; with services of a few lines in place of the shop's."""

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from hopwatch_stack.errors import ServiceError, StackError
from hopwatch_stack.ports import free_ports
from hopwatch_stack.processes import ProcessRuntime
from hopwatch_stack.progress import Silent
from hopwatch_stack.readiness import Finished, TcpReady
from hopwatch_stack.services import Service, services
from hopwatch_stack.settings import Settings
from hopwatch_stack.stack import Stack
from hopwatch_stack.supervisor import Supervisor
from hopwatch_stack.waiting import wait_until
from tests.running_stack import RunningStack, command_line
from tests.small_services import SERVER, STUBBORN, server
from tests.small_stack import Said, answer, asked, is_running, pids, states


def test_services_start_after_what_they_need_and_stop_before_it(
    supervisor: Supervisor, stack_here: Stack, tmp_path: Path
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
    supervisor.start(wanted, Silent())
    assert stack_here.is_up()
    assert states(stack_here) == {"database": "ready", "migrate": "finished", "shop": "ready"}
    started = pids(stack_here)
    assert supervisor.stop() == []
    assert not any(is_running(pid) for pid in started.values())
    assert stack_here.status() == []
    assert not stack_here.is_up()


def test_service_that_dies_is_told_with_its_log_and_comes_back(
    supervisor: Supervisor, stack_here: Stack, said: Said
) -> None:
    port, other = free_ports(2)
    supervisor.start([server("one", port), server("two", other)], Silent())
    before = pids(stack_here)
    os.kill(before["one"], signal.SIGKILL)
    supervisor.watch(until=lambda: "one is back" in said)
    assert "one died: ended by SIGKILL. Starting it again in 0.2 s.\nThe end of its log" in said
    after = pids(stack_here)
    assert answer(port) == after["one"] != before["one"]
    assert after["two"] == before["two"]
    assert "is back" in stack_here.status()[0].note


def test_service_that_keeps_dying_is_given_up_and_the_rest_goes_on(
    supervisor: Supervisor, stack_here: Stack, said: Said, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("hopwatch_stack.slot.LONGEST_PAUSE_SECONDS", 0.1)
    port, other = free_ports(2)
    fuse = tmp_path / "fuse"
    brittle = f"import os, sys\nif os.path.exists({str(fuse)!r}): sys.exit(7)\n" + SERVER
    supervisor.start([server("one", port, brittle), server("two", other)], Silent())
    fuse.touch()
    os.kill(pids(stack_here)["one"], signal.SIGKILL)
    supervisor.watch(until=lambda: "Given up" in said)
    assert "one died before it was ready: exit code 7. Given up after 5 times in 60 s" in said
    assert states(stack_here) == {"one": "given up", "two": "ready"}
    fuse.unlink()
    with asked(lambda: stack_here.start(["one"])) as over:
        supervisor.watch(until=over)
    assert states(stack_here) == {"one": "ready", "two": "ready"}
    assert "serves by a new instance" in stack_here.status()[0].note


def test_service_that_dies_at_start_stops_the_others(
    supervisor: Supervisor, stack_here: Stack
) -> None:
    port, never = free_ports(2)
    broken = server("two", never, "import sys; sys.exit('no such database')", needs=["one"])
    with pytest.raises(ServiceError, match=r"two died before(.|\n)*code 1(.|\n)*no such database"):
        supervisor.start([server("one", port), broken], Silent())
    assert stack_here.status() == []
    assert wait_until(lambda: not _accepts(port), 2)


def test_service_that_never_gets_ready_is_named(supervisor: Supervisor) -> None:
    slow = server("slow", free_ports(1)[0], "import time; time.sleep(60)", ready_seconds=0.3)
    with pytest.raises(ServiceError, match="slow was not ready within 0 s"):
        supervisor.start([slow], Silent())


def test_service_that_cannot_be_started_is_named(supervisor: Supervisor) -> None:
    missing = Service(name="orders", program=lambda: ["/no/such/orders"], ready=Finished())
    with pytest.raises(ServiceError, match=r"orders cannot be started.*/no/such/orders.*make"):
        supervisor.start([missing], Silent())


def test_service_that_ignores_the_stop_is_killed_and_told(
    supervisor: Supervisor, stack_here: Stack
) -> None:
    supervisor.start([server("deaf", free_ports(1)[0], STUBBORN, stop_seconds=0.2)], Silent())
    pid = pids(stack_here)["deaf"]
    assert supervisor.stop() == ["deaf did not stop within 0 s and was killed"]
    assert not is_running(pid)


def test_port_in_use_is_told_before_anything_starts(
    supervisor: Supervisor, stack_here: Stack
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        mine = rf"port {port} \(shop\) is in use by .*process {os.getpid()}.*--ports"
        with pytest.raises(StackError, match=mine):
            supervisor.start([server("shop", port)], Silent())
    assert stack_here.runtime.log_names() == []


def test_second_stack_in_one_folder_is_refused_and_harms_nothing(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    one, two = free_ports(2)
    supervisor.start([server("one", one)], Silent())
    second = Supervisor(tmp_path, ProcessRuntime(tmp_path), print)
    with pytest.raises(StackError, match="already up"):
        second.start([server("two", two)], Silent())
    assert _accepts(one)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_services_end_with_an_owner_that_is_killed(
    owner: subprocess.Popen[str], stack_here: Stack
) -> None:
    started = pids(stack_here)
    owner.kill()
    assert wait_until(lambda: not any(map(is_running, started.values())), 5)
    assert not stack_here.is_up()
    assert stack_here.stop() == []
    assert stack_here.status() == []


def test_another_process_stops_the_stack(owner: subprocess.Popen[str], stack_here: Stack) -> None:
    started = pids(stack_here)
    assert stack_here.stop() == []
    assert not any(map(is_running, [owner.pid, *started.values()]))
    assert stack_here.status() == []


def test_service_that_is_not_awaited_comes_later(supervisor: Supervisor, stack_here: Stack) -> None:
    one, two = free_ports(2)
    slow = server("two", two, "import time; time.sleep(0.5)\n" + SERVER, awaited=False,
                  needs=["one"])  # fmt: skip
    supervisor.start([server("one", one), slow], Silent())
    assert stack_here.is_up()
    assert not _accepts(two)
    supervisor.watch(until=lambda: states(stack_here)["two"] == "ready")
    assert _accepts(two)


def test_program_that_has_gone_is_no_end_of_the_stack(
    supervisor: Supervisor, stack_here: Stack, said: Said
) -> None:
    port, other = free_ports(2)
    found = [True]

    def program() -> list[str]:
        if not found:
            raise StackError("no node")
        return [sys.executable, "-c", SERVER, str(port)]

    supervisor.start([server("one", port, program=program), server("two", other)], Silent())
    found.clear()
    os.kill(pids(stack_here)["one"], signal.SIGKILL)
    supervisor.watch(until=lambda: "one cannot be started: no node" in said)
    assert states(stack_here) == {"one": "down", "two": "ready"}


def test_log_of_a_service_cannot_command_the_terminal(supervisor: Supervisor) -> None:
    hostile = r"import sys; print('\x1b]0;gone\x07\u202etxt'); sys.exit(1)"
    with pytest.raises(ServiceError) as raised:
        supervisor.start([server("one", free_ports(1)[0], hostile)], Silent())
    assert "\\x1b]0;gone\\x07\\u202etxt" in str(raised.value)


# With the real services


def test_ctrl_c_leaves_nothing_behind(free_settings: Settings) -> None:
    command = command_line("up", free_settings, "--no-dashboard")
    stack = Stack(free_settings.state_dir)
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as up:
        try:
            assert wait_until(stack.is_up, 30)
            started = pids(stack)
            up.send_signal(signal.SIGINT)
            assert up.wait(60) == 0
        finally:
            up.terminate()
    assert not any(is_running(pid) for pid in started.values())
    ports = free_settings.ports
    assert not any(_accepts(port) for port in (ports.shop, ports.postgres, ports.hopwatch))


def test_absent_collector_fails_no_request(free_settings: Settings) -> None:
    runtime = ProcessRuntime(free_settings.state_dir)
    supervisor = Supervisor(free_settings.state_dir, runtime, print)
    everything = services(free_settings, runtime.surroundings)
    wanted = [s for s in everything if s.name not in ("collector", "hopwatch")]
    supervisor.start(wanted, Silent())
    try:
        for _ in range(20):
            with urllib.request.urlopen(f"{free_settings.shop_url}/api/products", timeout=5) as got:
                assert len(json.load(got)["products"]) > 0
    finally:
        assert supervisor.stop() == []


def test_stack_is_small(stack: RunningStack) -> None:
    memory = {status.name: status.memory_bytes or 0 for status in stack.stack.status()}
    del memory["hopwatch"]
    assert sum(memory.values()) < 400 << 20, memory


def _accepts(port: int) -> bool:
    return TcpReady(port).probe()
