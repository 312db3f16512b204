"""How long messages were under way: from the end of what sent them to the start of what received
them, as an interval, for the two ends are stamped by two clocks.

    sender   |-----|                          PRODUCER; sent at its end
    receiver            |----------|          CONSUMER (see `links`); received at its start
                   <---->  delay

A sender that is no PRODUCER sent the message some time while it ran. What is `late` was begun by
the span above it, which counts as the sender. Where nothing is known of the two clocks nothing is
known of the delay; it is never below zero.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import pyarrow as pa

from hopwatch.attribution.clocks import Clocks
from hopwatch.attribution.links import Links
from hopwatch.attribution.long_table import from_rows
from hopwatch.attribution.model import Forest, Span
from hopwatch.attribution.units import UnitTime

SCHEMA: Final = pa.schema(
    [
        ("trace_id", pa.binary(16)),  # of the receiver, as the next four
        ("root_span_id", pa.binary(8)),
        ("hop", pa.string()),
        ("route", pa.string()),
        ("received_unix_nano", pa.int64()),  # by the receiver's clock
        ("sender_trace_id", pa.binary(16)),
        ("sender_span_id", pa.binary(8)),
        ("sender_hop", pa.string()),
        # The delay lies in [low_ns, high_ns]; null where nothing is known of the clocks.
        ("low_ns", pa.int64()),
        ("high_ns", pa.int64()),
    ]
)

Id = tuple[bytes, bytes]
"""Trace id and span id."""


class End(NamedTuple):
    """One end of a message: the span that sent or received it."""

    id: Id
    hop: str
    is_producer: bool
    process: int
    start: int
    end: int

    @classmethod
    def of(cls, span: Span) -> End:
        return cls(
            (span.trace_id, span.id[:8]), span.hop, span.kind == "PRODUCER", span.process,
            span.start, span.end,
        )  # fmt: skip


class Receiver(NamedTuple):
    """The root of a unit of asynchronous work, and what it says of where that came from.
    begun_by: the span above it, if it is late."""

    end: End
    route: str
    begun_by: End | None
    parent_id: bytes | None
    links: Links

    def candidates(self) -> list[Id]:
        """Whom else the message may be from: the parent before the links."""
        trace_id, _ = self.end.id
        parents = [(trace_id, self.parent_id)] if self.parent_id and not self.begun_by else []
        return [id_ for id_ in dict.fromkeys([*parents, *self.links.targets]) if id_ != self.end.id]


def of_units(units: Iterable[UnitTime], forest: Forest, clocks: Clocks) -> pa.Table:
    """The table of attributed asynchronous work, in its order."""
    spans = {
        (span.trace_id, span.id): span
        for trace in forest.traces
        for unit in (*trace.requests, *trace.detached, *trace.fragments)
        for span in unit.spans()
    }
    receivers = (
        Receiver(
            End.of(root := unit.unit.root), unit.route,
            None if root.begun_by is None else End.of(root.begun_by), root.parent_id, root.links,
        )
        for unit in units
    )  # fmt: skip
    return table(
        receivers,
        lambda id_: End.of(spans[id_]) if id_ in spans else None,
        clocks,
        forest.granularity,
    )


def table(
    receivers: Iterable[Receiver],
    find: Callable[[Id], End | None],
    clocks: Clocks,
    granularity: Sequence[int],
) -> pa.Table:
    """A row (`SCHEMA`) for each message whose sender is there; a receiver of a batch has several.

    `find`: the span of an id. `granularity`: of each process's stamps, ns.
    """
    return from_rows(
        SCHEMA,
        (
            (
                *receiver.end.id, receiver.end.hop, receiver.route, receiver.end.start,
                *sender.id, sender.hop, *_bounds(sender, receiver.end, clocks, granularity),
            )
            for receiver in receivers
            for sender in _senders(receiver, find)
        ),
    )  # fmt: skip


def _senders(receiver: Receiver, find: Callable[[Id], End | None]) -> Iterator[End]:
    """All PRODUCERs that the receiver names; without any, the first of the others."""
    begun_by = [] if receiver.begun_by is None else [receiver.begun_by]
    named = [end for id_ in receiver.candidates() if (end := find(id_)) is not None]
    found = list(dict.fromkeys([*begun_by, *named]))
    producers = [end for end in found if end.is_producer]
    yield from producers or found[:1]


def _bounds(
    sender: End, receiver: End, clocks: Clocks, granularity: Sequence[int]
) -> tuple[int | None, int | None]:
    theta = _theta(sender, receiver, clocks)
    if theta is None:
        return None, None
    # A stamp stands for the whole of its unit.
    early, late = granularity[sender.process] - 1, granularity[receiver.process] - 1
    sent = sender.end if sender.is_producer else sender.start
    low = receiver.start - sender.end - theta[1] - early
    high = receiver.start - sent - theta[0] + late
    return max(0, low), max(0, high)


def _theta(sender: End, receiver: End, clocks: Clocks) -> tuple[int, int] | None:
    """Between which bounds the receiver's clock is ahead of the sender's."""
    if sender.process == receiver.process:
        return 0, 0
    if known := clocks.at((sender.process, receiver.process), sender.end):
        low, high = sorted((known.low, known.high))
        return low, high
    if known := clocks.at((receiver.process, sender.process), receiver.start):
        low, high = sorted((-known.low, -known.high))
        return low, high
    return None
