"""Traces as a timeline for Perfetto (ui.perfetto.dev), exact to the nanosecond.

    critical path                  |-- POST /api/orders ---------------|
                                   |bff|  gap  | orders |  db  |  bff  |
    shop-bff                       |-- POST /api/orders ---------------|
                                        |-- Orders/PlaceOrder ---|
    shop-orders                              \\-> |-- PlaceOrder --|

A track for each process with its spans, an arrow from each call to where it arrives, and on top
the critical path: at each moment of a request the span that is blamed for it. Spans stand in the
clock of their request's root. Slices of a track must nest, so spans that overlap without being
parent and child lie in lanes of their own, which Perfetto draws as one track.

Format: https://perfetto.dev/docs/reference/synthetic-track-event
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from typing import Any, Final

from hopwatch.attribution import UnitTime
from hopwatch.attribution.stacks import Frame
from hopwatch.attribution.units import SpanTime
from hopwatch.errors import UsageError
from hopwatch.reports.documents import span_id
from hopwatch.reports.folded import label, readable
from hopwatch.reports.perfetto_messages import BOOTTIME, REALTIME, SLICE_BEGIN, SLICE_END, Trace

MOST_SPANS: Final = 200_000
_CRITICAL: Final = -1
_SEQUENCE: Final = 1


def timeline(units: Iterable[UnitTime]) -> bytes:
    """The units as a Perfetto trace. Raises UsageError for more than `MOST_SPANS` spans, and
    where there are none."""
    taken: list[UnitTime] = []
    spans = 0
    for unit in units:
        taken.append(unit)
        spans += len(unit.spans)
        if spans > MOST_SPANS:
            raise UsageError(
                f"a timeline of more than {MOST_SPANS:,} spans is more than can be looked at; "
                "narrow the window or the filters, or ask for one trace"
            )
    if not taken:
        raise UsageError("there is nothing to draw: widen the time window, or the filters")
    return _Writer(taken).trace()


@dataclass(slots=True, eq=False)
class _Slice:
    """What is drawn as one bar. `inside`: the slice within which it may lie."""

    start: int
    end: int
    name: str
    category: str
    inside: _Slice | None = None
    said: Mapping[str, str | int | bool] = field(default_factory=dict)
    leaves: list[int] = field(default_factory=list)
    arrives: list[int] = field(default_factory=list)


class _Writer:
    """Collects slices by process, then writes them."""

    def __init__(self, units: list[UnitTime]) -> None:
        self._processes: dict[int, tuple[str, list[_Slice]]] = {_CRITICAL: ("critical path", [])}
        self._flows = count(1)
        self._uuids = count(1)
        by_id: dict[tuple[bytes, bytes], _Slice] = {}
        for unit in units:
            self._add_critical_path(unit)
            self._add_spans(unit, by_id)
        for unit in units:  # asynchronous work, from where it was sent
            root = unit.unit.root
            sender = by_id.get((root.trace_id, root.parent_id or b""))
            if unit.unit.kind == "detached" and sender is not None:
                self._connect(sender, by_id[root.trace_id, root.id])
        self._earliest = min(s.start for _, slices in self._processes.values() for s in slices)
        self._later = max(0, 1 - self._earliest)  # a time stamp is positive

    def trace(self) -> bytes:
        """The packets: tracks, then what lies on them."""
        trace = Trace()
        clocks = trace.packet.add(trusted_packet_sequence_id=_SEQUENCE).clock_snapshot.clocks
        for clock in (BOOTTIME, REALTIME):  # time stamps are Unix time
            clocks.add(clock_id=clock, timestamp=self._earliest + self._later)
        for pid, (name, slices) in enumerate(self._processes.values(), 1):
            uuid = next(self._uuids)
            process = trace.packet.add().track_descriptor
            process.uuid = uuid
            process.process.pid, process.process.process_name = pid, name
            for lane in _lanes(slices):
                self._write_lane(trace, uuid, lane)
        written: bytes = trace.SerializeToString(deterministic=True)
        return written

    def _add_critical_path(self, unit: UnitTime) -> None:
        root = unit.unit.root
        _, slices = self._processes[_CRITICAL]
        whole = _Slice(
            root.start, root.end, readable(unit.route), unit.unit.kind,
            said={"trace_id": unit.trace.trace_id.hex(), "outcome": unit.outcome},
        )  # fmt: skip
        slices.append(whole)
        for time in unit.spans:
            name = label(Frame.of(time.cell))
            slices += [
                _Slice(low, high, name, time.cell.kind, inside=whole) for low, high in time.segments
            ]

    def _add_spans(self, unit: UnitTime, by_id: dict[tuple[bytes, bytes], _Slice]) -> None:
        drawn: dict[int, _Slice] = {}
        for time in unit.spans:  # parents first
            span, parent = time.span, time.span.parent
            above = None if parent is None else drawn[id(parent)]
            remote = parent is not None and span.process != parent.process
            drawn[id(span)] = by_id[span.trace_id, span.id] = slice_ = _Slice(
                span.start - time.shift, span.end - time.shift, readable(span.name), time.cell.kind,
                inside=None if remote else above, said=_said(unit, time),
            )  # fmt: skip
            if remote and above is not None:
                self._connect(above, slice_)
            self._processes.setdefault(span.process, (readable(span.hop), []))[1].append(slice_)

    def _connect(self, caller: _Slice, callee: _Slice) -> None:
        flow = next(self._flows)
        caller.leaves.append(flow)
        callee.arrives.append(flow)

    def _write_lane(self, trace: Any, process: int, lane: Iterable[tuple[int, _Slice]]) -> None:
        track = next(self._uuids)
        described = trace.packet.add().track_descriptor
        described.uuid, described.parent_uuid, described.name = track, process, "spans"
        for type_, slice_ in lane:
            at = slice_.start if type_ == SLICE_BEGIN else slice_.end
            packet = trace.packet.add(
                timestamp=at + self._later, trusted_packet_sequence_id=_SEQUENCE
            )
            event = packet.track_event
            event.type, event.track_uuid = type_, track
            if type_ == SLICE_BEGIN:
                _describe(event, slice_)


def _said(unit: UnitTime, time: SpanTime) -> dict[str, str | int | bool]:
    span, cell = time.span, time.cell
    said: dict[str, str | int | bool] = {
        "trace_id": unit.trace.trace_id.hex(),
        "span_id": span_id(span),
        "hop": readable(cell.hop),
        "language": readable(cell.language),
        "operation": readable(cell.operation),
        "on_critical_path": time.own > 0,
        "own_ns": time.own,
        "local_ns": time.local,
        "status": span.status,
    }
    if span.flags:
        said["flags"] = ", ".join(sorted(span.flags))
    return said


def _describe(event: Any, slice_: _Slice) -> None:
    event.name = slice_.name
    event.categories.append(slice_.category)
    event.flow_ids.extend(slice_.leaves)
    event.terminating_flow_ids.extend(slice_.arrives)
    for name, value in slice_.said.items():
        note = event.debug_annotations.add(name=name)
        match value:
            case bool():
                note.bool_value = value
            case int():
                note.int_value = value
            case str():
                note.string_value = value


def _lanes(slices: list[_Slice]) -> list[list[tuple[int, _Slice]]]:
    """The begins and ends of slices, in lanes in which they nest: each on top of the slice that
    it may lie in, where that is free and long enough, else in a lane that is empty."""
    lanes: list[list[tuple[int, _Slice]]] = []
    stacks: list[list[_Slice]] = []
    lane_of: dict[int, int] = {}
    taken: list[tuple[int, int]] = []  # until when, lane

    def end_what_is_over(lane: int, now: int) -> None:
        while stacks[lane] and stacks[lane][-1].end <= now:
            lanes[lane].append((SLICE_END, stacks[lane].pop()))

    for slice_ in sorted(slices, key=lambda s: (s.start, -s.end)):
        lane = lane_of.get(id(slice_.inside), -1)
        if lane >= 0:
            end_what_is_over(lane, slice_.start)
        stack = stacks[lane] if lane >= 0 else []
        if not (stack and stack[-1] is slice_.inside and slice_.end <= stack[-1].end):
            if taken and taken[0][0] <= slice_.start:
                lane = heappop(taken)[1]
                end_what_is_over(lane, slice_.start)
            else:
                lane = len(lanes)
                lanes.append([])
                stacks.append([])
            heappush(taken, (slice_.end, lane))
        lane_of[id(slice_)] = lane
        lanes[lane].append((SLICE_BEGIN, slice_))
        stacks[lane].append(slice_)
    for lane in range(len(lanes)):
        lanes[lane].extend((SLICE_END, slice_) for slice_ in reversed(stacks[lane]))
    return lanes
