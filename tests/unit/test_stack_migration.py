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
from hopwatch_stack.processes import ProcessRuntime
from hopwatch_stack.runtimes import DEFAULT, DOCKER
from hopwatch_stack.services import services
from hopwatch_stack.settings import Settings


def settings(**chosen: str) -> Settings:
    return Settings(state_dir=Path("state"), store=Path("store"), **chosen)  # type: ignore[arg-type]


def test_both_serve_as_long_and_neither_is_much_later() -> None:
    turns = in_turns("node", "go", 90)
    starts = [0.0, *(turn.until for turn in turns[:-1])]
    served: Counter[str] = Counter()
    weighed: Counter[str] = Counter()
    for turn, start in zip(turns, starts, strict=True):
        served[turn.variant] += turn.until - start
        weighed[turn.variant] += (turn.until - start) * (turn.until + start) / 2
    assert served == {"node": 45, "go": 45}
    assert abs(weighed["go"] - weighed["node"]) / 45 <= 10
    assert [turn.variant for turn in (turns[0], turns[-1])] == ["node", "go"]
    assert all(one.variant != other.variant for one, other in pairwise(turns))
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
    told = story.story_of("orders", settings(**chosen), DEFAULT, Console(quiet=True))
    assert (told.before, told.after, told.languages) == (before, after, {before, after})
    assert told.begins == {"orders": before}


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
    told = story.story_of("orders", settings(**chosen), runtime, console)
    assert said in console.export_text()
    assert (told.before, told.languages, told.begins) == (None, {"go"}, {})
    assert [turn.until for turn in told.turns] == [story.ALONE_SECONDS - story.MARGIN_SECONDS]


@pytest.mark.parametrize(
    ("about", "begins", "versions"),
    [
        ("payments", {"orders": "module"}, ["dev+go", "dev+go.payments-apart"]),
        ("protocol", {"bff": "grpc"}, ["dev+grpc", "dev+rest"]),
    ],
)
def test_stories_of_payments_and_of_the_protocol(
    about: str,
    begins: dict[str, str],
    versions: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The password of a database is made where the state is.
    monkeypatch.chdir(tmp_path)
    told = story.story_of(about, settings(), DEFAULT, Console(quiet=True))
    assert (told.begins, [told.version(side) for side in told.sides]) == (begins, versions)
    assert told.languages == {"go"}
    # The stack has what either side needs.
    names = {
        one.name for one in services(told.settings, ProcessRuntime(Path("state")).surroundings)
    }
    assert ("payments" in names) == (about == "payments")


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
    story.say_way_back(story.Story(here, None), console)
    story.say_way_back(story.Story(here, "node"), console)
    story.say_way_back(story.Story(here, "module", "payments"), console)
    assert console.export_text() == f"Back to how it was:\n  {wanted}\n"


def test_what_cannot_be_had_is_refused() -> None:
    console = Console(quiet=True)
    with pytest.raises(UsageError, match="orders in node serve gRPC only"):
        story.story_of("orders", settings(orders="node", protocol="rest"), DEFAULT, console)
    with pytest.raises(UsageError, match="orders in rust know payments as a module only"):
        story.story_of("payments", settings(orders="rust"), DEFAULT, console)
