"""A trace becomes columns that the waterfall draws; the text that the component gets is whole."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hopwatch.attribution import Attribution
from hopwatch_dashboards.components import modules
from hopwatch_dashboards.components import waterfall as component
from hopwatch_dashboards.views import waterfall
from hopwatch_dashboards.views.waterfall import Mark, Waterfall, lay_out
from tests.spans_dsl import MS, span, span_id, table

MAIN = Path(component.__file__).parent / "main.js"
HOSTILE = "<script>alert(1)</script> \x1b[31m \u202egnp.exe " + "long" * 3000

SHOP = (
    span("page", 0, 30 * MS, service="web", language="webjs"),
    span("fetch", 1 * MS, 29 * MS, "page", service="web", language="webjs", kind="CLIENT"),
    span("bff", 1003 * MS, 1028 * MS, "fetch", service="bff", language="nodejs", kind="SERVER"),
    span("aside", 1004 * MS, 1005 * MS, "bff", service="bff", language="nodejs"),
    span("deep", 1004 * MS, 1005 * MS, "aside", service="bff", language="nodejs"),
    span(
        "sql", 1006 * MS, 1027 * MS, "bff", service="bff", language="nodejs", kind="CLIENT",
        status="ERROR", db_system_name="postgresql", db_namespace="shop",
    ),
    span("beside", 1006 * MS, 1026 * MS, "bff", service="bff", language="nodejs"),
)  # fmt: skip


def laid_out(*rows: dict[str, Any], marks: dict[bytes, list[Mark]] | None = None) -> Waterfall:
    attribution = Attribution(table(*rows))
    units = [*attribution.requests(), *attribution.detached(), *attribution.fragments()]
    return lay_out(units, marks or {})


def names(fall: Waterfall) -> list[str]:
    return [fall.texts[code] for code in fall.columns["name"]]


def decoded(raw: bytes) -> tuple[dict[str, Any], dict[str, np.ndarray[Any, Any]]]:
    """What the component does with the bytes."""
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    columns = {}
    for column in header["columns"]:
        offset = 8 + length + column["offset"]
        assert offset % 8 == 0
        columns[column["name"]] = np.frombuffer(
            raw[offset : offset + column["bytes"]], column["type"]
        )
    return header, columns


def test_rows_are_depth_first_with_their_depth() -> None:
    fall = laid_out(*SHOP)
    assert names(fall) == ["page", "fetch", "bff", "aside", "deep", "sql", "beside"]
    assert fall.columns["depth"].tolist() == [0, 1, 2, 3, 4, 3, 3]


def test_own_times_add_up_to_the_request_and_lie_where_the_segments_are() -> None:
    columns = laid_out(*SHOP).columns
    assert columns["own"].sum() == 30 * MS
    lengths = columns["segment_end"] - columns["segment_start"]
    bounds = columns["segments"]
    for row, own in enumerate(columns["own"]):
        assert lengths[bounds[row] : bounds[row + 1]].sum() == own
    assert columns["segment_start"].min() == 0
    assert columns["segment_end"].max() == 30 * MS


def test_aligned_times_are_in_the_clock_of_the_root() -> None:
    columns = laid_out(*SHOP).columns
    aligned = columns["start"] - columns["shift"]
    assert columns["start"][2] == 1003 * MS  # as received
    assert 1 * MS <= aligned[2] <= aligned[2] + columns["duration"][2] <= 29 * MS


def test_the_path_is_marked_down_to_its_spans_and_no_further() -> None:
    fall = laid_out(*SHOP)
    marked = [name for name, flags in zip(names(fall), fall.columns["flags"], strict=True)
              if flags & waterfall.ON_PATH]  # fmt: skip
    assert set(marked) == {"page", "fetch", "bff", "aside", "deep", "sql"}


def test_what_leads_to_the_path_is_on_it_without_time_of_its_own() -> None:
    rows = [
        span("root", 0, 10 * MS),
        span("wrapper", 0, 10 * MS, "root"),
        span("work", 0, 10 * MS, "wrapper"),
    ]
    fall = laid_out(*rows)
    assert fall.columns["own"].tolist() == [0, 0, 10 * MS]
    assert all(flags & waterfall.ON_PATH for flags in fall.columns["flags"])


def test_failures_and_process_boundaries_are_marked() -> None:
    fall = laid_out(*SHOP)
    flags = dict(zip(names(fall), fall.columns["flags"].tolist(), strict=True))
    assert [name for name, bits in flags.items() if bits & waterfall.ERROR] == ["sql"]
    assert [name for name, bits in flags.items() if bits & waterfall.REMOTE] == ["page", "bff"]


def test_fragments_and_asynchronous_work_come_after_the_request() -> None:
    fall = laid_out(
        span("root", 0, 10 * MS),
        span("send", 1 * MS, 2 * MS, "root", kind="PRODUCER"),
        span("take", 3 * MS, 4 * MS, "send", service="worker", kind="CONSUMER"),
        span("orphan", 5 * MS, 6 * MS, "lost"),
    )
    assert names(fall) == ["root", "send", "take", "orphan"]
    assert fall.columns["depth"].tolist() == [0, 1, 0, 0]
    assert fall.columns["flags"][2] & waterfall.DETACHED
    assert fall.columns["flags"][3] & waterfall.FRAGMENT


def test_what_begins_after_the_end_comes_after_the_request_and_once() -> None:
    fall = laid_out(
        span("root", 0, 10 * MS),
        span("after", 12 * MS, 14 * MS, "root"),
        span("below", 13 * MS, 14 * MS, "after"),
    )
    assert names(fall) == ["root", "after", "below"]
    assert fall.columns["depth"].tolist() == [0, 0, 1]
    wanted = waterfall.LATE | waterfall.DETACHED
    assert [flags & wanted for flags in fall.columns["flags"].tolist()] == [0, wanted, 0]


def test_colours_are_numbered_by_language_and_kind() -> None:
    fall = laid_out(*SHOP)
    kinds = {cell["kind"]: cell for cell in fall.cells}
    assert kinds["gap"]["hop"] == "web -> bff"
    assert kinds["db"]["hop"] == "postgresql/shop"
    assert {hop["language"] for hop in fall.hops} == {"webjs", "nodejs"}
    assert all(hop["colour"].startswith("#") for hop in fall.hops)


def test_marks_stand_at_their_spans() -> None:
    fall = laid_out(*SHOP, marks={span_id("sql"): [Mark(1007 * MS, True), Mark(1008 * MS, False)]})
    bounds = fall.columns["marks"]
    assert bounds[5:7].tolist() == [0, 2]
    assert fall.columns["mark_at"].tolist() == [1007 * MS, 1008 * MS]
    assert fall.columns["mark_bad"].tolist() == [1, 0]


def test_what_the_component_reads_is_what_was_laid_out() -> None:
    fall = laid_out(*SHOP)
    header, columns = decoded(fall.encode(selected=3))
    assert header["rows"] == 7
    assert header["selected"] == 3
    assert header["path_only"] is False
    assert header["texts"] == fall.texts
    for name, column in fall.columns.items():
        assert columns[name].tolist() == column.tolist(), name


def test_names_are_made_harmless_and_kept_short() -> None:
    fall = laid_out(span("root", 0, MS, span_name=HOSTILE, service=HOSTILE, language=HOSTILE))
    shown = [names(fall)[0], fall.hops[0]["name"], fall.hops[0]["language"], fall.cells[0]["hop"]]
    for text in shown:
        assert len(text) <= 256
        assert "\x1b" not in text
        assert "\u202e" not in text
    assert shown[0].startswith("<script>")  # text: the canvas draws it, nothing reads it


def test_rows_are_found_by_span_id() -> None:
    fall = laid_out(*SHOP)
    assert fall.row_of(span_id("bff").hex()) == 2
    assert fall.span_id(2) == span_id("bff").hex()
    assert fall.row_of("ffffffffffffffff") is None
    assert fall.row_of("") is None


def test_the_table_says_the_same_as_the_picture() -> None:
    found = laid_out(*SHOP).table()
    assert found["on the critical path, ms"].sum() == 30
    (sql,) = found[found["failed"]].to_dict("records")
    assert (sql["span"], sql["took, ms"]) == ("sql", 21)
    assert (sql["service"], sql["counts as"]) == ("bff", "postgresql/shop, db")
    assert 1 <= sql["begins, ms"] <= 29


def test_a_large_trace_opens_with_its_critical_path() -> None:
    rows = [span(f"s{i}", i, i + 1, "root") for i in range(waterfall.MANY_ROWS)]
    header, _ = decoded(laid_out(span("root", 0, MS), *rows).encode())
    assert header["path_only"] is True


def test_deep_traces_are_laid_out_without_recursion() -> None:
    rows = [span("s0", 0, 10 * MS)]
    rows += [span(f"s{i}", 0, 10 * MS, f"s{i - 1}") for i in range(1, 3000)]
    assert laid_out(*rows).columns["depth"].max() == 2999


def test_nothing_cannot_be_laid_out() -> None:
    with pytest.raises(ValueError, match="at least one unit"):
        lay_out([])


def test_modules_are_joined_once_each_and_before_their_users() -> None:
    text = modules.joined(MAIN)
    assert "\nimport " not in text
    for declared in ("class Tree ", "class Layout ", "class TimeWindow ", "function formatNs("):
        assert text.count(declared) == 1
    assert text.index("class Tree ") < text.index("class WaterfallView ")
    assert text.count("export default") == 1


@pytest.mark.parametrize(
    "wrong", ['import { a as b } from "./other.js";\n', 'import other from "./other.js";\n']
)
def test_imports_that_cannot_be_joined_are_refused(tmp_path: Path, wrong: str) -> None:
    (tmp_path / "other.js").write_text("export const a = 1;\n")
    (tmp_path / "main.js").write_text(wrong)
    with pytest.raises(ValueError, match="cannot be joined"):
        modules.joined(tmp_path / "main.js")


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
def test_the_joined_module_can_be_loaded(tmp_path: Path) -> None:
    path = tmp_path / "waterfall.mjs"
    path.write_text(modules.joined(MAIN), "utf-8")
    script = (
        "import(process.argv[1]).then((m) => process.exit(typeof m.default === 'function' ? 0 : 1))"
    )
    subprocess.run(["node", "-e", script, str(path)], check=True, timeout=60)
