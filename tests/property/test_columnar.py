"""The columnar engine makes what the reference makes, to the byte, of any spans at all."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.many_spans import table as many_spans
from hopwatch import spans
from hopwatch.attribution import COLUMNS, Attribution, Clocks, Options, Selection
from hopwatch.attribution.columnar import Engine
from hopwatch.formats import read_files
from tests.call_populations import SECOND, US, Way, drifting, population, stepping
from tests.property.test_attribution import NAMES, TAUS, ipc
from tests.property.test_attribution import span_rows as odd_rows
from tests.spans_dsl import MS, FixedClocks, span, span_id, table, trace_id

SELECTIONS = st.builds(
    Selection,
    start=st.one_of(st.none(), st.integers(-50, 300)),
    end=st.one_of(st.none(), st.integers(0, 6000)),
    service=st.sampled_from([None, "A", "B", "none"]),
    route=st.sampled_from([None, "work", "GET*", "?OST /a"]),
    outcome=st.sampled_from([None, "ok", "error", "neither"]),
    attributes=st.sampled_from([{}, {"k": "1"}, {"k": "1", "host.name": "h1"}]),
    traces=st.sampled_from([None, frozenset(), frozenset([trace_id("u")])]),
)
ATTRIBUTES: list[dict[str, Any]] = [
    {},
    {"http.route": "/a", "http.request.method": "GET", "k": 1},
    {"http.url": "http://x/1", "http.method": "GET"},
    {"url.full": "http://x/2", "http.request.method": "GET", "net.peer.port": 80},
    {"url.full": "http://[broken", "rpc.service": "S", "rpc.method": "M"},
    {"db.system": "postgresql", "db.name": "shop", "db.statement": "SELECT 1", "k": 2},
    {"messaging.system": "kafka", "messaging.destination.name": "q"},
    {"http.response.status_code": 503, "server.address": "x", "server.port": 81},
    {"http.request.resend_count": 1, "url.full": "http://x/2", "http.request.method": "GET"},
    {"http.route": "", "url.template": "/b", "peer.service": ""},
]
RESOURCES: list[list[tuple[str, str]]] = [
    [],
    [("host.name", "h1"), ("process.pid", "7")],
    [("host.name", "h1")],
    [("b", "2"), ("a", "1")],
    [("a", "1"), ("b", "2"), ("process.runtime.name", "go")],
]


TRACE_STATES = [None, "", "ot=th:8", "ot=th:c;rv:12", "v=1,ot=p:2;r:3", "ot=th:0", "ot=th:?"]
SAMPLED: list[dict[str, str]] = [
    {},
    {"sampler.type": "probabilistic", "sampler.param": "0.1"},
    {"sampler.type": "const", "sampler.param": "true"},
    {"sampler.type": "probabilistic", "sampler.param": "much"},
    {"tailsampling.policy": "errors"},
]


@st.composite
def _links(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Links to spans that may be there or not, some of which are followed from."""
    return [
        {
            "trace_id": trace_id(draw(st.sampled_from(["t", "u", "v"]))),
            "span_id": draw(st.sampled_from([*map(span_id, NAMES), b"", b"odd"])),
            "attributes": draw(
                st.sampled_from([None, [], [("opentracing.ref_type", "FOLLOWS_FROM")]])
            ),
        }
        for _ in range(draw(st.integers(0, 3)))
    ]


LINKS = st.one_of(st.none(), st.just([]), _links())


@st.composite
def span_rows(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Odd spans with odd attributes: calls, retries, processes without a name, shared ids."""
    rows = draw(odd_rows())
    for row in rows:
        attributes = draw(st.sampled_from(ATTRIBUTES)) | draw(st.sampled_from(SAMPLED))
        row["trace_state"] = draw(st.sampled_from(TRACE_STATES))
        row["links"] = draw(LINKS)
        row["scope_attributes"] = draw(
            st.sampled_from([None, [], [("tailsampling.cached_decision", "true")]])
        )
        encoded = {key: spans.encode_value(value) for key, value in attributes.items()}
        row["span_attributes"] = [(key, text) for key, (text, _) in encoded.items()]
        row["span_attribute_types"] = "".join(letter for _, letter in encoded.values())
        row["resource_attributes"] = draw(st.sampled_from(RESOURCES))
        row["service_namespace"] = draw(st.sampled_from([None, "", "shop"]))
        row["service_version"] = draw(st.sampled_from([None, "1", "2"]))
        row["scope_name"] = draw(st.sampled_from([None, "github.com/x", "@opentelemetry/y"]))
        if draw(st.booleans()):
            row["service_instance_id"] = None
        if draw(st.booleans()):
            row["telemetry_sdk_language"] = None
    return rows


def assert_same(
    spans: pa.Table,
    tau: int | None = None,
    clocks: Clocks | None = None,
    selection: Selection | None = None,
) -> None:
    if selection == Selection():
        selection = None  # as `Attribution` does
    options = Options(tau_ns=tau, waits=frozenset({"work"}) if tau == 10 else frozenset())
    engine = Engine(spans, options, clocks)
    reference = Attribution(spans, options, clocks)
    reference._engine = None
    assert engine.clocks == reference.clocks
    for detached in (False, True):
        made = engine.ledger(selection, detached=detached)
        wanted = reference.ledger(selection, detached=detached)
        assert made.quality == wanted.quality
        assert ipc(made.cells) == ipc(wanted.cells)
        assert ipc(made.requests) == ipc(wanted.requests)
    assert engine.delays(selection).equals(reference.delays(selection))
    made_requests = engine.request_table(selection).to_pylist()
    assert made_requests == reference.request_table(selection).to_pylist()


@given(span_rows(), TAUS)
@settings(max_examples=300, deadline=None)
def test_engine_and_reference_agree(rows: list[dict[str, Any]], tau: int | None) -> None:
    assert_same(table(*rows), tau)


@given(span_rows(), st.sampled_from([None, 0, 5_000, -40]), st.sampled_from([0, 100]))
@settings(max_examples=100, deadline=None)
def test_they_agree_under_given_clocks(
    rows: list[dict[str, Any]], theta: int | None, kappa: int
) -> None:
    assert_same(table(*rows), clocks=FixedClocks(theta, kappa))


@given(span_rows(), st.sampled_from([0, 5_000, -40]))
@settings(max_examples=50, deadline=None)
def test_they_agree_on_what_other_clocks_would_say(rows: list[dict[str, Any]], theta: int) -> None:
    """Under other clocks other spans are late."""
    reference = Attribution(table(*rows))
    reference._engine = None
    under = FixedClocks(theta, 0)
    made = Engine(table(*rows), Options()).blamed_under(under)
    assert +Counter(made) == +Counter(reference.blamed_under(under))


@given(span_rows(), SELECTIONS)
@settings(max_examples=150, deadline=None)
def test_they_agree_on_selections(rows: list[dict[str, Any]], selection: Selection) -> None:
    assert_same(table(*rows), selection=selection)


@given(span_rows())
@settings(max_examples=50, deadline=None)
def test_chunks_and_dictionaries_of_the_table_do_not_matter(rows: list[dict[str, Any]]) -> None:
    whole = table(*rows)
    parts = pa.concat_tables([whole.slice(0, 2), whole.slice(2, 3), whole.slice(5)])
    coded = pa.table({name: _coded(parts[name]) for name in COLUMNS})
    expected = Engine(whole, Options()).ledger()
    for variant in (parts, coded):
        made = Engine(variant, Options()).ledger()
        assert made.quality == expected.quality
        assert ipc(made.cells) == ipc(expected.cells)
    assert_same(coded)


def _coded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if not pa.types.is_map(column.type):
        return column
    chunks = [
        pa.MapArray.from_arrays(
            chunk.offsets, chunk.keys.dictionary_encode(), chunk.items.dictionary_encode()
        )
        for chunk in column.chunks
    ]
    return pa.chunked_array(chunks)


@pytest.mark.parametrize("seed", [1, 2])
def test_they_agree_on_generated_traffic(seed: int) -> None:
    """Clocks of several processes, retries, parallel calls, consumers, copies, lost spans."""
    assert_same(many_spans(15_000, seed=seed))


def test_neither_order_nor_batches_nor_threads_change_a_byte() -> None:
    spans = many_spans(12_000, seed=3)
    order = np.random.default_rng(3).permutation(spans.num_rows)
    shuffled = spans.take(pa.array(order))
    batches = pa.Table.from_batches(shuffled.to_batches(max_chunksize=977))
    expected = Engine(spans, Options()).ledger()
    with ThreadPoolExecutor(3) as pool:
        made = pool.map(lambda rows: Engine(rows, Options()).ledger(), [spans, shuffled, batches])
        for ledger in made:
            assert ledger.quality == expected.quality
            assert ipc(ledger.cells) == ipc(expected.cells)
            assert ipc(ledger.requests) == ipc(expected.requests)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_they_agree_on_clocks_that_are_set_and_drift_and_stamp_coarsely(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = []
    for pair in range(4):
        made = population(
            random, calls=int(random.integers(20, 300)), seconds=150,
            out=Way(100 * US, 60 * US), back=Way(100 * US, 60 * US),
            caller=drifting(0, 40.0 * pair), callee=stepping(0, 5.0 * MS, 80 * SECOND),
            grain_caller=(1, MS)[pair % 2],
        )  # fmt: skip
        for i, (time, a, b) in enumerate(zip(*made.calls[1:4], strict=True)):
            trace, start, end = f"{pair} {i}", int(time), int(time) + 30 * MS
            rows += [
                span(f"C{trace}", start, end, kind="CLIENT", trace=trace, instance=f"a{pair}"),
                span(f"S{trace}", start + int(a), end + int(b), f"C{trace}", kind="SERVER",
                     service="B", trace=trace, instance=f"b{pair // 2}"),
            ]  # fmt: skip
    assert_same(table(*rows))


def test_they_agree_on_many_children_of_many_processes() -> None:
    rows = [span("R", 0, 100 * MS)]
    for i in range(60):
        start = (i * 37 % 50) * MS
        kind = "CLIENT" if i % 3 else "INTERNAL"
        rows.append(span(f"c{i}", start, start + i % 7 * MS, "R", service=f"s{i % 5}", kind=kind))
    rows.append(span("lost", 10 * MS, 60 * MS, "nowhere"))
    assert_same(table(*rows))


@pytest.mark.parametrize("folder", ["otlp", "nezha", "zipkin"])
@pytest.mark.parametrize("tau", [None, 0])
def test_they_agree_on_the_traces_of_others(shared_data: Any, folder: str, tau: int | None) -> None:
    assert_same(read_files([shared_data / folder]).table, tau)


def test_one_trace_of_many_is_what_it_is_among_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """`only` takes the trace's rows out, with what all rows say of clocks and processes."""
    monkeypatch.setattr("hopwatch.attribution._MANY", 1)
    many = many_spans(15_000)
    by_engine, by_reference = Attribution(many), Attribution(many)
    by_reference._engine = None
    assert by_engine._engine is not None
    for trace in by_reference.forest.traces[:5]:
        few, all_ = (
            [
                (time.span.row, time.own, time.shift, sorted(time.span.flags))
                for unit in attribution.only(trace.trace_id).requests()
                for time in unit.spans
            ]
            for attribution in (by_engine, by_reference)
        )
        assert few == all_


def test_they_agree_on_absurd_stamps_and_hostile_names() -> None:
    far = 2**62
    assert_same(
        table(
            span("R", 0, 100, service="\0caller"),
            span("x", 1, far, "R", service="<script>"),
            span("y", 1, far, "R", service="\u202eB"),
            span("z", far, 2**63 - 1, "R", service="C"),
            span("century", 1, 3 * 10**18, trace="other"),
        )
    )
