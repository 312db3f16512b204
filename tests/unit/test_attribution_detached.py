"""Asynchronous work: what begins it, who sent it, how long the message was under way."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pyarrow.parquet as pq
import pytest

from hopwatch import reports
from hopwatch.attribution import Attribution, Clocks, Options
from hopwatch.cli import main
from tests.spans_dsl import MS, FixedClocks, span, span_id, table, trace_id


def link(name: str, trace: str = "t", follows: bool = False) -> dict[str, Any]:
    said = [("opentracing.ref_type", "follows_from")] if follows else []
    return {"trace_id": trace_id(trace), "span_id": span_id(name), "attributes": said}


def linked(row: dict[str, Any], *links: dict[str, Any]) -> dict[str, Any]:
    return {**row, "links": list(links)}


def rows_of(*rows: dict[str, Any]) -> Any:
    return table(*({"links": None, **row} for row in rows))


SENDER = (
    span("R", 0, 500 * MS, service="shop", kind="SERVER"),
    span("P", 100 * MS, 160 * MS, "R", service="shop", kind="PRODUCER"),
)


def delays(*rows: dict[str, Any], clocks: Clocks | None = None) -> list[tuple[Any, ...]]:
    found = Attribution(rows_of(*rows), Options(tau_ns=0), clocks).delays().to_pylist()
    return [(d["sender_hop"], d["hop"], d["low_ns"], d["high_ns"]) for d in found]


def test_delay_of_one_process_is_a_point() -> None:
    consumer = span("K", 200 * MS, 260 * MS, "P", service="shop", kind="CONSUMER")
    assert delays(*SENDER, consumer) == [("shop", "shop", 40 * MS, 40 * MS)]


def test_delay_between_clocks_is_as_wide_as_what_is_known_of_them() -> None:
    consumer = span("K", 1200 * MS, 1260 * MS, "P", service="mail", kind="CONSUMER")
    assert delays(*SENDER, consumer) == [("shop", "mail", None, None)]
    # `mail` calls `shop` too, whose clock is 1 s behind: 30 calls with 2 ms each way.
    calls = [
        row
        for i, at in ((i, i * MS + 12_345 * i) for i in range(30))
        for row in (
            span(f"c{i}", at + 1000 * MS, at + 1014 * MS, service="mail", kind="CLIENT",
                 trace=f"t{i}"),
            span(f"s{i}", at + 2 * MS, at + 12 * MS, f"c{i}", service="shop", kind="SERVER",
                 trace=f"t{i}"),
        )
    ]  # fmt: skip
    ((*_, low, high),) = delays(*SENDER, consumer, *calls)
    assert low <= 40 * MS <= high
    assert high - low <= 4.1 * MS


def test_delay_is_never_negative() -> None:
    consumer = span("K", 130 * MS, 260 * MS, "P", service="mail", kind="CONSUMER")
    assert delays(*SENDER, consumer, clocks=FixedClocks(0, 0)) == [("shop", "mail", 0, 0)]


def test_what_no_producer_sent_was_sent_while_the_sender_ran() -> None:
    job = span("J", 100 * MS, 190 * MS, "R", service="shop")
    consumer = span("K", 200 * MS, 260 * MS, "J", service="shop", kind="CONSUMER")
    assert delays(SENDER[0], job, consumer) == [("shop", "shop", 10 * MS, 100 * MS)]


def test_a_batch_is_from_all_its_producers() -> None:
    batch = linked(
        span("K", 300 * MS, 400 * MS, trace="batch", service="shop", kind="CONSUMER"),
        link("P"), link("P"), link("P2", "u"), link("gone", "v"), link("R"),
    )  # fmt: skip
    other = span("P2", 0, 250 * MS, trace="u", service="shop", kind="PRODUCER")
    found = delays(*SENDER, other, batch)
    assert found == [("shop", "shop", 140 * MS, 140 * MS), ("shop", "shop", 50 * MS, 50 * MS)]


def test_what_follows_from_a_span_is_no_request_and_has_a_ledger_of_its_own() -> None:
    follower = linked(span("F", 600 * MS, 900 * MS, service="shop"), link("R", follows=True))
    attribution = Attribution(rows_of(*SENDER, follower), Options(tau_ns=0))
    assert attribution.ledger().total_ns == 500 * MS
    ledger = attribution.ledger(detached=True)
    assert (ledger.request_count, ledger.total_ns) == (1, 300 * MS)
    assert delays(*SENDER, follower) == [("shop", "shop", 100 * MS, 600 * MS)]


def test_a_message_whose_sender_was_lost_is_asynchronous_work_all_the_same() -> None:
    attribution = Attribution(
        rows_of(SENDER[0], span("K", 120 * MS, 300 * MS, "lost", service="mail", kind="CONSUMER"))
    )
    assert attribution.ledger().group_by("kind")[0].doubtful_ns == 0  # it hides nothing
    assert attribution.ledger(detached=True).total_ns == 180 * MS
    (trace,) = attribution.forest.traces
    assert (trace.fragments, dict(trace.repairs)) == ([], {"missing_parent": 1})
    assert delays(SENDER[0], span("K", 9, 99, "lost", service="mail", kind="CONSUMER")) == []


def test_a_linked_request_stays_a_request() -> None:
    """Servers at a border begin a new trace and link to the caller's."""
    server = linked(span("S", 0, 90 * MS, trace="new", kind="SERVER"), link("R"))
    attribution = Attribution(rows_of(*SENDER, server))
    assert attribution.ledger().request_count == 2
    assert attribution.delays().num_rows == 0


def test_a_parent_is_waited_for_whatever_is_followed_from() -> None:
    child = linked(span("C", 200 * MS, 300 * MS, "R"), link("P", follows=True))
    ledger = Attribution(rows_of(*SENDER, child)).ledger()
    assert {g.key[0]: g.blamed_ns for g in ledger.group_by("operation")}["C"] == 100 * MS


def test_malformed_links_are_nobody() -> None:
    odd = [{"trace_id": b"", "span_id": b"x", "attributes": None}, None]
    consumer = {**span("K", 0, 9, service="shop", kind="CONSUMER"), "links": odd}
    assert delays(*SENDER, consumer) == []


def test_report_says_who_sent_what_and_how_long_it_took(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    consumers = [
        span("K", 200 * MS, 260 * MS, "P", service="shop", kind="CONSUMER"),
        span("K2", 230 * MS, 260 * MS, "P", service="shop", kind="CONSUMER", span_name="K"),
        span("K3", 200 * MS, 260 * MS, "P", service="<b>mail", kind="CONSUMER"),
    ]
    file = tmp_path / "spans.parquet"
    pq.write_table(rows_of(*SENDER, *consumers), file)
    assert main(["report", str(file), "--detached"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "shop -> shop K: 2 times, p50 40.0 ms, p95 70.0 ms" in text
    assert "shop -> <b>mail K3: 1 time, how long is not known" in text
    assert main(["report", str(file), "--detached", "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    schema = Path(reports.__path__[0], "schemas", "ledger-1.json").read_text(encoding="utf-8")
    jsonschema.validate(document, json.loads(schema))
    assert document["messages"][0]["delay_ns"]["p95"] == [70 * MS, 70 * MS]


def test_names_of_waits_can_be_added(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "spans.parquet"
    pq.write_table(rows_of(span("R", 0, 100), span("W", 10, 40, "R", span_name="Throttle")), file)
    assert main(["report", str(file), "--wait", "throttle", "--by", "kind", "--json"]) == 0
    cells = json.loads(capsys.readouterr().out)["cells"]
    assert {cell["kind"]: cell["total_ns"] for cell in cells} == {"self": 70, "wait": 30}
