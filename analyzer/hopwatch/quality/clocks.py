"""How well the clocks of processes are known, and how much depends on it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import numpy as np

from hopwatch.attribution.cells import Cell
from hopwatch.attribution.clocks import CONFLICT, DRIFT, STEP
from hopwatch.attribution.details import at_bounds
from hopwatch.quality.examined import Examined, Found, ms, parts, percent, total
from hopwatch.quality.model import MOST_PARTS, Finding, Part

_WORTH_SAYING: Final = 0.001
"""Share of the ledger's time that clocks must be able to move to be worth a finding."""
Row = dict[str, Any]


def findings(examined: Examined, moved: Mapping[Cell, int]) -> Iterator[Found]:
    """What is odd about clocks. moved: see `moved_by_cell`."""
    rows = examined.clocks.to_pylist()
    yield from _unknown(examined)
    yield from _steps(rows)
    yield from _drifts(rows)
    yield from _contradictions(rows)
    yield from _dependent(examined, moved)


def moved_by_cell(examined: Examined) -> dict[Cell, int]:
    """By cell by how much it changes at most if all clocks are at the one, or all at the other,
    end of what is known of them; cells that do not are left out."""
    clocks = examined.attribution.clocks
    if not clocks.stretches:
        return {}
    now: Counter[Cell] = Counter()
    details = examined.details
    sums = np.zeros(len(details.cells), np.int64)
    np.add.at(sums, details.cell, examined.blamed)
    now.update(dict(zip(details.cells, sums.tolist(), strict=True)))
    ends = [
        examined.attribution.blamed_under(at_bounds(clocks, lower=lower)) for lower in (True, False)
    ]
    found = {
        cell: max(abs(end.get(cell, 0) - now[cell]) for end in ends)
        for cell in {*now, *ends[0], *ends[1]}
    }
    return {cell: ns for cell, ns in found.items() if ns}


def moved_ns(moved: Mapping[Cell, int]) -> int:
    """What moves from row to row, ns: what one row loses another gains."""
    return (sum(moved.values()) + 1) // 2


def _unknown(examined: Examined) -> Iterator[Found]:
    """Calls that depend on clocks of which nothing is known: the two call each other too seldom."""
    child, parent = examined.calls
    pairs, first, place = examined.pairs
    processes = len(examined.details.processes)
    known = {
        caller * processes + callee
        for (caller, callee), found in examined.attribution.clocks.stretches.items()
        if found
    }
    unknown = np.array([key not in known for key in pairs.tolist()], np.bool_)
    of_unknown = unknown[place]
    # Where a client waits for one server, no offset matters.
    several = np.bincount(parent, minlength=len(examined.duration))[parent] > 1
    longer = examined.duration[child] > examined.duration[parent]
    doubtful = of_unknown & (several | longer)
    touched = np.maximum(examined.touch(child[doubtful]), examined.touch(parent[doubtful]))
    if not touched.any():
        return
    finding = Finding(
        "clocks_unknown",
        "note",
        int(unknown.sum()),
        len(pairs),
        "pairs of processes",
        "Pairs of processes of whose clocks nothing is known, for they call each other less than"
        f" ten times an hour: {int(unknown.sum()):,} of {len(pairs):,}. Of {len(child):,} calls"
        f" {int(doubtful.sum()):,} depend on them, and are placed by themselves; where a client"
        " waits for one server, no clock matters.",
        "Nothing: it is so with browsers and rare traffic. A longer window knows more.",
        examined.examples(child[doubtful], examined.duration[child[doubtful]]),
        "trace",
        total(touched),
        parts(examined.edge_names(parent[first], child[first]), unknown),
    )
    yield finding, touched


def _pair(row: Row) -> str:
    return f"{row['caller']} {row['caller_process']} -> {row['callee']} {row['callee_process']}"


def _steps(rows: list[Row]) -> Iterator[Found]:
    stepped = [
        (row["theta_ns"] - before["theta_ns"], row)
        for before, row in zip([{}, *rows], rows, strict=False)
        if STEP in row["flags"]
    ]
    if not stepped:
        return
    stepped.sort(key=lambda found: (-abs(found[0]), _pair(found[1])))
    largest, _ = stepped[0]
    shown = tuple(
        Part(_pair(row), 1, detail=f"{_signed(by)} before {_moment(row['window_start_unix_nano'])}")
        for by, row in stepped[:MOST_PARTS]
    )
    finding = Finding(
        "clock_steps",
        "warning",
        len(stepped),
        len(rows),
        "steps",
        "Times that a clock seems to have been set while the spans were taken, each seen by one"
        f" pair of processes: {len(stepped):,}, the largest by {_signed(largest)}. Each side of a"
        " step has offsets of its own, so only calls beside the step are less certain.",
        "Let NTP slew clocks instead of stepping them. Gaps between services are not touched: no"
        " clock offset enters them.",
        parts=shown,
    )
    yield finding, None


def _drifts(rows: list[Row]) -> Iterator[Found]:
    fastest: dict[str, int] = {}
    for row in rows:
        if DRIFT in row["flags"]:
            name, ppb = _pair(row), row["slope_ppb"]
            fastest[name] = max(fastest.get(name, 0), ppb, key=abs)
    if not fastest:
        return
    order = sorted(fastest.items(), key=lambda item: (-abs(item[1]), item[0]))
    pairs = len({_pair(row) for row in rows})
    finding = Finding(
        "clock_drift",
        "note",
        len(order),
        pairs,
        "pairs of processes",
        f"Pairs of processes whose clocks drift apart: {len(order):,} of {pairs:,}, by up to"
        f" {abs(order[0][1]) / 1000:,.1f} ppm (that is {abs(order[0][1]) * 60 / 1e6:,.3f} ms in a"
        " minute). Offsets follow the drift.",
        "Nothing below 100 ppm; beyond, look at NTP on these hosts.",
        parts=tuple(
            Part(name, 1, detail=f"{ppb / 1000:+,.1f} ppm") for name, ppb in order[:MOST_PARTS]
        ),
    )
    yield finding, None


def _contradictions(rows: list[Row]) -> Iterator[Found]:
    odd = [row for row in rows if CONFLICT in row["flags"]]
    if not odd:
        return
    windows = Counter(_pair(row) for row in odd)
    finding = Finding(
        "clock_contradictions",
        "warning",
        len(odd),
        len(rows),
        "windows",
        "Windows of time in which the calls between two processes contradict each other about"
        f" their clocks: {len(odd):,} of {len(rows):,}. Their offset lies in a wide interval.",
        "Look whether two processes share one service.instance.id, or a clock is set again and"
        " again.",
        parts=tuple(
            Part(name, count)
            for name, count in sorted(windows.items(), key=lambda item: (-item[1], item[0]))
        )[:MOST_PARTS],
    )
    yield finding, None


def _dependent(examined: Examined, moved: Mapping[Cell, int]) -> Iterator[Found]:
    whole, ns = examined.ledger.total_ns, moved_ns(moved)
    if ns <= _WORTH_SAYING * whole:
        return
    rows: Counter[str] = Counter()
    for cell, change in moved.items():
        rows[f"{cell.hop} {cell.kind}"] += change
    order = sorted(rows.items(), key=lambda item: (-item[1], item[0]))
    finding = Finding(
        "clock_dependent",
        "note",
        ns,
        whole,
        "ns",
        "Time that changes rows if all clocks are at the one, or all at the other end of what is"
        f" known of them: {ms(ns)}, {percent(ns, whole)} of all.",
        "Nothing: that is how far it depends on clocks. A longer window knows offsets closer.",
        touched_ns=ns,
        parts=tuple(
            Part(name, 1, touched_ns=change, detail=f"{percent(change, whole)} of all")
            for name, change in order[:MOST_PARTS]
        ),
    )
    yield finding, None


def _signed(ns: int) -> str:
    return f"{'+' if ns > 0 else '-'}{ms(abs(ns))}"


def _moment(ns: int) -> str:
    return datetime.fromtimestamp(ns / 1e9).astimezone().strftime("%H:%M:%S")
