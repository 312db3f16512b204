"""Documents that are one span each, in the spellings of those who write them."""

import json
from typing import Any

import pytest

from hopwatch.formats import decode
from hopwatch.signals import SPANS

OPENSEARCH = {
    "traceId": "5b8efff798038103d269b633813fc60c",
    "spanId": "eee19b7ec3c1b174",
    "name": "n",
    "kind": "Server",
    "startTime": "2024-01-31T23:08:42.592837143Z",
    "endTime": "2024-01-31T23:08:43.592837143Z",
}
CLICKHOUSE = {
    "Timestamp": "2024-01-31 23:08:42.592837143",
    "TraceId": "5b8efff798038103d269b633813fc60c",
    "SpanId": "eee19b7ec3c1b174",
    "Duration": 5,
}
START = 1_706_742_522_592_837_143


def read(document: dict[str, Any]) -> dict[str, Any]:
    table, rejected = decode(json.dumps(document).encode(), "f").of(SPANS)
    assert not rejected.total, rejected.summary()
    rows: list[dict[str, Any]] = table.to_pylist()
    (row,) = rows
    return row


@pytest.mark.parametrize("key", ["instrumentationScope", "instrumentationLibrary", "scope"])
def test_scopes_in_opensearch(key: str) -> None:
    row = read(OPENSEARCH | {key: {"name": "lib", "version": "2"}})
    assert (row["scope_name"], row["scope_version"]) == ("lib", "2")


def test_data_prepper_of_before_its_first_release() -> None:
    row = read(
        OPENSEARCH
        | {
            "traceId": "RfU2NsEWJtR8s5PJlZDlZA==",
            "attributes.db.type": "sql",
            "resource.attributes.service.name": "stock",
        }
    )
    assert row["service_name"] == "stock"
    assert row["span_attributes"] == [("db.type", "sql")]


@pytest.mark.parametrize("key", ["time", "@timestamp"])
def test_times_of_events_in_opensearch(key: str) -> None:
    row = read(OPENSEARCH | {"events": [{"name": "e", key: OPENSEARCH["startTime"]}]})
    assert [event["time_unix_nano"] for event in row["events"]] == [START]


@pytest.mark.parametrize(
    "written", [START, str(START), "1706742522.592837143", "2024-01-31T23:08:42.592837143Z"]
)
def test_times_in_clickhouse(written: int | str) -> None:
    assert read(CLICKHOUSE | {"Timestamp": written})["start_time_unix_nano"] == START
