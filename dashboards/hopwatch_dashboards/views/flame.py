"""Call paths -> the columns that the flame graph draws: whom the requests called, and what they
spent there. The bars of a request add up to its time exactly, and each to what is below it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from itertools import accumulate
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from hopwatch.attribution import Stacks
from hopwatch.attribution.stacks import Bar, Frame
from hopwatch.reports.folded import folded
from hopwatch.reports.numbers import count
from hopwatch.reports.speedscope import of_bars
from hopwatch.reports.words import kind_phrase
from hopwatch_dashboards.theme import colour, readable, share, time
from hopwatch_dashboards.views.breakdown import broken_down
from hopwatch_dashboards.views.packed import packed

MOST: Final = 20_000
"""Bars that are drawn at most; of more the narrowest are left out."""
WAY_DOWN: Final = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "
"""Stands between a call and what it calls."""
_LONGEST_NAME: Final = 256


@dataclass(frozen=True)
class Flame:
    """One statistic's request: `everything` it is made of, and the `bars` of that which are
    drawn, each before those below it. `total_ns`: its time, the sum of the bars of depth 0. In
    words: `basis`, what it is of; `notes`, why it is not what was asked for, and what is left
    out."""

    bars: tuple[Bar, ...]
    everything: tuple[Bar, ...]
    total_ns: int
    basis: str
    notes: tuple[str, ...]

    @cached_property
    def folded(self) -> str:
        """Everything as folded stacks."""
        return folded(self.everything)

    @cached_property
    def speedscope(self) -> str:
        """Everything as a file for speedscope.app."""
        return json.dumps(of_bars(self.everything, self.basis))

    def rows_above(self, row: int) -> list[int]:
        """The rows from the root to this one."""
        found = []
        depth = self.bars[row].depth
        for above in range(row, -1, -1):
            if self.bars[above].depth == depth:
                found.append(above)
                depth -= 1
        return found[::-1]

    @cached_property
    def names(self) -> list[str]:
        """What a row is called in the URL: the same for the same path in any data."""
        found: list[str] = []
        above: list[str] = []
        for bar in self.bars:
            del above[bar.depth :]
            text = "\0".join((above[-1] if above else "", *bar.frame))
            above.append(blake2b(text.encode("utf-8", "replace"), digest_size=6).hexdigest())
            found.append(above[-1])
        return found

    def row_of(self, name: str | None) -> int | None:
        """The row that is called so."""
        return self.names.index(name) if name in self.names else None

    @cached_property
    def id(self) -> str:
        """Differs whenever other bars are drawn."""
        return blake2b(self._columns_bytes(), digest_size=6).hexdigest()

    def table(self) -> pd.DataFrame:
        """The same as a table, for who does not see the picture or wants to sort it."""
        return pd.DataFrame(
            {
                "call": ["    " * min(bar.depth, 20) + title(bar.frame) for bar in self.bars],
                "hop": [readable(bar.frame.hop) for bar in self.bars],
                "language": [readable(bar.frame.language) for bar in self.bars],
                "kind": [bar.frame.kind for bar in self.bars],
                "ms": [bar.ns / 1e6 for bar in self.bars],
                "own ms": [bar.own_ns / 1e6 for bar in self.bars],
                "share, %": [100 * bar.ns / (self.total_ns or 1) for bar in self.bars],
                "calls": [bar.calls for bar in self.bars],
            }
        )

    def encode(self, selected: int | None = None) -> bytes:
        """What the component reads. `selected`: the row that is zoomed to at first."""
        header = {
            "id": self.id,
            "rows": len(self.bars),
            "selected": selected,
            "total": self.total_ns,
            "frames": [
                {
                    "hop": readable(frame.hop, _LONGEST_NAME),
                    "operation": readable(frame.operation, _LONGEST_NAME),
                    "language": readable(frame.language),
                    "kind": frame.kind,
                    "colour": colour(frame.language, frame.kind),
                }
                for frame in self._frames
            ],
        }
        return packed(header, self._columns)

    @cached_property
    def _frames(self) -> dict[Frame, int]:
        """Frame -> its number."""
        return {frame: i for i, frame in enumerate(dict.fromkeys(b.frame for b in self.bars))}

    @cached_property
    def _columns(self) -> dict[str, npt.NDArray[Any]]:
        return self.columns()

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """What is known of each row; times in ns, exact up to 104 days."""
        bars = self.bars
        return {
            "depth": _numbers((bar.depth for bar in bars), np.int32),
            "frame": _numbers((self._frames[bar.frame] for bar in bars), np.int32),
            "start": _numbers((bar.start_ns for bar in bars), np.float64),
            "ns": _numbers((bar.ns for bar in bars), np.float64),
            "own": _numbers((bar.own_ns for bar in bars), np.float64),
            "calls": _numbers((bar.calls for bar in bars), np.float64),
        }

    def _columns_bytes(self) -> bytes:
        names = "\0".join("\0".join(frame) for frame in self._frames)
        return b"".join(c.tobytes() for c in self._columns.values()) + names.encode(
            errors="replace"
        )


def flame(stacks: Stacks, at: str, most: int = MOST) -> Flame:
    """What requests at the statistic `at` (see `breakdown.broken_down`) spend, by call path."""
    found, basis, note = broken_down(stacks, at, ("path",))
    notes = [note] if note else []
    everything = bars = tuple(bar for bar in stacks.bars(found) if bar.ns)
    if len(bars) > most:
        # Ties in the order of the bars: what is above a bar is as wide, and before it.
        order = sorted(range(len(bars)), key=lambda row: -bars[row].ns)
        own = share(sum(bars[row].own_ns for row in order[most:]), found.total_ns)
        paths = count(len(bars) - most, "path")
        notes.append(f"The narrowest {paths} are not drawn: {own} of the time.")
        bars = tuple(bars[row] for row in sorted(order[:most]))
    return Flame(bars, everything, found.total_ns, basis, tuple(notes))


def headline(flame: Flame) -> tuple[str, str]:
    """The path with the most time of its own, and how many hold half of it, as plain text (it
    quotes names that came with spans)."""
    if not flame.bars:
        return "These requests took no time at all: their spans start and end at one instant.", ""
    own = sorted((bar.own_ns for bar in flame.everything), reverse=True)
    most = next(row for row, bar in enumerate(flame.bars) if bar.own_ns == own[0])
    end = flame.bars[most].frame
    way = WAY_DOWN.join(title(flame.bars[row].frame) for row in flame.rows_above(most))
    first = (
        f"{flame.basis[0].upper()}{flame.basis[1:]}: {time(flame.total_ns)}. The most in one place"
        f" is {time(own[0])} ({share(own[0], flame.total_ns)}),"
        f" {kind_phrase(end.kind, end.hop)}: {way}."
    )
    half = next(n for n, ns in enumerate(accumulate(own), 1) if 2 * ns >= flame.total_ns)
    paths = count(len(flame.everything), "call path")
    return readable(
        first, 600
    ), f"Of {paths}, {half:,} {'holds' if half == 1 else 'hold'} half of the time."


def title(frame: Frame) -> str:
    """What a frame does, in a few words."""
    return readable(frame.hop if frame.kind == "gap" else frame.operation or frame.hop, 120)


def _numbers(values: Iterable[float], dtype: type[np.number[Any]]) -> npt.NDArray[Any]:
    return np.fromiter(values, dtype)
