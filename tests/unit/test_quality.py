"""How far data can be trusted: each thing that can be wrong with it is found, and nothing else."""

from typing import Any

import pytest

from hopwatch import spans
from hopwatch.attribution import Attribution
from hopwatch.quality import Quality, quality
from hopwatch.signals import SIGNALS
from hopwatch.store import Inventory, LeftOut, Service, Stored
from tests.spans_dsl import MS, span, table, trace_id

NOW = 10**18


def examined(*rows: dict[str, Any], left_out: tuple[LeftOut, ...] = (), age_s: int = 1) -> Quality:
    found = table(*rows)
    last = NOW - age_s * 10**9
    inventory = Inventory(
        "store s",
        (
            Stored("spans", 1000, 10, 1, last),
            Stored("logs", 0, 0, None, None),
            Stored("metrics", 0, 0, None, None),
        ),
        (),
        left_out,
    )
    return quality(inventory, Attribution(found), NOW)


def codes(found: Quality) -> dict[str, str]:
    return {finding.code: finding.level for finding in found.findings}


def call(**server: Any) -> list[dict[str, Any]]:
    """A client and its server, in two services."""
    given = {"start": 10 * MS, "end": 90 * MS, "parent": "C", "kind": "SERVER", "service": "B"}
    return [
        span("R", 0, 200 * MS, kind="SERVER"),
        span("C", 5 * MS, 95 * MS, "R", kind="CLIENT"),
        span("S", **(given | server)),
    ]


def test_sound_data_has_no_findings() -> None:
    found = examined(*call())
    assert found.findings == ()
    assert found.sound
    assert (found.spans, found.traces, found.requests) == (3, 1, 1)
    assert (found.start_ns, found.end_ns) == (0, 10 * MS)


def test_incomplete_traces_are_shown_with_their_ids() -> None:
    whole = [span(f"r{n}", 0, 10, trace=f"t{n}") for n in range(20)]
    found = examined(*whole, span("O", 2, 5, "gone", trace="t1"))
    (finding,) = found.findings
    assert (finding.code, finding.level) == ("incomplete_traces", "warning")
    assert (finding.count, finding.of) == (1, 20)
    assert finding.examples == (trace_id("t1").hex(),)
    assert "Incomplete traces: 1 of 20" in finding.sentence
    assert codes(examined(span("O", 2, 5, "gone"), *whole[:2]))["incomplete_traces"] == "problem"


def test_a_parent_in_another_trace_is_no_parent() -> None:
    found = examined(
        span("r1", 0, 10, trace="t1"),
        span("r2", 0, 10, trace="t2"),
        span("O", 2, 5, "r1", trace="t2"),
    )
    (finding,) = found.findings
    assert (finding.code, finding.examples) == ("incomplete_traces", (trace_id("t2").hex(),))


def test_a_server_that_takes_as_long_as_its_client_waits_is_nothing_odd() -> None:
    assert codes(examined(*call(start=5 * MS, end=95 * MS))) == {}


@pytest.mark.parametrize(
    ("rows", "code", "level"),
    [
        ([span("R", 0, 9), span("R", 0, 9)], "duplicates", "note"),
        ([span("R", 0, 9), span("R", 0, 7)], "conflicting_copies", "warning"),
        ([span("R", 9, 0)], "negative_duration", "problem"),
        ([span("R", 0, 9), span("a", 1, 2, "b"), span("b", 1, 2, "a")], "cycles", "problem"),
        ([span("R", 0, 31 * 86_400 * 10**9)], "absurd_duration", "problem"),
        (call(end=96 * MS, start=5 * MS), "negative_gaps", "warning"),
        (
            [span("R", 0, 9), span("D", 2, 7, "R", kind="CONSUMER", service="B")],
            "detached",
            "note",
        ),
        ([span("R", 0, 9) | {"service_name": None}], "missing_service_name", "problem"),
        ([span("R", 0, 9) | {"telemetry_sdk_language": None}], "missing_language", "warning"),
        ([span("R", 0, 9) | {"service_instance_id": None}], "missing_instance", "warning"),
    ],
)
def test_each_oddity(rows: list[dict[str, Any]], code: str, level: str) -> None:
    found = examined(*rows)
    assert codes(found)[code] == level
    assert found.sound == (level != "problem")
    for finding in found.findings:
        assert finding.sentence.endswith(".")
        assert finding.advice.endswith(".")
        assert len(finding.examples) <= 5


def test_negative_gaps_name_the_worst() -> None:
    found = examined(*call(start=5 * MS, end=97 * MS))
    (finding,) = (f for f in found.findings if f.code == "negative_gaps")
    assert "1 of 1, by 2.000 ms in the median, by up to 2.000 ms" in finding.sentence
    assert finding.examples == (trace_id().hex(),)


def test_what_was_left_out_is_said() -> None:
    def entry(outcome: str, count: int, reason: str = "", signal: str = "spans") -> LeftOut:
        return LeftOut(signal, outcome, reason, count, 1, NOW - 7200 * 10**9, "<b>why</b>")

    found = examined(
        *call(),
        left_out=(
            entry("rejected", 1, "missing_end_time"),
            entry("rejected", 5000, "invalid_trace_id"),
            entry("duplicate", 7),
            entry("refused", 3, signal="metrics"),
            entry("unreadable", 2, "too_large", signal="logs"),
            entry("repaired", 4),
        ),
    )
    assert codes(found) == {
        "rejected_spans_invalid_trace_id": "problem",
        "rejected_spans_missing_end_time": "warning",
        "unreadable_logs_too_large": "warning",
        "duplicate_spans": "note",
        "refused_metrics": "note",
        "repaired_spans": "note",
    }
    assert found.findings[0].sentence == (
        "Invalid spans, not stored (invalid trace id): 5,000. The last one came in 2 hours ago."
    )
    assert found.findings[0].examples == ("<b>why</b>",)
    assert not found.sound


def test_what_was_left_out_before_all_that_is_stored_is_no_problem_any_more() -> None:
    long_ago = LeftOut("spans", "rejected", "invalid_trace_id", 5000, 0, 0, "why")
    assert codes(examined(*call(), left_out=(long_ago,))) == {
        "rejected_spans_invalid_trace_id": "note"
    }


@pytest.mark.parametrize(
    ("age_s", "expected"),
    [(10, {}), (7200, {"stale": "note"}), (-7200, {"future_spans": "warning"})],
)
def test_freshness(age_s: int, expected: dict[str, str]) -> None:
    assert codes(examined(*call(), age_s=age_s)) == expected


def test_services_that_are_silent_where_others_are_not() -> None:
    services = tuple(
        Service(name, (), (), 1, spans=5, logs=logs, metrics=0)
        for name, logs in (("a", 0), ("b", 3))
    )
    stored = tuple(
        Stored(signal.name, n, None, 1, 2) for signal, n in zip(SIGNALS, (10, 3, 0), strict=True)
    )
    rows = table(*call())
    found = quality(Inventory("a.json", stored, services, ()), Attribution(rows), NOW)
    (finding,) = found.findings
    assert (finding.code, finding.level, finding.examples) == ("no_logs", "note", ("a",))


def test_nothing_at_all() -> None:
    stored = tuple(Stored(signal.name, 0, None, None, None) for signal in SIGNALS)
    empty = spans.empty()
    found = quality(Inventory("a.json", stored, (), ()), Attribution(empty), NOW)
    assert codes(found) == {"no_spans": "problem"}
    assert (found.start_ns, found.spans, found.traces) == (None, 0, 0)
