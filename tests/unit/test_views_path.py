"""The request path: each hop once, callers first, adding up to all there is."""

from hopwatch.attribution import Ledger, attribute
from hopwatch_dashboards.views.path import Step, request_path
from tests.dashboard_data import MS, ledger_of, request
from tests.spans_dsl import span, table


def labels(ledger: Ledger) -> list[tuple[str, str]]:
    return [(step.hop, step.kind) for step in request_path(ledger)]


def test_callers_stand_before_those_they_call() -> None:
    assert labels(ledger_of(request(1))) == [
        ("front", "self"),
        ("front -> back", "gap"),
        ("back", "self"),
        ("postgresql/shop", "db"),
    ]


def test_steps_add_up_to_the_total() -> None:
    ledger = ledger_of(request(1), request(2, back=9 * MS))
    assert sum(step.ns for step in request_path(ledger)) == ledger.total_ns


def test_services_that_call_one_another_in_a_circle_stand_once_each() -> None:
    ledger = attribute(
        table(
            span("R", 0, 100, service="a", kind="SERVER"),
            span("C", 10, 90, "R", service="a", kind="CLIENT"),
            span("S", 20, 80, "C", service="b", kind="SERVER"),
            span("D", 30, 70, "S", service="b", kind="CLIENT"),
            span("T", 40, 60, "D", service="a", kind="SERVER"),
        )
    )
    steps = request_path(ledger)
    assert sorted((step.hop, step.kind) for step in steps) == [
        ("a", "self"), ("a -> b", "gap"), ("b", "self"), ("b -> a", "gap"),
    ]  # fmt: skip
    assert sum(step.ns for step in steps) == ledger.total_ns


def test_an_arrow_in_a_name_does_not_confuse_the_path() -> None:
    ledger = ledger_of(request(1, front_name="a -> b", back_name="c -> d"))
    gap = next(step for step in request_path(ledger) if step.kind == "gap")
    assert (gap.caller, gap.callee) == ("a -> b", "c -> d")


def test_only_a_gap_leads_to_another_hop() -> None:
    step = Step("db", "a", "-", "db", 1, 1)
    assert step.callee == ""
