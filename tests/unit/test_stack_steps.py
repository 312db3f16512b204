"""Steps: order, side by side, skipping what is done, telling what failed."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

import pytest

from hopwatch_stack import steps
from hopwatch_stack.errors import StackError
from hopwatch_stack.progress import Silent
from hopwatch_stack.steps import Step, StepError, run_steps


@pytest.fixture(autouse=True)
def _in_scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "BUILD", tmp_path / "build")
    monkeypatch.setattr(steps, "ROOT", tmp_path)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    (folder / "main.go").write_text("package main")
    return folder


class Recorder:
    """Makes steps whose runs it counts."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ran: list[str] = []

    def step(self, name: str, source: Path, words: Callable[[], list[str]] = list) -> Step:
        made = self.folder / f"{name}.bin"

        def action(log: IO[str]) -> None:
            self.ran.append(name)
            made.write_text("built")

        return Step(name=name, action=action, sources=[source], words=words, makes=[made])


@pytest.fixture
def recorder(tmp_path: Path) -> Recorder:
    return Recorder(tmp_path)


def run(*wanted: Step) -> None:
    run_steps(wanted, Silent())


def test_second_run_skips_what_is_done(recorder: Recorder, source: Path) -> None:
    run(recorder.step("orders", source))
    run(recorder.step("orders", source))
    assert recorder.ran == ["orders"]


def test_changed_source_is_built_again(recorder: Recorder, source: Path) -> None:
    run(recorder.step("orders", source))
    (source / "main.go").write_text("package main // changed")
    run(recorder.step("orders", source))
    assert recorder.ran == ["orders", "orders"]


def test_renamed_source_is_built_again(recorder: Recorder, source: Path) -> None:
    run(recorder.step("orders", source))
    (source / "main.go").rename(source / "other.go")
    run(recorder.step("orders", source))
    assert recorder.ran == ["orders", "orders"]


def test_made_folders_are_no_sources(recorder: Recorder, source: Path) -> None:
    run(recorder.step("web", source))
    (source / "node_modules").mkdir()
    (source / "node_modules" / "made.js").write_text("")
    run(recorder.step("web", source))
    assert recorder.ran == ["web"]


def test_another_toolchain_builds_again(recorder: Recorder, source: Path) -> None:
    run(recorder.step("orders", source, lambda: ["go1.26.6"]))
    run(recorder.step("orders", source, lambda: ["go1.26.8"]))
    assert recorder.ran == ["orders", "orders"]


def test_removed_result_is_built_again(recorder: Recorder, source: Path, tmp_path: Path) -> None:
    run(recorder.step("orders", source))
    (tmp_path / "orders.bin").unlink()
    run(recorder.step("orders", source))
    assert recorder.ran == ["orders", "orders"]


def test_step_runs_after_what_it_needs_and_beside_the_others() -> None:
    meet = threading.Barrier(2, timeout=5)
    order: list[str] = []

    def both(log: IO[str]) -> None:
        meet.wait()

    run(
        Step("last", lambda log: order.append("last"), needs=["left", "right"]),
        Step("left", both, needs=["first"]),
        Step("right", both, needs=["first"]),
        Step("first", lambda log: order.append("first")),
    )
    assert order == ["first", "last"]


def test_failure_shows_the_end_of_the_log_and_stops_what_needs_it(source: Path) -> None:
    ran: list[str] = []

    def fail(log: IO[str]) -> None:
        log.write("undefined: placeOrder\n")
        raise StackError("go exited with 1")

    broken = Step("orders", fail, sources=[source], makes=[source / "orders"])
    after = Step("image", lambda log: ran.append("image"), needs=["orders"])
    with pytest.raises(StepError, match=r"orders: go exited with 1(.|\n)*undefined: placeOrder"):
        run(broken, after)
    assert ran == []
    # Not taken for done by the next run.
    with pytest.raises(StepError):
        run(broken)


@pytest.mark.parametrize(
    "needs",
    [{"a": ["nobody"]}, {"a": ["b"], "b": ["a"]}],
    ids=["of no step", "in a circle"],
)
def test_needs_that_cannot_be_met_are_refused(needs: dict[str, list[str]]) -> None:
    with pytest.raises(ValueError, match=r"nobody|cycle"):
        run_steps(
            [Step(name=name, action=lambda log: None, needs=of) for name, of in needs.items()],
            Silent(),
        )


def test_two_builds_take_turns() -> None:
    at_work: list[int] = []
    beside: list[int] = []

    def work(_: IO[str]) -> None:
        at_work.append(1)
        time.sleep(0.1)
        beside.append(len(at_work))
        at_work.pop()

    with ThreadPoolExecutor() as pool:
        for name in ("a", "b", "c"):
            pool.submit(run_steps, [Step(name=name, action=work)], Silent())
    assert beside == [1, 1, 1]
