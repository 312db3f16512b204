"""Reports show a finished ledger: figures that add up as printed, text that stays text."""

from __future__ import annotations

import io
import json
import time
from importlib import resources
from typing import Any

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from hopwatch.attribution import Attribution, attribute
from hopwatch.errors import UsageError
from hopwatch.formats import otlp_json
from hopwatch.reports.documents import ledger_document, unit_document
from hopwatch.reports.ledger_terminal import print_ledger
from hopwatch.reports.logs_terminal import print_logs
from hopwatch.reports.numbers import apportion, duration
from hopwatch.reports.text import plain, shorten
from hopwatch.reports.trace_terminal import print_trace
from hopwatch.reports.words import what_it_says
from hopwatch.signals import LOGS
from tests.spans_dsl import span, span_id, table, trace_id

MS = 1_000_000
HOSTILE = (
    "\x1b[31mred\x07 [bold]x[/bold] <script>alert(1)</script> \u202egnp.exe \u200b" + "long" * 90
)

SHOP = (
    span("page", 0, 30 * MS, service="web", language="webjs"),
    span("fetch", 1 * MS, 29 * MS, "page", service="web", language="webjs", kind="CLIENT"),
    span("bff", 3 * MS, 28 * MS, "fetch", service="bff", language="nodejs", kind="SERVER"),
    span("rpc", 5 * MS, 25 * MS, "bff", service="bff", language="nodejs", kind="CLIENT"),
    span("orders", 6 * MS, 24 * MS, "rpc", service="orders", kind="SERVER"),
    span("acquire", 6 * MS, 8 * MS, "orders", service="orders", span_name="pool.acquire"),
    span(
        "sql", 9 * MS, 20 * MS, "orders", service="orders", kind="CLIENT",
        db_system_name="postgresql", db_namespace="shop",
    ),
)  # fmt: skip


def printed(*rows: dict, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False)
    spans = table(*rows)
    print_ledger(console, attribute(spans), "a test")
    print_trace(console, Attribution(spans))
    return console.file.getvalue()  # type: ignore[attr-defined]


@given(st.lists(st.integers(0, 10**15), max_size=40), st.integers(0, 10**6))
def test_apportioned_figures_add_up(parts: list[int], total: int) -> None:
    shown = apportion(parts, total)
    assert sum(shown) == (total if sum(parts) else 0)
    assert all(
        abs(s * sum(parts) - p * total) <= sum(parts) for s, p in zip(shown, parts, strict=True)
    )


def test_ledger_of_the_shop() -> None:
    cells = {
        g.key: g.blamed_ns // MS
        for g in attribute(table(*SHOP)).group_by("hop", "language", "kind")
    }
    assert cells == {
        ("web", "webjs", "self"): 2,
        ("web -> bff", "-", "gap"): 3,
        ("bff", "nodejs", "self"): 5,
        ("bff -> orders", "-", "gap"): 2,
        ("orders", "go", "self"): 5,
        ("orders", "go", "wait"): 2,
        ("postgresql/shop", "-", "db"): 11,
    }


def test_printed_cells_add_up_to_the_mean() -> None:
    rows = [*SHOP, span("other", 0, 10_000_001, trace="u", service="web", language="webjs")]
    text = printed(*rows)
    section = text.split("Where the time of a request goes")[1].split("What it says")[0]
    figures = [
        float(word)
        for line in section.splitlines()[2:]
        for word in line.split()
        if word.count(".") == 1 and len(word.split(".")[1]) == 3
    ]
    assert sum(figures[:-1]) == pytest.approx(figures[-1], abs=1e-9)
    assert figures[-1] == 20.0


def ledger_lines(*rows: dict, width: int = 80, **options: Any) -> list[list[str]]:
    """The words of each line of the ledger's table, without its header."""
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False)
    print_ledger(console, attribute(table(*rows)), "a test", **options)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    section = text.split("Where the time of a request goes\n")[1].split("What it says")[0]
    return [line.split() for line in section.splitlines()[1:] if line.strip()]


LONG_NAMES = [
    {**row, "service_name": f"{row['service_name']}-注文処理-of-a-very-long-name-indeed"}
    for row in SHOP
]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_names_are_shortened_to_fit_and_figures_never(width: int) -> None:
    lines = printed(*LONG_NAMES, width=width).splitlines()
    assert max(cell_len(line) for line in lines) <= width
    for line in ledger_lines(*LONG_NAMES, width=width):
        figures = [word for word in line if word[0].isdigit()]
        assert not any("…" in word for word in figures)
    assert sum("%" in " ".join(line) for line in ledger_lines(*LONG_NAMES, width=width)) == 8


def test_too_many_columns_are_refused_not_cropped() -> None:
    keys = ["route", "hop", "language", "kind", "operation", "caller", "version", "outcome"]
    with pytest.raises(UsageError, match="too narrow"):
        ledger_lines(*SHOP, keys=keys)


def test_rows_beyond_the_most_are_one_row_and_all_add_up() -> None:
    lines = ledger_lines(*SHOP, most=3)
    assert lines == [
        ["postgresql/shop", "-", "db", "11.000", "36.7%", "1.00"],
        ["bff", "nodejs", "self", "5.000", "16.7%", "1.00"],
        ["5", "smaller", "14.000", "46.6%", "5.00"],
        ["sum", "=", "mean", "30.000", "100.0%"],
    ]


def test_doubtful_time_has_a_column_only_where_there_is_some() -> None:
    parallel = [
        span("R", 0, 100 * MS),
        span("a", 0, 90 * MS, "R"),
        span("b", 80 * MS, 95 * MS, "R"),
    ]
    (row, foot) = ledger_lines(*parallel)
    assert row[3:5] == ["100.000", "20.000"]
    assert foot == ["sum", "=", "mean", "100.000", "100.0%"]
    assert "at least" not in printed(*SHOP)


def test_long_requests_are_shown_in_seconds() -> None:
    text = printed(span("R", 0, 3_090_123 * MS))
    assert "3,090.123" in text
    assert "s/request" in text


def test_half_a_microsecond_is_rounded_alike_above_and_below() -> None:
    text = printed(span("R", 0, 2000), span("Q", 0, 3000, trace="u"))
    assert text.count("0.003") >= 2
    assert "0.002" not in text.split("What it says")[0].split("p50")[1].split("\n")[0]


def test_waterfall_draws_own_time_where_it_was() -> None:
    text = printed(span("R", 0, 100 * MS), span("a", 50 * MS, 100 * MS, "R"), width=80)
    root, child = (
        line for line in text.splitlines() if line.rstrip().endswith("50.00 ms") and "█" in line
    )
    bar = root[root.index("█") :].split()[0]
    assert bar == "█" * 13 + "─" * 13
    assert child.count("█") == 13
    assert child.index("█") == root.index("─")


def test_hostile_text_is_shown_not_obeyed() -> None:
    row = span("R", 0, 5, service=HOSTILE, language=HOSTILE, span_name=HOSTILE)
    text = printed(row)
    assert not {c for c in text if c != "\n" and not c.isprintable()}
    assert r"\x1b[31mred\x07" in text


def test_plain_and_shorten() -> None:
    assert plain("GET /é/{id}") == "GET /é/{id}"
    assert plain("a\r\nb\u202e") == r"a\r\nb\u202e"
    assert shorten("abcdefghij", 6) == "abc…ij"
    assert shorten("短い名前です", 7).endswith("す")


def test_shortening_looks_at_the_ends_of_long_text_only() -> None:
    before = time.process_time()
    assert shorten("日" * 10**7, 9) == "日日…日日"
    assert time.process_time() - before < 0.5
    marks = shorten("e" + "\u0301" * 10**6, 10)
    assert len(marks) < 100
    assert cell_len(marks) <= 10


@pytest.mark.parametrize("width", [40, 62, 80])
def test_a_trace_fits_a_narrow_terminal_with_its_figures_whole(width: int) -> None:
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False)
    print_trace(console, Attribution(table(*LONG_NAMES)))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(cell_len, text.splitlines())) <= width
    waterfall, cells = text.split(" own")[1].split("ns ", maxsplit=1)
    assert waterfall.count("30.00 ms") == 1
    assert waterfall.count(" ms ") == 2 * len(LONG_NAMES)
    assert "30,000,000  100.0%" in cells


def test_log_records_are_placed_by_the_clock_of_the_first_request() -> None:
    ahead = 3600 * 1000 * MS
    rows = [
        row
        for n in range(20)
        for row in (
            span(f"R{n}", 0, 100 * MS, trace=f"t{n}"),
            span(f"C{n}", 10 * MS, 90 * MS, f"R{n}", trace=f"t{n}", kind="CLIENT"),
            span(
                f"S{n}", 11 * MS + ahead, 89 * MS + ahead, f"C{n}",
                trace=f"t{n}", kind="SERVER", service="B",
            ),
        )
    ]  # fmt: skip
    record = {
        "timeUnixNano": 50 * MS + ahead,
        "severityNumber": 9,
        "traceId": trace_id("t3").hex(),
        "spanId": span_id("S3").hex(),
    }
    export = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    found = otlp_json.decode(json.dumps(export).encode(), signal=LOGS).table
    console = Console(file=io.StringIO(), width=80, highlight=False, markup=False, emoji=False)
    attribution = Attribution(table(*rows)).only(trace_id("t3"))
    print_logs(console, attribution, found)
    # Within the millisecond that the calls leave open.
    assert "+51.00 ms INFO  unknown" in console.file.getvalue()  # type: ignore[attr-defined]


def test_duration_in_its_unit() -> None:
    assert [duration(ns) for ns in (0, 418, 12_345, 12_345_678, 1_204_000_000)] == [
        "0 ns", "418 ns", "12.35 µs", "12.35 ms", "1.204 s",
    ]  # fmt: skip


def test_words_name_the_dearest_cell() -> None:
    said = what_it_says(attribute(table(*SHOP)))
    assert said.startswith(
        "Of 30.0 ms a request, the database postgresql/shop takes the most: 11.0 ms, 37%."
    )
    assert "17% is own work in nodejs" in said
    assert "6.7% is waiting for resources" in said


def test_ledger_document_keeps_its_contract() -> None:
    schema = json.loads(
        resources.files("hopwatch.reports").joinpath("schemas/ledger-1.json").read_text()
    )
    for rows in (SHOP, [span("o", 0, 9, "lost")]):
        document = ledger_document(attribute(table(*rows)))
        jsonschema.validate(document, schema)
        assert sum(cell["total_ns"] for cell in document["cells"]) == document["total_ns"]
    full = ledger_document(attribute(table(*SHOP)))
    assert (full["requests"], full["total_ns"], full["mean_ns"]) == (1, 30 * MS, 30.0 * MS)


def test_unit_document_adds_up() -> None:
    (unit,) = Attribution(table(*SHOP, span("o", 0, 9, "lost"))).requests()
    document = unit_document(unit)
    assert sum(cell["ns"] for cell in document["cells"]) == document["duration_ns"] == 30 * MS
    assert sum(s["own_ns"] for s in document["spans"]) == 30 * MS
    assert document["fragments"] == [span("o", 0, 9)["span_id"].hex()]
    assert document["route"] == "page"
