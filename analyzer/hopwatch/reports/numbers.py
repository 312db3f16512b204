"""Numbers for people: shares that add up, times in the unit that reads best."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final


def apportion(parts: Sequence[int] | Sequence[Fraction], shown_total: int) -> list[int]:
    """Whole numbers in the ratio of `parts` (>= 0) that add up to `shown_total` exactly, by
    largest remainder: what is printed must add up to what is printed below it."""
    total = sum(parts)
    if not total:
        return [0] * len(parts)
    floors = [part * shown_total // total for part in parts]
    by_remainder = sorted(range(len(parts)), key=lambda i: (-(parts[i] * shown_total % total), i))
    for i in by_remainder[: shown_total - sum(floors)]:
        floors[i] += 1
    return floors


@dataclass(frozen=True, slots=True)
class Scale:
    """The unit of a table of times, shown with three decimals: one *tick* is the last of them."""

    unit: str
    tick_ns: int

    def ticks(self, ns: int | Fraction, divisor: int | Fraction = 1) -> int:
        """ns / divisor in ticks, half up. Exact: no float stands between."""
        return (2 * ns + self.tick_ns * divisor) // (2 * self.tick_ns * divisor)

    def show(self, ticks: int) -> str:
        """`12.345`, thousands apart."""
        return f"{ticks // 1000:,}.{ticks % 1000:03d}"


MILLISECONDS: Final = Scale("ms", 1_000)
SECONDS: Final = Scale("s", 1_000_000)


def scale_for(longest_ns: int) -> Scale:
    """Milliseconds up to 100 s, then seconds."""
    return MILLISECONDS if longest_ns < 100 * 10**9 else SECONDS


def duration(ns: int, digits: int = 4) -> str:
    """A duration in its natural unit, in `digits` digits: `418 ns`, `12.35 ms`, `1.204 s`."""
    for unit, size in (("s", 1_000_000_000), ("ms", 1_000_000), ("µs", 1_000)):
        if abs(ns) >= size:
            value = ns / size
            decimals = max(0, digits - len(str(int(abs(value)))))
            return f"{value:,.{decimals}f} {unit}"
    return f"{ns} ns"


def count(number: int, one: str, many: str | None = None) -> str:
    """`1 request`, `2,041 requests`."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"
