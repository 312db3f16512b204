"""Spans of Zipkin that were reported in pieces: put together, whatever the order they came in.

A tracer reports a span more than once where it was flushed early, or where the start and the end
are seen in different places. Pieces of one span have its id and contradict each other in neither
kind, service nor address; two reports that are whole stay two, for attribution to count.

    {id 1, CLIENT, start 10}   {id 1, duration 5}   ->   {id 1, CLIENT, start 10, duration 5}
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple

_HALF: Final = 8
_NO_HIGH_HALF: Final = bytes(_HALF)


class Endpoint(NamedTuple):
    """Who a span is of; what is not known is empty."""

    service: str
    ip: str
    port: str


@dataclass(slots=True)
class Part:
    """A span, or a piece of one. Times in ns; None: not said."""

    source: str
    trace_id: bytes
    id: bytes
    parent_id: bytes
    name: str
    kind: str
    shared: bool
    start: int | None
    duration: int | None
    local: Endpoint
    remote: Endpoint
    annotations: list[tuple[int, str]]
    tags: dict[str, Any]

    @property
    def side(self) -> str:
        """Its kind, also where only the sharing of an id tells it."""
        return self.kind or ("SERVER" if self.shared else "")

    @property
    def is_whole(self) -> bool:
        return self.start is not None and self.duration is not None

    def order(self) -> Any:
        """Sorts parts of one id: whole ones and those that say who they are of first."""
        return (
            not self.is_whole, not self.side, self.shared, self.kind != "CLIENT", not self.local[0],
            self.local, self.start or 0, self.duration or 0, self.name, self.remote,
            sorted(self.tags.items(), key=repr).__repr__(), self.annotations,
        )  # fmt: skip


def whole(parts: Iterable[Part]) -> list[Part]:
    """The spans that parts are pieces of, in the order in which their ids came up."""
    parts = _with_long_ids(list(parts))
    by_id: dict[tuple[bytes, bytes], list[Part]] = {}
    for part in parts:
        by_id.setdefault((part.trace_id, part.id), []).append(part)
    return [span for same_id in by_id.values() for span in _put_together(same_id)]


def _with_long_ids(parts: list[Part]) -> list[Part]:
    """Parts with 128-bit trace ids, where other spans have the whole of an id of which a tracer
    passed on the lower 64 bits only."""
    long: dict[bytes, set[bytes]] = {}
    for part in parts:
        if not part.trace_id.startswith(_NO_HIGH_HALF):
            long.setdefault(part.trace_id[_HALF:], set()).add(part.trace_id)
    for part in parts:
        if long and part.trace_id.startswith(_NO_HIGH_HALF):
            meant = long.get(part.trace_id[_HALF:], ())
            if len(meant) == 1:
                (part.trace_id,) = meant
    return parts


def _put_together(parts: list[Part]) -> list[Part]:
    if len(parts) == 1:
        return parts
    found: list[Part] = []
    for part in sorted(parts, key=Part.order):
        for place, other in enumerate(found):
            if not (part.is_whole and other.is_whole) and _fit(part, other):
                found[place] = _joined(other, part)
                break
        else:
            found.append(part)
    return found


def _fit(part: Part, other: Part) -> bool:
    return (
        _agree(part.side, other.side)
        and _agree(part.local.service, other.local.service)
        and _agree(part.local.ip, other.local.ip)
        and _agree(part.parent_id, other.parent_id)
    )


def _agree(one: Any, other: Any) -> bool:
    return not one or not other or bool(one == other)


def _joined(part: Part, more: Part) -> Part:
    starts = [start for start in (part.start, more.start) if start is not None]
    durations = [took for took in (part.duration, more.duration) if took is not None]
    return replace(
        part,
        parent_id=part.parent_id or more.parent_id,
        name=part.name or more.name,
        kind=part.kind or more.kind,
        shared=part.shared or more.shared,
        start=min(starts, default=None),
        duration=max(durations, default=None),
        local=_filled(part.local, more.local),
        remote=_filled(part.remote, more.remote),
        annotations=sorted({*part.annotations, *more.annotations}),
        tags={**more.tags, **part.tags},
    )


def _filled(one: Endpoint, other: Endpoint) -> Endpoint:
    return Endpoint(*(mine or yours for mine, yours in zip(one, other, strict=True)))
