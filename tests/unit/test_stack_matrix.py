"""The decision matrix without a service: its statistics, its order, its document, its words."""

import json
import math
import random
import subprocess
import sys
import time
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest

from hopwatch_stack.errors import StackError, UsageError
from hopwatch_stack.matrix import code, compare, document, libraries, words
from hopwatch_stack.matrix.capacity import RESOLUTION, top_rate
from hopwatch_stack.matrix.contenders import contenders
from hopwatch_stack.matrix.document import Document, Turn
from hopwatch_stack.matrix.libraries import Made
from hopwatch_stack.matrix.machine import Machine, cpu_seconds
from hopwatch_stack.matrix.statistics import Estimate, counted, estimate, ranks

SCHEMA = json.loads((files("hopwatch_stack.matrix") / "matrix-1.json").read_text())


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    chance = random.Random(5)
    held = 0
    for _ in range(2000):
        found = estimate([chance.lognormvariate(1.0, 0.5) for _ in range(6)])
        assert found.low is not None
        assert found.high is not None
        held += found.low <= math.exp(1.0) <= found.high
    assert 0.935 < held / 2000 < 0.965


def test_what_may_be_nothing_has_a_plain_mean() -> None:
    found = estimate([0.0, 0.0, 3.0])
    assert found.value == 1.0
    assert found.low == 0
    assert found.high == pytest.approx(1 + 4.30265)  # Student's t of 2, the error of the mean is 1.
    assert estimate([0.0] * 3) == Estimate(0.0, 0.0, 0.0, 3)


def test_no_failure_in_few_turns_does_not_say_that_there_are_none() -> None:
    assert estimate([0.0] * 4, one_event=1.0) == Estimate(
        0.0, 0.0, pytest.approx(0.9222, rel=1e-4), 4
    )
    found = made({"go-grpc": [1] * 4, "node-grpc": [1] * 4, "rust-grpc": [1] * 4})
    failed = {"go-grpc": [0] * 4, "node-grpc": [0, 2, 1, 0], "rust-grpc": [7, 9, 8, 7]}
    found.turns = [
        replace(turn, requests=200, values={
            "failed_handover": failed[turn.contender][turn.block],
            "failed_share": failed[turn.contender][turn.block] / 2,
        })
        for turn in found.turns
    ]  # fmt: skip
    rows = {row["name"]: row["cells"] for row in found.to_json()["rows"]}
    for name, unit in (("failed_handover", 1), ("failed_share", 0.5)):
        cells = rows[name]
        assert cells["go-grpc"]["high"] == pytest.approx(0.922 * unit, rel=1e-3)
        assert {one: (cell["best_rank"], cell["worst_rank"]) for one, cell in cells.items()} == {
            "go-grpc": (1, 2), "node-grpc": (1, 2), "rust-grpc": (3, 3),
        }  # fmt: skip


def test_few_turns_say_nothing_of_how_sure_it_is() -> None:
    assert estimate([4.0, 4.0]) == Estimate(pytest.approx(4.0), None, None, 2)
    places = ranks({"a": estimate([1.0]), "b": estimate([9.0])}, "lower")
    assert places == {"a": (1, 2), "b": (1, 2)}


def test_those_that_cannot_be_told_apart_share_their_places() -> None:
    cells = {
        "first": Estimate(1, 0.9, 1.1, 5),
        "second": Estimate(2, 1.8, 2.3, 5),
        "third": Estimate(2.2, 2.1, 2.4, 5),
        "last": Estimate(9, 2.35, 20, 5),
    }
    assert ranks(cells, "lower") == {
        "first": (1, 1), "second": (2, 3), "third": (2, 4), "last": (3, 4),
    }  # fmt: skip
    assert ranks(cells, "higher")["first"] == (4, 4)
    assert ranks({"a": counted(3), "b": counted(3), "c": counted(4)}, "lower") == {
        "a": (1, 2), "b": (1, 2), "c": (3, 3),
    }  # fmt: skip


@pytest.mark.parametrize("top", [7.0, 90.0, 101.0, 5_000.0])
def test_the_top_rate_is_found_from_either_side(top: float) -> None:
    for seed in range(20):
        found = top_rate(lambda rate: rate <= top, 100, 5, random.Random(seed))
        assert top / RESOLUTION <= found <= top


def test_no_top_rate_where_nothing_holds() -> None:
    assert top_rate(lambda _: False, 100, 5, random.Random(1)) == 0


def test_contenders_are_what_is_served() -> None:
    chosen = [one.name for one in contenders(["go", "node"], ["rest", "grpc"])]
    assert chosen == ["go-grpc", "go-rest", "node-grpc"]
    for names, protocols in ((["cobol"], ["grpc"]), (["go"], ["soap"]), (["node"], ["rest"])):
        with pytest.raises(UsageError):
            contenders(names, protocols)


@pytest.mark.parametrize(
    ("name", "text", "lines"),
    [
        ("a.go", "package a\n\n// one\n/* two\n three */\nfunc f() {} // four\n", 2),
        ("a.ts", "/** doc */\nconst a = `x\n\ny`;\n", 2),
        ("a.rs", "//! doc\n/// doc\nfn f() {\n    // why\n}\n", 2),
        ("a.py", '"""Doc.\n\nMore."""\n\nX = 1  # why\n# why\n', 1),
    ],
)
def test_lines_of_code_are_those_with_code_on_them(name: str, text: str, lines: int) -> None:
    assert code.count(Path(name), text) == lines


@pytest.mark.parametrize("name", ["go", "node", "rust", "python"])
def test_each_implementation_has_code_and_libraries(name: str) -> None:
    assert code.lines_of(name) > 1000
    # What it serves with, and what it reaches Postgres with.
    named = " ".join(libraries.made_with(name).libraries)
    assert "grpc" in named or "tonic" in named
    assert any(word in named for word in ("pgx", "pg", "postgres"))


def test_what_only_some_do_is_not_counted() -> None:
    left_out = code._NOT_IN_ALL
    assert all(path.exists() for path in left_out)
    counted_files = [path for name in code.SOURCES for path in code._files(code.SOURCES[name])]
    assert not [path for path in counted_files if "rest" in path.parts or "_test" in path.name]


def made(values: dict[str, list[float]], **options: Any) -> Document:
    """A document of turns in which only p50 was told."""
    return Document(
        started_at="2026-01-01T00:00:00+00:00",
        options={"rate": 10, "turn_seconds": 1, "warmup_seconds": 0, "limit_ms": 20, "turns": 3,
                 "seed": 1},
        machine=Machine("a processor", 2, 8.0, "Linux", "PostgreSQL 18"),
        contenders=list(values),
        implementations={"go": Made("Go", "go1.26", {"a/library": "v1"})},
        facts={"go": {"artifact": 20.0, "code_lines": 3000}},
        turns=[
            Turn(block, name, "2026-01-01T00:00:00+00:00", {"latency_p50": value}, 10, {}, {}, 0.0)
            for name, found in values.items()
            for block, value in enumerate(found)
        ],
        **options,
    )  # fmt: skip


def test_document_is_valid_whole_partial_and_empty(tmp_path: Path) -> None:
    for number, one in enumerate(
        (
            made({"go-grpc": [1, 1.1, 1.2], "node-grpc": [2, 2.1, 2.2]}, ended_at="2026-01-01"),
            made({"go-grpc": [1], "node-grpc": []}, lost=["turn 1 of node-grpc: it died"]),
            made({"go-grpc": []}),
        )
    ):
        path = tmp_path / "new" / f"{number}.json"
        one.write(path)
        found = document.read(path)
        jsonschema.validate(found, SCHEMA)
        assert found["complete"] is (number == 0)
        assert list(path.parent.glob(".*")) == []


def test_what_is_no_matrix_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for text in ("", "[]", '{"schema": "hopwatch.ledger/1"}'):
        path.write_text(text)
        with pytest.raises(StackError, match=r"a\.json"):
            document.read(path)
    with pytest.raises(StackError, match="No such file"):
        document.read(tmp_path / "b.json")


def test_words_say_the_order_and_where_there_is_none() -> None:
    found = made(
        {"go-grpc": [1, 1.1, 1.2], "node-grpc": [2, 2.2, 2.4], "rust-grpc": [2.1, 2.3, 2.5]},
        lost=["turn 1 of go-grpc: \x1b[31mdied"],
    ).to_json()
    said = "\n".join(line.plain for line in words.matrix(found))
    assert "Latency p50 at the fixed rate, ms" in said
    lines = [line.split() for line in said.splitlines()]
    assert next(line for line in lines if line[:1] == ["go-grpc"])[-2:] == ["place", "1"]
    assert "place 2 to 3, not told apart" in said
    assert "Not complete: 9 turns" in said
    assert "\x1b" not in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"others_share": 0.4}, "40%"), ({"generator": {"late_p99_ms": 9.0}}, "90%")],
)
def test_what_was_in_the_way_is_told(changes: dict[str, Any], said: str) -> None:
    found = made({"go-grpc": [1, 2, 3]}, ended_at="2026-01-01")
    found.turns = [
        replace(turn, values={"latency_p99": 10.0}, generator={"late_p99_ms": 1.0})
        for turn in found.turns
    ]
    assert found.cautions == []
    found.turns = [replace(turn, **changes) for turn in found.turns]
    [caution] = found.cautions
    assert said in caution


def test_what_a_busy_program_uses_is_seen_by_the_machine() -> None:
    machine_before, own_before = cpu_seconds(), time.process_time()
    while time.process_time() - own_before < 0.3:
        pass
    used = cpu_seconds().since(machine_before)
    assert 0.25 < used.busy <= used.total


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone can end children with a parent")
def test_no_generator_outlives_a_killed_run() -> None:
    code = (
        "from hopwatch_stack.matrix import loadgen; loadgen.BINARY = 'sleep';"
        "print(loadgen.Generator('60')._process.pid, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdout is not None
        generator = psutil.Process(int(run.stdout.readline()))
        assert generator.is_running()
        run.kill()
    assert psutil.wait_procs([generator], timeout=10)[1] == []


def test_two_runs_agree_unless_what_both_tell_apart_is_turned_round() -> None:
    slow, fast, wide = [2, 2.1, 2.2], [1, 1.1, 1.2], [0.1, 1, 9]

    def turned(first: dict[str, list[float]], second: dict[str, list[float]]) -> tuple[int, int]:
        rows = compare.agreement(made(first).to_json(), made(second).to_json())
        row = next(row for row in rows if row.title.startswith("Latency p50"))
        assert row.pairs == 1
        return row.told_apart, len(row.turned)

    one = {"go-grpc": fast, "node-grpc": slow}
    assert turned(one, one) == (1, 0)
    assert turned(one, {"go-grpc": slow, "node-grpc": fast}) == (1, 1)
    assert turned(one, {"go-grpc": wide, "node-grpc": fast}) == (0, 0)


def test_what_was_not_alike_in_two_runs_is_told() -> None:
    first, second = (made({"go-grpc": [1.0]}) for _ in range(2))
    second.options = {**second.options, "rate": 30, "seed": 2}
    second.machine = replace(second.machine, cores=8)
    unlike = compare.differences(first.to_json(), second.to_json())
    assert unlike == ["rate 10 and 30", "cores 2 and 8"]
    said = [line.plain for line in words.agreement([], unlike)]
    assert said[0] == "Not measured alike: rate 10 and 30; cores 2 and 8"
