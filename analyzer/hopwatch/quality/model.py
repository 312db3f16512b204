"""What a check of the data finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import pyarrow as pa

from hopwatch.store.inventory import Inventory

Level = Literal["problem", "warning", "note"]
"""problem: numbers are wrong or missing; warning: some numbers are less certain; note: worth
knowing, nothing to mend."""
LEVELS: Final[tuple[Level, ...]] = ("problem", "warning", "note")
"""Most severe first."""

MOST_EXAMPLES: Final = 5
MOST_PARTS: Final = 20


@dataclass(frozen=True, slots=True)
class Part:
    """A finding in one place: a service, an edge `a -> b`, a pair of processes."""

    name: str  # from the data: hostile
    count: int
    of: int | None = None
    touched_ns: int | None = None  # see `Finding`
    detail: str = ""  # what else is known there, in a few words


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is odd, in words. Examples are text that came with the data: hostile."""

    code: str  # a stable snake_case word
    level: Level
    count: int
    of: int | None  # how many there are in all of what `count` counts; None: not a share
    unit: str  # what is counted, in the plural: "traces", "spans", "log records", ...
    sentence: str  # what was found and what it means, with the count in it
    advice: str  # what to do
    examples: tuple[str, ...] = ()  # at most MOST_EXAMPLES
    example_kind: Literal["trace", "service", "text", ""] = ""  # trace: an id in hex
    # Of the time of all requests, what may belong to another row because of this, at most; None:
    # nothing does, or it cannot be known. Findings may touch the same time.
    touched_ns: int | None = None
    parts: tuple[Part, ...] = ()  # at most MOST_PARTS, the largest first


@dataclass(frozen=True, slots=True)
class Trust:
    """How far to trust the ledger of `requests` that took `total_ns`.

    doubtful_ns: may belong to another row than it stands in, for any of the reasons that findings
    give; time that is touched twice counts once. moved_ns: what changes rows if all clocks are at
    the one or the other end of their intervals. lost: between which shares of all spans were lost
    on their way, with 95 % confidence if each was as likely as the others; None: not known.
    """

    requests: int
    total_ns: int
    doubtful_ns: int
    moved_ns: int
    lost: tuple[float, float] | None

    @property
    def certain_ns(self) -> int:
        """What no finding touches."""
        return max(0, self.total_ns - self.doubtful_ns - self.moved_ns)


@dataclass(frozen=True, slots=True)
class Quality:
    """The result. `findings` stand most severe first. clocks: what is known of them
    (`attribution.clocks.CLOCK_SCHEMA`), of `pairs` pairs of processes that call each other."""

    inventory: Inventory
    start_ns: int | None  # of the spans that were examined; None: there are none
    end_ns: int | None
    spans: int  # how many were examined
    traces: int
    requests: int
    findings: tuple[Finding, ...]
    trust: Trust
    clocks: pa.Table
    pairs: int

    @property
    def known_pairs(self) -> int:
        """Of how many of the pairs of processes something is known."""
        names = ("caller", "caller_process", "callee", "callee_process")
        return len(set(zip(*(self.clocks[name].to_pylist() for name in names), strict=True)))

    @property
    def sound(self) -> bool:
        """Whether no finding is a problem."""
        return all(finding.level != "problem" for finding in self.findings)
