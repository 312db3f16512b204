"""Sampled requests: what one stands for, and what is made of that."""

from __future__ import annotations

import io
import json
import random
from fractions import Fraction
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from hopwatch import reports
from hopwatch.attribution import Ledger, attribute, sampling
from hopwatch.attribution.quantile import (
    TooFewRequestsError,
    at_mean,
    at_quantile,
    curve,
    difference,
    of_slowest,
    reach,
)
from hopwatch.reports.documents import ledger_document
from hopwatch.reports.ledger_terminal import print_ledger
from tests.spans_dsl import MS, US, span, table

HALF, QUARTER = "ot=th:8", "rojo=1,ot=rv:1234567890abcd;th:c"


def sampled(trace_state: str | None, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    return [{**row, "trace_state": trace_state, "scope_attributes": []} for row in rows]


def ledger_of(*requests: tuple[str | None, int], own: int = 0) -> Ledger:
    """A request each: a tracestate and a duration in µs; all but `own` is the database's."""
    rows = []
    for i, (trace_state, duration) in enumerate(requests):
        rows += sampled(
            trace_state,
            span(f"R{i}", 0, duration * US, trace=f"t{i}"),
            span(
                f"Q{i}", own * US, duration * US, f"R{i}", kind="CLIENT", trace=f"t{i}",
                db_system="pg",
            ),
        )  # fmt: skip
    return attribute(table(*rows))


@pytest.mark.parametrize(
    ("trace_state", "weight"),
    [
        (None, 1),
        ("", 1),
        ("ot=th:0", 1),
        (HALF, 2),
        (QUARTER, 4),
        ("ot=th:fd70a4", Fraction(2**24, 2**24 - 0xFD70A4)),
        ("ot=th:ffffffffffffff", 2**56),
        ("ot=p:3;r:62", 8),
        ("ot=p:0", 1),
        ("ot=p:63", 1),  # the older form's word for "not known"
        ("acme=th:8", 1),
        ("ot=xx:1", 1),
    ],
)
def test_a_threshold_says_how_many_a_request_stands_for(
    trace_state: str | None, weight: Fraction
) -> None:
    threshold = sampling.of_trace_state(trace_state)
    assert threshold != sampling.MALFORMED
    assert sampling.weight(threshold) == weight


@pytest.mark.parametrize(
    "trace_state",
    ["ot=th:", "ot=th:C", "ot=th:g", "ot=th:123456789abcdef", "ot=p:57", "ot=p:-1", "ot=p:²"],
)
def test_what_cannot_be_read_counts_once_and_is_counted(trace_state: str) -> None:
    ledger = ledger_of((trace_state, 10), (None, 10))
    assert (ledger.quality["malformed_sampling"], ledger.is_weighted) == (2, False)
    assert set(ledger.requests["sampling_threshold"].to_pylist()) == {sampling.UNSAID}


@pytest.mark.parametrize(
    ("kind", "param", "threshold"),
    [
        ("probabilistic", "0.25", 3 << 54),
        ("probabilistic", "1", 0),
        ("const", "true", 0),
        ("ratelimiting", "2", sampling.UNSAID),
        ("lowerbound", "0.001", sampling.UNSAID),
        ("probabilistic", "0", sampling.MALFORMED),
        ("probabilistic", "nan", sampling.MALFORMED),
        ("probabilistic", "1e999999999", sampling.MALFORMED),
        ("probabilistic", "1e-999999999", sampling.MALFORMED),
        ("probabilistic", "", sampling.MALFORMED),
    ],
)
def test_jaegers_samplers_say_the_same(kind: str, param: str, threshold: int) -> None:
    fields = {"sampler_type": kind, "sampler_param": param}
    assert sampling.threshold(None, fields) == threshold
    assert sampling.threshold(HALF, fields) == 1 << 55  # a tracestate comes first


def test_sums_are_of_what_is_there_and_estimates_of_what_happened() -> None:
    # 2 x 100 µs and 4 x 200 µs and 1 x 300 µs = 1,300 µs of 7 requests.
    ledger = ledger_of((HALF, 100), (QUARTER, 200), (None, 300), own=30)
    assert (ledger.request_count, ledger.total_ns) == (3, 600 * US)
    assert ledger.weighted_requests == 7
    assert ledger.weighted_total_ns == 1300 * US
    assert ledger.mean_ns == pytest.approx(1300 * US / 7)
    raw = {g.key[0]: (g.blamed_ns, g.calls) for g in ledger.group_by("kind")}
    assert raw == {"self": (90 * US, 3), "db": (510 * US, 3)}
    weighted = {g.key[0]: (int(g.blamed_ns), int(g.calls)) for g in ledger.weighted_by("kind")}
    assert weighted == {"self": (210 * US, 7), "db": (1090 * US, 7)}
    mean = at_mean(ledger, "kind")
    assert {s.key[0]: s.ns for s in mean.shares} == {"self": 30_000, "db": 155_714}
    assert (mean.total_ns, mean.requests) == (185_714, 3)


def test_thirds_are_exact() -> None:
    ledger = ledger_of(("ot=th:55555555555555", 1), ("ot=th:aaaaaaaaaaaaaa", 1))
    kept = Fraction(2**56 - 0x55555555555555, 2**56), Fraction(2**56 - 0xAAAAAAAAAAAAAA, 2**56)
    assert ledger.weighted_requests == 1 / kept[0] + 1 / kept[1]
    assert ledger.weighted_total_ns == 1000 * ledger.weighted_requests


def test_percentiles_count_requests_as_often_as_they_stand_for() -> None:
    # 300 requests of 1 ms kept one in four, 100 of 9 ms all kept: 1,200 and 100 happened.
    ledger = ledger_of(*[("ot=th:c", 1000)] * 300, *[("ot=th:0", 9000)] * 100)
    medians = [ledger.percentile(q) for q in (0.5, 0.9, 0.93)]
    assert [p and round(p.value / MS) for p in medians] == [1, 1, 9]
    assert ledger.exemplar(0.93) != ledger.exemplar(0.5)
    slowest = of_slowest(ledger, 0.1, "kind")  # of 130 that happened: 100 of 9 ms, 30 of 1 ms
    assert slowest.total_ns == round((100 * 9000 + 30 * 1000) * US / 130)


def test_few_heavy_requests_are_worth_fewer() -> None:
    even = ledger_of(*[(HALF, 1000 + i) for i in range(400)])
    assert even.effective_requests(0.5) == 400
    odd = ledger_of(
        *[("ot=th:0", 1000 + i) for i in range(200)], *[("ot=th:f", 1200 + i) for i in range(200)]
    )
    # W = 200 + 3,200; the median lies among the heavy ones: W^2 / Σ w^2, nearly.
    assert 200 < float(odd.effective_requests(0.5)) < 260
    wide, narrow = odd.percentile(0.5), even.percentile(0.5)
    widths = [p.high - p.low for p in (wide, narrow) if p and p.low and p.high]
    # As many of one weight, which lie as densely: 3,200 of 3,400 in 200 µs, and 400 in 400 µs.
    density = (3200 / 3400 / 200) / (1 / 400)
    worth = (400 / float(odd.effective_requests(0.5))) ** 0.5
    assert widths[0] == pytest.approx(widths[1] / density * worth, rel=0.1)
    with pytest.raises(TooFewRequestsError, match=r"as many as 2\d\d of one weight"):
        at_quantile(odd, 0.5, "kind")
    assert at_quantile(even, 0.5, "kind").total_ns == pytest.approx(1200 * US, rel=0.01)


def test_equal_weights_change_no_estimate() -> None:
    durations = [1000 + 7 * i % 900 for i in range(1000)]
    plain = ledger_of(*[(None, d) for d in durations], own=300)
    weighed = ledger_of(*[("ot=th:e", d) for d in durations], own=300)
    assert weighed.weighted_requests == 8000
    for q in (0.07, 0.5, 0.9, 0.95):
        assert weighed.percentile(q) == plain.percentile(q)
    assert weighed.mean_ns == plain.mean_ns
    assert at_quantile(weighed, 0.5, "kind") == at_quantile(plain, 0.5, "kind")
    assert of_slowest(weighed, 0.1, "kind") == of_slowest(plain, 0.1, "kind")
    assert at_mean(weighed, "kind") == at_mean(plain, "kind")


def test_weighted_curve_and_differences_add_up() -> None:
    requests = [("ot=th:c" if i % 3 else "ot=th:0", 500 + i * i % 2003) for i in range(3000)]
    ledger = ledger_of(*requests, own=400)
    bounds = reach(ledger)
    assert bounds is not None
    qs = [bounds[0], 0.25, 0.5, 0.75, bounds[1]]
    found = curve(ledger, qs, "operation", "kind")
    for q, one in zip(qs, found, strict=True):
        assert sum(share.ns for share in one.shares) == one.total_ns
        assert one == at_quantile(ledger, q, "operation", "kind")
        assert 1 <= len(one.exemplars) <= 3
    more = difference(found[2], found[-1])
    assert more.total_ns == found[-1].total_ns - found[2].total_ns
    assert sum(change.ns for change in more.changes) == more.total_ns
    with pytest.raises(TooFewRequestsError):
        curve(ledger, [0.5, bounds[1] + 0.002], "kind")


def test_the_roots_threshold_decides_and_stricter_spans_are_counted() -> None:
    rows = [
        *sampled("ot=th:8", span("R", 0, 100, trace="a")),
        *sampled("ot=th:c", span("C", 10, 60, "R", trace="a")),  # in half of the traces only
        *sampled(None, span("R2", 0, 100, trace="b")),
        *sampled("ot=th:0", span("C2", 10, 60, "R2", trace="b")),
        *sampled("ot=th:8", span("R3", 0, 100, trace="c"), span("C3", 10, 60, "R3", trace="c")),
    ]
    ledger = attribute(table(*rows))
    assert ledger.weighted_requests == 5
    assert ledger.quality["strictly_sampled"] == 1
    assert sum(g.blamed_ns for g in ledger.weighted_by("operation")) == 500


def test_tail_sampling_is_said_where_it_says_so_itself() -> None:
    rows = [
        *sampled(None, span("R", 0, 100, trace="a", **{"sampling.policy": "errors"})),
        *sampled(None, span("R2", 0, 100, trace="b")),
        *sampled(None, span("R3", 0, 100, trace="c"), span("C3", 0, 50, "R3", trace="c")),
    ]
    rows[-1]["scope_attributes"] = [("tailsampling.policy", "slow")]
    assert attribute(table(*rows)).quality["tail_sampled"] == 2


def test_reports_show_raw_and_weighted_side_by_side() -> None:
    ledger = ledger_of((HALF, 100), (QUARTER, 200), (None, 300), own=30)
    document = json.loads(json.dumps(ledger_document(ledger)))
    schema = reports.__path__[0] + "/schemas/ledger-1.json"
    with open(schema, encoding="utf-8") as file:
        jsonschema.validate(document, json.load(file))
    assert (document["requests"], document["total_ns"]) == (3, 600 * US)
    said = document["sampling"]
    assert (said["requests"], said["failed"], said["total_ns"]) == (7, 0, 1300 * US)
    assert sum(cell["total_ns"] for cell in said["cells"]) == said["total_ns"]
    assert said["probabilities"] == [
        {"probability": None, "requests": 1},
        {"probability": 0.5, "requests": 1},
        {"probability": 0.25, "requests": 1},
    ]
    assert ledger_document(ledger_of((None, 1)))["sampling"] is None
    out = io.StringIO()
    print_ledger(Console(file=out, width=110), ledger, "a test")
    text = out.getvalue()
    assert "3 requests, standing for 7 from a test" in text
    assert "0.186" in text  # 1,300 µs / 7
    assert "These requests were sampled." in text


def test_as_many_probabilities_as_requests_are_still_exact() -> None:
    """What their denominators have in common has tens of thousands of bits."""
    chance = random.Random(7)
    thresholds = [chance.getrandbits(55) for _ in range(600)]
    ledger = ledger_of(*((f"ot=th:{t:014x}", 1000 + i) for i, t in enumerate(thresholds)))
    assert ledger.weighted_requests == sum(map(sampling.weight, thresholds))
    # Weights 1 / (1 - u), u up to 1/2: (2 ln 2)^2 / 2 of as many are of one weight.
    assert ledger.effective_requests(0.5) == pytest.approx(600 * 0.961, rel=0.02)
    found = at_quantile(ledger, 0.5, "operation")
    assert sum(share.ns for share in found.shares) == found.total_ns
