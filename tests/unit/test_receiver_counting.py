"""What `hopwatch serve` counts for /metrics: which traces, when, under which labels."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics
from prometheus_client.parser import text_string_to_metric_families as parse_text

from benchmarks.many_spans import table as many_spans
from hopwatch.attribution import COLUMNS, Attribution
from hopwatch.receiver import settling, totals
from hopwatch.receiver.exposition import Exposition, LedgerCollector
from hopwatch.receiver.feed import Feed
from hopwatch.receiver.settling import Settling
from hopwatch.receiver.totals import OTHER, Snapshot, Totals, label
from hopwatch.receiver.worker import Worker
from tests.spans_dsl import MS, span, table, trace_id

HOSTILE = '\x1b[31m"}\n\\{<script>\u202e\x00'


def received(*rows: dict[str, Any]) -> pa.Table:
    return table(*rows).select(COLUMNS)


def request(name: str, **changes: Any) -> list[dict[str, Any]]:
    return [
        span("R", 0, 20 * MS, trace=name, span_name="GET /a", **changes),
        span("q", 5 * MS, 15 * MS, "R", trace=name, kind="CLIENT", db_system="pg"),
    ]


def names(spans: pa.Table | None) -> list[str]:
    """Traces and spans, by their names."""
    if spans is None:
        return []
    known = {trace_id(name): name for name in "abcdef"}
    rows = zip(spans["trace_id"].to_pylist(), spans["name"].to_pylist(), strict=True)
    return sorted(f"{known[trace]} {name}" for trace, name in rows)


def test_a_trace_settles_when_it_has_been_quiet() -> None:
    waiting = Settling(10, 1000)
    root, child = request("a")
    waiting.add(received(child))
    assert waiting.settled(0) is None
    waiting.add(received(root))
    assert waiting.settled(6) is None
    assert waiting.settled(15.9) is None
    assert waiting.waiting_spans == 2
    assert names(waiting.settled(16)) == ["a GET /a", "a q"]
    assert waiting.settled(100) is None
    assert waiting.waiting_spans == 0


def test_traces_settle_apart() -> None:
    waiting = Settling(10, 1000)
    waiting.add(received(*request("a"), request("b")[1]))
    waiting.settled(0)
    waiting.add(received(request("b")[0], *request("c")))
    assert names(waiting.settled(10)) == ["a GET /a", "a q"]
    assert names(waiting.settled(20)) == ["b GET /a", "b q", "c GET /a", "c q"]


def test_the_root_of_a_slow_request_is_waited_for() -> None:
    waiting = Settling(10, 1000)
    root, child = request("a")
    waiting.add(received(child))
    waiting.settled(0)
    assert waiting.settled(50) is None
    waiting.add(received(root))
    assert waiting.settled(55) is None
    assert names(waiting.settled(65)) == ["a GET /a", "a q"]
    waiting.add(received(request("b")[1]))
    waiting.settled(70)
    assert waiting.settled(69 + settling.ROOTLESS_S) is None
    assert names(waiting.settled(70 + settling.ROOTLESS_S)) == ["b q"]


def test_what_comes_when_its_trace_was_counted_is_late() -> None:
    waiting = Settling(10, 1000)
    root, child = request("a")
    waiting.add(received(root))
    waiting.settled(0)
    assert names(waiting.settled(10)) == ["a GET /a"]
    waiting.add(received(child, *request("b")))
    assert waiting.settled(11) is None
    assert waiting.late_spans == 1
    assert names(waiting.settled(30)) == ["b GET /a", "b q"]


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    waiting = Settling(10, 5)
    waiting.add(received(request("a")[1], *request("b")))
    waiting.settled(0)
    waiting.add(received(*request("c")))
    assert waiting.settled(10) is not None  # b
    waiting.add(received(*request("d"), *request("e")))
    # The one without a root goes first, then all that is too much.
    assert names(waiting.settled(11)) == [
        "a q", "c GET /a", "c q", "d GET /a", "d q", "e GET /a", "e q",
    ]  # fmt: skip
    assert waiting.waiting_spans == 0
    assert waiting.hurried_traces == 4
    monkeypatch.setattr(settling, "_REMEMBERED", 1)
    waiting.add(received(*request("f")))
    waiting.settled(12)
    waiting.settled(30)
    waiting.add(received(request("c")[1]))  # forgotten
    waiting.settled(31)
    assert waiting.waiting_spans == 1


def counted(*tables: pa.Table, settle_s: float = 2) -> Snapshot:
    """What a worker counts of spans that arrive together, one table after the other."""
    worker, now = Worker(settle_s), 0.0
    for received_at, spans in enumerate(tables):
        now = 10.0 * received_at
        worker.take(spans, now)
    snapshot = worker.take(None, now + 2 * settling.ROOTLESS_S)
    assert snapshot is not None
    return snapshot


def test_every_request_is_counted_once_and_its_time_is_that_of_the_ledger() -> None:
    spans = many_spans(6_000).select(COLUMNS)
    ledger = Attribution(spans).ledger()
    once = counted(spans).totals
    assert sum(sums.blamed_ns for sums in once.cells.values()) == ledger.total_ns
    assert sum(durations.total_ns for durations in once.durations.values()) == ledger.total_ns
    assert sum(sum(d.counts) for d in once.durations.values()) == ledger.request_count
    for group in ledger.group_by(*totals.CELL_LABELS):
        assert once.cells[group.key].blamed_ns == group.blamed_ns
        assert once.cells[group.key].calls == group.calls
    # In parts, each trace in one of them: the clocks are learnt anew, requests stay whole.
    halves = [trace[0] % 2 for trace in spans["trace_id"].to_pylist()]
    parts = [spans.filter(pa.array([half == which for half in halves])) for which in (0, 1)]
    both = counted(*parts).totals
    assert both.durations.keys() == once.durations.keys()
    assert all(both.durations[key].counts == once.durations[key].counts for key in once.durations)
    assert sum(sums.blamed_ns for sums in both.cells.values()) == ledger.total_ns


def test_clocks_are_learnt_from_what_was_counted_before() -> None:
    """A call that outlives its client reads as a skewed clock, unless others tell."""
    good = [
        row
        for i in range(20)
        for row in (
            span("c", 0, 20 * MS, trace=f"g{i}", kind="CLIENT", service="A"),
            span("s", MS, 19 * MS, "c", trace=f"g{i}", kind="SERVER", service="B"),
        )
    ]
    odd = [
        span("c", 0, 10 * MS, trace="odd", kind="CLIENT", service="A"),
        span("s", 9 * MS, 19 * MS, "c", trace="odd", kind="SERVER", service="B"),
    ]
    together = counted(received(*good, *odd)).totals.cells
    apart = counted(received(*good), received(*odd)).totals.cells
    assert apart == together
    alone = [counted(received(*rows)).totals.cells for rows in (good, odd)]
    assert any(
        sum(cells[key].blamed_ns for cells in alone if key in cells) != sums.blamed_ns
        for key, sums in together.items()
    )


def test_traces_without_a_request_are_told_apart() -> None:
    lost = span("x", 0, MS, "nowhere", trace="b")
    worker = span("w", 0, MS, trace="c", kind="CONSUMER")
    found = counted(received(*request("a"), lost, worker))
    assert (found.totals.traces, found.totals.traces_without_request) == (3, 2)


def test_a_defect_costs_the_spans_it_is_of(monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(2)
    with monkeypatch.context() as patch:
        patch.setattr(Totals, "add", None)
        worker.take(received(*request("a")), 0)
        snapshot = worker.take(None, 10)
        assert snapshot is not None
        assert snapshot.failed_spans == 2
    worker.take(received(*request("b")), 20)
    snapshot = worker.take(None, 30)
    assert snapshot is not None
    assert (snapshot.failed_spans, snapshot.totals.traces) == (2, 1)


def test_labels_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(totals, "MOST_ROUTES", 5)
    monkeypatch.setattr(totals, "MOST_CELLS", 20)
    rows = [
        row
        for i in range(200)
        for row in request(str(i), http_route=f"/r{i}", service=f"s{i}", status="ERROR")
    ]
    ledger = Attribution(table(*rows)).ledger()
    found = counted(received(*rows)).totals
    routes = {route for route, _ in found.durations}
    assert len(routes) == 6
    assert OTHER in routes
    assert found.folded_requests == 195
    assert len(found.cells) <= 21
    assert sum(sums.blamed_ns for sums in found.cells.values()) == ledger.total_ns


def test_labels_are_harmless_and_short() -> None:
    assert label("GET /ä") == "GET /ä"
    assert label("a" * 10_000) == "a" * 199 + "…"
    assert label(HOSTILE).isprintable()
    assert label("\ud800") == "\\ud800"


class StoodIn(Feed):
    """A feed whose worker has counted these spans."""

    def __init__(self, *tables: pa.Table) -> None:
        super().__init__(2)
        self._snapshot = counted(*tables) if tables else None


def families(feed: Feed, accept: str) -> dict[str, Any]:
    body, content_type = Exposition(LedgerCollector(feed)).answer(accept)
    is_open = "openmetrics" in content_type
    assert is_open == ("openmetrics" in accept)
    parse = parse_openmetrics if is_open else parse_text
    return {family.name: family for family in parse(body.decode())}


@pytest.mark.parametrize("accept", ["", "*/*", "text/plain;version=0.0.4"])
def test_the_text_format_can_be_parsed(accept: str) -> None:
    rows = request("a", http_route=f"/{HOSTILE}", service=HOSTILE)
    found = families(StoodIn(received(*rows)), accept)
    samples = found["hopwatch_ledger_seconds"].samples
    assert sum(sample.value for sample in samples) == pytest.approx(0.02)
    assert f"{label(HOSTILE)} -> A" in {sample.labels["hop"] for sample in samples}
    assert found["hopwatch_ledger_traces"].samples[0].value == 1


def test_openmetrics_can_be_parsed_and_has_exemplars() -> None:
    rows = [*request("a", http_route=f"/{HOSTILE}"), *request("b", status="ERROR")]
    found = families(
        StoodIn(received(*rows)), "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"
    )
    histogram = found["hopwatch_ledger_request_duration_seconds"]
    assert {sample.labels["outcome"] for sample in histogram.samples} == {"ok", "error"}
    shown = [sample.exemplar for sample in histogram.samples if sample.exemplar]
    assert sorted(exemplar.labels["trace_id"] for exemplar in shown) == sorted(
        trace_id(name).hex() for name in "ab"
    )
    for sample in histogram.samples:
        if sample.exemplar:
            assert sample.exemplar.value <= float(sample.labels["le"])


def test_before_anything_is_counted_there_is_an_answer() -> None:
    assert "hopwatch_ledger_unqueued_spans" in families(StoodIn(), "")


def test_what_does_not_fit_the_queue_is_counted_and_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    feed, spans = Feed(2), table(*request("a"))
    monkeypatch.setattr(
        "hopwatch.receiver.feed._MOST_QUEUED_BYTES", 2 * spans.select(COLUMNS).nbytes
    )
    for _ in range(5):
        feed.put(spans)
    assert feed.left_out_spans == 3 * len(spans)


def test_sampled_requests_count_for_those_they_stand_for() -> None:
    """Of ten, nine were rejected; of the other kind none."""
    kept = [{**row, "trace_state": "ot=th:e6666666666666"} for row in request("a")]
    snapshot = StoodIn(received(*kept, *({**row, "trace_state": ""} for row in request("b"))))
    found = families(snapshot, "application/openmetrics-text;version=1.0.0")
    histogram = found["hopwatch_ledger_request_duration_seconds"].samples
    counts = [sample.value for sample in histogram if sample.name.endswith("_count")]
    assert counts == [11]
    seconds = sum(sample.value for sample in found["hopwatch_ledger_seconds"].samples)
    assert seconds == pytest.approx(11 * 0.02)
    assert found["hopwatch_ledger_traces"].samples[0].value == 2


def test_metrics_that_the_documentation_names_are_served() -> None:
    found = families(StoodIn(received(*request("a"))), "application/openmetrics-text")
    served = {name + ending for name in found for ending in ("", "_total", "_count")}
    page = Path(__file__).parents[2].joinpath("docs", "alerts.md").read_text()
    named = set(re.findall(r"hopwatch_ledger_[a-z_]+[a-z]", page))
    one_of, ends = re.findall(r"hopwatch_ledger_{([a-z_,]+),\.\.\.}([a-z_]+)", page)[0]
    named |= {f"hopwatch_ledger_{name}{ends}" for name in one_of.split(",")}
    assert len(named) > 6
    assert named <= served
