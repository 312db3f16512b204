"""How far what was estimated from spans is from the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

import numpy as np
import pyarrow as pa

from hopwatch.attribution import Ledger
from hopwatch.simulation.truth import ProcessClock, Truth

CELL_KEYS = ("caller", "hop", "language", "kind")


@dataclass(frozen=True, slots=True)
class CellScore:
    """One cell: ns that are estimated, at least and at most, and the true ones."""

    key: tuple[str, ...]
    estimated: int
    low: int
    high: int
    true: int

    @property
    def error(self) -> int:
        return self.estimated - self.true

    @property
    def held(self) -> bool:
        """Whether the stated range holds the truth."""
        return self.low <= self.true <= self.high


@dataclass(frozen=True, slots=True)
class Score:
    """A ledger against the truth of the requests that were recorded. cells: by the size of their
    errors; unaccounted_ns: of the ledger's time what its cells do not hold; missed_requests: of
    those that are in the truth and not in the ledger (negative: the other way)."""

    cells: tuple[CellScore, ...]
    total_ns: int
    true_ns: int
    unaccounted_ns: int
    missed_requests: int

    @property
    def l1(self) -> float:
        """Σ |estimated - true| / Σ true; 0 where nothing is true."""
        wrong = sum(abs(cell.error) for cell in self.cells)
        return wrong / self.true_ns if self.true_ns else 0.0

    @property
    def held(self) -> float:
        """Share of the cells whose range holds the truth."""
        return sum(cell.held for cell in self.cells) / max(1, len(self.cells))


def score(
    ledger: Ledger, truth: Truth, keys: tuple[str, ...] = CELL_KEYS, *, detached: bool = False
) -> Score:
    """The ledger of simulated spans against their truth, by `keys` of the cells. `detached`: both
    of the asynchronous work."""
    true = {key: sums["true_ns"] for key, sums in truth.group_by(*keys, detached=detached).items()}
    groups = {group.key: group for group in ledger.group_by(*keys)}
    cells = []
    for key in sorted({*true, *groups}):
        group = groups.get(key)
        estimated, low = (group.blamed_ns, group.low_ns) if group else (0, 0)
        cells.append(CellScore(key, estimated, low, estimated, true.get(key, 0)))
    cells.sort(key=lambda cell: (-abs(cell.error), cell.key))
    requests = sum(
        row["requests"]
        for row in truth.requests.to_pylist()
        if row["recorded"] and row["detached"] == detached
    )
    return Score(
        tuple(cells),
        ledger.total_ns,
        truth.total_ns(detached=detached),
        ledger.total_ns - sum(cell.estimated for cell in cells),
        requests - ledger.request_count,
    )


@dataclass(frozen=True, slots=True)
class ClockScore:
    """Estimated offsets against true ones. pairs: stretches of time of host pairs; held: how many
    of their intervals hold the truth; width: median width of an interval by its base round
    trip."""

    pairs: int
    held: int
    width: float

    @property
    def coverage(self) -> float:
        return self.held / self.pairs if self.pairs else 1.0


def score_clocks(clock_table: pa.Table, truth: Truth) -> ClockScore:
    """The offsets of `Attribution.clock_table()` against the true ones, in the middle of each
    row's window. Rows that say that they contradict themselves (L > U) are left out."""
    clocks = {(clock.hop, clock.process): clock for clock in truth.clocks}
    held, widths = 0, []
    for row in clock_table.to_pylist():
        if row["low_ns"] > row["high_ns"]:
            continue
        middle = (row["window_start_unix_nano"] + row["window_end_unix_nano"]) // 2
        true = _offset(clocks, row, middle)
        held += row["low_ns"] <= true <= row["high_ns"]
        widths.append((row["high_ns"] - row["low_ns"]) / max(1, row["base_round_trip_ns"]))
    return ClockScore(len(widths), held, median(widths) if widths else 0.0)


def _offset(
    clocks: Mapping[tuple[str, str], ProcessClock], row: Mapping[str, str], time: int
) -> int:
    """The true θ of a pair when the caller's clock shows `time`."""
    caller = clocks[row["caller"], row["caller_process"]]
    callee = clocks[row["callee"], row["callee_process"]]
    at = np.array([time], np.int64)
    at = at - caller.at(at - caller.at(at))
    return int((callee.at(at) - caller.at(at))[0])
