"""A tiny matrix for real: `hopwatch-stack matrix` measures, writes what its schema says, stops when
it is told to, and leaves nothing running."""

import json
import signal
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import psutil
import pytest

from hopwatch_stack.paths import ROOT
from hopwatch_stack.waiting import wait_until

SCHEMA = json.loads((files("hopwatch_stack.matrix") / "matrix-1.json").read_text())
CONTENDERS = {"go-grpc", "go-rest", "node-grpc"}
# The bound is so low that the search for the top rate is over soon.
SHORT = ("--turn", "1", "--warmup", "0.5", "--rate", "20", "--limit", "3", "--seed", "7")
# Under a minute where nothing else runs.
RUN_SECONDS = 550

pytestmark = pytest.mark.timeout(RUN_SECONDS + 50)


def matrix(*words: object) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "hopwatch_stack", "matrix", *map(str, words)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def running_in(folder: Path) -> list[str]:
    """Processes that have to do with this folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "environ"]):
        words = [*(process.info["cmdline"] or []), *(process.info["environ"] or {}).values()]
        if any(str(folder) in word for word in words) and process.pid != psutil.Process().pid:
            found.append(" ".join(process.info["cmdline"] or []))
    return found


def row(found: dict[str, Any], name: str) -> dict[str, Any]:
    cells: dict[str, Any] = next(row for row in found["rows"] if row["name"] == name)["cells"]
    return cells


def test_languages_and_protocols_are_measured_in_turns(tmp_path: Path) -> None:
    output = tmp_path / "result.json"
    with matrix("--implementations", "go,node", "--turns", "2", *SHORT, "--state-dir",
                tmp_path / "state", "--output", output) as process:  # fmt: skip
        said, _ = process.communicate(timeout=RUN_SECONDS)
    assert process.returncode == 0, said
    found = json.loads(output.read_text())
    jsonschema.validate(found, SCHEMA)
    assert found["complete"]
    assert found["lost"] == []
    assert set(found["contenders"]) == CONTENDERS
    assert [turn["block"] for turn in found["turns"]] == [0] * 3 + [1] * 3
    # The same requests for all in a block, and others in the next.
    by_block = [{turn["requests"] for turn in found["turns"] if turn["block"] == b} for b in (0, 1)]
    assert all(len(counts) == 1 for counts in by_block)
    for name in ("latency_p99", "cpu", "memory_idle", "start", "drain", "bytes"):
        cells = row(found, name)
        assert set(cells) == CONTENDERS, name
        assert all(cell["value"] > 0 and cell["n"] == 2 for cell in cells.values()), name
    assert set(row(found, "throughput")) == CONTENDERS
    # The very messages by either protocol: JSON is larger.
    size = row(found, "bytes")
    assert size["go-rest"]["value"] > 1.2 * size["go-grpc"]["value"]
    # A process serves on for a second after the signal.
    assert all(cell["value"] >= 1 for cell in row(found, "drain").values())
    assert "What this table cannot say" in said
    assert "It takes about" in said
    assert "5 of 6 turns, about" in said
    assert all(0 <= turn["others_share"] <= 1 for turn in found["turns"])
    assert running_in(tmp_path) == []
    assert list((tmp_path / "state" / "matrix").iterdir()) == []


def test_an_interrupted_run_keeps_what_it_has(tmp_path: Path) -> None:
    output = tmp_path / "result.json"
    with matrix("--implementations", "go", "--protocols", "grpc", "--turns", "50", *SHORT,
                "--state-dir", tmp_path / "state", "--output", output) as process:  # fmt: skip
        assert wait_until(lambda: output.exists() or process.poll() is not None, RUN_SECONDS)
        process.send_signal(signal.SIGINT)
        said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    found = json.loads(output.read_text())
    jsonschema.validate(found, SCHEMA)
    assert not found["complete"]
    assert found["turns"]
    assert str(output) in said.replace("\n", "")
    assert running_in(tmp_path) == []


def test_what_cannot_be_measured_is_refused_before_anything_starts(tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.json"
    damaged.write_text('{"schema": "hopwatch.matrix/1"}')
    for words, reason in (
        (("--implementations", "cobol"), 'there are no orders in "cobol"'),
        (("--implementations", "node", "--protocols", "rest"), "nothing to measure"),
        (("--rate", "0"), "must be above 0"),
        (("--rate", "nan"), "must be above 0"),
        (("--seed", "-1"), "--seed must be"),
        (("--compare", tmp_path / "a.json", tmp_path / "b.json"), "No such file"),
        (("--compare", damaged, damaged), "is damaged"),
        (("--output", tmp_path), "it is a folder"),
    ):
        with matrix("--state-dir", tmp_path / "state", *words) as process:
            said, _ = process.communicate(timeout=60)
        assert reason in said
        assert process.returncode == (1 if words[0] in ("--compare", "--output") else 2)
