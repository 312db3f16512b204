"""A click of our own shop, recorded: what is said of it must not change by accident.

`click/trace.otlp.jsonl` was exported from a store after `make demo` (host renamed, queries' text
left out). `trace.txt` and `request.json` are what `hopwatch trace` and `hopwatch report
--per-trace --json` printed; the last test derives the cells from the spans another way. The order
waits for PlaceOrder; Recommend runs beside it and is never on the critical path.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hopwatch.cli import main

CLICK = Path(__file__).parent / "click"
TRACE = CLICK / "trace.otlp.jsonl"


def test_waterfall(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["trace", "fcddc6330522", str(TRACE)]) == 0
    assert capsys.readouterr().out == (CLICK / "trace.txt").read_text()


def test_request(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(TRACE), "--per-trace", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads((CLICK / "request.json").read_text())


def test_cells_are_differences_of_durations() -> None:
    """From the spans alone: each side's duration, and what lies between."""
    spans = {}
    for line in TRACE.read_text().splitlines():
        for resource in json.loads(line)["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                spans |= {(s["name"], s["kind"]): s for s in scope["spans"]}

    def duration(name: str, kind: int) -> int:
        span = spans[name, kind]
        return int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])

    cells = {
        (c["hop"], c["kind"]): c["ns"]
        for c in json.loads((CLICK / "request.json").read_text())["cells"]
    }
    fetch, served = duration("POST", 3), duration("POST /api/orders", 2)
    assert cells["shop-web", "self"] == duration("click place order", 1) - fetch
    assert cells["shop-web -> shop-bff", "gap"] == fetch - served
    rpc = "hopwatch.shop.v1.Orders/PlaceOrder"
    client, server = duration(f"grpc.{rpc}", 3), duration(rpc, 2)
    assert cells["shop-bff -> shop-orders", "gap"] == client - server
    in_orders = [("shop-orders", "self"), ("shop-orders", "wait"), ("postgresql/shop", "db")]
    assert sum(cells[cell] for cell in in_orders) == server
