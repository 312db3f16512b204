"""Whether verdicts hold on simulated pairs: the first 200 of `benchmarks.compare_study`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from benchmarks.compare_study import run, summary


@pytest.mark.skipif(not os.environ.get("HOPWATCH_SOAK"), reason="HOPWATCH_SOAK=1 asks for it")
def test_no_figure_cries_wolf_and_what_is_detectable_is_found(tmp_path: Path) -> None:
    how = {"rate": 50.0, "seconds": 300, "changes": []}
    found = summary(run(tmp_path / "pairs.jsonl", 200, (2, 10, 30), 2, **how))["all"]
    told = {name: row for name, row in found["statistics"].items() if row["alarms"] is not None}
    assert {"mean", "same mix", "p95", "any hop", "any term"} <= told.keys()
    assert {name: row["alarms"] for name, row in told.items() if row["alarms"] > 0.075} == {}
    # 0.8 is stated; of 200 pairs chance leaves 0.74 at times.
    powers = {name: row["power"] for name, row in told.items() if row["power"] is not None}
    assert {name: power for name, power in powers.items() if power < 0.74} == {}
    assert found["coverage"] > 0.925
