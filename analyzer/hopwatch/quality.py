"""How far the numbers can be trusted: what is there, what was left out, what is odd about it.

`hopwatch doctor` and the dashboard's Data quality page show the same `Quality`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hopwatch.store.inventory import Inventory

Level = Literal["problem", "warning", "note"]
"""problem: numbers are wrong or missing; warning: some numbers are less certain; note: worth
knowing, nothing to mend."""


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
    examples: tuple[str, ...]  # at most 5
    example_kind: Literal["trace", "service", "text", ""]  # what the examples are; trace: hex ids


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
