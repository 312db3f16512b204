"""A run as JSON, `hopwatch.matrix/1`: turns as they were measured, and the rows made of them.

The rows follow from turns and facts; they stand in the file so that its readers (the dashboard is
one) need no statistics. `matrix-1.json` is the schema.
"""

import json
import os
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

from ..errors import StackError
from .libraries import Made
from .machine import Machine
from .rows import LIMITS, ROWS, Row
from .statistics import CONFIDENCE, Estimate, counted, estimate, ranks

SCHEMA = "hopwatch.matrix/1"
# From which share of the cores on other programs are said to have been in the way.
BUSY = 0.1
# From which share of the latency on the generator's own lateness is.
LATE = 0.5


@dataclass(frozen=True)
class Turn:
    """`values` by the names of rows."""

    block: int
    contender: str
    started_at: str
    values: dict[str, float]
    requests: int
    failures: dict[str, int]
    generator: dict[str, float]
    others_share: float


@dataclass
class Document:
    started_at: str
    options: dict[str, float]
    machine: Machine
    contenders: list[str]
    implementations: dict[str, Made]
    facts: dict[str, dict[str, float]]
    turns: list[Turn] = field(default_factory=list)
    # What befell turns that gave nothing, in words.
    lost: list[str] = field(default_factory=list)
    ended_at: str | None = None

    @property
    def cautions(self) -> list[str]:
        """What makes the figures less than they could be, in sentences."""
        said = []
        if not self.complete:
            said.append(
                f"Not complete: {len(self.turns)} turns were measured; it goes on, or was ended."
            )
        said += [f"Lost: {lost}" for lost in self.lost]
        busy = median(turn.others_share for turn in self.turns) if self.turns else 0.0
        if busy > BUSY:
            said.append(
                f"Other programs used {busy:.0%} of the machine's cores in the median turn: times"
                " are longer than they need be."
            )
        late = [share for turn in self.turns if (share := _late_share(turn)) is not None]
        if late and median(late) > LATE:
            said.append(
                "The load generator was late by as much as services took, or nearly"
                f" ({median(late):.0%} of the latency p99 in the median turn): p99 is of both."
            )
        return said

    @property
    def complete(self) -> bool:
        return self.ended_at is not None

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "complete": self.complete,
            **asdict(self),
            "cautions": self.cautions,
            "confidence": CONFIDENCE,
            "rows": [_row(row, self) for row in ROWS],
            "limits": list(LIMITS),
        }

    def write(self, path: Path) -> None:
        """Whole or not at all. Raises StackError."""
        scratch = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            scratch.write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")
            scratch.replace(path)
        except OSError as error:
            raise StackError(f"{path} cannot be written: {error.strerror}.") from error


def require_writable(path: Path) -> None:
    """Before there is anything to lose: makes the folder. Raises StackError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise StackError(f"{path} cannot be written: {error.strerror}.") from error
    if path.is_dir():
        raise StackError(f"{path} cannot be written: it is a folder.")


def read(path: Path) -> dict[str, Any]:
    """A document of this schema. Raises StackError for what is none."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StackError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise StackError(f"{path} is no JSON: {error}") from error
    if not isinstance(found, dict) or found.get("schema") != SCHEMA:
        raise StackError(f"{path} is no matrix: `hopwatch-stack matrix` writes {SCHEMA}.")
    return found


# One failed request in a turn, in the rows that count them.
_ONE_FAILED: dict[str, Callable[[Turn], float]] = {
    "failed_share": lambda turn: 100 / turn.requests,
    "failed_handover": lambda _: 1.0,
}


def cells_of(row: Row, document: Document) -> dict[str, Estimate]:
    """What is known of a row; contenders of which nothing is are not there."""
    if row.per == "implementation":
        return {
            name: counted(facts[row.name])
            for name, facts in document.facts.items()
            if row.name in facts
        }
    turns: dict[str, list[Turn]] = {name: [] for name in document.contenders}
    for turn in document.turns:
        if row.name in turn.values:
            turns[turn.contender].append(turn)
    one_failed = _ONE_FAILED.get(row.name, lambda _: 0.0)
    return {
        name: estimate([turn.values[row.name] for turn in found], max(map(one_failed, found)))
        for name, found in turns.items()
        if found
    }


def _late_share(turn: Turn) -> float | None:
    latency, late = turn.values.get("latency_p99"), turn.generator.get("late_p99_ms")
    return late / latency if latency and late is not None else None


def _row(row: Row, document: Document) -> dict[str, Any]:
    cells = cells_of(row, document)
    return {**asdict(row), "cells": _shown(cells, row)}


def _shown(cells: Mapping[str, Estimate], row: Row) -> dict[str, Any]:
    places = ranks(cells, row.better)
    return {
        name: {
            "value": cell.value, "low": cell.low, "high": cell.high, "n": cell.n,
            "best_rank": places[name][0], "worst_rank": places[name][1],
        }
        for name, cell in cells.items()
    }  # fmt: skip
