"""Finding traces, in a span table and in the files of a store alike."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hopwatch.attribution import Attribution
from hopwatch.errors import UsageError
from hopwatch.store.search import Found, Names, Query, names, search
from tests.spans_dsl import MS, span, table, trace_id

HOSTILE = "'; DROP TABLE spans; -- <script>alert(1)</script> \u202e"

Search = Callable[..., Found]


def hexed(name: str) -> str:
    return trace_id(name).hex()


def order(trace: str, start: int, took: int, **root: Any) -> list[dict[str, Any]]:
    """A request of 3 spans: web calls shop, shop asks its database."""
    return [
        span(
            f"{trace}-root", start, start + took, trace=trace, service="web", kind="SERVER",
            span_name="handle",
            **{"http.route": "/orders/{id}", "http.request.method": "GET"} | root,
        ),
        span(
            f"{trace}-shop", start, start + took // 2, f"{trace}-root", trace=trace,
            service="shop", span_name="Shop/Get", kind="SERVER",
        ),
        span(
            f"{trace}-db", start, start + took // 4, f"{trace}-shop", trace=trace, service="shop",
            span_name="SELECT orders", kind="CLIENT", db_system="postgresql",
        ),
    ]  # fmt: skip


ROWS = [
    *order("quick", 1_000 * MS, 8 * MS),
    *order("slow", 2_000 * MS, 80 * MS, tenant=HOSTILE),
    *order("failed", 3_000 * MS, 9 * MS, status="ERROR"),
    *order("refused", 4_000 * MS, 9 * MS, **{"http.response.status_code": 503}),
    span("job", 5_000 * MS, 5_001 * MS, trace="job", service="batch", span_name="sweep 41"),
    span("orphan", 6_000 * MS, 6_002 * MS, "lost", trace="orphan", service="shop"),
    span("bad", 6_001 * MS, 6_003 * MS, "lost", trace="orphan", service="shop", status="ERROR"),
]


@pytest.fixture(params=["table", "segments"])
def find(request: pytest.FixtureRequest, tmp_path: Path) -> Search:
    source: pa.Table | list[str] = table(*ROWS)
    if request.param == "segments":
        half = len(ROWS) // 2 + 1  # a trace lies in both files
        source = [str(tmp_path / name) for name in ("a.parquet", "b.parquet")]
        pq.write_table(table(*ROWS[:half]), source[0])
        pq.write_table(table(*ROWS[half:]), source[1])

    def found(*, limit: int = 100, points: int = 100, **asked: Any) -> Found:
        return search(source, Query(**asked), limit=limit, points=points)

    return found


def ids(found: Found) -> list[str]:
    by_id = {hexed(name): name for name in ("quick", "slow", "failed", "refused", "job", "orphan")}
    return [by_id[trace] for trace in found.traces["trace_id"].to_pylist()]


ALL = ["orphan", "job", "refused", "failed", "slow", "quick"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({}, ALL),
        ({"order": "slowest"}, ["slow", "failed", "refused", "quick", "orphan", "job"]),
        ({"start_ns": 2_000 * MS, "end_ns": 4_000 * MS}, ["failed", "slow"]),
        ({"route": "GET /orders/{id}"}, ["refused", "failed", "slow", "quick"]),
        ({"route": "GET *"}, ["refused", "failed", "slow", "quick"]),
        ({"route": "sweep {id}"}, ["job"]),
        ({"route": "GET"}, []),
        ({"service": "batch"}, ["job"]),
        ({"operation": "SELECT *"}, ["refused", "failed", "slow", "quick"]),
        ({"service": "web", "operation": "SELECT *"}, []),
        ({"status": "error"}, ["refused", "failed"]),
        ({"status": "ok"}, ["orphan", "job", "slow", "quick"]),
        ({"status": "error_inside"}, ["orphan", "failed"]),
        ({"min_ns": 9 * MS}, ["refused", "failed", "slow"]),
        ({"min_ns": 9 * MS, "max_ns": 9 * MS}, ["refused", "failed"]),
        ({"attributes": {"http.response.status_code": "503"}}, ["refused"]),
        ({"attributes": {"db.system": "postgresql", "tenant": HOSTILE}}, ["slow"]),
        ({"attributes": {"db.system": "mysql"}}, []),
        ({"service": HOSTILE}, []),
        ({"operation": HOSTILE}, []),
        ({"route": HOSTILE}, []),
        ({"attributes": {HOSTILE: HOSTILE}}, []),
    ],
)
def test_traces_are_found_by(find: Search, asked: dict[str, Any], expected: list[str]) -> None:
    found = find(**asked)
    assert sorted(ids(found)) == sorted(expected)
    if asked.get("order") != "slowest":
        assert ids(found) == expected
    assert found.total == len(expected)
    assert set(found.sample["trace_id"].to_pylist()) == set(found.traces["trace_id"].to_pylist())


def test_slowest_come_first(find: Search) -> None:
    took = find(order="slowest").traces["duration_nano"].to_pylist()
    assert took == sorted(took, reverse=True)


def test_a_row_says_what_the_trace_is(find: Search) -> None:
    (row,) = find(trace_id=hexed("failed")[:9].upper()).traces.to_pylist()
    assert row == {
        "trace_id": hexed("failed"),
        "start_time_unix_nano": 3_000 * MS,
        "duration_nano": 9 * MS,
        "route": "GET /orders/{id}",
        "outcome": "error",
        "name": "handle",
        "service": "web",
        "complete": True,
        "spans": 3,
        "errors": 1,
        "services": ["shop", "web"],
    }


def test_a_trace_without_root_is_known_by_its_first_span(find: Search) -> None:
    (row,) = find(trace_id=hexed("orphan")).traces.to_pylist()
    assert (row["complete"], row["name"], row["spans"], row["errors"]) == (False, "orphan", 2, 1)


def test_a_trace_is_whole_though_only_its_head_is_in_the_window(find: Search) -> None:
    (row,) = find(start_ns=1_000 * MS, end_ns=1_000 * MS + 1).traces.to_pylist()
    assert row["spans"] == 3


def test_the_total_counts_what_the_limits_leave_out(find: Search) -> None:
    found = find(limit=2, points=3)
    assert (found.total, found.traces.num_rows, found.sample.num_rows) == (6, 2, 3)
    assert find(points=3).sample == found.sample


def test_routes_and_outcomes_are_those_of_the_ledger(find: Search) -> None:
    units = Attribution(table(*ROWS)).requests()
    expected = {(u.trace.trace_id.hex(), u.route, u.outcome, u.duration) for u in units}
    rows = find().traces.to_pylist()
    assert expected == {
        (row["trace_id"], row["route"], row["outcome"], row["duration_nano"])
        for row in rows
        if row["complete"]
    }


def test_copies_of_a_span_count_once() -> None:
    rows = [*order("twice", 0, 8 * MS), *order("twice", 0, 8 * MS)]
    (row,) = search(table(*rows), Query(), limit=9, points=9).traces.to_pylist()
    assert row["spans"] == 3


def test_a_service_is_found_with_and_without_its_namespace() -> None:
    rows = [row | {"service_namespace": "eu"} for row in order("spaced", 0, 8 * MS)]
    for service in ("shop", "eu/shop"):
        found = search(table(*rows), Query(service=service), limit=9, points=9)
        assert found.traces["services"].to_pylist() == [["eu/shop", "eu/web"]]
    assert not search(table(*rows), Query(service="us/shop"), limit=9, points=9).total


@pytest.mark.parametrize("wrong", ["xyz", "0" * 33, "12 34", "%"])
def test_what_is_no_trace_id_is_said_to_be_none(wrong: str) -> None:
    with pytest.raises(UsageError, match="is no trace id"):
        search(table(*ROWS), Query(trace_id=wrong), limit=1, points=1)


@pytest.mark.parametrize("empty", [table(*ROWS).slice(0, 0), []])
def test_where_nothing_is_stored_nothing_is_found(empty: pa.Table | list[str]) -> None:
    found = search(empty, Query(), limit=9, points=9)
    assert (found.total, found.traces.num_rows, found.sample.num_rows) == (0, 0, 0)
    assert names(empty, 0, 9, limit=9) == Names(routes=(), operations={})


def test_names_are_what_can_be_asked_for() -> None:
    found = names(table(*ROWS), 0, 10_000 * MS, limit=9)
    assert found.routes[0] == "GET /orders/{id}"
    assert set(found.routes) == {"GET /orders/{id}", "sweep {id}", "orphan"}
    assert found.operations["shop"][:2] == ("SELECT orders", "Shop/Get")
    few = names(table(*ROWS), 0, 10_000 * MS, limit=1)
    assert few.operations["shop"] == ("SELECT orders",)
    assert names(table(*ROWS), 5_000 * MS, 5_001 * MS, limit=9).operations == {
        "batch": ("sweep 41",)
    }


def test_a_query_can_be_narrowed() -> None:
    asked = replace(Query(service="shop"), status="error")
    assert search(table(*ROWS), asked, limit=9, points=9).total == 2
