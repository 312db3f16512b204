"""Zipkin's spans: missing times, pieces, shared ids, version 1."""

import itertools
import json
from typing import Any

import pytest

from hopwatch.attribution import Attribution, Options
from hopwatch.formats import decode
from hopwatch.formats.decoded import Decoded
from hopwatch.signals import SPANS

T = 1_700_000_000_000_000
US = 1000


def span(**changes: Any) -> dict[str, Any]:
    whole = {
        "traceId": "a", "id": "b", "timestamp": T, "duration": 5,
        "localEndpoint": {"serviceName": "shop"},
    } | changes  # fmt: skip
    return {key: value for key, value in whole.items() if value is not None}


def read(*spans: dict[str, Any]) -> Decoded:
    return decode(json.dumps(spans).encode(), "f").of(SPANS)


@pytest.mark.parametrize(
    ("changes", "rows", "counts"),
    [
        ({"timestamp": None}, 0, {"missing_start_time": 1}),
        ({"timestamp": 0}, 0, {"missing_start_time": 1}),
        ({"duration": None}, 0, {"missing_end_time": 1}),
        ({"duration": 0}, 1, {}),
        ({"duration": None, "kind": "PRODUCER"}, 1, {}),
        ({"duration": None, "kind": "CONSUMER"}, 1, {}),
        ({"timestamp": None, "kind": "CONSUMER"}, 0, {"missing_start_time": 1}),
    ],
)
def test_missing_times(changes: dict[str, Any], rows: int, counts: dict[str, int]) -> None:
    table, rejected = read(span(**changes))
    assert (table.num_rows, dict(rejected.counts)) == (rows, counts)


def test_pieces_of_a_span_in_any_order_are_one() -> None:
    pieces = [
        span(duration=None, kind="CLIENT", name="get"),
        span(timestamp=None, duration=7, localEndpoint=None, tags={"a": "1"}),
        span(timestamp=None, duration=None, localEndpoint=None, tags={"b": "2"}),
    ]
    made = [read(*order).table for order in itertools.permutations(pieces)]
    for table in made:
        (row,) = table.to_pylist()
        assert row == made[0].to_pylist()[0]
        assert (row["name"], row["duration_nano"], row["kind"]) == ("get", 7 * US, "CLIENT")
        assert sorted(row["span_attributes"]) == [("a", "1"), ("b", "2")]


def test_sides_that_share_an_id_stay_two() -> None:
    client = span(kind="CLIENT", duration=100)
    server = {"serviceName": "orders"}
    pieces = [
        span(kind="SERVER", shared=True, localEndpoint=server, timestamp=T + 10, duration=None),
        span(timestamp=None, duration=50, localEndpoint=server),
    ]
    table = read(client, *pieces).table
    kinds = sorted(zip(table["kind"].to_pylist(), table["duration_nano"].to_pylist(), strict=True))
    assert kinds == [("CLIENT", 100 * US), ("SERVER", 50 * US)]
    (unit,) = Attribution(table, Options()).requests()
    assert {(cell.hop, cell.kind): ns for cell, ns in unit.cells().items()} == {
        ("shop -> orders", "gap"): 50 * US,
        ("orders", "self"): 50 * US,
    }


def test_whole_reports_of_one_span_are_left_to_attribution() -> None:
    table = read(span(), span(), span(duration=6)).table
    assert table.num_rows == 3
    (unit,) = Attribution(table, Options()).requests()
    assert unit.duration == 6 * US


def test_a_trace_id_of_which_a_tracer_passed_on_half() -> None:
    table = read(
        span(traceId="1" * 32), span(id="c", parentId="b", traceId="1" * 16),
        span(id="d", traceId="2" * 16),
    ).table  # fmt: skip
    assert [found.hex() for found in table["trace_id"].to_pylist()] == [
        "1" * 32, "1" * 32, "0" * 16 + "2" * 16,
    ]  # fmt: skip


def test_a_port_makes_no_other_process() -> None:
    with_port = {"serviceName": "shop", "ipv4": "10.0.0.1", "port": 80}
    table = read(
        span(localEndpoint=with_port, kind="SERVER", duration=10),
        span(id="c", parentId="b", localEndpoint={"serviceName": "shop", "ipv4": "10.0.0.1"}),
    ).table
    (unit,) = Attribution(table, Options()).requests()
    assert {cell.kind for cell in unit.cells()} == {"self"}


def test_attributes_of_a_resource_go_back_there() -> None:
    tags = {"telemetry.sdk.language": "go", "service.instance.id": "i", "http.method": "GET"}
    (row,) = read(
        span(tags=tags, remoteEndpoint={"ipv4": "10.0.0.9", "port": 80})
    ).table.to_pylist()
    assert (row["telemetry_sdk_language"], row["service_instance_id"]) == ("go", "i")
    assert dict(row["span_attributes"]) == {
        "network.peer.address": "10.0.0.9", "network.peer.port": "80", "http.method": "GET",
    }  # fmt: skip


def test_version_1_has_both_sides_of_a_call_in_one_span() -> None:
    shop, orders = {"serviceName": "shop"}, {"serviceName": "orders"}
    at = {"cs": (T, shop), "sr": (T + 20, orders), "ss": (T + 60, orders), "cr": (T + 100, shop)}
    table, rejected = read(
        {
            "traceId": "a", "id": "b", "name": "get",
            "annotations": [
                {"timestamp": time, "value": value, "endpoint": endpoint}
                for value, (time, endpoint) in at.items()
            ],
            "binaryAnnotations": [
                {"key": "http.path", "value": "/x", "endpoint": orders},
                {"key": "sa", "value": True, "endpoint": orders | {"ipv4": "10.0.0.2"}},
            ],
        },
        {
            "traceId": "a", "id": "c", "parentId": "b", "name": "work", "timestamp": T + 30,
            "duration": 10, "binaryAnnotations": [{"key": "lc", "value": "", "endpoint": orders}],
        },
    )  # fmt: skip
    assert not rejected.total
    (unit,) = Attribution(table, Options()).requests()
    assert {(cell.hop, cell.operation): ns // US for cell, ns in unit.cells().items()} == {
        ("shop -> orders", "get"): 60,
        ("orders", "get"): 30,
        ("orders", "work"): 10,
    }
