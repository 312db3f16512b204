"""The page Compare: whatever the sides, what it shows adds up as it is printed."""

import json
import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hopwatch.attribution import Attribution, Ledger
from hopwatch.attribution.stacks import Frame
from hopwatch.comparison import Comparison, Match, compare
from hopwatch_dashboards import theme
from hopwatch_dashboards.charts import compare as charts
from hopwatch_dashboards.markup import compare as markup
from hopwatch_dashboards.views import compare_percentiles, compare_sides
from hopwatch_dashboards.views.attributes import by_key
from hopwatch_dashboards.views.breakdown import MEAN, SLOWEST
from hopwatch_dashboards.views.compare_bridge import BY, bridge
from hopwatch_dashboards.views.compare_exemplars import pairs
from hopwatch_dashboards.views.compare_flame import flame_difference, most_changed
from hopwatch_dashboards.views.compare_names import Names, Role
from hopwatch_dashboards.views.compare_traces import two_traces
from hopwatch_dashboards.views.compare_words import verdict, where
from hopwatch_dashboards.views.flame import Flame, flame
from hopwatch_dashboards.views.windows import SECOND, Window
from tests import comparison_data as data
from tests.dashboard_data import HOSTILE, MS, ledger_of, request, spans_of

MINUS = "\N{MINUS SIGN}"
Spans = list[dict[str, Any]]


def printed(text: str) -> int:
    """A figure in its last digit."""
    sign = -1 if text.startswith(MINUS) else 1
    return sign * int(text.lstrip("+" + MINUS).replace(",", "").replace(".", ""))


SIDES = st.lists(
    st.tuples(st.integers(0, 10**9), st.sampled_from("abc"), st.sampled_from("xyz")),
    min_size=1, max_size=8,
)  # fmt: skip


def requests_of(drawn: list[tuple[int, str, str]], first: int = 0) -> list[Spans]:
    return [
        request(first + i, i * SECOND, back=2 * MS + ns, back_name=back, route=route)
        for i, (ns, back, route) in enumerate(drawn)
    ]


@settings(deadline=None, max_examples=30)
@given(SIDES, SIDES, st.sampled_from(BY), st.integers(1, 8))
def test_the_bridge_closes_as_it_is_printed(
    before: list[tuple[int, str, str]], after: list[tuple[int, str, str]], by: str, most: int
) -> None:
    found = compare(ledger_of(*requests_of(before)), ledger_of(*requests_of(after, 100)))
    shown = bridge(found, by, most)
    at = shown.before.end_ns
    for step in shown.steps:
        assert step.start_ns == at
        at = step.end_ns
    assert at == shown.after.end_ns == shown.before.end_ns + found.delta_ns
    changes = sum(printed(step.printed) for step in shown.steps)
    assert changes == printed(shown.change)
    assert printed(shown.before.printed) + changes == printed(shown.after.printed)
    assert len(shown.steps) <= most + 1  # and the mix


def swapped(count: int = 900) -> tuple[Ledger, Ledger]:
    """Two windows of requests; after, the back end is called otherwise and its database takes
    half as long."""
    pair = []
    for first, name, database in ((0, "back", 8), (10_000, "back-go", 4)):
        pair.append(
            ledger_of(
                *(
                    request(first + i, (first + i) * SECOND // 4, database=(database + i % 3) * MS,
                            back=(database + 2 + i % 3) * MS, back_name=name)
                    for i in range(count)
                )
            )
        )  # fmt: skip
    return pair[0], pair[1]


BEFORE, AFTER = swapped()
FOUND = compare(BEFORE, AFTER)


def test_what_is_certain_is_named_and_drawn_full() -> None:
    assert where(FOUND).startswith(
        f"What changed most is postgresql/shop: {MINUS}4.00 ms a request"
    )
    shown = bridge(FOUND, "hop")
    (database,) = [step for step in shown.steps if step.name == "postgresql/shop"]
    assert database.is_certain
    assert database.low_ns is not None
    assert database.low_ns <= database.change_ns
    drawn = charts.bridge(shown).to_dict()
    rows = next(iter(drawn["datasets"].values()))
    assert rows[0]["label"] == "before"
    assert {row["opacity"] for row in rows if row["label"] == "postgresql/shop"} == {1.0}


def test_too_little_traffic_is_said_once_and_its_steps_are_pale() -> None:
    few = [request(i, i * SECOND, back=2 * MS) for i in range(9)]
    slow = [request(20 + i, i * SECOND, back=9 * MS) for i in range(9)]
    found = compare(ledger_of(*few), ledger_of(*slow))
    head = markup.head(found, ("", "")) + markup.figures(found)
    assert head.count("too few to say how sure") == 2  # of each side
    drawn = charts.bridge(bridge(found, "hop")).to_dict()
    rows = next(iter(drawn["datasets"].values()))
    assert {row["opacity"] for row in rows if row["sort"] == "more"} == {0.45}


def test_where_the_mean_says_otherwise_the_verdict_says_of_what_it_is() -> None:
    fast, slow = data.cell("web", 10), data.cell("web", 100)
    before, after = (
        data.ledger(
            *(data.request(i, fast, route="quick") for i in range(400) if i % 4 < 4 - share),
            *(data.request(i, slow, route="slow") for i in range(400) if i % 4 < share),
        )
        for share in (1, 3)
    )
    assert verdict(compare(before, after)) == "Equivalent"
    faster = data.ledger(
        *(data.request(i, data.cell("web", 8), route="quick") for i in range(400) if i % 4 < 1),
        *(data.request(i, data.cell("web", 80), route="slow") for i in range(400) if i % 4 < 3),
    )
    assert verdict(compare(before, faster)) == "Faster for requests of the same routes"


def test_another_mix_is_drawn_neither_slower_nor_faster() -> None:
    before, after = (
        data.ledger(
            data.request(0, data.cell("web", 10 * MS), route="a"),
            data.request(1, data.cell("web", 50 * MS), route=route),
        )
        for route in ("a", "b")
    )
    found = compare(before, after)
    table = markup.hops(found, bridge(found, "hop"), {}, None, same_source=True)
    assert found.mix_ns
    assert theme.MIX in table
    assert theme.MIX in markup.terms(found)


def test_by_percentile_hops_add_up_to_the_difference() -> None:
    frame = compare_percentiles.differences(BEFORE, AFTER, most=2)
    sums = frame.groupby("percent").agg({"ns": "sum", "total_ns": "first"})
    assert (sums["ns"] == sums["total_ns"]).all()
    assert frame["hop"].iloc[0] == "postgresql/shop"
    assert frame["percent"].is_monotonic_increasing
    # Bars of a percentile lie on top of each other, and not within.
    for _, bars in frame.groupby("percent"):
        assert (bars["high"] - bars["low"] == bars["ns"].abs()).all()
        up = bars[bars["ns"] > 0]
        assert up["high"].max() == up["ns"].sum() or up.empty
    charts.by_percentile(frame).to_dict()
    assert "p95 needs 4,000 requests" in compare_percentiles.refused(BEFORE, AFTER)


def test_too_few_requests_have_no_difference_by_percentile() -> None:
    few = ledger_of(request(1), request(2))
    assert compare_percentiles.differences(few, BEFORE).empty
    assert "needs 400 requests" in compare_percentiles.refused(few, BEFORE)


def test_distributions_are_shares_of_their_side() -> None:
    frame = compare_percentiles.both(BEFORE, ledger_of(request(1)))
    assert frame.groupby("side")["share"].sum().to_dict() == pytest.approx(
        {"before": 1, "after": 1}
    )
    charts.distributions(frame).to_dict()


def flames(before: list[Spans], after: list[Spans], at: str = MEAN) -> tuple[Flame, Flame]:
    one, other = (flame(Attribution(spans_of(*side)).stacks(), at) for side in (before, after))
    return one, other


@settings(deadline=None, max_examples=30)
@given(SIDES, SIDES, st.sampled_from([MEAN, SLOWEST]))
def test_call_paths_of_both_sides_add_up(
    before: list[tuple[int, str, str]], after: list[tuple[int, str, str]], at: str
) -> None:
    one, other = flames(requests_of(before), requests_of(after, 100), at)
    drawn = flame_difference(one, other, ())
    assert drawn.total_ns == one.total_ns + other.total_ns
    for place, total in enumerate((one.total_ns, other.total_ns)):
        assert sum(side[place].own_ns for side in drawn.sides) == total
    for row, (bar, sides) in enumerate(zip(drawn.bars, drawn.sides, strict=True)):
        assert bar.ns == sum(side.ns for side in sides)
        for above in drawn.rows_above(row)[:-1]:
            outer = drawn.bars[above]
            assert outer.start_ns <= bar.start_ns
            assert bar.start_ns + bar.ns <= outer.start_ns + outer.ns
    assert len(set(drawn.names)) == len(drawn.names)


def test_a_rewritten_hop_is_one_bar_in_two_languages() -> None:
    one, other = flames([request(1, back_name="old")], [request(2, back=9 * MS, back_name="new")])
    renamed = Match("renamed", "old", "new", "", "", 0.9, "alike")
    drawn = flame_difference(one, other, (renamed,))
    assert len(drawn.bars) == len(one.bars)
    assert {bar.frame.hop for bar in drawn.bars} == {bar.frame.hop for bar in other.bars}
    assert drawn.bars[most_changed(drawn)[0]].frame.operation == "work"
    apart = flame_difference(one, other, ())
    assert len(apart.bars) > len(drawn.bars)  # the old is gone and the new has come
    assert {bar.frame.hop for bar in apart.bars} >= {"old", "new"}


def test_the_component_reads_both_sides() -> None:
    drawn = flame_difference(*flames([request(1)], [request(2, back=9 * MS)]), ())
    raw = drawn.encode()
    length = int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8 : 8 + length])
    columns = {
        column["name"]: np.frombuffer(
            raw[8 + length + column["offset"] :][: column["bytes"]], column["type"]
        ).tolist()
        for column in header["columns"]
    }
    assert columns["ownAfter"] == [after.own_ns for _, after in drawn.sides]
    assert columns["nsBefore"] == [before.ns for before, _ in drawn.sides]
    table = drawn.table()
    assert table["own change, ms"].sum() == pytest.approx(5.0)


def test_of_too_many_paths_the_narrowest_are_left_out() -> None:
    sides = flames([request(i, back_name=f"back {i}") for i in range(20)], [request(50)])
    part = flame_difference(*sides, (), most=10)
    assert len(part.bars) == len(part.sides) == 10
    assert "are not drawn" in part.notes[-1]


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 10**10), st.integers(0, 10**10), st.integers(1, 6))
def test_two_traces_add_up_down_and_across(one: int, other: int, most: int) -> None:
    sides = ledger_of(request(1, back=2 * MS + one)), ledger_of(request(2, back=2 * MS + other))
    shown = two_traces(*sides, (), most=most)
    for column in ("before", "after", "change"):
        figures = [printed(getattr(row, column)) for row in shown.rows]
        assert sum(figures) == printed(getattr(shown.total, column))
    for row in (*shown.rows, shown.total):
        assert printed(row.after) - printed(row.before) == printed(row.change)
    assert shown.total.change_ns == other - one
    assert len(shown.rows) <= most


def test_a_call_more_is_seen_in_two_traces() -> None:
    before = data.ledger(data.request(0, data.cell("orders", 30, language="nodejs")))
    after = data.ledger(
        data.request(0, data.cell("orders", 10, language="go"), data.cell("db", 9, spans=3))
    )
    shown = two_traces(before, after, ())
    assert [(row.role.hop, row.language, row.calls, row.change_ns) for row in shown.rows] == [
        ("orders", "nodejs -> go", "1", -20),
        ("db", "go", "\N{EN DASH} -> 3", 9),
    ]


def test_a_pair_of_traces_shows_what_changed_most() -> None:
    found = pairs(BEFORE, AFTER, FOUND)
    assert set(found) >= {"postgresql/shop"}
    known = [set(side.requests["exemplar_trace_id"].to_pylist()) for side in (BEFORE, AFTER)]
    for before, after in found.values():
        assert bytes.fromhex(before) in known[0] | {b""}
        assert bytes.fromhex(after) in known[1] | {b""}
    assert all(found["postgresql/shop"])


def test_names_before_become_those_after() -> None:
    names = Names(
        [
            Match("renamed", "old", "new", "", "", 1, ""),
            Match("moved", "new", "other", "GET /a/:id", "GET /a/{id}", 1, ""),
        ]
    )
    assert names.role("old", "work", "self") == Role("new", "work", "self")
    assert names.role("web -> old", "GET /a/{x}", "gap") == Role("other", "GET /a/{}", "gap")
    assert names.step(Frame("web -> old", "call", "-", "gap"))[0] == "web -> new"
    assert Names().role("old", "work", "self").hop == "old"


def test_windows_are_whole_seconds_that_meet() -> None:
    first, last = 100 * SECOND + 3, 200 * SECOND + 5
    halves = compare_sides.two_windows(compare_sides.HALVES, first, last, 10**15)
    assert halves == (Window(100 * SECOND, 150 * SECOND), Window(150 * SECOND, 201 * SECOND))
    early = compare_sides.two_windows("5m", first, last, 10**15)  # nothing comes in any more
    assert early[1] == Window(-99 * SECOND, 201 * SECOND)
    live = compare_sides.two_windows("5m", first, last, last + 30 * SECOND)
    assert live[1].end == 230 * SECOND
    assert live[0].end == live[1].start == live[1].end - 300 * SECOND
    instant = compare_sides.two_windows(compare_sides.HALVES, first, first, 10**15)
    assert all(side.end > side.start for side in instant)


def test_what_is_compared_where_nothing_is_chosen() -> None:
    words = compare_sides.designs(baselines=False, against=False)
    assert "against" not in words
    assert "baseline" not in words
    assert compare_sides.usual(words, {}, live=True) == "5m"
    assert compare_sides.usual(words, {}, live=False) == "halves"
    sides = {"hopwatch.side": ("after", "before")}
    assert compare_sides.usual(words, sides, live=False) == "attribute"
    assert compare_sides.usual((*words, "against"), sides, live=True) == "against"
    assert compare_sides.usual_values(("after", "before")) == ("before", "after")
    assert compare_sides.usual_values(("1.4", "1.5", "1.6")) == ("1.4", "1.6")


def test_keys_with_one_value_tell_nothing_apart() -> None:
    maps = [
        [("service.version", "1"), ("region", "x"), ("host.name", "a")],
        [("service.version", "2"), ("region", "x"), ("host.name", "b")],
    ]
    column = pa.chunked_array([pa.array(maps, pa.map_(pa.string(), pa.string()))])
    assert by_key(column) == {"service.version": ("1", "2")}
    assert by_key(column.slice(0, 0)) == {}


def test_long_names_are_told_apart_beside_the_bridge() -> None:
    names = [f"a-service-with-a-name-longer-than-its-room-{i}" for i in range(3)]
    found = compare(
        data.ledger(data.request(0, *(data.cell(name, 1000) for name in names))),
        data.ledger(data.request(0, *(data.cell(name, 2000) for name in names))),
    )
    drawn = charts.bridge(bridge(found, "hop")).to_dict()
    rows = next(iter(drawn["datasets"].values()))[1:-1]
    assert sorted(row["name"] for row in rows) == names
    assert {row["label"][-2:] for row in rows} == {"-0", "-1", "-2"}


def test_hostile_names_stay_apart_in_the_chart() -> None:
    names = [*HOSTILE, "mix of routes", "before", "others"]
    found: Comparison = compare(
        data.ledger(data.request(0, *(data.cell(name, 1000) for name in names))),
        data.ledger(data.request(0, *(data.cell(name, 2000 + i) for i, name in enumerate(names)))),
    )
    drawn = charts.bridge(bridge(found, "hop", most=20)).to_dict()
    rows = next(iter(drawn["datasets"].values()))
    labels = [row["label"] for row in rows]
    assert len(set(labels)) == len(labels) == len(names) + 2
    assert not any(c in label for label in labels for c in "\u202e\x1b\x00")


@settings(deadline=None, max_examples=20)
@given(SIDES, SIDES, st.integers(1, 5))
def test_terms_add_up_as_they_are_printed(
    before: list[tuple[int, str, str]], after: list[tuple[int, str, str]], most: int
) -> None:
    found = compare(ledger_of(*requests_of(before)), ledger_of(*requests_of(after, 100)))
    cells = re.findall(r'<td class="figure">([^<]*)</td>', markup.terms(found, most))
    assert sum(printed(cell) for cell in cells[:-1]) == printed(cells[-1])
    assert len(cells) <= most + 2
