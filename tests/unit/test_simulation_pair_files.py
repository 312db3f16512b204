"""`hopwatch simulate --change`: files before and after, and the answer beside them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from numba.core import event

import hopwatch
from hopwatch.cli import main
from hopwatch.cli.compiling import compiling_is_said
from hopwatch.simulation import changed, shipped, simulate_pair
from hopwatch.simulation.changes import CHANGES


def _run(*words: object) -> int:
    return main(["simulate", *map(str, words)])


def _pair(folder: Path, *words: object) -> int:
    after = folder / "after.jsonl.gz"
    return _run("migration", *words, "--out", folder / "before.parquet", "--out-after", after)


def test_files_hold_both_sides_and_the_answer(tmp_path: Path) -> None:
    change, answer = "time:orders,0.5", tmp_path / "answer.json"
    assert _pair(tmp_path, "--change", change, "--requests", 200, "--truth", answer) == 0
    found = simulate_pair(changed(shipped.load("migration"), [change]), 1, 200)
    before, after = (hopwatch.read(tmp_path / n) for n in ("before.parquet", "after.jsonl.gz"))
    assert before.num_rows == found.before.table.num_rows
    assert hopwatch.attribute(after).total_ns == hopwatch.attribute(found.after.table).total_ns
    document = json.loads(answer.read_text())
    assert document["schema"] == "hopwatch.change/1"
    assert document["scenario"] == "migration"
    assert document["changes"] == [change]
    assert document["answers"] == [{"term": "time", "hop": "orders"}]
    assert document["delta_ns"] == sum(term["ns"] for term in document["terms"]) < 0
    assert document["design"] == {"kind": "two windows", "after_seed": 2**40 + 1}
    top = document["terms"][0]
    assert (top["term"], top["hop"], top["kind"]) == ("time", "orders", "self")


def test_the_same_words_write_the_same_bytes(tmp_path: Path) -> None:
    written = []
    for name in ("x", "y"):
        folder = tmp_path / name
        folder.mkdir()
        words = ("--change", "mix:edge POST /orders,2", "--change", "rename:users,people")
        truth = folder / "truth.json"
        assert _pair(folder, *words, "--turns", "500ms", "--requests", 150, "--truth", truth) == 0
        written.append({path.name: path.read_bytes() for path in folder.iterdir()})
    assert written[0] == written[1]
    document = json.loads(written[0]["truth.json"])
    assert document["design"] == {"kind": "interleaved", "turn_ns": 500_000_000}
    assert document["roles"] == {"before": {}, "after": {"people": "users"}}


def test_changes_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--changes") == 0
    said = capsys.readouterr().out
    for name, change in CHANGES.items():
        assert f"{name}:{change.usage}\n" in said or f"{name}\n" in said
        assert change.help.split()[0] in said


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["--change", "none", "--out", "x.parquet"], "give --out-after as well"),
        (["--turns", "5s", "--out", "x.parquet"], "--turns is for a --change"),
        (["--after-seed", "5", "--out", "x.parquet"], "--after-seed is for a --change"),
        (["--out-after", "y.parquet", "--out", "x.parquet"], "--out-after is for a --change"),
        (["--change", "none", "--send", "http://127.0.0.1:1", "--out-after", "y.parquet"],
         "--send sends both"),
        (["--change", "none", "--out", "x.pb", "--out-after", "x.pb"], "are the same"),
        (["--change", "none", "--out", "x.pb", "--out-after", "y.csv"], "a file that ends in"),
        (["--change", "none", "--turns", "soon", "--out", "x.pb", "--out-after", "y.pb"],
         "'soon' is no time"),
        (["--change", "none", "--after-seed", "-1", "--out", "x.pb", "--out-after", "y.pb"],
         "seed -1"),
        (["--change", "time:x\x1b[2J,2", "--out", "x.pb", "--out-after", "y.pb"], "no peer 'x"),
    ],
)  # fmt: skip
def test_errors_come_before_any_file(
    words: list[str],
    wanted: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _run("migration", *words) == 2
    said = capsys.readouterr().err
    assert wanted in said
    assert "\x1b" not in said
    assert list(tmp_path.iterdir()) == []


def test_that_kernels_are_compiled_is_said_once(capsys: pytest.CaptureFixture[str]) -> None:
    with compiling_is_said("simulate"):
        for _ in range(2):
            with event.trigger_event("numba:compile"):
                pass
    said = capsys.readouterr().err
    assert said == "hopwatch simulate: compiling, once; this takes some 20 seconds\n"
