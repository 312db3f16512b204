"""Which requests a ledger is of: by time, by service, by route, by attribute."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.attribution.units import UnitTime


@dataclass(frozen=True, slots=True)
class Selection:
    """What a request must be to count. Everything given must hold.

    start, end: the root starts in [start, end), Unix ns. service: one of the request's spans
    is of this service (its name, with or without its namespace). route: a glob (`*`, `?`) for
    the request's route. attributes: for each key, one of the request's spans has it, on itself
    or its resource, with this text.
    """

    start: int | None = None
    end: int | None = None
    service: str | None = None
    route: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)

    def predicate(self, table: pa.Table) -> Callable[[UnitTime], bool] | None:
        """The test for units that were attributed from `table`; None where all are wanted."""
        if self == Selection():
            return None
        rows = [_rows_with(table, key, text) for key, text in self.attributes.items()]
        route = None if self.route is None else _glob(self.route)

        def selected(unit: UnitTime) -> bool:
            root = unit.unit.root
            return (
                (self.start is None or root.start >= self.start)
                and (self.end is None or root.start < self.end)
                and (route is None or route.fullmatch(unit.route) is not None)
                and (
                    self.service is None
                    or any(
                        self.service in (time.span.hop, time.span.hop.rpartition("/")[2])
                        for time in unit.spans
                    )
                )
                and all(any(time.span.row in having for time in unit.spans) for having in rows)
            )

        return selected


def _glob(pattern: str) -> re.Pattern[str]:
    """`*` and `?` are wild; all else, brackets of routes among it, is meant as it stands."""
    wild = {"*": ".*", "?": "."}
    return re.compile("".join(wild.get(c) or re.escape(c) for c in pattern), re.DOTALL)


def _rows_with(table: pa.Table, key: str, text: str) -> frozenset[int]:
    found = [
        pc.equal(pc.map_lookup(table[column].combine_chunks(), key, "first"), text)
        for column in ("span_attributes", "resource_attributes")
    ]
    either = pc.or_(*(pc.fill_null(mask, False) for mask in found))
    return frozenset(pc.indices_nonzero(either).to_pylist())
