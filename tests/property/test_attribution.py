"""What must hold for any spans at all."""

from __future__ import annotations

from collections import Counter
from functools import reduce
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from hopwatch.attribution import Attribution, Ledger, Options, attribute
from hopwatch.attribution.critical_path import Placed, walk
from hopwatch.attribution.model import Span
from tests.spans_dsl import span, table

KINDS = st.sampled_from(["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"])
NAMES = [f"s{i}" for i in range(12)]


@st.composite
def span_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Spans with every oddity: lost parents, cycles, copies, negative and zero lengths, other
    clocks, children outside their parents."""
    rows = []
    for name in draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=14)):
        start = draw(st.integers(0, 300))
        service = draw(st.sampled_from("ABC"))
        rows.append(
            span(
                name,
                start + {"A": 0, "B": 5_000, "C": -40}[service],
                start + draw(st.integers(-5, 200)) + {"A": 0, "B": 5_000, "C": -40}[service],
                draw(st.one_of(st.none(), st.sampled_from([*NAMES, "lost"]))),
                service=service,
                kind=draw(KINDS),
                trace=draw(st.sampled_from(["t", "u"])),
                status=draw(st.sampled_from(["UNSET", "ERROR"])),
                span_name=draw(st.sampled_from(["work", "GET", "pool.acquire"])),
            )
        )
    return rows


TAUS = st.sampled_from([None, 0, 10, 1000])


@given(span_rows(), TAUS)
@settings(max_examples=400, deadline=None)
def test_cells_add_up_to_the_root(rows: list[dict[str, Any]], tau: int | None) -> None:
    attribution = Attribution(table(*rows), Options(tau_ns=tau))
    for unit in (*attribution.requests(), *attribution.detached()):
        unit.check()
        assert sum(unit.cells().values()) == unit.duration
        end = unit.unit.root.end
        for time in unit.spans:
            # What begins when the root has ended, and goes on, is a unit of its own.
            assert time.span.start - time.shift < end or time.span.end - time.shift <= end
            assert 0 <= time.own <= unit.duration
            assert 0 <= time.local <= time.span.duration
            assert 0 <= time.concurrent <= time.own
            assert 0 <= time.hidden <= time.own
            assert max(time.concurrent, time.hidden) <= time.doubtful
            assert time.doubtful <= min(time.own, time.concurrent + time.hidden)
            assert 0 <= time.retry <= time.own
            assert sum(end - start for start, end in time.segments) == time.own


@given(span_rows())
@settings(max_examples=200, deadline=None)
def test_every_span_is_in_exactly_one_unit(rows: list[dict[str, Any]]) -> None:
    forest = Attribution(table(*rows)).forest
    seen = [
        (trace.trace_id, span.id)
        for trace in forest.traces
        for unit in (*trace.requests, *trace.detached, *trace.fragments)
        for span in unit.spans()
    ]
    assert len(seen) == len(set(seen))
    shared = sum(trace.repairs["shared_id"] for trace in forest.traces)
    assert len(seen) - shared == len({(row["trace_id"], row["span_id"]) for row in rows})


@given(span_rows(), st.randoms(use_true_random=False))
@settings(max_examples=200, deadline=None)
def test_order_of_rows_does_not_change_a_byte(rows: list[dict[str, Any]], random: Any) -> None:
    shuffled = rows[:]
    random.shuffle(shuffled)
    ledgers = [attribute(table(*some)) for some in (rows, shuffled)]
    assert ipc(ledgers[0].cells) == ipc(ledgers[1].cells)
    assert ipc(ledgers[0].requests) == ipc(ledgers[1].requests)
    assert ledgers[0].quality == ledgers[1].quality


@given(st.data(), st.lists(span_rows(), min_size=1, max_size=4))
@settings(max_examples=100, deadline=None)
def test_ledgers_of_parts_merge_to_the_ledger_of_the_whole(
    data: st.DataObject, groups: list[list[dict[str, Any]]]
) -> None:
    """Whatever part each trace goes to, and in whatever order the parts are merged."""
    by_trace: dict[bytes, list[dict[str, Any]]] = {}
    for number, rows in enumerate(groups):
        for row in rows:
            row["trace_id"] = row["trace_id"][:15] + bytes([number])
            # One clock and one process each: what is estimated from all traces at once
            # (granularity, offsets) must be the same for the parts.
            row["service_instance_id"] = "one"
            by_trace.setdefault(row["trace_id"], []).append(row)
    for rows in by_trace.values():
        sampled = data.draw(st.sampled_from([None, "ot=th:8", "ot=th:c", "ot=th:0"]))
        for row in rows:
            row["trace_state"] = sampled
    parts: dict[int, list[dict[str, Any]]] = {}
    for rows in by_trace.values():
        parts.setdefault(data.draw(st.integers(0, 2)), []).extend(rows)
    everything = table(*(row for rows in by_trace.values() for row in rows))
    for detached in (False, True):
        whole = Attribution(everything).ledger(detached=detached)
        ledgers = [Attribution(table(*rows)).ledger(detached=detached) for rows in parts.values()]
        merged = reduce(Ledger.merge, data.draw(st.permutations(ledgers)))
        merged.check()
        assert ipc(merged.cells) == ipc(whole.cells)
        assert ipc(merged.requests) == ipc(whole.requests)
        assert +Counter(merged.quality) == +Counter(whole.quality)
        assert merged.weighted_total_ns == whole.weighted_total_ns
    assert merged.quality == whole.quality


def ipc(cells: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, cells.schema) as writer:
        writer.write_table(cells)
    return sink.getvalue().to_pybytes()


INTERVALS = st.lists(st.tuples(st.integers(-20, 120), st.integers(-20, 120)), max_size=8)


@given(INTERVALS, st.integers(0, 30))
@settings(max_examples=500, deadline=None)
def test_walk_tiles_its_window(intervals: list[tuple[int, int]], tau: int) -> None:
    children = [Placed(_span(i), min(a, b), max(a, b)) for i, (a, b) in enumerate(intervals)]
    result = walk(0, 100, children, tau)
    pieces = [*result.segments, *((step.low, step.high) for step in result.chosen)]
    tiled = sorted(piece for piece in pieces if piece[0] < piece[1])
    assert [low for low, _ in tiled] == [0, *(high for _, high in tiled[:-1])]
    assert tiled[-1][1] == 100
    assert result.own == sum(high - low for low, high in result.segments)


def _span(i: int) -> Span:
    return Span(
        trace_id=b"", id=bytes([i]), parent_id=None, start=0, end=0, name="", kind="INTERNAL",
        status="UNSET", hop="", language="", version="", process=0, fields={}, row=i,
    )  # fmt: skip
