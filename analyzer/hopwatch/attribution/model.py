"""The shapes that attribution works on: spans of a trace as a forest of units.

root (no parent) ........ a *request*: gets a ledger that adds up to its duration
CONSUMER, FOLLOWS_FROM .. *detached*: asynchronous work, a ledger of its own
begun after the root .... *late*: asynchronous work as well (see `late`)
parent missing, cycle ... a *fragment*: never re-attached, hides what it covers
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from hopwatch.attribution.links import NO_LINKS, Links
from hopwatch.attribution.sampling import UNSAID

UnitKind = Literal["request", "detached", "fragment"]


class Process(NamedTuple):
    """Who a process is: its hop, and its instance, else host/pid, else what tells it apart."""

    hop: str
    label: str


@dataclass(slots=True, eq=False)
class Span:
    """One span after repair. Times are integer ns of its own process's clock."""

    trace_id: bytes
    id: bytes
    parent_id: bytes | None
    start: int
    end: int
    name: str
    kind: str
    status: str
    hop: str
    language: str
    version: str
    process: int  # index into Forest.granularity and `forest.processes`
    fields: Mapping[str, str]  # meanings of semconv.SPAN_FIELDS that the span has
    row: int  # of the span table; of the first of its copies
    threshold: int = UNSAID  # see `sampling`
    links: Links = NO_LINKS
    tail_sampled: bool = False  # says that it was kept for what its trace turned out to be
    flags: set[str] = field(default_factory=set)
    parent: Span | None = None  # None for a unit's root, also where parent_id is set
    children: list[Span] = field(default_factory=list)
    # What this span began after the root of its unit had ended: roots of units of their own.
    late: list[Span] = field(default_factory=list)
    begun_by: Span | None = None  # the span among whose `late` this is

    @property
    def duration(self) -> int:
        return self.end - self.start

    @property
    def all_children(self) -> list[Span]:
        """Children and late ones, by (start, id)."""
        if not self.late:
            return self.children
        return sorted([*self.children, *self.late], key=lambda span: (span.start, span.id))

    def is_remote_to(self, parent: Span) -> bool:
        """Whether this span runs in another process than `parent`. A SERVER child of a
        CLIENT always does: a service that calls itself reports one resource."""
        return self.process != parent.process or (self.kind == "SERVER" and parent.kind == "CLIENT")


@dataclass(slots=True, eq=False)
class Unit:
    """A tree of spans that is attributed on its own."""

    root: Span
    kind: UnitKind

    def spans(self) -> list[Span]:
        """All spans of the tree, parents before their children."""
        found = [self.root]
        for span in found:
            found.extend(span.children)
        return found


@dataclass(slots=True, eq=False)
class Trace:
    """The units of one trace."""

    trace_id: bytes
    requests: list[Unit] = field(default_factory=list)
    detached: list[Unit] = field(default_factory=list)
    fragments: list[Unit] = field(default_factory=list)
    repairs: Counter[str] = field(default_factory=Counter)  # what was repaired -> how many spans


@dataclass(slots=True, eq=False)
class Forest:
    """All traces of a span table, by trace id."""

    traces: list[Trace]
    granularity: list[int]  # of each process's clock, ns
