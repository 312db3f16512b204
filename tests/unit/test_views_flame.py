"""Call paths as a flame graph: the bars add up, whatever was called, and survive the wire."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hopwatch.attribution import Attribution, Stacks
from hopwatch.reports.folded import folded
from hopwatch_dashboards.components import flame as component
from hopwatch_dashboards.components import modules
from hopwatch_dashboards.views.breakdown import MEAN, SLOWEST
from hopwatch_dashboards.views.flame import WAY_DOWN, Flame, flame, headline
from tests.dashboard_data import HOSTILE, MS, request, spans_of
from tests.spans_dsl import span, table

MAIN = Path(component.__file__).parent / "main.js"


def stacks_of(*requests: list[dict[str, Any]]) -> Stacks:
    return Attribution(spans_of(*requests)).stacks()


def below(drawn: Flame, row: int) -> int:
    """The ns of the bars right below a row; -1: of those with nothing above."""
    depth = drawn.bars[row].depth if row >= 0 else -1
    total = 0
    for bar in drawn.bars[row + 1 :]:
        if bar.depth <= depth:
            break
        total += bar.ns * (bar.depth == depth + 1)
    return total


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.integers(0, 10**9), st.sampled_from("abc"), st.sampled_from("xyz")),
             min_size=1, max_size=12),
    st.sampled_from([MEAN, SLOWEST, "p50", "p99"]),
)  # fmt: skip
def test_every_bar_is_its_own_time_and_what_is_below_it(
    drawn_from: list[tuple[int, str, str]], at: str
) -> None:
    stacks = stacks_of(
        *(request(i, back=2 * MS + ns, back_name=back, route=route)
          for i, (ns, back, route) in enumerate(drawn_from))
    )  # fmt: skip
    drawn = flame(stacks, at)
    assert below(drawn, -1) == drawn.total_ns == sum(bar.own_ns for bar in drawn.bars)
    for row, bar in enumerate(drawn.bars):
        assert bar.ns == bar.own_ns + below(drawn, row)
        end = bar.start_ns + bar.ns
        for above in drawn.rows_above(row)[:-1]:
            outer = drawn.bars[above]
            assert outer.start_ns <= bar.start_ns
            assert end <= outer.start_ns + outer.ns
    lines = folded(drawn.everything).splitlines()
    assert sum(int(line.rpartition(" ")[2]) for line in lines) == drawn.total_ns


def test_a_path_has_the_same_name_in_other_data() -> None:
    one = flame(stacks_of(request(1), request(2, back_name="other")), MEAN)
    other = flame(stacks_of(request(3, back=50 * MS, back_name="other")), MEAN)
    name = other.names[-1]
    row = one.row_of(name)
    assert row is not None
    assert one.id != other.id
    assert [one.bars[i].frame for i in one.rows_above(row)] == [
        other.bars[i].frame for i in other.rows_above(len(other.bars) - 1)
    ]
    assert len(set(one.names)) == len(one.names)
    assert one.row_of("nothing") is None
    assert one.row_of(None) is None


def test_of_too_many_paths_the_narrowest_are_left_out_and_told_of() -> None:
    stacks = stacks_of(*(request(i, back_name=f"back {i % 10}") for i in range(40)))
    whole, part = flame(stacks, MEAN), flame(stacks, MEAN, most=10)
    assert len(part.bars) == 10
    assert part.everything == whole.bars
    assert "are not drawn" in part.notes[0]
    for row, bar in enumerate(part.bars):  # nothing hangs in the air
        assert [part.bars[i].depth for i in part.rows_above(row)] == list(range(bar.depth + 1))


def test_what_the_component_reads_is_what_was_laid_out() -> None:
    drawn = flame(stacks_of(request(1), request(2, back_name="other")), MEAN)
    raw = drawn.encode(selected=2)
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    assert (header["rows"], header["selected"]) == (len(drawn.bars), 2)
    columns = {
        column["name"]: np.frombuffer(
            raw[8 + length + column["offset"] :][: column["bytes"]], column["type"]
        ).tolist()
        for column in header["columns"]
    }
    assert columns["ns"] == [bar.ns for bar in drawn.bars]
    assert columns["depth"] == [bar.depth for bar in drawn.bars]
    assert [header["frames"][i]["operation"] for i in columns["frame"]] == [
        bar.frame.operation for bar in drawn.bars
    ]


def test_names_are_made_harmless_and_kept_short() -> None:
    names = zip(HOSTILE, HOSTILE[1:] + HOSTILE[:1], strict=True)
    drawn = flame(
        stacks_of(*(request(i, front_name=a, back_name=b, route=a)
                    for i, (a, b) in enumerate(names))),
        MEAN,
    )  # fmt: skip
    raw = drawn.encode()
    header = json.loads(raw[8 : 8 + int.from_bytes(raw[:8], "little")])
    shown = [frame[key] for frame in header["frames"] for key in ("hop", "operation", "language")]
    assert any(text.startswith("<script>") for text in shown)  # text: drawn, read by nothing
    for text in (*shown, *headline(drawn), *drawn.table()["call"]):
        assert len(text) <= 800
        assert not {"\x1b", "\u202e", "\x00"} & set(text)


def test_deep_calls_are_laid_out_without_recursion() -> None:
    rows = [span("s0", 0, 10 * MS)]
    rows += [span(f"s{i}", i, 10 * MS, f"s{i - 1}", span_name=f"{i}") for i in range(1, 3000)]
    drawn = flame(Attribution(table(*rows)).stacks(), MEAN)
    assert below(drawn, -1) == drawn.total_ns == 10 * MS
    assert len(drawn.names) == len(drawn.bars)


def test_the_words_name_the_way_to_the_most_time() -> None:
    drawn = flame(stacks_of(*(request(i, back=90 * MS) for i in range(4))), MEAN)
    first, second = headline(drawn)
    assert first.startswith(
        "The mean of 4 requests: 92.0 ms. The most in one place is 88.0 ms (96%)"
    )
    assert "own work in back: " + WAY_DOWN.join(("GET /things", "front -> back", "work")) in first
    assert second == "Of 4 call paths, 1 holds half of the time."


def test_requests_without_time_have_no_bars() -> None:
    drawn = flame(Attribution(table(span("a", 5, 5))).stacks(), MEAN)
    assert drawn.bars == ()
    assert "no time at all" in headline(drawn)[0]
    assert drawn.encode()


def test_the_table_says_the_same_as_the_picture() -> None:
    drawn = flame(stacks_of(request(1)), MEAN)
    found = drawn.table()
    assert found["own ms"].sum() == pytest.approx(drawn.total_ns / 1e6)
    assert found["share, %"].iloc[0] == 100


NODE = pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")


@NODE
def test_a_search_counts_what_is_nested_once(tmp_path: Path) -> None:
    drawn = flame(stacks_of(request(1), request(2, back_name="other")), MEAN)
    (tmp_path / "model.mjs").write_text(modules.joined(MAIN.parent / "model.js").replace(
        "function ", "export function "), "utf-8")  # fmt: skip
    (tmp_path / "bytes").write_bytes(drawn.encode())
    script = """
        const m = await import(process.argv[1] + "/model.mjs");
        const { readFileSync } = await import("fs");
        const model = m.decode(new Uint8Array(readFileSync(process.argv[1] + "/bytes")));
        const found = m.search(model, "FRONT");
        console.log(JSON.stringify([found.length, m.union(model, found), m.search(model, " ")]));
    """
    ran = subprocess.run(
        ["node", "--input-type=module", "-e", script, str(tmp_path)],
        check=True, timeout=60, capture_output=True, text=True,
    )  # fmt: skip
    rows = [
        bar for bar in drawn.bars if "front" in f"{bar.frame.hop} {bar.frame.operation}".lower()
    ]
    assert json.loads(ran.stdout) == [len(rows), drawn.total_ns, []]


@NODE
def test_the_joined_module_can_be_loaded(tmp_path: Path) -> None:
    path = tmp_path / "flame.mjs"
    path.write_text(modules.joined(MAIN), "utf-8")
    script = (
        "import(process.argv[1]).then((m) => process.exit(typeof m.default === 'function' ? 0 : 1))"
    )
    subprocess.run(["node", "-e", script, str(path)], check=True, timeout=60)
