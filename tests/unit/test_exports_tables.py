"""The ledger and traces as Parquet and CSV."""

from __future__ import annotations

import csv
import io

import pyarrow as pa
from pyarrow import parquet

from hopwatch.attribution import Attribution, Ledger
from hopwatch.attribution.ledger import CELLS_SCHEMA
from hopwatch.reports.tables import LEDGER_COLUMNS, ledger_csv, ledger_parquet, trace_csv
from tests.spans_dsl import span, table

HOSTILE = '=HYPERLINK("http://evil","x"),\r\n;\x1b[31m'


def attribution() -> Attribution:
    return Attribution(
        table(
            span("R", 0, 100, span_name=HOSTILE),
            span("Q", 10, 40, "R", kind="CLIENT", db_system="pg", span_name="@SUM(1)"),
            span("lost", 20, 30, "nowhere", service="-"),
        )
    )


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_parquet_is_the_ledger_and_says_what_its_columns_are() -> None:
    ledger = attribution().ledger()
    read = parquet.read_table(io.BytesIO(ledger_parquet(ledger)))
    assert read.equals(ledger.cells)
    said = {field.name: field.metadata[b"description"].decode() for field in read.schema}
    assert said == LEDGER_COLUMNS
    assert pa.compute.sum(read["blamed_ns"]).as_py() == ledger.total_ns == 100


def test_every_column_of_the_ledger_is_described() -> None:
    assert list(LEDGER_COLUMNS) == CELLS_SCHEMA.names


def test_csv_has_the_same_rows() -> None:
    ledger = attribution().ledger()
    read = rows(ledger_csv(ledger))
    assert [int(row["blamed_ns"]) for row in read] == ledger.cells["blamed_ns"].to_pylist()
    assert list(read[0]) == CELLS_SCHEMA.names


def test_text_in_csv_is_no_formula_and_acts_on_no_terminal() -> None:
    read = rows(ledger_csv(attribution().ledger()))
    operations = {row["operation"] for row in read}
    assert operations == {'\'=HYPERLINK("http://evil","x"),\\r\\n;\\x1b[31m', "'@SUM({id})"}
    assert {row["language"] for row in read} == {"go", "-"}  # a mark of ours, and no formula


def test_a_trace_has_a_row_for_each_span_and_own_times_add_up() -> None:
    found = attribution()
    read = rows(trace_csv([*found.requests(), *found.fragments()]))
    assert [(row["unit"], row["own_ns"]) for row in read] == [
        ("request", "70"), ("request", "30"), ("fragment", "10"),
    ]  # fmt: skip
    assert read[1]["parent_span_id"] == read[0]["span_id"] == read[1]["root_span_id"]


def test_empty_tables_have_a_header() -> None:
    empty = Ledger.of_units([])
    assert rows(ledger_csv(empty)) == []
    assert ledger_csv(empty).startswith("block_start_unix_nano,")
    assert parquet.read_table(io.BytesIO(ledger_parquet(empty))).num_rows == 0
    assert trace_csv([]).startswith("trace_id,unit,")
