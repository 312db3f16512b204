"""What is true of a simulation: who was waited for, and what every clock showed.

`Truth.to_json` is `hopwatch.truth/1`:

    {"schema": "hopwatch.truth/1", "scenario": str, "seed": int,
     "requests": [{"route", "outcome", "recorded": bool, "detached": bool,
                   "requests": int, "duration_ns": int}],
     "cells":    [{"route", "outcome", "recorded", "detached", "caller", "hop", "operation",
                   "language", "version", "kind",
                   "true_ns": int, "local_ns": int, "retry_ns": int, "queue_ns": int,
                   "out_ns": int, "calls": int, "spans": int}],
     "clocks":   [{"hop", "process", "host", "points": [[unix_nano, offset_ns], ...]}]}

The keys of a cell are the ledger's. `recorded`: the request's root span was received (else no
analyzer can know of it); `detached`: asynchronous work. `true_ns`: time in which the request
truly waited for this cell; the cells of a group of requests add up to its `duration_ns`, to the
nanosecond. `local_ns`: the same of each span by itself, were it the root. Parts of `true_ns`:
`retry_ns` in attempts that were repeated and pauses between attempts,
`queue_ns` before a free worker of the callee, `out_ns` on the way to the callee (queue
included). `calls`: how often the cell was entered, on the request's path or not; `spans`: how many
spans it has. Neither these nor `local_ns` count what begins after the root has ended. An offset is
what the clock shows minus true time, linear between two points; at a step there are two points
of one time.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hopwatch.errors import ConservationError, InputError

TRUTH_SCHEMA_NAME: Final = "hopwatch.truth/1"
REQUEST_KEYS: Final = ("route", "outcome", "recorded", "detached")
CELL_KEYS: Final = ("caller", "hop", "operation", "language", "version", "kind")
MEASURES: Final = (
    "true_ns", "local_ns", "retry_ns", "queue_ns", "out_ns", "calls", "spans",
)  # fmt: skip


def _fields(keys: Iterable[str], numbers: Iterable[str]) -> list[tuple[str, pa.DataType]]:
    flags = {"recorded", "detached"}
    return [
        *((key, pa.bool_() if key in flags else pa.string()) for key in keys),
        *((number, pa.int64()) for number in numbers),
    ]


CELLS_SCHEMA: Final = pa.schema(_fields((*REQUEST_KEYS, *CELL_KEYS), MEASURES))
REQUESTS_SCHEMA: Final = pa.schema(_fields(REQUEST_KEYS, ("requests", "duration_ns")))


@dataclass(frozen=True, slots=True)
class ProcessClock:
    """What the clock of one process showed: `offsets` (ns) at `times` (true Unix ns), both int64
    arrays, linear between."""

    hop: str
    process: str
    host: str
    times: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int64]

    def at(self, times: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Offsets in ns at true times (Unix ns); at a step, those after it."""
        place = np.clip(np.searchsorted(self.times, times, side="right") - 1, 0, None)
        after = np.minimum(place + 1, len(self.times) - 1)
        length = np.maximum(self.times[after] - self.times[place], 1)
        share = np.clip((times - self.times[place]) / length, 0, 1)
        rise = (self.offsets[after] - self.offsets[place]) * share
        offsets: npt.NDArray[np.int64] = self.offsets[place] + np.rint(rise).astype(np.int64)
        return offsets


@dataclass(frozen=True)
class Truth:
    """See the module's docstring. cells, requests: sorted, of the schemas above."""

    cells: pa.Table
    requests: pa.Table
    clocks: tuple[ProcessClock, ...]
    scenario: str
    seed: int

    def group_by(
        self, *keys: str, recorded: bool | None = True, detached: bool = False
    ) -> dict[tuple[str, ...], dict[str, int]]:
        """Sums of `MEASURES` by keys of the cells. recorded: only of requests that were (not)
        recorded; None: of all."""
        sums: dict[tuple[str, ...], dict[str, int]] = {}
        for row in self.cells.to_pylist():
            if row["detached"] != detached or recorded not in (None, row["recorded"]):
                continue
            found = sums.setdefault(tuple(row[key] for key in keys), dict.fromkeys(MEASURES, 0))
            for name in MEASURES:
                found[name] += row[name]
        return sums

    def total_ns(self, *, recorded: bool | None = True, detached: bool = False) -> int:
        """Σ true durations of the requests."""
        return sum(
            row["duration_ns"]
            for row in self.requests.to_pylist()
            if row["detached"] == detached and recorded in (None, row["recorded"])
        )

    def check(self) -> None:
        """Raises ConservationError unless each group's cells add up to its requests' time."""
        sums: dict[tuple[Any, ...], int] = {}
        for row in self.cells.to_pylist():
            key = tuple(row[name] for name in REQUEST_KEYS)
            sums[key] = sums.get(key, 0) + row["true_ns"]
        for row in self.requests.to_pylist():
            key = tuple(row[name] for name in REQUEST_KEYS)
            if sums.get(key, 0) != row["duration_ns"]:
                raise ConservationError(
                    f"simulation: the true cells of {key} add up to {sums.get(key, 0)} ns of "
                    f"{row['duration_ns']} ns; please report this with the scenario"
                )

    def to_json(self) -> str:
        """`hopwatch.truth/1`, ending in a line break."""
        document = {
            "schema": TRUTH_SCHEMA_NAME,
            "scenario": self.scenario,
            "seed": self.seed,
            "requests": self.requests.to_pylist(),
            "cells": self.cells.to_pylist(),
            "clocks": [
                {
                    "hop": clock.hop,
                    "process": clock.process,
                    "host": clock.host,
                    "points": np.stack([clock.times, clock.offsets], axis=1).tolist(),
                }
                for clock in self.clocks
            ],
        }
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What `to_json` made. Raises InputError for anything else."""
        try:
            document: Any = json.loads(text)
            if document["schema"] != TRUTH_SCHEMA_NAME:
                raise InputError(f"truth of schema {document['schema']!r}, not {TRUTH_SCHEMA_NAME}")
            clocks = []
            for clock in document["clocks"]:
                times, offsets = np.array(clock["points"], np.int64).T
                clocks.append(
                    ProcessClock(clock["hop"], clock["process"], clock["host"], times, offsets)
                )
            return cls(
                pa.Table.from_pylist(document["cells"], CELLS_SCHEMA),
                pa.Table.from_pylist(document["requests"], REQUESTS_SCHEMA),
                tuple(clocks),
                document["scenario"],
                document["seed"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise InputError(f"no {TRUTH_SCHEMA_NAME} document: {error!r}") from error


def table(schema: pa.Schema, sums: Mapping[tuple[Any, ...], Iterable[int]]) -> pa.Table:
    """A table of sums by key, sorted by key."""
    rows = [
        dict(zip(schema.names, (*key, *map(int, numbers)), strict=True))
        for key, numbers in sorted(sums.items())
    ]
    return pa.Table.from_pylist(rows, schema)
