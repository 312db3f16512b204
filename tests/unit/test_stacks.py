"""Call paths: what a flame graph is drawn from."""

from __future__ import annotations

from typing import Any

import pytest

from hopwatch.attribution import Attribution, Selection, Stacks
from hopwatch.attribution.quantile import TooFewRequestsError, at_mean, at_quantile, of_slowest
from hopwatch.attribution.stacks import Frame
from tests.spans_dsl import US, span, table


def request(i: int, own: int, db: int, route: str = "/a") -> list[dict[str, Any]]:
    """A request: own work, then a query; the failed ones are of another outcome."""
    trace = f"t{i}"
    root = span(
        f"R{i}",
        0,
        own + db,
        trace=trace,
        kind="SERVER",
        http_route=route,
        http_request_method="GET",
    )
    query = span(
        f"Q{i}", own, own + db, f"R{i}", trace=trace, kind="CLIENT", span_name="query",
        db_system="pg",
    )  # fmt: skip
    return [root, query]


def stacks_of(*requests: list[dict[str, Any]], select: Selection | None = None) -> Stacks:
    return Attribution(table(*(row for rows in requests for row in rows))).stacks(select)


def names(stacks: Stacks, path: int) -> list[str]:
    return [frame.kind for frame in stacks.chain(path)]


def test_paths_are_numbered_level_by_level_and_siblings_by_frame() -> None:
    stacks = stacks_of(request(1, 10, 5), request(2, 20, 5, route="/b"), request(3, 1, 1))
    assert stacks.frames[:2] == [
        Frame("A", "GET /a", "go", "self"),
        Frame("A", "GET /b", "go", "self"),
    ]
    assert stacks.above == [-1, -1, 0, 1]
    assert [names(stacks, path) for path in range(4)] == [
        ["self"], ["self"], ["self", "db"], ["self", "db"],
    ]  # fmt: skip
    assert (stacks.request_count, stacks.total_ns) == (3, 42)


def test_bars_lie_on_what_called_them_and_the_longest_come_first() -> None:
    spans = [
        span("R", 0, 100),
        span("a", 10, 30, "R"),
        span("b", 30, 90, "R"),
        span("c", 40, 50, "b"),
    ]
    stacks = Attribution(table(*spans)).stacks()
    bars = stacks.bars(at_mean(stacks, "path"))
    assert [(b.frame.operation, b.depth, b.start_ns, b.ns, b.own_ns) for b in bars] == [
        ("R", 0, 0, 100, 20),
        ("b", 1, 0, 60, 50),
        ("c", 2, 0, 10, 10),
        ("a", 1, 60, 20, 20),
    ]


def test_a_percentile_by_path_adds_up_to_it() -> None:
    stacks = stacks_of(*(request(i, 1000 * US, i * US) for i in range(1, 4001)))
    found = at_quantile(stacks, 0.95, "path")
    bars = stacks.bars(found)
    assert sum(bar.own_ns for bar in bars) == bars[0].ns == found.total_ns
    assert found.total_ns == pytest.approx(4800 * US, rel=0.01)
    assert {bar.frame.kind: bar.own_ns for bar in bars}["self"] == pytest.approx(
        1000 * US, rel=1e-9
    )
    slow = of_slowest(stacks, 0.01, "kind")
    assert {share.key[0] for share in slow.shares} == {"self", "db"}


def test_too_few_requests_for_a_percentile_are_refused() -> None:
    with pytest.raises(TooFewRequestsError, match="4,000 requests"):
        at_quantile(stacks_of(request(1, 10, 5)), 0.95, "path")


def test_only_selected_requests_leave_paths() -> None:
    both = (request(1, 10, 5), request(2, 20, 5, route="/b"))
    stacks = stacks_of(*both, select=Selection(route="GET /b"))
    assert {frame.operation for frame in stacks.frames} == {"GET /b", "query"}
    assert stacks.total_ns == 25


def test_a_span_after_its_request_leaves_no_path() -> None:
    rows = [span("R", 0, 100), span("late", 150, 160, "R"), span("below", 152, 158, "late")]
    stacks = Attribution(table(*rows)).stacks()
    assert [frame.operation for frame in stacks.frames] == ["R"]


def test_without_requests_there_are_no_paths() -> None:
    stacks = stacks_of([span("lost", 0, 10, "nowhere")])
    assert (len(stacks.paths), stacks.total_ns, stacks.request_count) == (0, 0, 0)
    assert stacks.bars(at_mean(stacks, "path")) == []
    assert stacks.merge(stacks).paths.num_rows == 0


def test_merging_unites_paths_of_different_trees() -> None:
    left, right = stacks_of(request(1, 10, 5)), stacks_of(request(2, 20, 5, route="/b"))
    both = stacks_of(request(1, 10, 5), request(2, 20, 5, route="/b"))
    for merged in (left.merge(right), right.merge(left)):
        assert merged.paths.equals(both.paths)
        assert merged.cells.equals(both.cells)
        assert merged.requests.equals(both.requests)


def test_asynchronous_work_has_paths_of_its_own() -> None:
    rows = [
        span("R", 0, 500),
        span("P", 100, 160, "R", kind="PRODUCER"),
        span("K", 120, 900, "P", kind="CONSUMER", service="B"),
    ]
    attribution = Attribution(table(*rows))
    assert attribution.stacks(detached=True).total_ns == 780
    assert attribution.stacks().total_ns == 500


def test_an_unknown_key_is_named_with_those_there_are() -> None:
    with pytest.raises(
        KeyError, match=r"version is no key of the call paths; it has route, .*path"
    ):
        stacks_of(request(1, 10, 5)).group_by("version")
