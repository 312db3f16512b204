"""What spans say beside ids and times: a table of all that any span of a program can say, to take
rows from. A node has a row for each process, attempt and outcome."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hopwatch import spans
from hopwatch.simulation.clocks import Process
from hopwatch.simulation.expansion import CALL, LEAF, Node
from hopwatch.simulation.program import Program
from hopwatch.simulation.scenario import Scenario

_OUTCOMES: Final = 2


class Contents:
    """`table`: the rows; `threshold`: of each service's processes, the 56-bit rejection threshold
    of what it samples."""

    def __init__(self, scenario: Scenario, program: Program, processes: list[Process]) -> None:
        self._first_process = program.nodes["service"].astype(np.int64)
        self._attempts = program.nodes["attempts"].astype(np.int64)
        rows = self._attempts * program.nodes["instances"] * _OUTCOMES
        self._first_row = np.cumsum(rows) - rows
        self.threshold = np.array(
            [threshold(scenario, process.service) for process in processes], np.uint64
        )
        contents = []
        for number, node in enumerate(program.plan):
            first, instances = program.services[node.service]
            for process in range(first, first + instances):
                resource = _resource(scenario, processes[process], 1000 + process)
                state = _trace_state(scenario, int(self.threshold[process]))
                for attempt in range(int(self._attempts[number])):
                    for failed in (False, True):
                        contents.append(_row(node, resource, state, attempt, failed))
        self.table = spans.table_from_columns(
            {name: [row[name] for row in contents] for name in contents[0]}
        )

    def rows(self, records: npt.NDArray[np.void]) -> npt.NDArray[np.int64]:
        """The row of each record."""
        node = records["node"]
        instance = records["process"] - self._first_process[node]
        variant = instance * self._attempts[node] + records["attempt"]
        found: npt.NDArray[np.int64] = (
            self._first_row[node] + variant * _OUTCOMES + records["failed"]
        )
        return found


def threshold(scenario: Scenario, service: str) -> int:
    """Spans of traces with less randomness than this are not recorded (W3C `ot=th`)."""
    share = scenario.services[service].sampling
    share = scenario.observation.sampling if share is None else share
    return min(round((1 - share) * 2**56), 2**56 - 1)


def _trace_state(scenario: Scenario, rejected: int) -> str | None:
    sampled = scenario.observation.sampling < 1 or any(
        service.sampling is not None for service in scenario.services.values()
    )
    if not sampled:
        return None
    return f"ot=th:{f'{rejected:014x}'.rstrip('0') or '0'}"


def _resource(scenario: Scenario, process: Process, pid: int) -> dict[str, Any]:
    service = scenario.services[process.service]
    return {
        **scenario.resource,
        "service.name": process.service,
        "service.version": service.version,
        "service.instance.id": process.name,
        "host.name": process.host,
        "process.pid": pid,
        "telemetry.sdk.name": "opentelemetry",
        "telemetry.sdk.language": service.language,
    }


def _row(
    node: Node, resource: dict[str, Any], trace_state: str | None, attempt: int, failed: bool
) -> dict[str, Any]:
    attributes: dict[str, Any] = dict(node.attributes)
    if "http.request.method" in attributes:
        attributes["http.response.status_code"] = 500 if failed else 200
    if attempt and node.kind in (CALL, LEAF):
        http = "http.request.method" in attributes
        attributes["http.request.resend_count" if http else "hopwatch.resend_count"] = attempt
    columns: dict[str, Any] = {
        "trace_id": bytes(16),
        "span_id": bytes(8),
        "start_time_unix_nano": 0,
        "duration_nano": 0,
        "trace_state": trace_state,
        "name": node.name,
        "kind": node.span_kind,
        "status_code": "ERROR" if failed else "UNSET",
        "scope_name": "hopwatch.simulation",
    }
    for prefix, values in (("resource", resource), ("span", attributes)):
        encoded = {key: spans.encode_value(value) for key, value in values.items()}
        columns[f"{prefix}_attributes"] = [(key, text) for key, (text, _) in encoded.items()]
        columns[f"{prefix}_attribute_types"] = "".join(letter for _, letter in encoded.values())
    for key, column in spans.PROMOTED.items():
        columns[column] = resource.get(key)
    return columns


def table_of(contents: pa.Table, received: npt.NDArray[np.void]) -> pa.Table:
    """Received spans (`observation.RECEIVED`) as a span table."""
    table = contents.take(pa.array(received["content"]))
    parent = np.ascontiguousarray(received["parent"])
    has_none = pa.array(parent == 0)
    columns = {
        "trace_id": _binary(_pairs(received["trace"])),
        "span_id": _binary(_bytes(received["span"])),
        "parent_span_id": pa.compute.if_else(has_none, None, _binary(_bytes(parent))),
        "start_time_unix_nano": pa.array(received["start"]),
        "duration_nano": pa.array(received["duration"]),
    }
    if received["link"].any():
        columns["links"] = _links(received)
    for name, values in columns.items():
        place = spans.SCHEMA.get_field_index(name)
        table = table.set_column(place, spans.SCHEMA.field(name), values)
    return table


def _links(received: npt.NDArray[np.void]) -> pa.Array:
    linked = received["link"] != 0
    traces, ids = _pairs(received["link_trace"]), _bytes(received["link"])
    rows: list[list[dict[str, Any]] | None] = [None] * len(received)
    for i in np.flatnonzero(linked).tolist():
        rows[i] = [
            {
                "trace_id": traces[i].tobytes(),
                "span_id": ids[i].tobytes(),
                "trace_state": "",
                "attributes": [],
                "attribute_types": "",
                "dropped_attributes_count": 0,
                "flags": 0,
            }
        ]
    return pa.array(rows, spans.SCHEMA.field("links").type)


def _bytes(ids: npt.NDArray[np.uint64]) -> npt.NDArray[np.void]:
    """Ids as 8 bytes, the most significant first."""
    return np.ascontiguousarray(ids).astype(">u8").view(np.dtype((np.void, 8)))


def _pairs(traces: npt.NDArray[np.uint64]) -> npt.NDArray[np.void]:
    """Trace ids, two numbers each, as 16 bytes."""
    pairs = np.ascontiguousarray(traces).astype(">u8")
    return pairs.view(np.dtype((np.void, 16))).ravel()


def id_bytes(ids: npt.NDArray[np.uint64]) -> list[bytes]:
    """Span ids as bytes."""
    return [number.tobytes() for number in _bytes(ids)]


def trace_id_bytes(traces: npt.NDArray[np.uint64]) -> list[bytes]:
    """Trace ids as bytes."""
    return [number.tobytes() for number in _pairs(traces)]


def _binary(ids: npt.NDArray[np.void]) -> pa.Array:
    width = ids.dtype.itemsize
    return pa.Array.from_buffers(pa.binary(width), len(ids), [None, pa.py_buffer(ids.tobytes())])
