"""Every file of the reference data through the readers, with what must come of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from hopwatch.attribution import Attribution, Options
from hopwatch.errors import InputError
from hopwatch.formats import read_contents, read_files
from hopwatch.signals import SPANS

FILES: dict[str, tuple[int, int, dict[str, int]]] = {
    # spans, traces, left out by reason
    "jaeger/async_jaeger.json": (5, 1, {}),
    "jaeger/authenticate_error_jaeger.json": (3, 1, {}),
    "jaeger/fixture_es_01.json": (1, 1, {}),
    "jaeger/fixture_example_trace.json": (5, 1, {}),  # OTLP
    "jaeger/fixture_otel_traces_01.json": (4, 2, {}),  # OTLP
    "jaeger/fixture_ui_01.json": (5, 1, {}),
    "jaeger/pushbytes_jaeger.json": (3, 1, {}),
    "nezha/trainticket_normal_minute.otlp.jsonl.gz": (4890, 71, {}),
    "opensearch/otel-services-traces-samples.json": (10, 5, {}),
    "opensearch/otel_v1_apm_span_explore.data.ndjson": (50, 5, {}),
    "otlp/authenticate_error_otlp.json": (3, 1, {}),
    "otlp/example_otlp.json": (0, 0, {"invalid_span_id": 3}),  # ids such as "sid1"
    "otlp/opentelemetry-proto_trace.json": (1, 1, {}),
    "otlp/otel-demo_getcart.json": (21, 5, {}),
    "otlp/pushbytes_incomplete_otlp.json": (2, 1, {}),
    "otlp/pushbytes_no_root_span_otlp.json": (2, 1, {}),
    "otlp/pushbytes_otlp.json": (3, 1, {}),
    "tempo/tempopb-trace-batches.json": (1, 1, {}),
    "zipkin/ascend.json": (8, 1, {}),
    "zipkin/envoy.json": (1, 1, {}),
    "zipkin/messaging-kafka.json": (28, 1, {}),
    "zipkin/messaging.json": (4, 1, {}),
    "zipkin/messaging2.json": (11, 1, {}),
    "zipkin/simple-db-p6.json": (5, 1, {}),
    "zipkin/skew.json": (4, 1, {}),
    "zipkin/yelp.json": (16, 1, {}),
}
NO_TELEMETRY = {"jaeger/fixture_query_01.json", "nezha/LICENSE"}
OTHER = {"critical-path"}  # test cases of a form of their own, see test_reference_traces.py
US = 1000


def test_no_file_is_forgotten(shared_data: Path) -> None:
    found = {
        str(path.relative_to(shared_data))
        for path in shared_data.rglob("*")
        if path.is_file() and path.suffix != ".md"
    }
    assert {name for name in found if Path(name).parts[0] not in OTHER} == {*FILES, *NO_TELEMETRY}


@pytest.mark.parametrize("name", FILES)
def test_counts_and_conservation(shared_data: Path, name: str) -> None:
    table, rejected = read_files([shared_data / name])
    assert (
        table.num_rows,
        len(pc.unique(table["trace_id"])),
        dict(rejected.counts),
    ) == FILES[name]
    table.validate(full=True)
    if table.num_rows:
        _adds_up(table)


def _adds_up(table: pa.Table) -> None:
    for tau in (None, 0):
        attribution = Attribution(table, Options(tau_ns=tau))
        units = [*attribution.requests(), *attribution.detached(), *attribution.fragments()]
        assert units
        for unit in units:
            assert sum(unit.cells().values()) == unit.duration


@pytest.mark.parametrize("name", sorted(NO_TELEMETRY))
def test_what_is_no_telemetry_is_named(shared_data: Path, name: str) -> None:
    with pytest.raises(InputError, match=f"{name}: holds no telemetry"):
        read_files([shared_data / name])


def test_a_folder_of_all_formats(shared_data: Path) -> None:
    said = []
    contents = read_contents([shared_data], lambda *args: said.append(args))
    table, rejected = contents.of(SPANS)
    critical_path = read_files([shared_data / "critical-path"])
    assert table.num_rows == sum(spans for spans, _, _ in FILES.values())
    assert rejected.total == 3 + critical_path.rejected.total
    assert contents.unreadable.counts["unreadable_file"] >= len(NO_TELEMETRY)
    assert [number for number, _, _ in said] == list(range(len(said)))
    assert {total for _, total, _ in said} == {len(said)}
    _adds_up(table)


@pytest.mark.parametrize("name", ["pushbytes", "authenticate_error"])
def test_jaeger_and_otlp_say_the_same_of_a_trace(shared_data: Path, name: str) -> None:
    """But for what Jaeger cuts off: up to 2 µs a span."""
    ours, theirs = (
        read_files([shared_data / folder / f"{name}_{folder}.json"]).table
        for folder in ("otlp", "jaeger")
    )
    for column in ("span_id", "parent_span_id", "name", "kind", "status_code", "service_name"):
        order = [("trace_id", "ascending"), ("span_id", "ascending")]
        assert ours.sort_by(order)[column].to_pylist() == theirs.sort_by(order)[column].to_pylist()
    cells = [_cells(table) for table in (ours, theirs)]
    assert cells[0].keys() == cells[1].keys()
    for cell, ns in cells[0].items():
        assert abs(ns - cells[1][cell]) <= 2 * US * ours.num_rows, cell


def _cells(table: pa.Table) -> Counter[tuple[str, ...]]:
    total: Counter[tuple[str, ...]] = Counter()
    for unit in Attribution(table, Options()).requests():
        for cell, ns in unit.cells().items():
            total[tuple(cell)] += ns
    return total


def test_zipkins_skewed_clocks(shared_data: Path) -> None:
    """Case 12 of the attribution's specification: 4872 + gap 962 + 28577 + 65000 = 99411 µs."""
    cells = _cells(read_files([shared_data / "zipkin" / "skew.json"]).table)
    assert {(hop, kind): 0 for hop, _, _, _, kind, _ in cells}.keys() == {
        ("servicea", "self"),
        ("servicea -> serviceb", "gap"),
        ("serviceb", "self"),
    }
    by_operation = {(cell[0], cell[5]): ns // US for cell, ns in cells.items()}
    assert by_operation == {
        ("servicea", "get"): 4872,
        ("servicea -> serviceb", "post"): 962,
        ("serviceb", "post"): 28577,
        ("serviceb", "async"): 65000,
    }
    assert sum(cells.values()) == 99_411_000


def test_a_database_that_only_a_tag_of_p6spy_names(shared_data: Path) -> None:
    cells = _cells(read_files([shared_data / "zipkin" / "simple-db-p6.json"]).table)
    assert {(cell[0], cell[4]) for cell in cells} == {
        ("bootifulmeters", "self"),
        ("other_sql/app_db", "db"),
    }


def test_messages_have_their_broker_and_consumers_are_apart(shared_data: Path) -> None:
    table = read_files([shared_data / "zipkin" / "messaging.json"]).table
    cells = _cells(table)
    assert {(cell[0], cell[4]): ns // US for cell, ns in cells.items()} == {
        ("frontend", "self"): 2826,
        ("rabbitmq", "messaging"): 13,
    }
    # The consumer had ended when its message was worked on.
    assert [
        (unit.route, unit.duration // US) for unit in Attribution(table, Options()).detached()
    ] == [("next-message", 14), ("on-message", 371)]


def test_what_polls_of_kafka_begin_late_has_ledgers_of_its_own(shared_data: Path) -> None:
    """Each span is in one unit; of 16 units, 9 begin when what they are part of has ended."""
    table = read_files([shared_data / "zipkin" / "messaging-kafka.json"]).table
    attribution = Attribution(table, Options())
    assert attribution.ledger().request_count == 0
    ledger = attribution.ledger(detached=True)
    ledger.check()
    assert (ledger.request_count, ledger.quality["late_units"]) == (16, 9)
    assert ledger.quality["spans"] == table.num_rows == 28
    blamed = {group.key[0]: group.blamed_ns // US for group in ledger.group_by("operation")}
    assert blamed == {"on-message": 392_859, "send": 105_612, "handle": 1_838, "poll": 4}
