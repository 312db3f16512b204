"""True spans -> received spans: clocks, stamps, samples, and everything that goes wrong."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from hopwatch.attribution import Attribution
from hopwatch.simulation import Simulation, simulate
from hopwatch.simulation.clocks import Process
from hopwatch.simulation.scenario import (
    Call,
    Clock,
    Observation,
    Scenario,
    Send,
    Service,
    Slew,
    Step,
    Target,
)
from tests.scenarios import MS, ms, scenario, step, work

B = Target("b", "shop.B/Do")
N = 2_000


def _pair(observation: Observation = Observation(), **a: object) -> Scenario:  # noqa: B008
    services = {
        "a": Service("go", {"GET /": (work(1.5), Step(Call(B)), work(0.7))}, **a),  # type: ignore[arg-type]
        "b": Service("go", {B.operation: (work(2),)}),
    }
    return replace(scenario(services, way=0.3), observation=observation)


def _repairs(described: Scenario, requests: int = N) -> Counter[str]:
    found: Counter[str] = Counter()
    for trace in Attribution(simulate(described, 1, requests).table).forest.traces:
        found.update(trace.repairs)
    return found


@pytest.mark.parametrize(
    ("stamps", "unit"), [("us", 1_000), ("256ns", 256), ("ms", MS), ("javascript", MS)]
)
def test_stamps_are_as_coarse_as_the_sdk_makes_them(stamps: str, unit: int) -> None:
    coarse, fine = (simulate(_pair(stamps=s), 1, 100).table for s in (stamps, "ns"))
    rows = np.array(coarse["service_name"].to_pylist()) == "a"
    start, duration = (
        coarse[name].to_numpy()[rows] for name in ("start_time_unix_nano", "duration_nano")
    )
    assert not (start % unit).any()
    late = fine["start_time_unix_nano"].to_numpy()[rows] - start
    assert late.min() >= 0
    assert late.max() < unit
    if stamps == "javascript":  # the whole span is shifted
        assert (duration == fine["duration_nano"].to_numpy()[rows]).all()
    else:
        assert not (duration % unit).any()


def test_a_clock_is_off_drifts_steps_and_slews() -> None:
    slew = Slew(at=10**10, by=-2 * MS, ppm=500)  # 4 s long
    process = Process("a", "a-0", "h", Clock(5 * MS, 50.0, ((2 * 10**10, 7 * MS),), (slew,)))
    seconds = np.array([0, 1, 12, 14, 19, 20, 30]) * 10**9
    wanted = [5.0, 5.05, 4.6, 3.7, 3.95, 11.0, 11.5]
    assert (process.wall(seconds) / MS).tolist() == pytest.approx(wanted)
    shown = process.shown(10**18, 30 * 10**9)
    assert (shown.at(10**18 + seconds) / MS).tolist() == pytest.approx(wanted, abs=1e-6)
    assert shown.at(np.array([10**18 + 2 * 10**10 - 1]))[0] == 4 * MS


def test_the_truth_tells_what_the_clocks_showed() -> None:
    described = replace(_pair(hosts=("h",)), hosts={"h": Clock(3 * MS, 100.0, ((10**9, 50 * MS),))})
    skewed, true = simulate(described, 1, 200), simulate(_pair(), 1, 200)
    clock = next(clock for clock in skewed.truth.clocks if clock.process == "a-0")
    rows = np.array(true.table["service_name"].to_pylist()) == "a"
    starts = true.table["start_time_unix_nano"].to_numpy()[rows]
    shown = skewed.table["start_time_unix_nano"].to_numpy()[rows]
    assert np.abs(shown - starts - clock.at(starts)).max() <= 1


def test_a_sample_is_consistent_and_says_what_it_is() -> None:
    whole, sampled = _pair(), _pair(Observation(sampling=0.25))
    result = simulate(sampled, 1, 4_000)
    kept = set(result.table["trace_id"].to_pylist())
    assert set(result.table["trace_state"].to_pylist()) == {"ot=th:c"}
    assert all(trace_id[-7] >= 0xC0 for trace_id in kept)
    assert len(kept) == pytest.approx(1_000, rel=0.1)
    recorded = {row["recorded"]: row["requests"] for row in result.truth.requests.to_pylist()}
    assert recorded == {True: len(kept), False: 4_000 - len(kept)}
    everything = simulate(whole, 1, 4_000)
    assert kept <= set(everything.table["trace_id"].to_pylist())
    assert everything.truth.total_ns() == result.truth.total_ns(recorded=None)


@pytest.mark.parametrize(
    ("kind", "repair", "share"),
    [
        ("duplicates", "duplicate", 3),
        ("conflicts", "conflicting_copies", 3),
        ("shared_ids", "shared_id", 1),
        ("negative", "negative_duration", 3),
        ("lost", "missing_parent", 2),
        ("cycles", "cycle", 1),
    ],
)
def test_what_goes_wrong_goes_wrong_as_often_as_asked(kind: str, repair: str, share: float) -> None:
    """`share`: spans of a request to which it can happen in a way that shows."""
    found = _repairs(_pair(Observation(**{kind: 0.1})))
    assert found[repair] == pytest.approx(0.1 * share * N, rel=0.2), found
    assert set(+found) - {repair} <= {"missing_parent"}
    assert not _repairs(_pair(), 50)


def test_a_service_that_loses_all_its_spans_leaves_fragments() -> None:
    described = _pair()
    services = {**described.services, "b": replace(described.services["b"], lost=1.0)}
    table = simulate(replace(described, services=services), 1, 50).table
    assert set(table["service_name"].to_pylist()) == {"a"}


def test_late_spans_come_later_and_nothing_is_lost() -> None:
    late = simulate(_pair(Observation(late=0.1)), 1, 5_000).table
    prompt = simulate(_pair(), 1, 5_000).table
    assert late["span_id"].to_pylist() != prompt["span_id"].to_pylist()
    order = [("trace_id", "ascending"), ("span_id", "ascending")]
    assert late.sort_by(order).equals(prompt.sort_by(order))


def test_a_linked_consumer_has_a_trace_of_its_own() -> None:
    send = Send("kafka", "q", Target("b", "take"), ms(1), ms(5), linked=True)
    services = {
        "a": Service("go", {"GET /": (Step(send),)}),
        "b": Service("go", {"take": (work(1),)}),
    }
    rows = simulate(scenario(services), 1, 10).table.to_pylist()
    producers = {row["span_id"]: row["trace_id"] for row in rows if row["kind"] == "PRODUCER"}
    consumers = [row for row in rows if row["kind"] == "CONSUMER"]
    assert len(consumers) == 10
    for row in consumers:
        (link,) = row["links"]
        assert producers[link["span_id"]] == link["trace_id"] != row["trace_id"]
        assert row["parent_span_id"] is None


@pytest.mark.parametrize("block", [1, 7, 1_000])
def test_blocks_change_nothing(block: int) -> None:
    described = _pair(Observation(late=0.05, lost=0.02, shared_ids=0.1, cycles=0.05))

    def received(size: int) -> list[object]:
        blocks = Simulation(described, 5, 600).received(size)
        return [row for part in blocks for row in part.tolist()]

    assert repr(received(block)) == repr(received(4096))


def test_what_is_added_changes_nothing_of_the_rest() -> None:
    """So that a scenario before and after a change can be compared request by request."""
    before = _pair()
    a = before.services["a"]
    steps = (*a.operations["GET /"], step(Call(B), probability=0.0))
    after = replace(
        before, services={**before.services, "a": replace(a, operations={"GET /": steps})}
    )
    assert simulate(before, 1, 100).table.equals(simulate(after, 1, 100).table)
