"""A run as JSON, `hopwatch.matrix/1`: turns as they were measured, and the rows made of them.

The rows follow from turns and facts; they stand in the file so that its readers (the dashboard is
one) need no statistics. `matrix-1.json` is the schema.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ..errors import StackError
from .libraries import Made
from .machine import Machine
from .rows import LIMITS, ROWS, Row
from .statistics import CONFIDENCE, Estimate, counted, estimate, ranks

SCHEMA = "hopwatch.matrix/1"


@dataclass(frozen=True)
class Turn:
    """`values` by the names of rows."""

    block: int
    contender: str
    started_at: str
    # How busy the machine was with other things just before.
    load_per_core: float
    values: dict[str, float]
    requests: int
    failures: dict[str, int]
    generator: dict[str, float]


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
    def complete(self) -> bool:
        return self.ended_at is not None

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "complete": self.complete,
            **asdict(self),
            "confidence": CONFIDENCE,
            "rows": [_row(row, self) for row in ROWS],
            "limits": list(LIMITS),
        }

    def write(self, path: Path) -> None:
        """Whole or not at all."""
        scratch = path.with_name(f".{path.name}.{os.getpid()}")
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch.write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")
        scratch.replace(path)


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


def cells_of(row: Row, document: Document) -> dict[str, Estimate]:
    """What is known of a row; contenders of which nothing is are not there."""
    if row.per == "implementation":
        return {
            name: counted(facts[row.name])
            for name, facts in document.facts.items()
            if row.name in facts
        }
    values: dict[str, list[float]] = {name: [] for name in document.contenders}
    for turn in document.turns:
        if row.name in turn.values:
            values[turn.contender].append(turn.values[row.name])
    return {name: estimate(found) for name, found in values.items() if found}


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
