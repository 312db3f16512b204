"""What is asked of the owner of a running stack: restarts and swaps, one after the other; with
services of a few lines in place of the shop's."""

import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from hopwatch_stack.errors import StackError
from hopwatch_stack.ports import free_ports
from hopwatch_stack.progress import Silent
from hopwatch_stack.services import Service
from hopwatch_stack.stack import Stack
from hopwatch_stack.supervisor import Supervisor
from hopwatch_stack.waiting import wait_until
from tests.small_services import SERVER, server
from tests.small_stack import Said, answer, asked, is_running, pids, states

SLOW = "import time; time.sleep(0.5)\n" + SERVER


def test_restart_beside_the_old_instance_leaves_no_moment_without_one(
    owner: subprocess.Popen[str], stack_here: Stack
) -> None:
    before = pids(stack_here)["one"]
    port = stack_here.status()[0].ports["one"]
    answered: list[int] = []
    with asked(lambda: stack_here.restart(["one"])) as over:
        while not over():
            answered.append(answer(port))
    after = pids(stack_here)["one"]
    assert after != before
    assert {before, after} == set(answered)
    assert not is_running(before)
    assert answer(port) == after


def test_restart_in_place(owner: subprocess.Popen[str], stack_here: Stack) -> None:
    before = pids(stack_here)
    stack_here.restart(["two"])
    after = pids(stack_here)
    assert after["one"] == before["one"]
    assert after["two"] != before["two"]
    assert states(stack_here) == {"one": "ready", "two": "ready"}


def test_unknown_service_is_no_service_to_restart(
    owner: subprocess.Popen[str], stack_here: Stack
) -> None:
    with pytest.raises(StackError, match="no service three: there are one, two"):
        stack_here.restart(["three"])


def test_what_is_no_request_does_no_harm(
    owner: subprocess.Popen[str], stack_here: Stack, tmp_path: Path
) -> None:
    for number, text in enumerate(["", "[]", '{"action": "rm", "services": ["one"]}']):
        (tmp_path / "requests" / f"{number}.request.json").write_text(text)
    stack_here.restart(["two"])
    assert states(stack_here) == {"one": "ready", "two": "ready"}


def test_no_stack_is_up_to_ask(stack_here: Stack) -> None:
    with pytest.raises(StackError, match="no stack is up"):
        stack_here.restart(["one"])


def test_successor_that_dies_leaves_the_old_instance_alone(
    supervisor: Supervisor, stack_here: Stack, tmp_path: Path
) -> None:
    fuse = tmp_path / "fuse"
    brittle = f"import os, sys\nif os.path.exists({str(fuse)!r}): sys.exit(7)\n" + SERVER
    port = free_ports(1)[0]
    supervisor.start([server("one", port, brittle, overlaps=True)], Silent())
    before = pids(stack_here)
    fuse.touch()
    request = asked(lambda: stack_here.restart(["one"]))
    with request as over:
        supervisor.watch(until=over)
    assert "goes on with its old instance: the new one died: exit code 7" in str(request.error)
    assert pids(stack_here) == before
    assert answer(port) == before["one"]
    by_hand = asked(lambda: stack_here.start(["one"]))
    with by_hand as over:
        supervisor.watch(until=over)
    assert by_hand.error is None  # It runs, whatever befell the restart.


def in_language(port: int, name: str, code: str = SERVER) -> Service:
    return replace(server("one", port, code, overlaps=True), implementation=name)


def test_swap_leaves_no_moment_without_an_instance(
    supervisor: Supervisor, stack_here: Stack, said: Said
) -> None:
    port = free_ports(1)[0]
    supervisor.start(
        [in_language(port, "go")], Silent(), exchanged=lambda _, name: in_language(port, name)
    )
    before = pids(stack_here)["one"]
    answered: list[int] = []

    def until(over: Callable[[], bool]) -> bool:
        answered.append(answer(port))
        return over()

    with asked(lambda: stack_here.swap("one", "node")) as over:
        supervisor.watch(until=lambda: until(over))
    after = stack_here.status()[0]
    assert (after.implementation, after.state) == ("node", "ready")
    assert set(answered) <= {before, pids(stack_here)["one"]}
    assert "one serves by a new instance (node)" in said
    with asked(lambda: stack_here.restart(["one"])) as over:
        supervisor.watch(until=over)
    assert stack_here.status()[0].implementation == "node"


def test_swap_to_what_does_not_get_ready_keeps_the_old(
    supervisor: Supervisor, stack_here: Stack
) -> None:
    port = free_ports(1)[0]
    broken = in_language(port, "node", "import sys; sys.exit(7)")
    supervisor.start([in_language(port, "go")], Silent(), exchanged=lambda _, name: broken)
    before = pids(stack_here)["one"]
    request = asked(lambda: stack_here.swap("one", "node"))
    with request as over:
        supervisor.watch(until=over)
    assert "goes on with its old instance: the new one died: exit code 7" in str(request.error)
    assert stack_here.status()[0].implementation == "go"
    assert answer(port) == before


def test_swap_that_cannot_be_is_refused_and_harms_nothing(
    supervisor: Supervisor, stack_here: Stack
) -> None:
    def exchanged(name: str, implementation: str) -> Service:
        raise StackError(f"{name} in {implementation} cannot be had here: no cargo.")

    port = free_ports(1)[0]
    supervisor.start([in_language(port, "go")], Silent(), exchanged=exchanged)
    before = pids(stack_here)
    request = asked(lambda: stack_here.swap("one", "rust"))
    with request as over:
        supervisor.watch(until=over)
    assert str(request.error) == "one in rust cannot be had here: no cargo."
    assert pids(stack_here) == before
    with asked(lambda: stack_here.restart(["one"])) as over:  # It still answers.
        supervisor.watch(until=over)


def test_own_swap_and_that_of_another_process_take_turns(
    supervisor: Supervisor, stack_here: Stack
) -> None:
    port = free_ports(1)[0]
    supervisor.start(
        [in_language(port, "go")],
        Silent(),
        exchanged=lambda _, name: in_language(port, name, SLOW),
    )
    request = asked(lambda: stack_here.swap("one", "rust"))
    with request as over:
        supervisor.watch(until=lambda: "," in stack_here.status()[0].instance)
        supervisor.swap("one", "node", lambda: None)
        assert stack_here.status()[0].implementation == "node"
        supervisor.watch(until=over)
    assert request.error is None
    # None that was on its way is forgotten, and goes on serving.
    assert {answer(port) for _ in range(40)} == {pids(stack_here)["one"]}


def test_own_swap_that_fails_is_raised(supervisor: Supervisor) -> None:
    port = free_ports(1)[0]
    broken = in_language(port, "node", "import sys; sys.exit(7)")
    supervisor.start([in_language(port, "go")], Silent(), exchanged=lambda *_: broken)
    with pytest.raises(StackError, match=r"goes on with its old instance: .* exit code 7"):
        supervisor.swap("one", "node", lambda: None)


def test_what_is_asked_of_a_stack_that_starts_is_done_once_it_is_up(
    supervisor: Supervisor, stack_here: Stack, tmp_path: Path
) -> None:
    one, two = free_ports(2)
    # It would die if it were started before what it needs.
    needs = f"import socket; socket.create_connection(('127.0.0.1', {one}))\n" + SERVER
    wanted = [server("one", one, SLOW), server("two", two, needs, needs=["one"], overlaps=True)]

    def restart() -> None:
        assert wait_until(lambda: bool(stack_here.status()), 10, every=0.01)
        stack_here.restart(["two"])

    with asked(restart) as over:
        supervisor.start(wanted, Silent())
        supervisor.watch(until=over)
    assert states(stack_here) == {"one": "ready", "two": "ready"}
    assert "serves by a new instance" in stack_here.status()[1].note


def test_request_that_is_taken_back_is_no_end_of_the_stack(
    owner: subprocess.Popen[str], stack_here: Stack, tmp_path: Path
) -> None:
    (tmp_path / "requests" / "1.request.json").symlink_to(tmp_path / "gone")
    stack_here.restart(["two"])
    assert states(stack_here) == {"one": "ready", "two": "ready"}


def restarting(state_dir: Path) -> subprocess.Popen[str]:
    """`hopwatch-stack restart one`, as a user types it."""
    words = ["restart", "one", "--state-dir", str(state_dir)]
    return subprocess.Popen(
        [sys.executable, "-m", "hopwatch_stack", *words], stderr=subprocess.PIPE, text=True
    )


def test_ctrl_c_takes_back_what_has_not_begun(
    supervisor: Supervisor, stack_here: Stack, tmp_path: Path
) -> None:
    supervisor.start([server("one", free_ports(1)[0], overlaps=True)], Silent())
    before = pids(stack_here)
    with restarting(tmp_path) as command:
        assert wait_until(lambda: any((tmp_path / "requests").glob("*.request.json")), 20)
        command.send_signal(signal.SIGINT)
        assert (command.communicate()[1], command.returncode) == ("", 130)
    assert list((tmp_path / "requests").iterdir()) == []
    assert pids(stack_here) == before


def test_ctrl_c_says_that_what_has_begun_goes_on(
    supervisor: Supervisor, stack_here: Stack, tmp_path: Path
) -> None:
    supervisor.start([server("one", free_ports(1)[0], SLOW, overlaps=True)], Silent())
    before = pids(stack_here)["one"]
    with restarting(tmp_path) as command:
        supervisor.watch(until=lambda: "," in stack_here.status()[0].instance)
        command.send_signal(signal.SIGINT)
        assert "the restart goes on without you" in command.communicate()[1]
        assert command.returncode == 130
    supervisor.watch(until=lambda: "," not in stack_here.status()[0].instance)
    assert pids(stack_here)["one"] != before
