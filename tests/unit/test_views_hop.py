"""One hop, and what its processes cost."""

import pyarrow as pa
import pytest

from hopwatch import metrics
from hopwatch_dashboards.views import hop, processes
from tests.dashboard_data import BEGIN, MS, SECOND, ledger_of, request


def test_a_service_has_its_own_time_and_its_neighbours() -> None:
    ledger = ledger_of(request(1), request(2))
    found = hop.about(ledger, "back")
    assert found is not None
    assert (found.ns, found.calls, found.languages) == (2 * 2 * MS, 2, ("go",))
    assert [(line.key, line.ns) for line in found.callers] == [(("front", "gap"), 2 * MS)]
    assert [line.key for line in found.callees] == [("postgresql/shop", "db")]
    assert [line.key for line in found.operations] == [("work", "self")]


def test_a_database_is_a_hop_and_knows_its_callers() -> None:
    found = hop.about(ledger_of(request(1)), "postgresql/shop")
    assert found is not None
    assert [line.key for line in found.callers] == [("back", "db")]
    assert found.callees == ()


def test_hops_are_those_with_time_of_their_own() -> None:
    assert set(hop.hops(ledger_of(request(1)))) == {"front", "back", "postgresql/shop"}


def test_an_unknown_hop_is_none() -> None:
    assert hop.about(ledger_of(request(1)), "front -> back") is None


def points(*rows: tuple[str, int, str | None, float]) -> pa.Table:
    """(metric, second, instance, value)"""
    empty = metrics.SCHEMA.empty_table()
    columns = {
        "name": [row[0] for row in rows],
        "time_unix_nano": [BEGIN + row[1] * SECOND for row in rows],
        "service_instance_id": [row[2] for row in rows],
        "value": [row[3] for row in rows],
    }
    arrays = []
    for field in empty.schema:
        values = columns.get(field.name)
        if values is None:
            arrays.append(pa.nulls(len(rows), field.type))
        elif pa.types.is_dictionary(field.type):
            arrays.append(pa.array(values, pa.string()).dictionary_encode().cast(field.type))
        else:
            arrays.append(pa.array(values, field.type))
    return pa.Table.from_arrays(arrays, schema=empty.schema)


CPU = processes.CPU


def test_cpu_is_what_the_counters_rose_by_in_each_process() -> None:
    table = points(
        (CPU, 0, "a", 10.0), (CPU, 0, "a", 1.0),  # user and system
        (CPU, 5, "a", 12.0), (CPU, 5, "a", 1.5),
        (CPU, 0, "b", 100.0), (CPU, 10, "b", 101.0),
    )  # fmt: skip
    cores = processes.cores(table)
    assert list(cores["instance"]) == ["a", "b"]
    assert list(cores["value"]) == pytest.approx([0.5, 0.1])
    cost = processes.cpu_cost(table, 35)
    assert cost is not None
    assert cost.ms_per_request == pytest.approx(100)


def test_a_counter_that_began_anew_takes_nothing_away() -> None:
    table = points((CPU, 0, "a", 50.0), (CPU, 5, "a", 2.0), (CPU, 10, "a", 3.0))
    cost = processes.cpu_cost(table, 10)
    assert cost is not None
    assert cost.seconds == pytest.approx(1.0)
    assert list(processes.cores(table)["value"]) == pytest.approx([0.2])


def test_no_cost_without_readings_or_requests() -> None:
    assert processes.cpu_cost(points(), 10) is None
    assert processes.cpu_cost(points((CPU, 0, "a", 1.0)), 10) is None
    assert processes.cpu_cost(points((CPU, 0, "a", 1.0), (CPU, 5, "a", 2.0)), 0) is None


def test_a_process_without_an_instance_id_is_shown_too() -> None:
    found = processes.readings(points((processes.MEMORY, 0, None, 5e6)), processes.MEMORY)
    assert list(found["instance"]) == ["unknown"]


def test_long_series_are_thinned_to_what_can_be_seen() -> None:
    rows = [(processes.MEMORY, i, name, float(i)) for i in range(1000) for name in "ab"]
    frame = processes.readings(points(*rows), processes.MEMORY)
    thin = processes.thinned(frame, most=100)
    assert len(thin) <= 110
    assert thin["value"].mean() == pytest.approx(frame["value"].mean(), rel=0.05)
