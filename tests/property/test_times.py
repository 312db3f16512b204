"""What single requests spend, and where they began to fail: the columnar engine and the reference
agree, and the rows add up to the ledger."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.many_spans import table as many_spans
from hopwatch.attribution import Attribution, CellFilter, Options, Selection
from hopwatch.attribution.columnar import Engine
from tests.property.test_columnar import SELECTIONS, span_rows
from tests.spans_dsl import span, table

FILTERS = st.builds(
    CellFilter,
    hop=st.sampled_from([None, "A", "?", "* -> B", "postgresql*", "none"]),
    caller=st.sampled_from([None, "", "A", "*B"]),
    language=st.sampled_from([None, "go", "-"]),
    kind=st.sampled_from([None, "self", "gap", "db"]),
    operation=st.sampled_from([None, "work", "GET*"]),
)


def both(spans: Any) -> tuple[Engine, Attribution]:
    reference = Attribution(spans)
    reference._engine = None
    return Engine(spans, Options()), reference


@given(span_rows(), FILTERS, SELECTIONS, st.booleans())
@settings(max_examples=200, deadline=None)
def test_engine_and_reference_agree(
    rows: list[dict[str, Any]], cells: CellFilter, select: Selection, detached: bool
) -> None:
    engine, reference = both(table(*rows))
    made = engine.times(cells, select, detached=detached)
    assert made.to_pylist() == reference.times(cells, select, detached=detached).to_pylist()
    failed = engine.failures(select, detached=detached)
    assert failed.to_pylist() == reference.failures(select, detached=detached).to_pylist()
    masked = engine.masked_failures(select)
    assert masked.to_pylist() == reference.masked_failures(select).to_pylist()


def test_they_agree_on_generated_traffic_and_add_up_to_the_ledger() -> None:
    engine, reference = both(many_spans(15_000))
    ledger = engine.ledger()
    cells = CellFilter(kind="db")
    made = engine.times(cells)
    assert made.to_pylist() == reference.times(cells).to_pylist()
    assert engine.failures().to_pylist() == reference.failures().to_pylist()
    masked = engine.masked_failures().to_pylist()
    assert masked == reference.masked_failures().to_pylist()
    assert masked
    (group,) = [group for group in ledger.group_by("kind") if group.key == ("db",)]
    for name in ("blamed_ns", "retry_ns", "calls", "spans"):
        assert sum(made[name].to_pylist()) == getattr(group, name)
    every = engine.times(CellFilter())
    assert every["blamed_ns"].to_pylist() == every["duration_ns"].to_pylist()
    assert engine.failures().num_rows == ledger.failed_count


def call(name: str, start: int, end: int, parent: str, status: str = "UNSET") -> dict[str, Any]:
    return span(name, start, end, parent, kind="CLIENT", status=status, span_name="call")


@pytest.mark.parametrize(
    ("rows", "origin"),
    [
        ([], "A"),
        ([call("c", 10, 90, "R", "ERROR")], "unknown"),
        # The deepest counts, also where a span between says nothing of a failure.
        (
            [
                call("c", 10, 90, "R"),
                span("s", 20, 80, "c", service="B", kind="SERVER", status="ERROR"),
            ],
            "B",
        ),
        # The attempt that was repeated, and all below it, does not.
        (
            [
                call("c1", 10, 20, "R", "ERROR"),
                span("s1", 12, 18, "c1", service="B", kind="SERVER", status="ERROR"),
                span("x1", 13, 17, "s1", service="B", status="ERROR"),
                call("c2", 30, 90, "R", "ERROR"),
                span("s2", 32, 88, "c2", service="C", kind="SERVER", status="ERROR"),
            ],
            "C",
        ),
        # But where nothing else failed: what follows may be another call of the same name.
        (
            [
                call("c1", 10, 20, "R", "ERROR"),
                span("s1", 12, 18, "c1", service="B", kind="SERVER", status="ERROR"),
                call("c2", 30, 90, "R"),
                span("s2", 32, 88, "c2", service="C", kind="SERVER"),
            ],
            "B",
        ),
        # What failed when the request had ended does not.
        ([call("late", 150, 160, "R", "ERROR")], "A"),
    ],
)
def test_where_a_request_began_to_fail(rows: list[dict[str, Any]], origin: str) -> None:
    root = span("R", 0, 100, status="ERROR", kind="SERVER")
    ok = span("ok", 0, 100, trace="u")
    for attribution in both(table(root, ok, *rows)):
        (row,) = attribution.failures().to_pylist()
        assert row["hop"] == origin


@pytest.mark.parametrize(
    ("rows", "began"),
    [
        ([], []),
        # What a failure passed through does not count, nor what failed nowhere.
        (
            [
                call("c", 10, 90, "R", "ERROR"),
                span("s", 20, 80, "c", service="B", kind="SERVER"),
                span("x", 30, 70, "s", service="B", status="ERROR"),
                call("fine", 92, 95, "R"),
            ],
            [("B", "self")],
        ),
        # Attempts that were repeated do; a cell counts once, however often it failed.
        (
            [
                call("c1", 10, 20, "R", "ERROR"),
                call("c2", 30, 40, "R", "ERROR"),
                call("c3", 50, 90, "R"),
                span("s3", 52, 88, "c3", service="C", kind="SERVER", status="ERROR"),
            ],
            [("C", "self"), ("unknown", "remote")],
        ),
    ],
)
def test_what_failed_though_the_request_ended_well(
    rows: list[dict[str, Any]], began: list[tuple[str, str]]
) -> None:
    root = span("R", 0, 100, kind="SERVER")
    failed = span("failed", 0, 100, trace="u", status="ERROR")
    for attribution in both(table(root, failed, *rows)):
        found = attribution.masked_failures().to_pylist()
        assert [(row["hop"], row["kind"]) for row in found] == began
