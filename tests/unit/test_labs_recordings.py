"""The recorded labs hold what they teach: the fault is where the answer says, as large as the
services recorded it, and nowhere else."""

from __future__ import annotations

import pytest

from hopwatch.formats import read_files
from hopwatch_dashboards.views import labs as view
from hopwatch_stack import labs
from hopwatch_stack.labs import NAME_ATTRIBUTE, Lab
from tests.spans_dsl import MS, span, table


@pytest.fixture(params=labs.all(), ids=lambda lab: lab.name)
def lab(request: pytest.FixtureRequest) -> Lab:
    assert isinstance(request.param, Lab)
    return request.param


def recorded_truth(lab: Lab, hop: str, kind: str) -> view.Truth:
    decoded = read_files([str(lab.recording)])
    assert not decoded.rejected.counts
    found = view.truth(decoded.table, NAME_ATTRIBUTE, lab.name, lab.measure, hop, kind)
    assert found is not None
    assert min(found.faulty.requests, found.clean.requests) >= 15
    return found


def test_recording_is_small(lab: Lab) -> None:
    assert lab.recording.stat().st_size <= 300_000


def test_ledger_finds_the_fault_where_the_answer_says(lab: Lab) -> None:
    found = recorded_truth(lab, lab.answer.hop, lab.answer.kind)
    more_ms = (found.faulty.ns - found.clean.ns) / MS
    if lab.measure.endswith("_ms"):
        assert more_ms == pytest.approx(found.measure, rel=0.15)
    else:
        assert found.faulty.calls - found.clean.calls == pytest.approx(found.measure, rel=0.15)
        assert more_ms > 1


def test_slow_sql_is_one_query_and_not_more_of_them() -> None:
    lab = labs.get("slow-sql")
    found = recorded_truth(lab, lab.answer.hop, lab.answer.kind)
    assert found.faulty.calls == pytest.approx(found.clean.calls, abs=0.5)
    own = recorded_truth(lab, "shop-orders", "self")
    assert (own.faulty.ns - own.clean.ns) / MS < 2


def test_truth_compares_requests_of_the_same_routes() -> None:
    rows = []
    for i, delay in enumerate((0, 50, 0, 50, 50)):
        trace, end = f"t{i}", (10 + delay) * MS
        lab = {"lab.name": "slow", "lab.ms": str(delay)} if delay else {}
        rows += [
            span(f"R{i}", 0, end, trace=trace, kind="SERVER", http_route="/slow", **lab),
            span(f"Q{i}", MS, end - MS, f"R{i}", kind="CLIENT", trace=trace, db_system="pg"),
        ]
    rows.append(span("other", 0, 900 * MS, trace="other", http_route="/other"))
    found = view.truth(table(*rows), "lab.name", "slow", "lab.ms", "pg", "db")
    assert found == view.Truth(
        measure=50, faulty=view.Side(3, 58 * MS, 1), clean=view.Side(2, 8 * MS, 1)
    )
    assert view.truth(table(*rows), "lab.name", "other lab", "lab.ms", "pg", "db") is None


@pytest.mark.parametrize(
    ("hop", "kind", "right", "words"),
    [
        ("db", "db", True, "Found"),
        ("db", "self", False, "right hop"),
        ("app", "db", False, "right kind"),
        ("app", "self", False, "Not there"),
    ],
)
def test_verdict_says_what_is_right(hop: str, kind: str, right: bool, words: str) -> None:
    found = view.verdict(hop, kind, "db", "db")
    assert found.right is right
    assert words in found.words
