"""What every decoder gives back: a table, and what had to be left out of it and why."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import pyarrow as pa

from hopwatch.errors import InputError
from hopwatch.signals import Signal

MAX_EXAMPLES: Final = 20


class ItemError(InputError):
    """One span, log record or data point cannot be kept. `reason` is a stable
    snake_case word, the key it is counted by."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Rejection:
    """One piece of input that was left out: why, where it stood, what was wrong with it."""

    reason: str
    where: str
    detail: str

    def __str__(self) -> str:
        return f"{self.where}: {self.detail}"


@dataclass(slots=True)
class Rejections:
    """What was left out, counted by reason, with the first few examples in full."""

    counts: Counter[str] = field(default_factory=Counter)
    examples: list[Rejection] = field(default_factory=list)
    repaired: int = 0
    """Rows that were kept after invalid text in them was replaced by U+FFFD."""

    @property
    def total(self) -> int:
        """How many rows, lines or files were left out."""
        return self.counts.total()

    def add(self, reason: str, where: str, detail: str, count: int = 1) -> None:
        """Count `count` more; keep one as an example while there is room."""
        self.counts[reason] += count
        if len(self.examples) < MAX_EXAMPLES:
            self.examples.append(Rejection(reason, where, detail))

    def update(self, other: Rejections) -> None:
        """Add what another decoder left out."""
        self.counts.update(other.counts)
        self.examples.extend(other.examples[: MAX_EXAMPLES - len(self.examples)])
        self.repaired += other.repaired

    def example(self, reason: str) -> str:
        """What was wrong with one that was left out for this reason, and where; empty if no
        example of it was kept."""
        return next((str(example) for example in self.examples if example.reason == reason), "")

    def summary(self) -> str:
        """One line: how many, by reason, and the first example."""
        if not self.counts:
            return ""
        reasons = ", ".join(f"{reason}: {count}" for reason, count in self.counts.most_common())
        return f"{self.total} left out ({reasons}); first: {self.examples[0]}"


class Decoded(NamedTuple):
    """The rows of one signal as a table in its schema, and what was left out."""

    table: pa.Table
    rejected: Rejections


@dataclass(slots=True)
class Contents:
    """What files hold: rows of any signal, and what could not be read as one."""

    parts: dict[Signal, list[Decoded]] = field(default_factory=dict)
    unreadable: Rejections = field(default_factory=Rejections)
    """Lines and files that were left out whole."""

    def add(self, signal: Signal, decoded: Decoded) -> None:
        """Add rows of one signal."""
        self.parts.setdefault(signal, []).append(decoded)

    def update(self, other: Contents) -> None:
        """Add what another file holds."""
        for signal, parts in other.parts.items():
            self.parts.setdefault(signal, []).extend(parts)
        self.unreadable.update(other.unreadable)

    def of(self, signal: Signal) -> Decoded:
        """All rows of one signal."""
        rejected = Rejections()
        parts = self.parts.get(signal, [])
        for part in parts:
            rejected.update(part.rejected)
        return Decoded(signal.concat([part.table for part in parts]), rejected)
