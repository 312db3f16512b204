"""What is wrong with simulated data is found, as much as was put in; clean data is clean."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from hopwatch.attribution import Attribution
from hopwatch.attribution.columnar import Engine
from hopwatch.attribution.details import Details
from hopwatch.attribution.units import DEFAULTS
from hopwatch.quality import Finding, Quality, quality, trust_sentence
from hopwatch.signals import SIGNALS
from hopwatch.simulation import Scenario, shipped, simulate
from hopwatch.simulation.laws import Law
from hopwatch.simulation.scenario import (
    Call,
    Clock,
    Network,
    Observation,
    Service,
    Skew,
    Step,
    Target,
    Work,
)
from hopwatch.store import Inventory, Stored
from tests.scenarios import MS, scenario, work

SECOND = 1000 * MS


def examined(table: pa.Table) -> Quality:
    rows = {"spans": table.num_rows}
    stored = tuple(Stored(s.name, rows.get(s.name, 0), None, 1, 2) for s in SIGNALS)
    return quality(Inventory("simulated", stored, (), ()), Attribution(table), 3)


def simulated(described: Scenario | str, requests: int = 2_500, **observed: float) -> pa.Table:
    found = shipped.load(described) if isinstance(described, str) else described
    if observed:
        found = replace(found, observation=Observation(**observed))
    return simulate(found, 1, requests).table


def finding(found: Quality, code: str) -> Finding:
    (one,) = (one for one in found.findings if one.code == code)
    return one


# What is right


@pytest.mark.parametrize("name", ["chain", "queue", "shop"])
@pytest.mark.parametrize("skew", [0, 10_000 * MS])
def test_clean_data_raises_no_alarm(name: str, skew: int) -> None:
    described = replace(shipped.load(name), skew=Skew(offset=float(skew)))
    found = examined(simulated(described))
    assert {one.code for one in found.findings} <= {"detached", "coarse_stamps", "parallel"}
    assert found.trust.certain_ns >= 0.998 * found.trust.total_ns
    assert found.trust.lost is None


# What is lost


@pytest.mark.parametrize("share", [0.005, 0.03])
def test_the_share_of_lost_spans_is_estimated(share: float) -> None:
    whole, some = (simulated("chain", 6_000, lost=lost) for lost in (0, share))
    found = examined(some)
    low, high = found.trust.lost or (1, 0)
    injected = 1 - some.num_rows / whole.num_rows
    assert low <= injected <= high
    assert high - low <= max(0.004, 0.5 * share)
    incomplete = finding(found, "incomplete_traces")
    assert sum(part.count for part in incomplete.parts if part.detail == "spans lost") <= (
        whole.num_rows - some.num_rows
    )
    assert incomplete.examples
    assert found.trust.doubtful_ns > 0


def test_the_service_that_drops_its_spans_is_named() -> None:
    served = Step(Work(Law("lognormal", 2.0 * MS, 0.5)))
    services = {
        "a": Service("go", {"GET /": (work(1), Step(Call(Target("b", "GET /y"))))}),
        "b": Service("java", {"GET /y": (served,)}, lost=0.1),
    }
    found = finding(examined(simulated(scenario(services, way=0.2), 4_000)), "unanswered_calls")
    assert found.of == 4_000
    assert found.count == pytest.approx(400, abs=60)
    (part,) = found.parts
    assert part.name == "a: GET /y"
    # Each of these calls lasts 2.4 ms or so, all of which now seems to be a remote peer's.
    assert found.touched_ns == pytest.approx(2.6 * MS * found.count, rel=0.1)


def test_one_lost_span_of_few_does_not_make_the_estimate_leave_it_behind() -> None:
    whole = simulated("shop", 60)
    parent = whole.filter(pc.equal(whole["name"], "shop.Catalog/List"))["span_id"][0].as_py()
    some = whole.filter(pc.not_equal(whole["span_id"], pa.scalar(parent, pa.binary(8))))
    assert some.num_rows < whole.num_rows
    low, high = examined(some).trust.lost or (1, 0)
    assert low <= 1 - some.num_rows / whole.num_rows <= high <= 0.05


def test_services_that_lose_differently_are_estimated_one_by_one() -> None:
    described = shipped.load("shop")
    services = {**described.services}
    services["shop-search"] = replace(services["shop-search"], lost=0.06)
    some = simulated(replace(described, services=services), 4_000)
    low, high = examined(some).trust.lost or (1, 0)
    assert low <= 1 - some.num_rows / simulated(described, 4_000).num_rows <= high


def test_callers_without_spans_are_told_from_lost_ones() -> None:
    described = shipped.load("chain")
    first = next(iter(described.routes)).service
    services = {**described.services}
    services[first] = replace(services[first], lost=1.0)
    found = examined(simulated(replace(described, services=services)))
    assert found.trust.lost is None
    assert "have no spans here at all" in finding(found, "incomplete_traces").sentence
    assert not found.sound


# What is mended


@pytest.mark.parametrize(
    ("observed", "code"), [("duplicates", "duplicates"), ("conflicts", "conflicting_copies")]
)
def test_copies_are_counted(observed: str, code: str) -> None:
    whole, some = (simulated("chain", 2_500, **{observed: share}) for share in (0, 0.02))
    found = examined(some)
    one = finding(found, code)
    assert one.count == some.num_rows - whole.num_rows
    assert len(one.examples) == 5
    if code == "conflicting_copies":
        assert one.touched_ns
        assert one.touched_ns <= found.trust.doubtful_ns


def test_spans_that_end_before_they_start_are_counted() -> None:
    table = simulated("chain", negative=0.01)
    injected = pc.sum(pc.less(table["duration_nano"], 0)).as_py()
    assert finding(examined(table), "negative_duration").count == injected


def test_sampling_is_said() -> None:
    found = finding(examined(simulated("chain", 8_000, sampling=0.25)), "sampled")
    assert found.level == "note"
    assert found.of == pytest.approx(8_000, rel=0.05)
    assert found.of == 4 * found.count
    assert "kept 25.0 %" in found.parts[0].name


# Clocks


def steady_calls(clock: Clock) -> Scenario:
    """One process calls another 50 times a second."""
    served = Step(Work(Law("lognormal", 2.0 * MS, 0.5)))
    services = {
        "a": Service("go", {"GET /": (work(1), Step(Call(Target("b", "GET /y"))))}, hosts=("x",)),
        "b": Service("java", {"GET /y": (served,)}, hosts=("y",)),
    }
    way = Law("lognormal", 200_000, 0.5)
    hosts = {"x": Clock(), "y": clock}
    return replace(scenario(services), network=Network(way, way), hosts=hosts)


def test_a_step_is_found_where_it_was_and_as_large() -> None:
    found = examined(simulated(steady_calls(Clock(steps=((70 * SECOND, 5 * MS),))), 8_000))
    one = finding(found, "clock_steps")
    assert one.count == 1
    (part,) = one.parts
    assert part.name == "a a-0 -> b b-0"
    assert float(part.detail.split()[0]) == pytest.approx(5, abs=0.3)
    assert found.known_pairs == found.pairs == 1


def test_drift_is_found_as_fast_as_it_is() -> None:
    one = finding(examined(simulated(steady_calls(Clock(drift_ppm=-40)), 8_000)), "clock_drift")
    assert float(one.parts[0].detail.split()[0]) == pytest.approx(-40, rel=0.05)


# The whole


def test_what_is_touched_twice_counts_once() -> None:
    found = examined(simulated("odd", 1_500))
    touched = [one.touched_ns or 0 for one in found.findings]
    trust = found.trust
    assert max(touched) <= trust.doubtful_ns + trust.moved_ns
    assert trust.doubtful_ns <= sum(touched)
    assert trust.certain_ns + trust.doubtful_ns + trust.moved_ns == trust.total_ns
    assert "may belong to another" in trust_sentence(trust)


def test_the_order_of_rows_changes_nothing() -> None:
    table = simulated("odd", 600)
    order = np.random.default_rng(1).permutation(table.num_rows)
    one, other = examined(table), examined(table.take(pa.array(order)))
    assert one.findings == other.findings
    assert one.trust == other.trust
    assert one.clocks.equals(other.clocks)


def rows(found: Details) -> list[tuple[object, ...]]:
    """Spans by what does not depend on their order."""
    direct = ("row", "unit_kind", "kind", "start", "end", "own", "doubtful", "shift", "flags",
              "threshold", "failed", "trace")  # fmt: skip
    assert {*direct, "parent", "root", "hop", "process", "cell"} == {
        field.name for field in fields(Details)
    } - {"trace_ids", "repairs", "processes", "granularity", "hops", "cells"}
    row = np.append(found.row, -1)
    columns = [*(getattr(found, name) for name in direct), row[found.parent], found.row[found.root]]
    named = zip(
        *(column.tolist() for column in columns),
        [found.hops[hop] for hop in found.hop.tolist()],
        [found.processes[process] for process in found.process.tolist()],
        [found.cells[cell] for cell in found.cell.tolist()],
        strict=True,
    )
    return sorted(named)


@pytest.mark.parametrize("name", ["odd", "shop"])
def test_the_engine_knows_what_the_reference_knows(name: str) -> None:
    table = simulated(name, 500)
    reference, engine = Attribution(table), Engine(table, DEFAULTS)
    one, other = reference.details(), engine.details()
    assert rows(one) == rows(other)
    assert one.trace_ids.tolist() == other.trace_ids.tolist()
    assert one.repairs.tolist() == other.repairs.tolist()
    assert one.granularity.tolist() == other.granularity.tolist()
    blamed = {cell: ns for cell, ns in reference.blamed_under(reference.clocks).items() if ns}
    assert blamed == {c: ns for c, ns in engine.blamed_under(engine.clocks).items() if ns}
    assert sum(blamed.values()) == reference.ledger().total_ns
