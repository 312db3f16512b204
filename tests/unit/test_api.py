"""The public names of `hopwatch`, and what its results are as tables and in notebooks."""

from __future__ import annotations

import doctest
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

import hopwatch
from hopwatch.attribution import COLUMNS
from hopwatch.attribution.tabular import Tabular
from hopwatch.errors import InputError, UsageError
from hopwatch.spans import empty, require
from tests.spans_dsl import MS, span, table

ROOT = Path(__file__).resolve().parents[2]
HOSTILE = "<script>alert(1)</script>\u202e\x1b[31m\x00"


def attribution(*, requests: int = 1, name: str = "R") -> hopwatch.Attribution:
    rows = []
    for i in range(requests):
        start = i * 100 * MS
        rows += [
            span(f"R{i}", start, start + 10 * MS + i, trace=f"t{i}", span_name=name),
            span(f"Q{i}", start + 1, start + 4 * MS, f"R{i}", trace=f"t{i}", kind="CLIENT",
                 db_system="pg", span_name="query"),
        ]  # fmt: skip
    return hopwatch.Attribution(table(*rows))


def results(found: hopwatch.Attribution) -> list[Tabular]:
    ledger, stacks = found.ledger(), found.stacks()
    breakdown = hopwatch.at_mean(ledger, "hop", "operation", "kind")
    return [ledger, stacks, breakdown, next(found.requests())]


class Page(HTMLParser):
    """Tags, and the texts of each table's cells by row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.open: list[str] = []
        self.rows: list[list[str]] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: Any) -> None:
        self.tags.add(tag)
        self.open.append(tag)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if any(tag in ("td", "th") for tag in self.open):
            self.rows[-1][-1] += data


def test_the_examples_in_the_docstring_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    found = doctest.testmod(hopwatch)
    assert found.attempted > 5
    assert found.failed == 0


def test_every_public_name_is_there() -> None:
    for name in hopwatch.__all__:
        assert getattr(hopwatch, name)
        assert name in dir(hopwatch)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        hopwatch.nothing  # noqa: B018


def test_nothing_heavy_is_imported_before_it_is_needed() -> None:
    code = "import sys, hopwatch, hopwatch.cli; hopwatch.cli._parser(); print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"pyarrow", "numpy", "numba", "pandas", "rich", "google.protobuf"} & set(modules)


@pytest.mark.parametrize("what", [None, "traces.json", [{"trace_id": 1}], pa.array([1])])
def test_what_is_no_table_is_told(what: Any) -> None:
    with pytest.raises(UsageError, match=rf"pyarrow.Table.*{type(what).__name__}"):
        hopwatch.attribute(what)


def test_columns_that_lack_are_named() -> None:
    with pytest.raises(InputError, match=r"lacks trace_id, span_id, .*span_attributes.*; hop"):
        hopwatch.attribute(pa.table({"name": ["a"]}))
    with pytest.raises(InputError, match="lacks parent_span_id;"):
        hopwatch.attribute(empty().drop_columns("parent_span_id"))


def test_columns_of_another_type_are_named() -> None:
    spans = empty().drop_columns("trace_id")
    with pytest.raises(InputError, match=r"column trace_id is of type string, not fixed_size_bin"):
        hopwatch.attribute(spans.append_column("trace_id", pa.array([], pa.string())))


def test_text_may_be_dictionary_encoded_anywhere() -> None:
    def coded(type_: pa.DataType) -> pa.DataType:
        if pa.types.is_map(type_):
            return pa.map_(coded(type_.key_type), coded(type_.item_type))
        if pa.types.is_list(type_):
            return pa.list_(coded(type_.value_type))
        if pa.types.is_struct(type_):
            return pa.struct([field.with_type(coded(field.type)) for field in type_])
        return pa.dictionary(pa.int32(), type_) if pa.types.is_string(type_) else type_

    schema = pa.schema([field.with_type(coded(field.type)) for field in empty().schema])
    require(schema.empty_table(), schema.names)


def test_the_columns_that_attribution_reads_are_enough_and_none_is_too_few() -> None:
    assert hopwatch.attribute(empty().select(COLUMNS)).request_count == 0
    with pytest.raises(UsageError, match="needs a file"):
        hopwatch.read()


def test_results_are_tables_that_add_up() -> None:
    ledger, stacks, breakdown, unit = (found.to_pandas() for found in results(attribution()))
    assert ledger["blamed_ns"].sum() == stacks["blamed_ns"].sum() == 10 * MS
    assert breakdown["ns"].sum() == unit["own_ns"].sum() == 10 * MS
    assert list(breakdown.columns[:3]) == ["hop", "operation", "kind"]
    assert set(stacks["operation"]) == {"R", "query"}
    assert unit["parent_span_id"][1] == unit["span_id"][0]


def test_a_breakdown_by_nothing_is_one_row() -> None:
    whole = hopwatch.at_mean(attribution().ledger())
    assert whole.to_arrow()["ns"].to_pylist() == [10 * MS]
    assert "10.000" in whole._repr_html_()


def test_an_empty_breakdown_has_its_columns() -> None:
    nothing = hopwatch.at_mean(hopwatch.attribute(empty()), "hop")
    assert nothing.to_arrow().column_names[:2] == ["hop", "ns"]
    assert hopwatch.of_slowest(hopwatch.attribute(empty()), 0.1, "hop").to_arrow().num_rows == 0


def test_without_pandas_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UsageError, match="pip install pandas"):
        attribution().ledger().to_pandas()


def test_notebooks_show_figures_that_add_up_as_printed() -> None:
    for shown in results(attribution(requests=3)):
        page = Page(shown._repr_html_())
        if isinstance(shown, hopwatch.Stacks):
            continue
        *rows, total = page.rows[-3:]
        column = page.rows[-4].index("ms")
        assert sum(float(row[column]) for row in rows) == float(total[column])
        assert total[0].startswith("sum")


def test_notebooks_show_intervals_and_doubts() -> None:
    lost = span("lost", 2, 3, "nowhere", trace="t0")
    page = hopwatch.attribute(table(span("R", 0, 10 * MS, trace="t0"), lost))._repr_html_()
    assert "1 request" in page
    assert "95 % interval" in page
    assert "&gt; 10." in page  # p50 of one request has a bound at most
    assert "incomplete traces: 1" in page


def test_notebooks_show_hostile_text_as_text_and_run_nothing() -> None:
    for shown in results(attribution(name=HOSTILE * 50)):
        text = shown._repr_html_()
        page = Page(text)
        assert page.tags <= {
            "div", "style", "p", "strong", "table", "thead", "tbody", "tr", "td", "th", "span",
        }  # fmt: skip
        assert not re.search(r"[\x00-\x09\x0b-\x1f\u202e]", text)
        assert len(text) < 20_000


def test_long_ledgers_are_short_in_notebooks_and_still_add_up() -> None:
    rows = [span("R", 0, 100 * MS)]
    rows += [span(f"s{i}", i * MS, (i + 1) * MS, "R", service=f"s{i}") for i in range(90)]
    ledger = hopwatch.attribute(table(*rows))
    page = Page(ledger._repr_html_())
    assert len(page.rows) < 32
    assert page.rows[-1][:1] == ["sum = mean"]
    figures = [float(row[3]) for row in page.rows[4:]]
    assert sum(figures[:-1]) == pytest.approx(figures[-1], abs=1e-9)
    assert any(row[0].endswith("smaller") for row in page.rows)


def test_no_requests_are_said_to_be_none() -> None:
    for shown in (hopwatch.attribute(empty()), hopwatch.Attribution(empty()).stacks()):
        assert "0 requests" in shown._repr_html_()
