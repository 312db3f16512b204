"""Where failures begin, before and after."""

from __future__ import annotations

from fractions import Fraction
from itertools import chain
from typing import Any

import jsonschema
import pytest

import hopwatch
from hopwatch.attribution import Attribution, Selection
from hopwatch.comparison import Comparison, compare
from hopwatch.errors import UsageError
from hopwatch.reports.comparison_failures import failure_section, where_failures_begin
from hopwatch.reports.documents import comparison_document
from hopwatch_dashboards.markup.compare import head
from hopwatch_dashboards.markup.compare_failures import failures as failures_markup
from hopwatch_dashboards.views.selection import Filters, failures_of, filtered
from tests.spans_dsl import span, table
from tests.unit.test_reports_comparison import SCHEMA

S = 1_000_000_000
FAULTS = ("", "failed", "masked", "dead", "own")


def one(
    number: int, fault: str = "", peer: str = "", callee: str = "orders"
) -> list[dict[str, Any]]:
    """bff asks a cache, and then orders; the request of a second."""
    assert fault in FAULTS
    at, trace = number * S // 2, str(number)
    failed = "UNSET" if fault in ("", "masked") else "ERROR"
    called = "ERROR" if fault in ("failed", "masked", "dead") else "UNSET"
    named = {"server_address": peer} if peer else {}

    def made(name: str, start: int, end: int, parent: str | None = None, **more: Any) -> Any:
        more = {"trace": trace, **more}
        above = f"{trace}{parent}" if parent else None
        return span(f"{trace}{name}", at + start, at + end, above, **more)

    rows = [
        made("R", 0, 1000, service="bff", kind="SERVER", status=failed, http_route="/"),
        made("k", 10, 40, "R", service="bff", kind="CLIENT", span_name="GET"),
        made("K", 15, 35, "k", service="cache", kind="SERVER"),
        made("c", 50, 900, "R", service="bff", kind="CLIENT", status=called, span_name="POST",
             **named),
    ]  # fmt: skip
    if fault != "dead":
        rows.append(made("s", 60, 800, "c", service=callee, kind="SERVER", status=called,
                         span_name="Place"))  # fmt: skip
    return rows


def side(counts: dict[str, int], **more: str) -> Any:
    """So many requests with each fault, evenly in time."""
    faults = [fault for fault, count in counts.items() for _ in range(count)]
    order = sorted(range(len(faults)), key=lambda i: (i * 37) % len(faults))
    return table(*(row for n, i in enumerate(order) for row in one(n, faults[i], **more)))


def found(before: dict[str, int], after: dict[str, int], **more: str) -> Comparison:
    return hopwatch.compare(side(before), side(after, **more))


@pytest.mark.parametrize(
    ("fault", "more", "hop", "unanswered"),
    [
        ("failed", {}, "orders", False),
        ("own", {}, "bff", False),
        ("dead", {}, "orders", True),  # who else is asked by that name
        ("dead", {"peer": "10.0.0.7"}, "orders", True),
        ("dead", {"peer": "orders.shop.svc"}, "orders", True),
        ("dead", {"peer": "pay.example.com"}, "pay.example.com", False),
    ],
)
def test_where_new_failures_begin(
    fault: str, more: dict[str, str], hop: str, unanswered: bool
) -> None:
    comparison = found({"": 95, "own": 6}, {"": 70, fault: 31}, **more)
    assert comparison.failure_origins is not None
    first = comparison.failure_origins[0]
    assert (first.hop, first.unanswered) == (hop, unanswered)
    assert first.failed.requests_after == 31
    assert first.failed.after == Fraction(31, 101)
    assert first.masked.requests_after == 0
    assert 0 < first.sure_rise < first.failed.change
    assert 0 < first.failed.low < first.failed.change < first.failed.high
    counted = [
        (o.failed.requests_before, o.failed.requests_after) for o in comparison.failure_origins
    ]
    assert [sum(side) for side in zip(*counted, strict=True)] == [6, 31]
    (line,) = where_failures_begin(comparison)
    assert "".join(line).startswith("Most of the new failures begin in " + hop)
    assert "30.7 % after" in "".join(line)


def test_what_a_caller_swallows_is_told_apart() -> None:
    comparison = found({"": 101}, {"": 70, "masked": 31})
    assert comparison.failures.value == 0
    (origin,) = comparison.failure_origins or ()
    assert (origin.hop, origin.masked.requests_after, origin.failed.requests_after) == (
        "orders", 31, 0,
    )  # fmt: skip
    assert origin.masked.low > 0
    (line,) = where_failures_begin(comparison)
    assert "though the request ends well, in orders" in "".join(line)


def test_a_renamed_service_is_one() -> None:
    comparison = found({"": 80, "failed": 21}, {"": 80, "failed": 21}, callee="orders-go")
    (origin,) = comparison.failure_origins or ()
    assert (origin.hop, origin.failed.change) == ("orders-go", Fraction(0))
    assert (origin.failed.requests_before, origin.failed.requests_after) == (21, 21)
    assert not list(where_failures_begin(comparison))


def test_a_few_failures_may_be_luck() -> None:
    (origin,) = found({"": 101}, {"": 100, "failed": 1}).failure_origins or ()
    assert origin.sure_rise == 0
    assert origin.failed.low < 0 < origin.failed.high


def test_short_windows_are_counted_and_said_to_be_so() -> None:
    comparison = found({"": 20}, {"": 5, "failed": 15})
    (origin,) = comparison.failure_origins or ()
    assert origin.failed.low > 0
    lines = ["".join(line) for line in failure_section(comparison, 5).lines]
    assert "too little time for blocks" in lines[-1]
    # All blocks alike prove nothing: the interval knows how few there are.
    comparison = found({"": 60}, {"failed": 60})
    (origin,) = comparison.failure_origins or ()
    assert origin.failed.low < 1 == origin.failed.change


def test_sides_without_spans_say_so() -> None:
    before, after = Attribution(side({"": 50})), Attribution(side({"failed": 50}))
    comparison = hopwatch.compare(before.ledger(), after.table)
    assert comparison.failure_origins is None
    assert "no spans" in "".join(failure_section(comparison, 5).lines[0])
    assert comparison.document()["failure_origins"] is None
    other = Selection(end=10 * S)
    for failures in (after.where_failed(other), before.where_failed()):
        with pytest.raises(UsageError, match="not those of the ledger"):
            compare(before.ledger(), after.ledger(), failures=(before.where_failed(), failures))


def test_the_document_holds_to_its_schema() -> None:
    comparison = found({"": 95, "own": 6}, {"": 60, "failed": 21, "masked": 20})
    document = comparison_document(comparison, ("a", "b"), ())
    jsonschema.validate(document, SCHEMA)
    first = document["failure_origins"][0]
    assert first["hop"] == "orders"
    assert first["failed"]["change"] == pytest.approx(21 / 101)
    assert first["masked"]["requests_after"] == 20


def test_the_page_shows_it_as_text() -> None:
    comparison = found({"": 101}, {"": 70, "dead": 31}, peer="<b>pay</b>")
    for shown in (failures_markup(comparison), head(comparison, ("", ""))):
        assert "&lt;b&gt;pay" in shown
        assert "<b>pay" not in shown
    assert "0 % \N{RIGHTWARDS ARROW} 30.7 %" in failures_markup(comparison)


@pytest.mark.parametrize(
    ("filters", "failed", "masked"),
    [
        (Filters(), 20, 10),
        (Filters(route="/"), 20, 10),
        (Filters(route="/other"), 0, 0),
        (Filters(outcome="ok"), 0, 10),
        (Filters(outcome="error"), 20, 0),
    ],
)
def test_the_pages_filters_hold_for_failures(filters: Filters, failed: int, masked: int) -> None:
    attribution = Attribution(side({"": 30, "failed": 20, "masked": 10}))
    found = failures_of(attribution.where_failed(), filters)
    assert (found.failed.num_rows, found.masked.num_rows) == (failed, masked)
    assert filtered(attribution.ledger(), filters).failed_count == failed


def test_a_peers_name_says_more_than_whose_calls_are_gone() -> None:
    before = [one(n, callee="orders" if n % 10 else "stock") for n in range(100)]
    after = [one(n, "" if n % 10 else "dead", peer="orders.shop") for n in range(100)]
    comparison = hopwatch.compare(*(table(*chain(*rows)) for rows in (before, after)))
    assert [match.hop_before for match in comparison.matches if match.how == "unseen"] == ["stock"]
    (origin,) = comparison.failure_origins or ()
    assert (origin.hop, origin.unanswered) == ("orders", True)
