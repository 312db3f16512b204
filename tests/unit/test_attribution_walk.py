"""Which child is taken, and what is no part of a request."""

from __future__ import annotations

from hopwatch.attribution import Attribution, attribute
from tests.spans_dsl import attributed, own, span, table


def test_of_two_ends_equally_near_the_one_below_is_taken() -> None:
    unit = attributed(
        span("R", 0, 100),
        span("last", 50, 100, "R"),
        span("above", 10, 53, "R"),
        span("below", 20, 47, "R"),
        tau=10,
    )
    # `above` stays remembered, and ends 33 above the cursor by then.
    assert own(unit) == {"R": 23, "last": 50, "above": 0, "below": 27}


def test_a_call_around_a_shorter_one_is_still_taken_after_it() -> None:
    """`around` ends 1 above the cursor and stays remembered while `nested` is taken."""
    unit = attributed(
        span("R", 0, 1000),
        span("last", 503, 1000, "R"),
        span("around", 100, 504, "R"),
        span("nested", 500, 502, "R"),
        tau=10,
    )
    assert own(unit) == {"R": 101, "last": 497, "nested": 2, "around": 400}


def test_a_child_is_looked_at_again_after_the_one_above_it() -> None:
    """`below` begins where `above` does: under the lowered cursor it has nothing left."""
    unit = attributed(
        span("R", 0, 100),
        span("last", 50, 100, "R"),
        span("above", 40, 51, "R"),
        span("below", 40, 45, "R"),
        span("first", 10, 40, "R"),
        tau=10,
    )
    assert own(unit) == {"R": 10, "last": 50, "above": 10, "below": 0, "first": 30}


def test_local_time_is_of_the_whole_span_also_off_the_path() -> None:
    unit = attributed(span("R", 0, 100), span("a", 0, 90, "R"), span("b", 50, 150, "R"))
    local = {time.span.name: (time.own, time.local) for time in unit.spans}
    assert local == {"R": (50, 50), "a": (0, 90), "b": (50, 100)}


def test_what_begins_after_the_request_is_not_counted() -> None:
    rows = [span("R", 0, 100), span("late", 150, 300, "R", kind="CLIENT", db_system="redis")]
    ledger = attribute(table(*rows))
    assert [group.key for group in ledger.group_by("hop", "kind")] == [("A", "self")]
    assert ledger.quality["late_units"] == 1


def test_consumers_are_asynchronous_work_with_or_without_a_parent() -> None:
    attribution = Attribution(
        table(span("R", 0, 100), span("K", 0, 100_000, service="B", kind="CONSUMER", trace="u"))
    )
    assert attribution.ledger().total_ns == 100
    assert attribution.ledger(detached=True).total_ns == 100_000


def test_parallel_calls_without_client_spans_are_flagged() -> None:
    def flags(second_start: int) -> list[str]:
        return attributed(
            span("R", 0, 100),
            span("S1", 10, 50, "R", kind="SERVER", service="B"),
            span("S2", second_start, 90, "R", kind="SERVER", service="C"),
        ).flags()

    assert flags(40) == ["no_client_span"]
    assert flags(50) == []


def test_every_parallel_call_without_a_client_span_is_flagged() -> None:
    """The last call lies in the first one, not in the one that started before it."""
    unit = attributed(
        span("R", 0, 100, kind="SERVER"),
        span("long", 5, 90, "R", service="B", kind="SERVER"),
        span("early", 10, 20, "R", service="B", kind="SERVER"),
        span("later", 40, 50, "R", service="B", kind="SERVER"),
    )
    flagged = {time.span.name for time in unit.spans if "no_client_span" in time.span.flags}
    assert flagged == {"long", "early", "later"}


def test_parallel_calls_below_a_client_span_are_not_flagged() -> None:
    unit = attributed(
        span("R", 0, 100),
        span("C", 5, 95, "R", kind="CLIENT"),
        span("S1", 10, 50, "C", kind="SERVER", service="B"),
        span("S2", 20, 90, "C", kind="SERVER", service="B"),
    )
    assert unit.flags() == []


def test_a_remembered_child_is_not_forgotten_for_one_that_begins_at_the_cursor() -> None:
    """last begins at 500, where `at` does: `at` cannot be taken, `before` can."""
    unit = attributed(
        span("R", 0, 1000),
        span("last", 500, 1000, "R"),
        span("before", 300, 503, "R"),
        span("at", 500, 502, "R"),
        tau=10,
    )
    assert own(unit) == {"R": 300, "last": 500, "before": 200, "at": 0}
