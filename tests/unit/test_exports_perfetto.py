"""Timelines, read as Perfetto reads them: by the numbers of its own fields."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hopwatch.attribution import Attribution
from hopwatch.errors import UsageError
from hopwatch.formats.wire import VARINT, fields, read_varint
from hopwatch.reports import perfetto
from tests.spans_dsl import span, span_id, table

# Field numbers of perfetto_trace.proto.
PACKET, TIMESTAMP, SEQUENCE, EVENT, DESCRIPTOR, CLOCKS = 1, 8, 10, 11, 60, 6
ANNOTATION, TYPE, TRACK, CATEGORY, NAME, FLOW, ARRIVING = 4, 9, 11, 22, 23, 47, 48
UUID, TRACK_NAME, PROCESS, PARENT = 1, 2, 3, 5
BEGIN, END = 1, 2


def message(data: bytes) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for field in fields(data, 0, len(data)):
        if field.wire_type == VARINT:
            value: Any = read_varint(data, field.value_start, field.end)[0]
        else:
            value = data[field.value_start : field.end]
        found.setdefault(field.number, []).append(value)
    return found


class Timeline:
    """What Perfetto would show: slices by process name, and the arrows between them."""

    def __init__(self, data: bytes) -> None:
        self.slices: list[tuple[str, str, int, int]] = []
        self.arrows: list[tuple[str, str]] = []
        process: dict[int, str] = {}
        open_slices: dict[int, list[tuple[str, int]]] = {}
        leaving: dict[bytes, str] = {}
        arriving: dict[bytes, str] = {}
        for packet in map(message, message(data)[PACKET]):
            if DESCRIPTOR in packet:
                track = message(packet[DESCRIPTOR][0])
                (uuid,) = track[UUID]
                assert uuid not in process
                if PARENT in track:
                    process[uuid] = process[track[PARENT][0]]
                    open_slices[uuid] = []
                else:
                    process[uuid] = message(track[PROCESS][0])[6][0].decode()
            if EVENT not in packet:
                continue
            assert packet[SEQUENCE] == [1]
            event, (at,) = message(packet[EVENT][0]), packet[TIMESTAMP]
            stack, where = open_slices[event[TRACK][0]], process[event[TRACK][0]]
            if event[TYPE] == [BEGIN]:
                name = event[NAME][0].decode()
                assert not stack or stack[-1][1] <= at
                stack.append((name, at))
                leaving |= dict.fromkeys(event.get(FLOW, []), name)
                arriving |= dict.fromkeys(event.get(ARRIVING, []), name)
            else:
                name, start = stack.pop()
                assert start <= at
                self.slices.append((where, name, start, at))
        assert not any(open_slices.values())
        assert leaving.keys() == arriving.keys()
        self.arrows = sorted((name, arriving[flow]) for flow, name in leaving.items())

    def of(self, process: str) -> list[tuple[str, int, int]]:
        return sorted(found[1:] for found in self.slices if found[0] == process)


def timeline(*rows: dict[str, Any]) -> Timeline:
    attribution = Attribution(table(*rows))
    units = [*attribution.requests(), *attribution.detached(), *attribution.fragments()]
    return Timeline(perfetto.timeline(units))


NOW = 1_790_000_000_123_456_789


def test_spans_lie_in_their_processes_in_the_clock_of_the_root_and_calls_are_arrows() -> None:
    shown = timeline(
        span("R", NOW, NOW + 1000),
        span("C", NOW + 100, NOW + 900, "R", kind="CLIENT"),
        span("S", NOW + 5150, NOW + 5750, "C", kind="SERVER", service="B"),
    )
    assert shown.of("A") == [("C", NOW + 100, NOW + 900), ("R", NOW, NOW + 1000)]
    ((name, start, end),) = shown.of("B")
    assert (name, end - start) == ("S", 600)
    assert NOW + 100 <= start <= end <= NOW + 900
    assert shown.arrows == [("C", "S")]


def test_the_critical_path_tiles_the_request_to_the_nanosecond() -> None:
    shown = timeline(
        span("R", NOW, NOW + 1001),
        span("C", NOW + 100, NOW + 900, "R", kind="CLIENT"),
        span("S", NOW + 150, NOW + 750, "C", kind="SERVER", service="B"),
        span("aside", NOW + 200, NOW + 300, "R"),
    )
    pieces = [found for found in shown.of("critical path") if found != ("R", NOW, NOW + 1001)]
    assert sum(end - start for _, start, end in pieces) == 1001
    assert sorted((start, end) for _, start, end in pieces) == [
        (NOW, NOW + 100), (NOW + 100, NOW + 150), (NOW + 150, NOW + 750), (NOW + 750, NOW + 900),
        (NOW + 900, NOW + 1001),
    ]  # fmt: skip


def test_what_overlaps_lies_in_lanes_of_its_own_and_lanes_are_used_again() -> None:
    rows = [span("R", NOW, NOW + 100)]
    rows += [span(f"p{i}", NOW + 10 + i, NOW + 50 + i, "R") for i in range(3)]
    rows += [span(f"q{i}", NOW + 60, NOW + 60, "R") for i in range(3)]
    data = perfetto.timeline(Attribution(table(*rows)).requests())
    assert len(Timeline(data).of("A")) == 7
    tracks = [p for p in map(message, message(data)[PACKET]) if DESCRIPTOR in p]
    assert len(tracks) == 2 + 1 + 3  # two processes; a lane of the critical path, three of A


def test_asynchronous_work_is_reached_from_where_it_was_sent() -> None:
    shown = timeline(
        span("R", NOW, NOW + 500),
        span("P", NOW + 100, NOW + 160, "R", kind="PRODUCER"),
        span("K", NOW + 120, NOW + 900, "P", kind="CONSUMER", service="B"),
    )
    assert shown.arrows == [("P", "K")]


def test_names_are_text_and_stamps_before_1970_are_moved() -> None:
    shown = timeline(
        span("R", -50, 100, span_name="<b>\x1b[31m\u202e"), span("a", -20, 40, "R"),
    )  # fmt: skip
    (root, child) = sorted(shown.of("A"), key=lambda found: found[1])
    assert root[0] == "<b>\\x1b[31m\\u202e"
    assert child[1] - root[1] == 30
    assert root[1] > 0


def test_the_same_bytes_for_any_order_of_rows() -> None:
    rows = [span("R", NOW, NOW + 100), *(span(f"p{i}", NOW, NOW + 50, "R") for i in range(5))]
    made = {perfetto.timeline(Attribution(table(*some)).requests()) for some in (rows, rows[::-1])}
    assert len(made) == 1
    assert span_id("R").hex().encode() in made.pop()


def test_too_much_to_look_at_and_nothing_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perfetto, "MOST_SPANS", 2)
    with pytest.raises(UsageError, match="more than 2 spans"):
        timeline(span("R", 0, 9), span("a", 1, 2, "R"), span("b", 1, 2, "R"))
    with pytest.raises(UsageError, match="nothing to draw"):
        perfetto.timeline([])


def test_perfetto_itself_knows_every_field(shared_data: Path) -> None:
    protos = pytest.importorskip("perfetto.protos.perfetto.trace.perfetto_trace_pb2")
    from google.protobuf.unknown_fields import UnknownFieldSet

    from hopwatch.formats import read_files

    table = read_files([shared_data / "nezha"]).table
    trace = protos.Trace.FromString(perfetto.timeline(Attribution(table).requests()))
    for packet in trace.packet:
        for part in (packet, packet.track_event, packet.track_descriptor, packet.clock_snapshot):
            assert len(UnknownFieldSet(part)) == 0


def test_the_traces_of_others_nest(shared_data: Path) -> None:
    from hopwatch.formats import read_files

    attribution = Attribution(read_files([shared_data / "nezha"]).table)
    units = [*attribution.requests(), *attribution.fragments()]
    shown = Timeline(perfetto.timeline(units))
    drawn = [found for found in shown.slices if found[0] != "critical path"]
    assert len(drawn) == sum(len(unit.spans) for unit in units)
