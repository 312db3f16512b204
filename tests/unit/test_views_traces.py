"""What is asked for in words, what was found, and one trace in words and figures."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from hopwatch import logs
from hopwatch.attribution import Attribution
from hopwatch.errors import UsageError
from hopwatch.store.search import Query, search
from hopwatch_dashboards.views import one_trace, span_details, traces
from hopwatch_dashboards.views.one_trace import OneTrace, attribute_trace
from hopwatch_dashboards.views.windows import Window
from tests.spans_dsl import MS, US, span, span_id, table, trace_id

HOSTILE = "<img src=x onerror=alert(1)> [x](javascript:alert(1)) \x1b[31m \u202egnp " + "é" * 9000
WINDOW = Window(0, 10**18)

SHOP = (
    span("page", 0, 30 * MS, service="web", language="webjs", kind="SERVER",
         **{"http.route": "/orders", "http.request.method": "POST"}),
    span("call", 1 * MS, 29 * MS, "page", service="web", language="webjs", kind="CLIENT"),
    span("serve", 1003 * MS, 1028 * MS, "call", service="bff", language="nodejs", kind="SERVER",
         **{"hopwatch.lab.name": "delay", "hopwatch.lab.delay_ms": 5, "user": "ada"}),
    span("sql", 1006 * MS, 1026 * MS, "serve", service="bff", language="nodejs", kind="CLIENT",
         db_system_name="postgresql", db_namespace="shop"),
)  # fmt: skip


def log(*records: dict[str, Any]) -> pa.Table:
    """A log table; what a record leaves out is null."""
    defaults = {"severity_number": 9, "body_type": "s", "log_attributes": []}
    rows = [defaults | record for record in records]
    columns = [
        pa.array([row.get(field.name) for row in rows], pa.string()).dictionary_encode()
        if pa.types.is_dictionary(field.type)
        else pa.array([row.get(field.name) for row in rows], field.type)
        for field in logs.SCHEMA
    ]
    return pa.Table.from_arrays(columns, schema=logs.SCHEMA)


def one(*rows: dict[str, Any], log_table: pa.Table | None = None) -> OneTrace:
    spans = table(*rows)
    mine = [row for row in rows if row["trace_id"] == rows[0]["trace_id"]]
    return attribute_trace(table(*mine), spans, log() if log_table is None else log_table)


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("", {}),
        ("http.route=/api/orders", {"http.route": "/api/orders"}),
        ('a=1  tenant="a b" c=x=y', {"a": "1", "tenant": "a b", "c": "x=y"}),
        ("empty=", {"empty": ""}),
    ],
)
def test_attributes_are_read_from_words(text: str, pairs: dict[str, str]) -> None:
    assert traces.parse_attributes(text) == pairs


@pytest.mark.parametrize("text", ["route", "=x", '"open', "a=1 b"])
def test_what_is_no_attribute_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"key=value|cannot be read"):
        traces.parse_attributes(text)


def test_the_form_becomes_a_query() -> None:
    asked = {"route": "GET *", "status": "failed", "min": 1.5, "max": None, "with": "a=b", "id": "",
             "order": "slowest", "service": None, "operation": " "}  # fmt: skip
    assert traces.query(Window(3, 9), asked) == Query(
        start_ns=3, end_ns=9, route="GET *", status="error", min_ns=1_500_000,
        attributes={"a": "b"}, order="slowest",
    )  # fmt: skip


def test_a_status_from_the_url_that_is_none_is_ignored() -> None:
    assert traces.query(WINDOW, {"status": "'; DROP"}).status is None


def test_found_traces_become_rows_and_points() -> None:
    found = search(table(*SHOP), Query(), limit=9, points=9)
    (row,) = traces.rows(found.traces)
    assert (row.route, row.duration_ns, row.spans, row.part) == ("POST /orders", 30 * MS, 4, 1.0)
    assert row.services == ("bff", "web")
    (point,) = traces.points(found.sample).to_dict("records")
    assert (point["ms"], point["outcome"], point["trace"]) == (30, "succeeded", trace_id().hex())
    assert traces.counted(found) == "1 trace."


def test_a_trace_without_length_has_a_place_on_the_logarithmic_axis() -> None:
    found = search(table(span("root", 5, 5)), Query(), limit=9, points=9)
    assert traces.points(found.sample)["ms"].tolist() == [0.001]


def test_what_is_left_out_of_list_and_picture_is_said() -> None:
    rows = [span(f"r{i}", i, i + MS, trace=f"t{i}") for i in range(9)]
    said = traces.counted(search(table(*rows), Query(), limit=2, points=4))
    assert said.startswith("9 traces. The list shows the first 2; the picture shows 4 of them")


def test_the_headline_says_when_what_and_where() -> None:
    when, where = one_trace.headline(one(*SHOP))
    assert "30.0 ms, 4 spans of 2 services: bff, web." in when
    assert where == (
        "Of 30.0 ms: 20.0 ms (67%) in the database postgresql/shop, 5.00 ms (17%) own work in"
        " bff (nodejs), 3.00 ms (10%) between web and bff, and 2.00 ms elsewhere."
    )


def test_the_ledger_adds_up_to_the_duration_and_to_the_whole() -> None:
    unit = one_trace.ledger(one(*SHOP).main)
    assert sum(row.ns for row in unit.rows) == unit.duration_ns == 30 * MS
    assert sum(row.share for row in unit.rows) == 1000
    assert [row.kind for row in unit.rows] == ["db", "self", "gap", "self"]


def test_a_failure_is_said() -> None:
    assert "It failed." in one_trace.headline(one(span("root", 0, MS, status="ERROR")))[0]


def test_incomplete_traces_and_several_roots_are_said_to_be_so() -> None:
    said = " ".join(
        one_trace.notes(
            one(
                span("a", 0, MS),
                span("b", 0, MS),
                span("lost", 0, MS, "nowhere"),
                span("take", 5 * MS, 9 * MS, "a", kind="CONSUMER"),
                span("late", 2 * MS, 3 * MS, "a"),
            )
        )
    )
    assert "Incomplete: 1 span has a parent that did not arrive" in said
    assert "2 spans have no parent: 2 requests" in said
    assert "2 pieces of asynchronous work: what a message set off, or what began after" in said


def test_a_trace_of_fragments_only_is_shown_as_what_it_is() -> None:
    trace = one(span("lost", 0, MS, "nowhere"), span("below", 0, MS, "lost"))
    assert any("no end-to-end time" in note for note in one_trace.notes(trace))
    assert [unit.duration_ns for unit in one_trace.ledgers(trace)] == [MS]


def test_clocks_say_who_was_moved_by_how_much() -> None:
    (row,) = one_trace.clocks(one(*SHOP))
    assert (row.caller, row.callee, row.calls) == ("web", "bff", 1)
    assert (row.low_ns, row.high_ns) == (None, None)
    assert -1002 * MS <= row.moved_ns <= -999 * MS


def test_neighbours_narrow_the_clocks() -> None:
    rows = list(SHOP)
    for i in range(20):
        at, other = 100 * i * US, f"n{i}"
        rows += [
            span(f"{other}c", at, at + 10 * MS, trace=other, service="web", kind="CLIENT"),
            span(f"{other}s", at + 1001 * MS, at + 1009 * MS, f"{other}c", trace=other,
                 service="bff", kind="SERVER"),
        ]  # fmt: skip
    trace = one(*rows)
    assert len(trace.units) == 1
    (row,) = one_trace.clocks(trace)
    assert row.low_ns is not None
    assert row.high_ns is not None
    assert row.low_ns <= row.moved_ns <= row.high_ns


def details(*rows: dict[str, Any], row: int, reveal: bool = False) -> span_details.SpanDetails:
    trace = one(*rows)
    return span_details.details(trace.waterfall.spans[row], trace.table, reveal=reveal)


def test_lab_attributes_are_hidden_until_revealed() -> None:
    hidden = details(*SHOP, row=2)
    assert [(pair.name, pair.value) for pair in hidden.attributes] == [("user", "ada")]
    assert hidden.hidden == 2
    revealed = details(*SHOP, row=2, reveal=True)
    assert {pair.name: pair.value for pair in revealed.attributes} == {
        "hopwatch.lab.delay_ms": "5", "hopwatch.lab.name": "delay", "user": "ada",
    }  # fmt: skip
    assert revealed.hidden == 0


def test_a_span_s_facts_are_exact() -> None:
    facts = {pair.name: pair.value for pair in details(*SHOP, row=3).facts}
    assert facts["took"] == "20.0 ms (20,000,000 ns)"
    assert facts["counts as"] == "postgresql/shop, db"
    assert facts["span id"] == span_id("sql").hex()


def test_events_and_links_are_shown() -> None:
    row = span("root", 5 * MS, 9 * MS) | {
        "events": [{"time_unix_nano": 6 * MS, "name": "exception",
                    "attributes": [("exception.type", "Boom")]}],
        "links": [{"trace_id": b"\1" * 16, "span_id": b"\2" * 8, "attributes": [("why", "batch")]}],
    }  # fmt: skip
    shown = details(row, row=0)
    assert [(e.after_ns, e.name, e.attributes[0].value) for e in shown.events] == [
        (MS, "exception", "Boom")
    ]
    assert [(link.trace_id, link.span_id) for link in shown.links] == [("01" * 16, "02" * 8)]
    marks = span_details.marks(table(row), log())
    assert marks == {span_id("root"): [(6 * MS, True)]}


def test_hostile_text_is_shown_harmless_and_bounded() -> None:
    shown = details(span("root", 0, MS, **{HOSTILE: HOSTILE, "x.y": HOSTILE}), row=0)
    for pair in shown.attributes:
        assert "\x1b" not in pair.name + pair.value
        assert "\u202e" not in pair.name + pair.value
        assert len(pair.value) <= 4000


def test_lines_of_a_statement_stay_lines() -> None:
    text = "SELECT 1,\n  2\r\n\x1b[31m" + "x" * 9000
    shown = span_details.block(text)
    assert shown.startswith("SELECT 1,\n  2\\r\n\\x1b[31mx")
    assert len(shown) <= 4000


def test_log_lines_are_in_the_clock_of_the_root_and_lead_to_their_spans() -> None:
    records = log(
        {"time_unix_nano": 1027 * MS, "service_name": "bff", "span_id": span_id("sql"),
         "body": "slow", "severity_number": 17, "log_attributes": [("hopwatch.lab.name", "x")]},
        {"time_unix_nano": 2 * MS, "service_name": "web", "span_id": span_id("page"),
         "body": HOSTILE},
        {"time_unix_nano": 7, "service_name": "elsewhere", "body": "no span here"},
    )  # fmt: skip
    trace = one(*SHOP, log_table=records)
    first, second, last = span_details.log_lines(
        trace.log, trace.waterfall.spans, trace.waterfall.origin_ns, reveal=False
    )
    assert first.after_ns == 2 * MS
    assert "\x1b" not in first.body
    assert (second.severity, second.span, second.span_id) == ("ERROR", "sql", span_id("sql").hex())
    assert second.after_ns is not None
    assert 20 * MS < second.after_ns < 30 * MS
    assert second.attributes == ()
    assert (last.after_ns, last.span_id) == (None, "")
    assert trace.waterfall.columns["mark_bad"].tolist() == [0, 1]


def test_the_reference_attribution_is_what_is_shown() -> None:
    (unit,) = Attribution(table(*SHOP)).requests()
    assert one(*SHOP).main.cells() == unit.cells()
