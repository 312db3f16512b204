"""One trace in words and figures: what request it was, where its time went, what was odd, how
its clocks were aligned."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from hopwatch.attribution import Attribution, UnitTime
from hopwatch.attribution.clocks import Offset
from hopwatch.reports.numbers import apportion, count
from hopwatch_dashboards import theme
from hopwatch_dashboards.views import span_details
from hopwatch_dashboards.views.traces import moment
from hopwatch_dashboards.views.waterfall import Waterfall, lay_out

_KINDS: Final = {
    "self": "own work in {hop}{code}",
    "gap": "between {hop}",
    "db": "in the database {hop}",
    "messaging": "in the broker {hop}",
    "remote": "in the peer {hop}",
    "wait": "waiting for a resource in {hop}",
}
_NAMED_IN_WORDS: Final = 3

ODDITIES: Final = {
    "outlives": "a call ended after its caller had (a time-out, or fire and forget): the part"
    " after the caller's end is not blamed on it",
    "clock_conflict": "a clock contradicts what all other calls tell of it",
    "no_client_span": "parallel calls without client spans: their order depends on the clocks",
    "negative_duration": "a span ended before it began: it is shown without length",
    "conflicting_copies": "a span came more than once, with differences: earliest start and"
    " latest end hold",
    "shared_id": "client and server shared one span id (Zipkin): the server is shown below",
    "cycle": "spans named each other as parents: cut at the first",
    "missing_parent": "the parent of a span is missing",
    "detached": "asynchronous work",
    "late": "asynchronous work: it began when what it is part of had ended",
    "retry": "an attempt was repeated",
    "back-off": "time passed between attempts",
}
"""Flags of spans, explained."""


@dataclass(frozen=True, slots=True)
class CellRow:
    """One row of the trace's ledger. `share`: in tenths of a percent; they add up."""

    hop: str
    language: str
    kind: str
    ns: int
    share: int


@dataclass(frozen=True, slots=True)
class UnitLedger:
    """The ledger of one unit; its rows add up to `duration_ns`."""

    title: str
    rows: tuple[CellRow, ...]
    duration_ns: int


@dataclass(frozen=True, slots=True)
class ClockRow:
    """How one process's spans were moved against their callers'. `moved_ns`: what was added to
    its times. low, high: what the calls between the two allow; None: too few calls to tell."""

    caller: str
    callee: str
    moved_ns: int
    low_ns: int | None
    high_ns: int | None
    calls: int


@dataclass(frozen=True, slots=True)
class OneTrace:
    """All units of a trace, the span table that their rows are of, and its log records."""

    trace_id: str
    table: pa.Table
    log: pa.Table
    attribution: Attribution
    requests: tuple[UnitTime, ...]
    detached: tuple[UnitTime, ...]
    fragments: tuple[UnitTime, ...]
    waterfall: Waterfall

    @property
    def units(self) -> tuple[UnitTime, ...]:
        """Requests first."""
        return self.requests + self.detached + self.fragments

    @property
    def main(self) -> UnitTime:
        """What the trace is called after."""
        return self.units[0]


def attribute_trace(trace: pa.Table, neighbours: pa.Table, log: pa.Table) -> OneTrace:
    """`trace`, attributed with what its neighbours tell of the clocks. All spans of `trace` are
    of one trace; there is at least one. `log`: the trace's records (`hopwatch.logs.SCHEMA`)."""
    trace_id: bytes = trace["trace_id"][0].as_py()
    others = neighbours.filter(
        pc.not_equal(neighbours["trace_id"], pa.scalar(trace_id, pa.binary(16)))
    )
    table = pa.concat_tables([trace, others]).unify_dictionaries()
    attribution = Attribution(table).only(trace_id)
    requests, detached, fragments = (
        tuple(units)
        for units in (attribution.requests(), attribution.detached(), attribution.fragments())
    )
    return OneTrace(
        trace_id=trace_id.hex(),
        table=table,
        log=log,
        attribution=attribution,
        requests=requests,
        detached=detached,
        fragments=fragments,
        waterfall=lay_out(requests + detached + fragments, span_details.marks(trace, log)),
    )


def headline(trace: OneTrace) -> list[str]:
    """What the request was and where its time went, one sentence an item."""
    main = trace.main
    services = sorted({time.span.hop for unit in trace.units for time in unit.spans})
    listed = ", ".join(theme.readable(name, 60) for name in services[:6])
    more = f" and {len(services) - 6} more" if len(services) > 6 else ""
    failed = " It failed." if main.outcome == "error" else ""
    said = [
        f"{moment(main.unit.root.start)}, {theme.time(main.duration)},"
        f" {count(len(trace.waterfall.spans), 'span')} of"
        f" {count(len(services), 'service')}: {listed}{more}.{failed}"
    ]
    if main.duration:
        said.append(_where(main))
    return said


def _where(unit: UnitTime) -> str:
    rows = ledger(unit).rows
    named = []
    for row in rows[:_NAMED_IN_WORDS]:
        code = f" ({theme.readable(row.language, 30)})" if row.kind == "self" else ""
        hop = theme.readable(row.hop, 80).replace(" -> ", " and ")
        where = _KINDS[row.kind].format(hop=hop, code=code)
        named.append(f"{theme.time(row.ns)} ({row.share / 10:.0f}%) {where}")
    rest = sum(row.ns for row in rows[_NAMED_IN_WORDS:])
    if rest:
        named.append(f"{theme.time(rest)} elsewhere")
    last = f", and {named[-1]}" if len(named) > 1 else ""
    return f"Of {theme.time(unit.duration)}: {', '.join(named[:-1]) or named[-1]}{last}."


def ledgers(trace: OneTrace) -> list[UnitLedger]:
    """Of each request and each piece of asynchronous work; of the first fragment where there is
    nothing else."""
    units = (*trace.requests, *trace.detached) or trace.units[:1]
    return [ledger(unit) for unit in units]


def ledger(unit: UnitTime) -> UnitLedger:
    """Where the unit's time went, by hop, language and kind, most first."""
    totals: dict[tuple[str, str, str], int] = {}
    for cell, ns in unit.cells().items():
        key = (cell.hop, cell.language, cell.kind)
        totals[key] = totals.get(key, 0) + ns
    ordered = sorted(totals.items(), key=lambda item: (-item[1], item[0]))
    shares = apportion([ns for _, ns in ordered], 1000 if unit.duration else 0)
    rows = tuple(
        CellRow(*key, ns=ns, share=share)
        for (key, ns), share in zip(ordered, shares, strict=True)
        if ns
    )
    return UnitLedger(unit.route, rows, unit.duration)


def notes(trace: OneTrace) -> list[str]:
    """What must be known to read the trace rightly, one sentence an item."""
    said = []
    if trace.fragments:
        orphans = count(len(trace.fragments), "span has a parent", "spans have parents")
        said.append(
            f"Incomplete: {orphans} that did not arrive. What hangs below is shown as a fragment"
            " of its own, and may be part of what its caller seems to do itself."
        )
    if not trace.requests:
        said.append(
            "No span without a parent arrived, so there is no end-to-end time; the fragments"
            " are shown one by one."
        )
    if len(trace.requests) > 1:
        said.append(
            f"{len(trace.requests)} spans have no parent: {len(trace.requests)} requests share"
            " this trace id. Each has a ledger of its own."
        )
    if trace.detached:
        what = count(len(trace.detached), "piece", "pieces")
        said.append(
            f"{what} of asynchronous work: what a message set off, or what began after a request"
            " had ended, apart from its time."
        )
    found = sorted({flag for unit in trace.units for flag in unit.flags()} - _SAID_ABOVE)
    said += [f"{flag}: {ODDITIES.get(flag, 'a repair was made')}." for flag in found]
    return said


_SAID_ABOVE: Final = frozenset({"missing_parent", "detached", "late"})


def clocks(trace: OneTrace) -> list[ClockRow]:
    """Per pair of processes that call each other in this trace: how far the callee's times were
    moved to be in the caller's clock, and what is known of that."""
    rows: dict[tuple[int, int, int], list[ClockRow]] = {}
    for unit in trace.units:
        for row, key in _moves(unit, trace.attribution):
            rows.setdefault(key, []).append(row)
    return [
        ClockRow(first.caller, first.callee, first.moved_ns, first.low_ns, first.high_ns, len(same))
        for same in rows.values()
        for first in same[:1]
        if first.moved_ns or first.low_ns is not None
    ]


def _moves(
    unit: UnitTime, attribution: Attribution
) -> Iterator[tuple[ClockRow, tuple[int, int, int]]]:
    shifts = {id(time.span): time.shift for time in unit.spans}
    for time in unit.spans:
        parent = time.span.parent
        if parent is None or not time.span.is_remote_to(parent):
            continue
        theta = time.shift - shifts[id(parent)]
        pair = (parent.process, time.span.process)
        known: Offset | None = attribution.clocks.at(pair, parent.start)
        row = ClockRow(
            caller=parent.hop,
            callee=time.span.hop,
            moved_ns=-theta,
            low_ns=None if known is None else -known.high,
            high_ns=None if known is None else -known.low,
            calls=1,
        )
        yield row, (*pair, theta)
