"""What begins after the root of its unit has ended: asynchronous work with a ledger of its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hopwatch import spans
from hopwatch.attribution import Attribution, Clocks, Options, UnitTime
from hopwatch.attribution.columnar import Engine
from hopwatch.cli import main
from tests.spans_dsl import FixedClocks, own, span, span_id, table, trace_id

ROOT = span("R", 0, 100, kind="SERVER", service="shop")


def both(rows: pa.Table, clocks: Clocks | None = None) -> list[Attribution]:
    """By the reference and by the columnar engine."""
    attributions = [Attribution(rows, Options(tau_ns=0), clocks) for _ in range(2)]
    attributions[0]._engine = None
    attributions[1]._engine = Engine(rows, Options(tau_ns=0), clocks)
    return attributions


def detached(*rows: dict[str, Any], clocks: Clocks | None = None) -> dict[str, UnitTime]:
    """Units of asynchronous work by the name of their root."""
    units = Attribution(table(*rows), Options(tau_ns=0), clocks).detached()
    return {unit.unit.root.name: unit for unit in units}


def blamed(attribution: Attribution, *, late: bool) -> dict[str, int]:
    groups = attribution.ledger(detached=late).group_by("operation")
    return {group.key[0]: group.blamed_ns for group in groups}


RUNNING_ON = (
    ROOT,
    span("runs on", 50, 250, "R", service="shop"),
    span("late", 120, 200, "runs on", service="shop"),
    span("below", 130, 150, "late", service="shop"),
    span("later", 210, 240, "late", service="shop"),
)


def test_the_topmost_late_span_takes_along_what_is_below_it() -> None:
    for attribution in both(table(*RUNNING_ON)):
        assert blamed(attribution, late=False) == {"R": 50, "runs on": 50}
        assert blamed(attribution, late=True) == {"late": 60, "below": 20, "later": 30}
        requests, later = attribution.ledger(), attribution.ledger(detached=True)
        assert (requests.request_count, later.request_count) == (1, 2)
        assert requests.quality["late_units"] == requests.quality["detached_units"] == 2
        assert requests.quality["spans"] + later.quality["spans"] == len(RUNNING_ON)


def test_what_runs_on_is_said_and_late_time_is_nobodys_but_its_own() -> None:
    """`runs on` is in the request until that ends; beyond, it waited for `late`."""
    for attribution in both(table(*RUNNING_ON)):
        assert attribution.ledger().quality["clipped_ns"] == 150
        # `later` is no part of `late`, which had ended.
        assert attribution.ledger(detached=True).quality["clipped_ns"] == 0
        local = {g.key[0]: g.local_ns for g in attribution.ledger().group_by("operation")}
        assert local == {"R": 50, "runs on": 200 - 80}


def test_a_late_unit_has_its_own_route_and_outcome_and_nobody_waits_for_it() -> None:
    rows = [
        ROOT,
        span("mail", 100, 180, "R", kind="SERVER", service="mail", status="ERROR",
             http_route="/send", http_request_method="POST"),
    ]  # fmt: skip
    for attribution in both(table(*rows), FixedClocks(0, 0)):
        assert attribution.ledger().failed_count == 0
        (cell,) = attribution.ledger(detached=True).cells.to_pylist()
        wanted = {
            "route": "POST /send", "outcome": "error", "caller": "", "hop": "mail", "calls": 1,
            "spans": 1, "blamed_ns": 80,
        }  # fmt: skip
        assert {key: cell[key] for key in wanted} == wanted
        (failure,) = attribution.failures(detached=True).to_pylist()
        assert failure["hop"] == "mail"


@pytest.mark.parametrize(("theta", "is_late"), [(5_000, True), (5_100, False), (None, False)])
def test_whether_it_is_late_is_told_in_the_clock_of_the_root(
    theta: int | None, is_late: bool
) -> None:
    """By its own stamps the child begins 5,050 after the root has ended. Where nothing is known
    of the clocks it fits into its parent."""
    rows = table(
        span("R", 0, 250),
        span("parent", 100, 200, "R"),
        span("child", 5_300, 5_400, "parent", service="B"),
    )
    for attribution in both(rows, FixedClocks(theta, 0)):
        assert attribution.ledger(detached=True).request_count == is_late


def test_a_late_unit_starts_in_its_own_clock() -> None:
    rows = [
        span("R", 0, 250),
        span("late", 5_300, 5_500, "R", service="B"),
        span("below", 5_350, 5_400, "late", service="B"),
    ]
    (unit,) = detached(*rows, clocks=FixedClocks(5_000, 0)).values()
    assert [time.shift for time in unit.spans] == [0, 0]
    assert unit.spans[0].segments == ((5_300, 5_350), (5_400, 5_500))


def test_a_call_without_length_at_the_end_is_not_late() -> None:
    """It does not go on: coarse stamps put whatever ends a request there."""
    rows = [ROOT, span("flush", 100, 100, "R", service="shop"), span("Z", 7, 7, trace="zero"),
            span("inside", 7, 7, "Z", trace="zero")]  # fmt: skip
    for attribution in both(table(*rows)):
        assert attribution.ledger(detached=True).request_count == 0
        assert attribution.ledger().quality["spans"] == 4
    assert list(detached(ROOT, span("flush", 101, 101, "R", service="shop"))) == ["flush"]


def test_what_the_parent_is_does_not_change() -> None:
    """A call whose server began when all was over stays a call: `gap`, not `remote`."""
    rows = [
        ROOT,
        span("call", 20, 90, "R", kind="CLIENT", service="shop"),
        span("served", 300, 500, "call", kind="SERVER", service="mail"),
    ]
    for attribution in both(table(*rows), FixedClocks(0, 0)):
        assert [g.key for g in attribution.ledger().group_by("hop", "kind")] == [
            ("shop -> mail", "gap"), ("shop", "self"),
        ]  # fmt: skip
        assert blamed(attribution, late=True) == {"served": 200}


def attempt(name: str, start: int, end: int, status: str = "UNSET") -> dict[str, Any]:
    return span(name, start, end, "R", kind="CLIENT", status=status, service="shop",
                span_name="GET", server_address="x")  # fmt: skip


def test_a_late_repetition_makes_the_attempt_before_it_a_retry() -> None:
    rows = [ROOT, attempt("first", 10, 50, "ERROR"), attempt("second", 120, 180)]
    for attribution in both(table(*rows)):
        ledger = attribution.ledger()
        assert ledger.quality["retry"] == 1
        # The attempt, and waiting for the next one until the request ended.
        assert sum(group.retry_ns for group in ledger.group_by("hop")) == 40 + 50
        assert "retry" not in attribution.ledger(detached=True).quality


def test_late_attempts_are_units_and_no_retries() -> None:
    rows = [ROOT, attempt("first", 110, 150, "ERROR"), attempt("second", 160, 200)]
    for attribution in both(table(*rows)):
        ledger = attribution.ledger(detached=True)
        assert (ledger.request_count, ledger.failed_count) == (2, 1)
        assert sum(group.retry_ns for group in ledger.group_by("hop")) == 0
        assert "retry" not in ledger.quality
        assert attribution.failures(detached=True).num_rows == 1


def test_what_a_repeated_attempt_began_late_is_not_retried() -> None:
    rows = [
        ROOT,
        attempt("first", 10, 50, "ERROR"),
        attempt("second", 60, 90),
        span("late", 120, 150, "first", service="shop", status="ERROR"),
    ]
    for attribution in both(table(*rows)):
        (group,) = attribution.ledger(detached=True).group_by("operation")
        assert (group.key, group.blamed_ns, group.retry_ns) == (("late",), 30, 0)
        assert attribution.failures(detached=True).num_rows == 1


def test_what_hangs_below_a_missing_parent_stays_together() -> None:
    rows = [span("lost", 0, 10, "nowhere"), span("below", 20, 50, "lost")]
    for attribution in both(table(*rows)):
        assert attribution.ledger(detached=True).request_count == 0
        assert [len(unit.spans) for unit in attribution.fragments()] == [2]


def test_fragments_hide_in_late_work_too() -> None:
    rows = [ROOT, span("late", 120, 220, "R", service="shop"), span("lost", 150, 170, "nowhere")]
    for attribution in both(table(*rows)):
        (cell,) = attribution.ledger(detached=True).cells.to_pylist()
        assert (cell["blamed_ns"], cell["hidden_ns"]) == (100, 20)


def test_a_poll_that_ends_at_once_and_the_work_it_begins_are_two_units() -> None:
    rows = [
        span("poll", 0, 10, kind="CONSUMER", service="shop"),
        span("work", 30, 930, "poll", service="shop"),
    ]
    for attribution in both(table(*rows)):
        assert attribution.ledger().request_count == 0
        assert blamed(attribution, late=True) == {"poll": 10, "work": 900}
        (delay,) = attribution.delays().to_pylist()
        assert (delay["sender_span_id"], delay["root_span_id"]) == (
            span_id("poll"),
            span_id("work"),
        )
        assert (delay["low_ns"], delay["high_ns"]) == (20, 30)
        stacks = attribution.stacks(detached=True)
        assert sorted(frame.operation for frame in stacks.frames) == ["poll", "work"]
        assert stacks.above == [-1, -1]


def test_what_began_late_work_is_told_by_the_tree() -> None:
    """Client and server share an id, so ids do not tell who of them began what."""
    client = span("shared", 10, 60, "R", kind="CLIENT", service="shop")
    server = span("shared", 500, 550, "R", kind="SERVER", service="mail")
    rows = table(ROOT, client, server, span("job", 600, 700, "shared", service="mail"))
    for attribution in both(rows, FixedClocks(0, 0)):
        found = {row["route"]: row for row in attribution.delays().to_pylist()}
        assert found["shared"]["sender_hop"] == "shop"
        assert (found["shared"]["low_ns"], found["shared"]["high_ns"]) == (440, 490)
        assert found["job"]["sender_hop"] == "mail"
        assert (found["job"]["low_ns"], found["job"]["high_ns"]) == (50, 100)


def test_a_link_to_what_began_it_is_no_second_message() -> None:
    rows = [{**row, "links": None} for row in (ROOT, span("late", 120, 150, "R", service="shop"))]
    rows[1]["links"] = [{"trace_id": trace_id(), "span_id": span_id("R"), "attributes": None}]
    for attribution in both(spans.table_from_columns({n: [r[n] for r in rows] for n in rows[0]})):
        assert attribution.delays().num_rows == 1


def test_one_trace_shows_every_span_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "spans.parquet"
    pq.write_table(table(*RUNNING_ON), file)
    assert main(["trace", trace_id().hex(), str(file)]) == 0
    text = capsys.readouterr().out
    assert text.count("asynchronous work: late ") == 1
    assert main(["trace", trace_id().hex(), str(file), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    shown = [
        one["span_id"]
        for kind in ("requests", "detached", "fragments")
        for unit in document[kind]
        for one in unit["spans"]
    ]
    assert sorted(shown) == sorted(row["span_id"].hex() for row in RUNNING_ON)


def test_report_says_where_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "spans.parquet"
    pq.write_table(table(*RUNNING_ON), file)
    assert main(["report", str(file)]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "Of these, begun when what they are part of had ended: 2." in text
    assert main(["report", str(file), "--detached"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "shop -> shop late: 1 time, p50" in text


def test_own_times_of_one_late_unit() -> None:
    assert own(detached(*RUNNING_ON)["late"]) == {"late": 60, "below": 20}
