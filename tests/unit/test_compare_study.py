"""What the study of simulated pairs says of its records."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.compare_study import run, summary

HOW: dict[str, Any] = {"rate": 50.0, "seconds": 300, "changes": []}


def record(pair: int, alarm: bool | None, **other: Any) -> dict[str, Any]:
    told = {"alarm": alarm} if alarm is None else {"alarm": alarm, "found": pair % 2 == 0}
    return {
        "pair": pair, "wander_s": (10, 2)[pair % 2], "how": HOW, "true_ns": 0, "low_ns": -5,
        "high_ns": 5, "true_share": 0.0, "detectable": 0.1, "statistics": {"mean": told},
        "own_alarms": 2, "cautions": 0, "cpu_seconds": 2.0, **other,
    }  # fmt: skip


def test_alarms_are_counted_with_their_upper_bound() -> None:
    found = summary([record(pair, alarm=pair <= 2) for pair in range(1, 41)])
    mean = found["all"]["statistics"]["mean"]
    assert (mean["alarms"], mean["refused"], mean["power"]) == (0.05, 0, 0.5)
    assert mean["upper"] == pytest.approx(0.1492, abs=1e-3)  # of 2 in 40, one-sided 95 %
    assert found["2 s"]["pairs"] == found["10 s"]["pairs"] == 20
    assert found["all"]["own_window_alarms"] == pytest.approx(2 / 39)


def test_refused_is_no_alarm_and_no_peace() -> None:
    found = summary([record(1, None), record(2, None, true_ns=9)])["all"]
    assert found["statistics"]["mean"] == {
        "alarms": None, "upper": None, "refused": 2, "power": None,
    }  # fmt: skip
    assert found["coverage"] == 0.5


def test_what_is_found_is_counted_of_the_pairs_that_state_so_small_a_change() -> None:
    stated = [(0.11, False), (0.10, True), (0.09, False), (0.08, True), (0.05, True)]
    records = [
        record(pair, alarm, true_share=0.1, detectable=detectable)
        for pair, (detectable, alarm) in enumerate(stated)
    ]
    found = summary(records)["all"]
    assert (found["so_sensitive"], found["found"]) == (3, pytest.approx(2 / 3))


def test_what_was_done_is_not_done_again_and_never_mixed(tmp_path: Path) -> None:
    results = tmp_path / "study.jsonl"
    lines = [json.dumps(record(pair, alarm=False)) for pair in (2, 1)]
    results.write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert [one["pair"] for one in run(results, 2, (10, 2), 1, **HOW)] == [1, 2]
    with pytest.raises(SystemExit, match="pair 1 of another study"):
        run(results, 2, (10, 2), 1, **HOW | {"rate": 75.0})
