"""Names before, in the words of the side after, by what the comparison found to be the same."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from hopwatch.attribution.stacks import Frame
from hopwatch.comparison import Match
from hopwatch.comparison.roles import operation_class
from hopwatch_dashboards.views.path import ARROW


class Role(NamedTuple):
    """Whom a cell is about, a gap being that of the hop it leads to (see `comparison.roles`);
    operations without the spelling of their parameters."""

    hop: str
    operation: str
    kind: str


class Names:
    """Roles and frames of a side; `matches` only for the side before."""

    def __init__(self, matches: Iterable[Match] = ()) -> None:
        self._hops: dict[str, str] = {}
        self._operations: dict[tuple[str, str], tuple[str, str]] = {}
        for match in matches:
            if match.operation_before:
                at = match.hop_before, operation_class(match.operation_before)
                self._operations[at] = match.hop_after, operation_class(match.operation_after)
            else:
                self._hops[match.hop_before] = match.hop_after

    def hop(self, name: str) -> str:
        """A hop by its name after."""
        return self._hops.get(name, name)

    def role(self, hop: str, operation: str, kind: str) -> Role:
        """Of a cell of the ledger."""
        if kind == "gap":
            hop = hop.rpartition(ARROW)[2]
        at = self.hop(hop), operation_class(operation)
        return Role(*self._operations.get(at, at), kind)

    def step(self, frame: Frame) -> tuple[str, str, str]:
        """What tells a frame of a call path from those beside it; in which language it is does
        not, for that is what a rewrite changes."""
        if frame.kind == "gap":
            caller, arrow, callee = frame.hop.rpartition(ARROW)
            between = f"{self.hop(caller)}{arrow}{self.hop(callee)}"
            return between, operation_class(frame.operation), frame.kind
        return self.role(frame.hop, frame.operation, frame.kind)
