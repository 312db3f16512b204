"""Published traces with a known answer, read where they lie (fixture `shared_data`)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hopwatch.attribution import Attribution, Options
from tests.spans_dsl import span, table

CRITICAL_PATHS = ("test1", "test3", "test4", "test7", "test9")


@pytest.mark.parametrize("name", CRITICAL_PATHS)
@pytest.mark.parametrize("tau", [0, None])
def test_jaegers_critical_path(name: str, tau: int | None, shared_data: Path) -> None:
    """Jaeger's hand-asserted sections are what each span is blamed for: under Jaeger's policy,
    τ = 0, and no less under the usual one, for none of these has calls that overlap by less than
    50 µs. So there is no difference to explain here."""
    case = json.loads((shared_data / "critical-path" / f"jaeger-ui_{name}.json").read_text())
    rows = [
        span(
            s["spanID"], s["startTime"] * 1000, (s["startTime"] + s["duration"]) * 1000,
            s["parentID"], service=s["service"], kind=(s["kind"] or "internal").upper(),
        )
        for s in case["spans"]
    ]  # fmt: skip
    (unit,) = Attribution(table(*rows), Options(tau_ns=tau)).requests()
    sections = {
        (time.span.name, start // 1000, end // 1000)
        for time in unit.spans
        for start, end in time.segments
    }
    assert sections == {
        (s["spanID"], s["section_start"], s["section_end"]) for s in case["expected"]
    }


def test_zipkins_skewed_clocks_and_shared_id(shared_data: Path) -> None:
    """Case 12 of the attribution's specification: client and server share one id, the
    server's clock runs 65 ms behind."""
    spans = json.loads((shared_data / "zipkin" / "skew.json").read_text())
    rows = [
        span(
            s["id"], s["timestamp"] * 1000, (s["timestamp"] + s["duration"]) * 1000,
            s.get("parentId"), service=s["localEndpoint"]["serviceName"],
            kind=s.get("kind", "INTERNAL"), span_name=f"{s['name']} {s.get('kind', '')}".strip(),
        )
        for s in spans
    ]  # fmt: skip
    (unit,) = Attribution(table(*rows), Options(tau_ns=0)).requests()
    assert {time.span.name: time.own // 1000 for time in unit.spans} == {
        "get SERVER": 4872,
        "post CLIENT": 962,
        "post SERVER": 28577,
        "async": 65000,
    }
    assert sum(time.own for time in unit.spans) == 99_411_000
