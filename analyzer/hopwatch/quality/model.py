"""What a check of the data finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from hopwatch.store.inventory import Inventory

Level = Literal["problem", "warning", "note"]
"""problem: numbers are wrong or missing; warning: some numbers are less certain; note: worth
knowing, nothing to mend."""
LEVELS: Final[tuple[Level, ...]] = ("problem", "warning", "note")
"""Most severe first."""

MOST_EXAMPLES: Final = 5


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


@dataclass(frozen=True, slots=True)
class Quality:
    """The result. `findings` stand most severe first."""

    inventory: Inventory
    start_ns: int | None  # of the spans that were examined; None: there are none
    end_ns: int | None
    spans: int  # how many were examined
    traces: int
    requests: int
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        """Whether no finding is a problem."""
        return all(finding.level != "problem" for finding in self.findings)
