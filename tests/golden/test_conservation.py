"""Cells add up to the root's duration, to the nanosecond, on every trace of other systems."""

from __future__ import annotations

from pathlib import Path

import pytest

from hopwatch.attribution import Attribution, Options, attribute
from hopwatch.formats import read_files


@pytest.mark.parametrize("folder", ["jaeger", "nezha", "opensearch", "otlp", "tempo", "zipkin"])
@pytest.mark.parametrize("tau", [None, 0, 1_000_000])
def test_every_trace_adds_up(shared_data: Path, folder: str, tau: int | None) -> None:
    spans, _ = read_files([shared_data / folder])
    attribution = Attribution(spans, Options(tau_ns=tau))
    units = [*attribution.requests(), *attribution.detached(), *attribution.fragments()]
    assert units
    for unit in units:
        assert sum(time.own for time in unit.spans) == unit.duration
        assert sum(unit.cells().values()) == unit.duration
    for detached in (False, True):
        ledger = attribution.ledger(detached=detached)
        of_kind = [*(attribution.detached() if detached else attribution.requests())]
        assert ledger.total_ns == sum(unit.duration for unit in of_kind)
        for keys in (("hop", "language", "kind"), ("route", "outcome"), ("operation",)):
            assert sum(group.blamed_ns for group in ledger.group_by(*keys)) == ledger.total_ns


def test_every_span_of_the_volume_data_is_attributed_once(shared_data: Path) -> None:
    spans, rejected = read_files([shared_data / "nezha"])
    assert spans.num_rows > 4000
    assert set(rejected.counts) <= {"unreadable_file"}  # its licence
    ledger = attribute(spans)
    copies = ledger.quality.get("duplicate", 0) + ledger.quality.get("conflicting_copies", 0)
    assert ledger.quality["spans"] + copies == spans.num_rows
    assert ledger.request_count >= 62
