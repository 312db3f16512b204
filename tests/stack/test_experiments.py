"""The experiments on claims: their programs measure what they say, and refuse what they cannot."""

from pathlib import Path

import pytest
from rich.console import Console

from hopwatch_stack.errors import StackError
from hopwatch_stack.experiments import messages, pauses, programs, stacks
from hopwatch_stack.experiments.finding import said
from hopwatch_stack.matrix.statistics import Estimate
from hopwatch_stack.progress import Silent
from hopwatch_stack.steps import run_steps
from tests.running_stack import RunningStack

QUIET = Console(quiet=True)


def test_goroutine_takes_less_than_a_thread(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(stacks, "RUNS", 2)
    found = stacks.measure(tmp_path, QUIET)
    [goroutine, _], [thread, _] = found.figures["goroutine"], found.figures["thread"]
    # Go's smallest stack, less what the runtime gave back of its own meanwhile.
    assert 2_040 < goroutine["stack_bytes"] < 4_096
    assert goroutine["resident_bytes"] < thread["resident_bytes"] < thread["reserved_bytes"]
    assert [row[0] for row in found.rows] == ["stack", "resident", "reserved"]


def test_both_collectors_do_the_same_work(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pauses, "RUNS", 2)
    monkeypatch.setattr(pauses, "MILLIONS", 4)
    found = pauses.measure(tmp_path, QUIET)
    for runs in found.figures.values():
        assert len(runs) == 2
        for run in runs:
            assert 0 < run["p50_ms"] <= run["p99_ms"] <= run["longest_ms"]
            assert run["pauses"] >= run["cycles"] > 0
            assert run["cpu_s"] > 0
    # They are told apart by the build alone.
    built = [programs.BINARIES / f"pauses-{name}" for name in ("greenteagc", "nogreenteagc")]
    assert built[0].read_bytes() != built[1].read_bytes()


@pytest.mark.parametrize("words", [[], ["none"], ["0"], ["1", "2"]])
def test_programs_say_what_they_want(words: list[str]) -> None:
    made = [
        programs.go("goroutines", "goroutines"),
        programs.c("threads.c", "threads"),
        programs.go("pauses", "pauses-greenteagc", {"GOEXPERIMENT": "greenteagc"}),
    ]
    run_steps([programs.GO, *(step for step, _ in made)], Silent())
    for _, binary in made:
        with pytest.raises(
            StackError, match=f"{binary.name} exited with 1: .*(want one|no number)"
        ):
            programs.said_by([binary, *words])


def test_messages_of_the_running_shop_are_weighed(stack: RunningStack) -> None:
    found = messages.measure(stack.settings.state_dir, QUIET)
    page = found.figures["page of 24 products"]
    assert 24 * 40 < page["protobuf"] < page["json"] < 24 * 1_000
    for sizes in found.figures.values():
        assert sizes["protobuf"] < sizes["json"]
    total = found.figures["all of them"]["json"]
    assert total == sum(one["json"] for one in found.figures.values()) - total


def test_without_a_shop_it_is_said_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="no orders run in"):
        messages.measure(tmp_path, QUIET)


def test_interval_that_is_not_seen_is_not_shown() -> None:
    assert said(Estimate(2_048.0, 2_047.9, 2_048.1, 5)) == "2,048"
    assert said(Estimate(2_048.0, 2_040.0, 2_056.0, 5)) == "2,048 (2,040-2,056)"
    assert said(Estimate(7.0, None, None, 1), ".1f") == "7.0"
