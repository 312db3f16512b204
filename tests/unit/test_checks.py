"""Conditions of `--fail-if`: how they are read, what is measured, how sure a verdict is."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from hopwatch.attribution import Attribution, CellFilter, Selection
from hopwatch.checks import Checked, estimates, judge, parse
from hopwatch.errors import UsageError
from tests.spans_dsl import MS, span, table, trace_id


def test_all_that_a_condition_can_say() -> None:
    found = parse('hop=a -> b, route="GET /x,y",outcome=ok,p99.9>=1.5s,calls<3,share>0.5%')
    assert found.cells == CellFilter(hop="a -> b")
    assert (found.route, found.outcome, found.service) == ("GET /x,y", "ok", None)
    said = [(c.statistic, c.operator, c.limit, c.unit) for c in found.comparisons]
    assert said == [
        ("p99.9", ">=", 1_500_000_000, "ns"),
        ("calls", "<", 3, "count"),
        ("share", ">", Fraction(5, 1000), "share"),
    ]
    assert found.comparisons[0].quantile == Fraction(999, 1000)


@pytest.mark.parametrize(
    ("limit", "ns"),
    [("200ms", 200 * MS), ("1.5 s", 1500 * MS), ("3us", 3000), ("3µs", 3000), ("7ns", 7)],
)
def test_times_have_units(limit: str, ns: int) -> None:
    assert parse(f"p50>{limit}").comparisons[0].limit == ns


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "'<HERE>': a part is empty"),
        ("hop=a", "'hop=a<HERE>': nothing is compared"),
        ("hop=a,,p95>1s", "'hop=a,<HERE>,p95>1s': a part is empty"),
        ("hop=a,p95>200", "'hop=a,<HERE>p95>200': '200' is no limit for p95; write a time"),
        ("p95>1m", "write a time such as 200ms (ns, us, ms, s)"),
        ("p95>-1s", "'-1s' is no limit"),
        ("p95>nan", "'nan' is no limit"),
        ("errors>1", "write a share such as 5%"),
        ("requests<1ms", "a number without a unit"),
        ("p95=1s", "p95 is compared by >, >=, < or <="),
        ("p95", "p95 is compared by"),
        ("p100>1s", "'p100' is no key"),
        ("p0.5>1s", "percentiles go from p1"),
        ("hops=a,p95>1s", "did you mean hop?"),
        ("P95>1s", "did you mean p95?"),
        ("hop>a,p95>1s", "a key is chosen by '='"),
        ("hop=a,hop=b,p95>1s", "both 'a' and 'b'"),
        ("outcome=bad,p95>1s", "outcome is 'ok' or 'error'"),
        ("share>5%", "share is of some cells"),
        ("outcome=ok,errors>5%", "among requests of one outcome"),
        ('route="a,p95>1s', "is not closed"),
        ("9" * 5000 + ">1s", "is no key"),
        ("requests<" + "9" * 5000, "is no limit"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_place(text: str, says: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse(text)
    assert says in str(refused.value)


def requests(count: int, **changes: Any) -> list[dict[str, Any]]:
    """Request i takes 10 i ms, of which the database has half; every tenth fails."""
    rows = []
    for i in range(1, count + 1):
        of = {"trace": str(i), "language": "go", **changes}
        failed = {"status": "ERROR"} if i % 10 == 0 else {}
        rows += [
            span("R", 0, 10 * i * MS, span_name="GET /a", service="shop", **of, **failed),
            span("q", 0, 5 * i * MS, "R", kind="CLIENT", db_system="pg", service="shop", **of),
        ]
    return rows


def checked(text: str, rows: list[dict[str, Any]], **select: Any) -> Checked:
    return judge(parse(text), Attribution(table(*rows)), Selection(**select))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("p50>1s", 500 * MS),
        ("p95>1s", 950 * MS),
        ("p99>1s", 990 * MS),
        ("hop=pg,p95>1s", 475 * MS),
        ("kind=db,max>1s", 500 * MS),
        ("mean>1s", 505 * MS),
        ("hop=pg,share>1%", Fraction(1, 2)),
        ("hop=pg,calls>1", 1),
        ("errors>1%", Fraction(1, 10)),
        ("requests>1", 100),
        ("outcome=error,requests>1", 10),
        ("retry>0ms", 0),
    ],
)
def test_values_are_exact(text: str, value: int) -> None:
    (measured,) = checked(text, requests(100)).measured
    assert measured.estimate is not None
    assert measured.estimate.value == value


def test_a_verdict_says_how_sure_it_is() -> None:
    rows = requests(100)
    for text, holds, certain in [
        ("p50>100ms", True, True),
        ("p50>490ms", True, False),
        ("p50>510ms", False, False),
        ("p50>900ms", False, True),
        ("p50<900ms", True, True),
        ("p50<490ms", False, False),
        ("p99>985ms", True, False),  # nothing is known above it
        ("requests>=100", True, True),
        ("requests>100", False, True),
    ]:
        (measured,) = checked(text, rows).measured
        assert (measured.holds, measured.certain) == (holds, certain), text


def test_exemplars_are_traces_that_show_it() -> None:
    rows = requests(100)
    for text, trace in [("p95>1ms", "95"), ("max>1ms", "100"), ("hop=pg,share>1%", "100")]:
        (measured,) = checked(text, rows).measured
        assert measured.exemplar == trace_id(trace)
    (measured,) = checked("errors>1%", rows).measured
    assert measured.exemplar in {trace_id(str(i)) for i in range(10, 101, 10)}


def test_only_requests_that_have_the_cell_are_measured() -> None:
    rows = [*requests(20), span("R", 0, 7 * MS, service="other", trace="x")]
    found = checked("hop=pg,p50>1ms", rows)
    assert (found.requests, found.considered) == (20, 21)
    (share,) = checked("hop=pg,share>1%", rows).measured
    assert share.estimate is not None  # of all requests' time
    assert share.estimate.value == Fraction(1050, 2107)


def test_too_few_requests_do_not_pass() -> None:
    assert checked("p95>1s", requests(19)).verdict == "unjudged"
    assert checked("p95>1s", requests(20)).verdict == "passed"
    assert checked("p99>1s", requests(99)).verdict == "unjudged"
    assert checked("mean>1ms", requests(1)).verdict == "failed"
    assert checked("hop=nobody,mean>1ms", requests(50)).verdict == "unjudged"
    assert checked("requests<1", requests(1)).verdict == "passed"
    assert checked("route=/none,requests<1", requests(1)).verdict == "failed"


def test_all_comparisons_must_hold_and_one_that_does_not_decides() -> None:
    few, many = requests(5), requests(100)
    assert checked("p95>1ms,requests>=50", many).verdict == "failed"
    assert checked("p95>1ms,requests>=50", few).verdict == "passed"
    assert checked("p95>1ms,requests>=5", few).verdict == "unjudged"
    # Enough requests, and none of them with the cell: a misspelt hop must not pass.
    assert checked("hop=nobody,p95>1ms,requests>=50", many).verdict == "unjudged"


def test_what_a_key_could_mean_is_suggested() -> None:
    assert checked("hop=shopp,p95>1s", requests(5)).near == ("hop=shop",)
    assert checked("route=GET /b,p95>1s", requests(5)).near == ("route=GET /a",)
    assert checked("hop=pg,kind=self,p95>1s", requests(5)).near == ()


def test_a_route_said_twice_is_refused() -> None:
    assert checked("route=GET *,requests>1", requests(5), route="GET *").requests == 5
    with pytest.raises(UsageError, match="by --route"):
        checked("route=GET *,requests>1", requests(5), route="/a")


def test_the_order_of_spans_changes_nothing() -> None:
    rows = requests(60)
    for text in ("p95>100ms", "hop=pg,share>10%", "mean>1ms", "errors>1%"):
        assert checked(text, rows) == checked(text, rows[::-1])


def weights(*pairs: tuple[int, int]) -> estimates.Weights:
    """(weight, requests) in their order."""
    sizes = [size for _, size in pairs]
    which = np.repeat(np.arange(len(pairs)), sizes)
    return [(Fraction(weight), which == i) for i, (weight, _) in enumerate(pairs)]


def test_sampled_requests_count_for_those_they_stand_for() -> None:
    values = np.array([1, 1, 9, 9], np.int64)
    equal = estimates.quantile(values, Fraction(1, 2), weights((1, 4)))
    heavy = estimates.quantile(values, Fraction(1, 2), weights((1, 2), (10, 2)))
    assert (equal.value, heavy.value) == (1, 9)
    each = np.ones(4, np.int64)
    assert estimates.ratio(values, each, weights((1, 2), (10, 2))).value == Fraction(182, 22)
    assert estimates.rate(values > 5, weights((1, 2), (10, 2))).value == Fraction(20, 22)
    # The same weight everywhere changes nothing, intervals included.
    many = np.arange(500, dtype=np.int64)
    for q in (Fraction(1, 2), Fraction(99, 100)):
        assert estimates.quantile(many, q, weights((1, 500))) == estimates.quantile(
            many, q, weights((7, 500))
        )


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    random = np.random.default_rng(5)
    one = weights((1, 200))
    each = np.ones(200, np.int64)
    held = dict.fromkeys(("p90", "mean", "rate"), 0)
    for _ in range(400):
        sample = (random.exponential(1e6, 200)).astype(np.int64)
        p90 = estimates.quantile(sample, Fraction(9, 10), one)
        mean = estimates.ratio(sample, each, one)
        rate = estimates.rate(random.random(200) < 0.05, one)
        for name, found, truth in [
            ("p90", p90, 1e6 * np.log(10)), ("mean", mean, 1e6), ("rate", rate, 0.05),
        ]:  # fmt: skip
            held[name] += (found.low or 0) <= truth <= (found.high or np.inf)
    assert all(370 <= count <= 396 for count in held.values()), held


def test_a_condition_weighs_sampled_requests() -> None:
    """The slow half is all there, of the fast one a tenth."""
    rows = [
        {**row, "trace_state": "ot=th:e6666666666666" if i < 100 else "ot=th:0"}
        for i, row in enumerate(requests(100))
    ]
    (measured,) = checked("mean>1ms,requests>1", rows).measured[:1]
    assert measured.estimate is not None
    weight = Fraction(2**56, 2**56 - 0xE6666666666666)
    fast, slow = sum(range(1, 51)), sum(range(51, 101))
    assert measured.estimate.value == (weight * fast + slow) * 10 * MS / (weight * 50 + 50)
    (rate,) = checked("errors>1%", rows).measured
    assert rate.estimate is not None
    assert rate.estimate.value == (weight * 5 + 5) / (weight * 50 + 50)
