"""Which migration a demo can tell of, and how long each side of it serves."""

from collections import Counter
from io import StringIO
from itertools import pairwise
from pathlib import Path

import pytest
from rich.console import Console

from hopwatch_stack.errors import UsageError
from hopwatch_stack.migration import story
from hopwatch_stack.migration.turns import in_turns
from hopwatch_stack.runtimes import DEFAULT, DOCKER
from hopwatch_stack.settings import Settings


def settings(**chosen: str) -> Settings:
    return Settings(state_dir=Path("state"), store=Path("store"), **chosen)  # type: ignore[arg-type]


def test_both_serve_as_long_and_neither_is_much_later() -> None:
    turns = in_turns("node", "go", 90)
    starts = [0.0, *(turn.until for turn in turns[:-1])]
    served: Counter[str] = Counter()
    weighed: Counter[str] = Counter()
    for turn, start in zip(turns, starts, strict=True):
        served[turn.implementation] += turn.until - start
        weighed[turn.implementation] += (turn.until - start) * (turn.until + start) / 2
    assert served == {"node": 45, "go": 45}
    assert abs(weighed["go"] - weighed["node"]) / 45 <= 10
    assert [turn.implementation for turn in (turns[0], turns[-1])] == ["node", "go"]
    assert all(one.implementation != other.implementation for one, other in pairwise(turns))
    assert turns[-1].until == 90


@pytest.mark.parametrize(
    ("chosen", "before", "after"),
    [
        ({}, "node", "go"),
        ({"orders": "python"}, "node", "python"),
        ({"orders": "node"}, "python", "node"),
        ({"protocol": "rest"}, "python", "go"),
        ({"protocol": "rest", "orders": "python"}, "go", "python"),
    ],
)
def test_orders_move_to_what_is_chosen(chosen: dict[str, str], before: str, after: str) -> None:
    told = story.story_of(settings(**chosen), DEFAULT, Console(quiet=True))
    assert (told.before, told.after, told.implementations) == (before, after, [before, after])


@pytest.mark.parametrize(
    ("chosen", "runtime", "said"),
    [
        ({"payments": "service"}, DEFAULT, "orders in node know payments as a module only"),
        ({}, DOCKER, "In containers there are orders in Go only"),
    ],
)
def test_without_another_there_is_one_ledger_and_a_reason(
    chosen: dict[str, str], runtime: str, said: str
) -> None:
    console = Console(record=True, file=StringIO())
    told = story.story_of(settings(**chosen), runtime, console)
    assert said in console.export_text()
    assert (told.before, told.implementations, told.begins_with) == (None, ["go"], "go")
    assert [turn.until for turn in told.turns] == [story.ALONE_SECONDS - story.MARGIN_SECONDS]


@pytest.mark.parametrize(
    ("state_dir", "wanted"),
    [
        (Path(".stack").resolve(), "hopwatch-stack swap orders node"),
        (Path("/my stack"), "hopwatch-stack swap orders node --state-dir '/my stack'"),
    ],
)
def test_way_back_is_to_the_stack_that_is_up(
    state_dir: Path, wanted: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOPWATCH_STACK_STATE", "")
    console = Console(record=True, file=StringIO(), width=40)
    here = Settings(state_dir=state_dir, store=Path("store"))
    story.say_way_back(story.Story(None, "go"), here, console)
    story.say_way_back(story.Story("node", "go"), here, console)
    assert console.export_text() == f"Back to how it was:\n  {wanted}\n"


def test_what_cannot_be_had_is_refused() -> None:
    with pytest.raises(UsageError, match="orders in node serve gRPC only"):
        story.story_of(settings(orders="node", protocol="rest"), DEFAULT, Console(quiet=True))
