"""What must hold for the call paths of any spans at all."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings

from benchmarks.many_spans import table as many_spans
from hopwatch.attribution import Attribution, Options, Selection, Stacks
from hopwatch.attribution.columnar import Engine
from hopwatch.attribution.quantile import at_mean, of_slowest
from hopwatch.attribution.stacks import DEEPEST
from tests.property.test_attribution import ipc
from tests.property.test_columnar import SELECTIONS, span_rows
from tests.spans_dsl import span, table

LEAF = ("hop", "operation", "language", "kind")


def by_reference(spans: pa.Table, selection: Selection | None, *, detached: bool) -> Stacks:
    attribution = Attribution(spans)
    attribution._engine = None
    return attribution.stacks(selection, detached=detached)


def assert_same(made: Stacks, wanted: Stacks) -> None:
    assert ipc(made.paths) == ipc(wanted.paths)
    assert ipc(made.cells) == ipc(wanted.cells)
    assert ipc(made.requests) == ipc(wanted.requests)


def check(spans: pa.Table, selection: Selection | None = None) -> None:
    engine = Engine(spans, Options())
    for detached in (False, True):
        made = engine.stacks(selection, detached=detached)
        assert_same(made, by_reference(spans, selection, detached=detached))
        ledger = engine.ledger(selection, detached=detached)
        # What a path ends with is what the ledger says.
        assert made.group_by(*LEAF) == ledger.group_by(*LEAF)
        for breakdown in (at_mean(made, "path"), of_slowest(made, 0.3, "path")):
            bars = made.bars(breakdown)
            assert sum(bar.ns for bar in bars if not bar.depth) == breakdown.total_ns
            assert sum(bar.own_ns for bar in bars) == breakdown.total_ns
            assert [len(made.chain(bar.path)) - 1 for bar in bars] == [bar.depth for bar in bars]


@given(span_rows(), SELECTIONS)
@settings(max_examples=200, deadline=None)
def test_engine_reference_and_ledger_agree(
    rows: list[dict[str, Any]], selection: Selection
) -> None:
    check(table(*rows), None if selection == Selection() else selection)


def test_they_agree_on_generated_traffic() -> None:
    check(many_spans(15_000, seed=3))


@given(span_rows())
@settings(max_examples=100, deadline=None)
def test_halves_merge_to_the_whole_in_either_order(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        row["service_instance_id"] = "one"  # what all traces tell of a clock is the same
    by_trace: dict[bytes, list[dict[str, Any]]] = {}
    for row in rows:
        by_trace.setdefault(row["trace_id"], []).append(row)
    whole = Attribution(table(*rows)).stacks()
    halves = [Attribution(table(*half)).stacks() for half in by_trace.values()]
    forth, back = halves[0], halves[-1]
    for half in halves[1:]:
        forth = forth.merge(half)
    for half in halves[-2::-1]:
        back = back.merge(half)
    assert_same(forth, whole)
    assert_same(back, whole)


@pytest.mark.parametrize("beyond", [-1, 0, 1, 50])
def test_deeper_paths_keep_their_last_frame(beyond: int) -> None:
    depth = DEEPEST + beyond
    rows = [span("s0", 0, 10 * depth)]
    rows += [span(f"s{i}", i, 10 * depth - i, f"s{i - 1}") for i in range(1, depth)]
    check(table(*rows))
    stacks = by_reference(table(*rows), None, detached=False)
    assert len(stacks.paths) == depth
    longest = max(len(stacks.chain(path)) for path in range(depth))
    assert longest == min(depth, DEEPEST)
