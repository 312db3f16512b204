"""Verdicts, their words, and the result as data."""

from __future__ import annotations

import json
from math import inf, log

import numpy as np
import pytest

from hopwatch.attribution.ledger import BLOCK_NS
from hopwatch.comparison import Judgement, Options, compare
from hopwatch.comparison.design import design_of
from hopwatch.comparison.jackknife import Estimate
from hopwatch.comparison.simultaneous import Family
from hopwatch.comparison.verdict import _long, judge, percent
from hopwatch.errors import UsageError
from tests.comparison_data import cell, ledger_of, request


def judged(change: float, error: float, seconds: int = 60, **options: float) -> Judgement:
    chosen = Options(**options)
    alone = Family({confidence: confidence for confidence in chosen.confidences})
    return judge(Estimate(log(1 + change), error, 1000.0), alone, chosen, seconds, log=True)


@pytest.mark.parametrize(
    ("change", "error", "verdict", "not_slower"),
    [
        (0.10, 0.01, "slower", False),
        (-0.10, 0.01, "faster", True),
        (0.02, 0.005, "slower", True),  # certain, but of no consequence
        (0.01, 0.01, "equivalent", True),
        (0.00, 0.04, "inconclusive", False),
        (-0.05, 0.04, "inconclusive", True),
        (0.00, 0.00, "equivalent", True),
    ],
)
def test_verdicts(change: float, error: float, verdict: str, not_slower: bool) -> None:
    found = judged(change, error)
    assert (found.verdict, found.not_slower) == (verdict, not_slower)


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(119, "119 s"), (120, "2 min"), (7_199, "120 min"), (12_600, "3.5 h"), (864_000, "10 days")],
)
def test_time_needed_is_said_as_people_say_it(seconds: int, said: str) -> None:
    assert _long(seconds) == said


def test_words_say_the_change_its_interval_and_the_margin() -> None:
    assert judged(0.10, 0.01).words == "10.0 % slower (95% interval: 7.9 % slower to 12.2 % slower)"
    assert judged(0.02, 0.005).words.endswith("less than the margin of 5.0 %")
    assert judged(0.0, 0.01).words.startswith("no change beyond the margin of 5.0 %")
    assert "(90% interval: " in judged(0.0, 0.01).words
    assert "about 5 min of such traffic on each side would tell" in judged(0.0, 0.04).words
    assert percent(0.00034) == "0.034 %"


def test_the_time_needed_goes_with_the_square_of_the_error() -> None:
    # (0.04 (1.96 + 0.84) / ln 1.05)^2 = 5.3 times the 60 s.
    once, twice = judged(0.0, 0.04).seconds_needed, judged(0.0, 0.08).seconds_needed
    assert once == pytest.approx(60 * 5.28, rel=0.01)
    assert twice == pytest.approx(4 * once, abs=4)
    assert judged(0.0, 0.04).detectable == pytest.approx(0.119, abs=0.001)


@pytest.mark.parametrize("change", [-0.06, -0.03, -0.01, 0.0, 0.02, 0.045, 0.08])
@pytest.mark.parametrize("freedom", [0.5, 3.0, 19.0, 1e6])
def test_who_cannot_tell_needs_more_than_there_is(change: float, freedom: float) -> None:
    alone = Family({confidence: confidence for confidence in Options().confidences})
    found = judge(Estimate(log(1 + change), 0.045, freedom), alone, Options(), 60, log=True)
    assert (found.verdict == "inconclusive") == (found.seconds_needed is not None)
    assert found.seconds_needed is None or found.seconds_needed > 60


def test_what_nothing_bounds_is_no_number() -> None:
    alone = Family({confidence: confidence for confidence in Options().confidences})
    found = judge(Estimate(0.0, 1e6, 5.0), alone, Options(), 60, log=True)
    assert (found.low, found.high, found.detectable) == (-1.0, None, None)
    assert "any" in found.words
    json.dumps(found.low, allow_nan=False)
    assert judge(Estimate(0.0, 1.0, inf), alone, Options(), 60, log=False).verdict == "inconclusive"


@pytest.mark.parametrize("options", [{"margin": 0}, {"confidence": 1}, {"power": 0.2}])
def test_options_out_of_range_are_refused(options: dict[str, float]) -> None:
    with pytest.raises(UsageError, match=next(iter(options))):
        Options(**options)


def test_the_design_is_seen_in_the_times() -> None:
    def seconds(*ranges: range) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
        return np.array([s for one in ranges for s in one], np.int64) * BLOCK_NS

    for before, after, kind in (
        (seconds(range(60)), seconds(range(60, 120)), "two windows"),
        (seconds(range(10), range(20, 30)), seconds(range(10, 20), range(30, 40)), "interleaved"),
        (seconds(range(60)), seconds(range(60)), "side by side"),
    ):
        found = design_of(before, after)
        assert found.kind == kind
        assert found.weakness


def test_the_document_adds_up_and_is_strict_json() -> None:
    hostile = "a\x1b[31m\u202e<script>"
    sides = [
        ledger_of(
            request(s, cell(hostile, ns), cell("b", 7), outcome=outcome)
            for s in range(start, start + 30)
            for outcome in ("ok",) * 10 + ("error",)
        )
        for start, ns in ((0, 100), (40, 130))
    ]
    document = json.loads(json.dumps(compare(*sides).document(), allow_nan=False))
    assert document["schema"] == "hopwatch.comparison/1"
    assert sum(term["ns"] for term in document["terms"]) == document["delta_ns"] == 30
    assert document["hops"][0]["hop"] == hostile
    assert document["verdict"] == "slower"
    assert document["before"]["mean_ns"] == 107
    assert document["before"]["failed_share"] == pytest.approx(1 / 11)
    assert document["failures"] == {"value": 0, "low": 0, "high": 0}
    assert document["design"]["kind"] == "two windows"
    table = compare(*sides).to_arrow()
    assert table["ns"].to_pylist() == [term["ns"] for term in document["terms"]]
