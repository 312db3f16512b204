"""Parts and blocks of the columnar engine are for speed: they change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.giants import traces
from benchmarks.many_spans import table as many_spans
from hopwatch.attribution import Options
from hopwatch.attribution.columnar import Engine, nodes, rows
from tests.property.test_attribution import TAUS, ipc
from tests.property.test_columnar import assert_same, span_rows
from tests.spans_dsl import table


@contextmanager
def cut_small(part: int, block: int) -> Iterator[None]:
    """Parts and blocks of so many rows."""
    with patch.object(rows, "_PART", part), patch.object(nodes, "_BLOCK", block):
        yield


@given(span_rows(), TAUS, st.integers(1, 4), st.integers(1, 6))
@settings(max_examples=150, deadline=None)
def test_small_parts_and_blocks_agree_with_the_reference(
    spans: list[dict[str, Any]], tau: int | None, part: int, block: int
) -> None:
    with cut_small(part, block):
        assert_same(table(*spans), tau)


COPIED = (
    "kind", "name", "start_time_unix_nano", "duration_nano", "service_name", "service_namespace",
    "scope_name", "span_attributes", "resource_attributes", "parent_span_id", "trace_state",
    "links",
)  # fmt: skip


@given(span_rows(), st.data())
@settings(max_examples=150, deadline=None)
def test_copies_are_told_apart_by_all_that_they_say(
    spans: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Copies that are the same, and that differ in one thing only, in any order."""
    copies = []
    for _ in range(data.draw(st.integers(1, 4), "copies")):
        copy = deepcopy(data.draw(st.sampled_from(spans), "of"))
        if data.draw(st.booleans(), "differs"):
            name = data.draw(st.sampled_from(COPIED), "in")
            copy[name] = deepcopy(data.draw(st.sampled_from(spans), "like").get(name))
        copies.append(copy)
    with cut_small(2, 3):
        assert_same(table(*data.draw(st.permutations(spans + copies), "order")))


def test_blocks_change_nothing_of_traffic() -> None:
    spans = many_spans(15_000)
    whole = Engine(spans, Options()).ledger()
    with cut_small(1_000, 700):
        cut = Engine(spans, Options()).ledger()
    assert cut.quality == whole.quality
    assert ipc(cut.cells) == ipc(whole.cells)
    assert ipc(cut.requests) == ipc(whole.requests)


@pytest.mark.parametrize("name", traces(2))
def test_giant_traces_are_what_they_are_in_small(name: str) -> None:
    """The shapes of the benchmarks, at a size that the reference can walk."""
    assert_same(traces(300)[name]())
