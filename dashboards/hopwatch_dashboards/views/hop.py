"""One hop: what it does itself, who calls it, whom it calls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.attribution import Ledger
from hopwatch_dashboards.views.path import ARROW
from hopwatch_dashboards.views.weights import weighed

OWN_KINDS: Final = ("self", "wait", "db", "messaging", "remote")
_READ: Final = ("hop", "kind", "caller", "language", "version", "operation")
_SUMMED: Final = ("blamed_ns", "doubtful_ns", "calls")


@dataclass(frozen=True, slots=True)
class Line:
    """Sums over all requests of one row of a table about the hop."""

    key: tuple[str, ...]
    ns: int
    doubtful_ns: int
    calls: int


@dataclass(frozen=True, slots=True)
class Hop:
    """What a ledger says of one hop. Lines are most blamed first."""

    name: str
    languages: tuple[str, ...]
    versions: tuple[str, ...]
    kinds: tuple[Line, ...]  # key: kind, language
    operations: tuple[Line, ...]  # key: operation, kind
    callers: tuple[Line, ...]  # key: caller, kind; the way from it where there is one
    callees: tuple[Line, ...]  # key: hop, kind

    @property
    def ns(self) -> int:
        return sum(line.ns for line in self.kinds)

    @property
    def calls(self) -> int:
        """How often requests entered the hop (waits are no entries)."""
        return sum(line.calls for line in self.kinds if line.key[0] != "wait")


def hops(ledger: Ledger) -> tuple[str, ...]:
    """Every hop but the ways between them, most blamed first."""
    found = dict.fromkeys(
        group.key[0] for group in ledger.group_by("hop", "kind") if group.key[1] in OWN_KINDS
    )
    return tuple(found)


def about(ledger: Ledger, name: str) -> Hop | None:
    """What the ledger says of the hop; None where it is not in it."""
    cells = weighed(ledger, ledger.cells, *_SUMMED).select([*_READ, *_SUMMED])
    kind = pc.is_in(cells["kind"], pa.array(OWN_KINDS))
    own = cells.filter(pc.and_(pc.equal(cells["hop"], name), kind))
    gaps = cells.filter(pc.equal(cells["kind"], "gap"))
    inward = [
        line for line in _lines(gaps, "hop", "caller") if line.key[0] == line.key[1] + ARROW + name
    ]
    if not own.num_rows and not inward:
        return None
    outward = cells.filter(
        pc.and_(
            pc.equal(cells["caller"], name),
            pc.is_in(cells["kind"], pa.array(["gap", "db", "messaging", "remote"])),
        )
    )
    return Hop(
        name=name,
        languages=_distinct(own, "language"),
        versions=_distinct(own, "version"),
        kinds=_lines(own, "kind", "language"),
        operations=_lines(own, "operation", "kind"),
        callers=tuple(
            Line((line.key[1], "gap"), line.ns, line.doubtful_ns, line.calls) for line in inward
        )
        or tuple(line for line in _lines(own, "caller", "kind") if line.key[0]),
        callees=_lines(outward, "hop", "kind"),
    )


def _lines(cells: pa.Table, *keys: str) -> tuple[Line, ...]:
    grouped = cells.group_by(list(keys)).aggregate([(name, "sum") for name in _SUMMED])
    lines = [
        Line(tuple(str(row[key]) for key in keys), *(round(row[f"{name}_sum"]) for name in _SUMMED))
        for row in grouped.to_pylist()
    ]
    return tuple(sorted(lines, key=lambda line: (-line.ns, -line.calls, line.key)))


def _distinct(cells: pa.Table, column: str) -> tuple[str, ...]:
    return tuple(sorted(text for text in pc.unique(cells[column]).to_pylist() if text))
