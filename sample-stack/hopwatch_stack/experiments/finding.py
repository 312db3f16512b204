"""What an experiment found: figures, and a table of them for people."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..matrix.statistics import CONFIDENCE, Estimate


@dataclass(frozen=True)
class Finding:
    """`figures` are those of every single run, for other programs; `notes` are sentences."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str]
    figures: Any


def said(found: Estimate, form: str = ",.0f") -> str:
    """With its interval, where that is seen in so many digits: `2,048 (2,047-2,049)`."""
    value = format(found.value, form)
    if found.low is None or found.high is None:
        return value
    low, high = format(found.low, form), format(found.high, form)
    return value if low == high else f"{value} ({low}-{high})"


def of_runs(runs: int) -> str:
    return f"Means of {runs} runs, with {CONFIDENCE:.0%} intervals."
