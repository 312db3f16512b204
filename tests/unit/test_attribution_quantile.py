"""What a request spends where, at the mean, at a percentile, among the slowest."""

from __future__ import annotations

import random

import pytest

from hopwatch.attribution import Ledger, attribute
from hopwatch.attribution.quantile import (
    TooFewRequestsError,
    at_mean,
    at_quantile,
    of_slowest,
)
from tests.spans_dsl import MS, US, span, table


def ledger_of(durations: list[tuple[int, int]]) -> Ledger:
    """One request each: own work, then a call of a database."""
    rows = []
    for i, (own, db) in enumerate(durations):
        trace = f"t{i}"
        rows += [
            span(f"R{i}", 0, own + db, trace=trace),
            span(f"Q{i}", own, own + db, f"R{i}", kind="CLIENT", trace=trace, db_system="pg"),
        ]
    return attribute(table(*rows))


def test_mean_adds_up_and_is_that_of_the_ledger() -> None:
    ledger = ledger_of([(10, 3), (20, 2), (3, 1)])
    found = at_mean(ledger, "kind")
    assert {s.key: s.ns for s in found.shares} == {("self",): 11, ("db",): 2}
    assert (found.total_ns, found.requests) == (13, 3)
    assert {s.key: s.calls for s in found.shares} == {("self",): 1.0, ("db",): 1.0}


def test_slowest_are_averaged_and_the_boundary_bucket_is_shared() -> None:
    fast, slow = (100 * US, 0), (100 * US, 900 * US)
    ledger = ledger_of([fast] * 90 + [slow] * 10)
    tenth = of_slowest(ledger, 0.1, "kind")
    assert {s.key[0]: s.ns for s in tenth.shares} == {"self": 100 * US, "db": 900 * US}
    fifth = of_slowest(ledger, 0.2, "kind")
    assert {s.key[0]: s.ns for s in fifth.shares} == {"self": 100 * US, "db": 450 * US}
    assert of_slowest(ledger, 1, "kind").shares == at_mean(ledger, "kind").shares
    assert of_slowest(ledger, 1e-9, "kind").total_ns == 1000 * US


def test_percentile_finds_what_only_the_slow_wait_for() -> None:
    # Own work is the same for all; the slower a request, the more of it is the database.
    ledger = ledger_of([(1000 * US, i * US) for i in range(1, 4001)])
    for q in (0.05, 0.5, 0.9, 0.95):
        found = at_quantile(ledger, q, "kind")
        shares = {s.key[0]: s.ns for s in found.shares}
        assert shares["self"] == pytest.approx(1000 * US, rel=1e-9)
        assert shares["db"] == pytest.approx(4000 * q * US, rel=0.02)
        assert sum(shares.values()) == found.total_ns


def test_shares_add_up_whatever_the_durations() -> None:
    chance = random.Random(7)
    for _ in range(5):
        ledger = ledger_of(
            [
                (int(chance.lognormvariate(11, 1)), int(chance.lognormvariate(9, 2)))
                for _ in range(800)
            ]
        )
        for found in (
            at_mean(ledger, "operation", "kind"),
            at_quantile(ledger, 0.5, "operation", "kind"),
            at_quantile(ledger, 0.75, "operation", "kind"),
            of_slowest(ledger, 0.01, "operation", "kind"),
        ):
            assert sum(share.ns for share in found.shares) == found.total_ns
            assert min(share.ns for share in found.shares) >= 0


def test_ties_at_the_percentile_are_one_value() -> None:
    ledger = ledger_of([(500, 500)] * 4000)
    assert at_quantile(ledger, 0.95, "kind").total_ns == 1000


def test_too_few_requests_are_refused_with_the_number_needed() -> None:
    ledger = ledger_of([(1, 1)] * 399)
    with pytest.raises(TooFewRequestsError, match=r"p50 by hop needs 400 requests.* 399"):
        at_quantile(ledger, 0.5, "hop")
    with pytest.raises(TooFewRequestsError, match=r"p99 by hop needs 20,000 requests"):
        at_quantile(ledger, 0.99, "hop")


def test_empty_ledger_has_no_shares() -> None:
    ledger = Ledger.of_units([])
    assert at_mean(ledger, "hop").shares == ()
    assert of_slowest(ledger, 0.01, "hop").total_ns == 0


@pytest.mark.parametrize("ties", [1949, 1963, 2051, 2150])
def test_a_quantile_within_ties_is_what_they_share(ties: int) -> None:
    """Only one rank lies near q: no line can be drawn through it."""
    rows = [
        span(f"R{i}", 0, MS if i < ties else 5 * MS, trace=f"t{i}", span_name="R")
        for i in range(4000)
    ]
    ledger = attribute(table(*rows))
    assert at_quantile(ledger, 0.25, "hop").total_ns == MS
