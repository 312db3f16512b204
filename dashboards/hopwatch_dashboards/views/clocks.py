"""What is known of the clocks of processes, over time: the data of a chart for each pair."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import pandas as pd
import pyarrow as pa

MOST_SHOWN: Final = 6
_MS: Final = 1e6
_NAMES: Final = ["caller", "caller_process", "callee", "callee_process"]
_ODD: Final = ("step", "conflict", "drift")
"""Flags, those that are most worth a look first."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two processes, and what their calls tell of the offset of their clocks (callee minus caller).

    windows: time, low, high, theta (ms), window, calls, stepped; two rows a window, for its begin
    and its end, by time. Of the last window theta_ns, low_ns, high_ns; ppm: the fastest drift;
    flags: all that were seen.
    """

    caller: str
    caller_process: str
    callee: str
    callee_process: str
    windows: pd.DataFrame
    calls: int
    theta_ns: int
    low_ns: int
    high_ns: int
    ppm: float
    flags: tuple[str, ...]

    @property
    def name(self) -> str:
        return f"{self.caller} {self.caller_process} -> {self.callee} {self.callee_process}"

    @property
    def edge(self) -> str:
        return f"{self.caller} -> {self.callee}"

    @property
    def processes(self) -> tuple[str, str]:
        return f"{self.caller} {self.caller_process}", f"{self.callee} {self.callee_process}"


def pairs(clocks: pa.Table) -> list[Pair]:
    """All pairs of a table of clocks (`CLOCK_SCHEMA`); those with steps first, then conflicts,
    drift, then by how little is known of them."""
    frame: pd.DataFrame = clocks.to_pandas()
    found = [_pair(key, rows) for key, rows in frame.groupby(_NAMES, sort=True)]
    return sorted(found, key=_oddity)


def places(known: list[Pair]) -> list[str]:
    """What the pairs can be chosen by: services that call each other, and single processes."""
    edges = sorted({pair.edge for pair in known})
    return [*edges, *sorted({process for pair in known for process in pair.processes})]


def chosen(known: list[Pair], place: str | None) -> list[Pair]:
    """The pairs at one of `places`; all without."""
    if place is None:
        return known
    return [pair for pair in known if place == pair.edge or place in pair.processes]


def _pair(key: Any, rows: pd.DataFrame) -> Pair:
    rows = rows.sort_values("window_start_unix_nano")
    flags = {flag for found in rows["flags"] for flag in found}
    last = rows.iloc[-1]
    caller, caller_process, callee, callee_process = key
    return Pair(
        caller, caller_process, callee, callee_process, _ends(rows), int(rows["calls"].sum()),
        int(last["theta_ns"]), int(last["low_ns"]), int(last["high_ns"]),
        max(rows["slope_ppb"], key=abs) / 1000,
        tuple(flag for flag in _ODD if flag in flags),
    )  # fmt: skip


def _ends(rows: pd.DataFrame) -> pd.DataFrame:
    """Begin and end of each window. What is known holds in its middle; clocks drift evenly."""
    ends = []
    half = (rows["window_end_unix_nano"] - rows["window_start_unix_nano"]) // 2
    for time, sign in (("window_start_unix_nano", -1), ("window_end_unix_nano", 1)):
        moved = sign * half * rows["slope_ppb"] / 1e9
        shown = {name: (rows[f"{name}_ns"] + moved) / _MS for name in ("low", "high", "theta")}
        ends.append(
            pd.DataFrame(
                {
                    "time": pd.to_datetime(rows[time], unit="ns", utc=True),
                    **shown,
                    "window": range(len(rows)),
                    "calls": rows["calls"],
                    "stepped": [sign < 0 and "step" in found for found in rows["flags"]],
                }
            )
        )
    return pd.concat(ends).sort_values(["window", "time"], ignore_index=True)


def _oddity(pair: Pair) -> tuple[Any, ...]:
    worst = min((_ODD.index(flag) for flag in pair.flags), default=len(_ODD))
    return worst, pair.low_ns - pair.high_ns, pair.name
