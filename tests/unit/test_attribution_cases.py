"""The test cases of the attribution's specification (section 9), by their numbers.

Times are ns; letters are services. Each expectation was worked out by hand from the definitions.
"""

from __future__ import annotations

import pyarrow as pa
import pytest

from hopwatch.attribution import Attribution, Clocks, Options, UnitTime
from tests.spans_dsl import FixedClocks, own, span, table


def attribute_one(spans: pa.Table, tau: int | None = 0, clocks: Clocks | None = None) -> UnitTime:
    results = list(Attribution(spans, Options(tau_ns=tau), clocks).requests())
    assert len(results) == 1
    results[0].check()
    return results[0]


def kinds(unit: UnitTime) -> dict[str, str]:
    return {time.span.name: time.cell.kind for time in unit.spans}


def named(unit: UnitTime, name: str):
    return next(time for time in unit.spans if time.span.name == name)


OVERLAP = table(span("R", 0, 1000), span("a", 100, 503, "R"), span("b", 500, 900, "R"))


def test_1_consecutive_children_overlap_by_less_than_tau() -> None:
    assert own(attribute_one(OVERLAP, tau=10)) == {"R": 200, "a": 400, "b": 400}


def test_1_strict_rule_drops_the_earlier_child() -> None:
    unit = attribute_one(OVERLAP, tau=0)
    assert own(unit) == {"R": 600, "a": 0, "b": 400}
    assert named(unit, "R").concurrent == 400


def test_2_a_long_parallel_child_is_not_taken_for_the_tail() -> None:
    unit = attribute_one(
        table(
            span("R", 0, 1000), span("A", 0, 700, "R"), span("B", 0, 400, "R"),
            span("C", 405, 990, "R"),
        ),
        tau=10,
    )  # fmt: skip
    assert own(unit) == {"R": 15, "A": 0, "B": 400, "C": 585}
    assert named(unit, "R").concurrent == 5


def test_3_children_are_clipped_at_each_level() -> None:
    unit = attribute_one(
        table(
            span("R", 0, 100), span("b", 20, 150, "R"), span("c", 60, 200, "b"),
            span("x", 120, 140, "b"),
        )
    )  # fmt: skip
    assert own(unit) == {"R": 20, "b": 40, "c": 40}  # x begins when R has ended


@pytest.mark.parametrize(
    ("theta", "used"),
    [(None, 9850), (9950, 9950), (10_000, 10_000), (10_050, 10_050), (12_000, 10_050)],
)
def test_4_no_offset_touches_gap_and_server(theta: int | None, used: int) -> None:
    unit = attribute_one(
        table(
            span("R", 0, 1000),
            span("C", 100, 900, "R", kind="CLIENT"),
            span("S", 10_150, 10_750, "C", service="B", kind="SERVER"),
            span("i", 10_200, 10_300, "S", service="B"),
        ),
        clocks=None if theta is None else FixedClocks(theta, 10**9),
    )
    assert own(unit) == {"R": 200, "C": 200, "S": 500, "i": 100}
    assert kinds(unit) == {"R": "self", "C": "gap", "S": "self", "i": "self"}
    assert named(unit, "C").cell.hop == "A -> B"
    assert named(unit, "S").shift == used


def test_5_server_that_outlives_its_client_is_cut_at_the_clients_end() -> None:
    unit = attribute_one(
        table(
            span("R", 0, 1100),
            span("C", 50, 1050, "R", kind="CLIENT"),
            span("S", 60, 2000, "C", service="B", kind="SERVER"),
            span("q", 500, 1900, "S", service="B", kind="CLIENT", db_system_name="postgresql"),
        ),
        clocks=FixedClocks(0, 100),
    )
    assert own(unit) == {"R": 100, "C": 10, "S": 440, "q": 550}
    assert kinds(unit) == {"R": "self", "C": "gap", "S": "self", "q": "db"}
    assert unit.flags() == ["outlives"]
    assert named(unit, "C").clipped == 950


def test_6_server_that_starts_late_and_outlives() -> None:
    unit = attribute_one(
        table(
            span("R", 0, 1100),
            span("C", 50, 1050, "R", kind="CLIENT"),
            span("S", 950, 1600, "C", service="B", kind="SERVER"),
        ),
        clocks=FixedClocks(0, 100),
    )
    assert own(unit) == {"R": 100, "C": 900, "S": 100}
    assert unit.flags() == ["outlives"]


def test_7_ties_at_the_end_and_empty_children() -> None:
    unit = attribute_one(
        table(
            span("R", 0, 300), span("x", 50, 200, "R"), span("y", 120, 200, "R"),
            span("z", 200, 200, "R"), span("w", 130, 190, "y"),
        )
    )  # fmt: skip
    assert own(unit) == {"R": 150, "x": 150, "y": 0, "z": 0, "w": 0}


@pytest.mark.parametrize(("start", "end", "gap", "server"), [(20, 120, 20, 80), (50, 150, 50, 50)])
def test_8_client_that_outlives_the_root(start: int, end: int, gap: int, server: int) -> None:
    unit = attribute_one(
        table(
            span("R", 0, 100),
            span("C", 0, 200, "R", kind="CLIENT"),
            span("S", start, end, "C", service="B", kind="SERVER"),
        ),
        clocks=FixedClocks(0, 0),
    )
    assert own(unit) == {"R": 0, "C": gap, "S": server}


def test_9_lost_parents_and_cycles_are_fragments_that_may_hide_spans() -> None:
    attribution = Attribution(
        table(
            span("R", 0, 1000),
            span("C", 100, 900, "R", kind="CLIENT"),
            span("o", 200, 800, "lost", service="B"),
            span("u", 10, 20, "v"),
            span("v", 5, 25, "u"),
        ),
        Options(tau_ns=0),
    )
    (unit,) = attribution.requests()
    assert own(unit) == {"R": 200, "C": 800}
    assert kinds(unit)["C"] == "remote"
    assert named(unit, "C").hidden == 600
    fragments = {f.root.name: len(f.spans()) for f in attribution.forest.traces[0].fragments}
    assert fragments == {"o": 1, "v": 2}
    assert attribution.forest.traces[0].repairs == {"cycle": 1, "missing_parent": 1}


def test_10_consumers_are_detached() -> None:
    attribution = Attribution(
        table(
            span("R", 0, 500),
            span("P", 100, 160, "R", kind="PRODUCER"),
            span("K", 120, 900, "P", service="B", kind="CONSUMER"),
        ),
        Options(tau_ns=0),
    )
    (unit,) = attribution.requests()
    assert own(unit) == {"R": 440, "P": 60}
    assert kinds(unit)["P"] == "messaging"
    (detached,) = attribution.detached()
    assert own(detached) == {"K": 780}


def test_11_one_offset_for_all_children_of_a_client() -> None:
    unit = attribute_one(
        table(
            span("R", 0, 1000),
            span("C", 100, 900, "R", kind="CLIENT"),
            span("S1", 5120, 5300, "C", service="B", kind="SERVER"),
            span("S2", 5500, 5880, "C", service="B", kind="SERVER"),
        ),
        clocks=FixedClocks(5000, 10**9),
    )
    assert own(unit) == {"R": 200, "C": 240, "S1": 180, "S2": 380}
