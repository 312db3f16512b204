"""Executed requests, added up to their `Truth`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from hopwatch.attribution.columnar.jit import compiled
from hopwatch.simulation import truth
from hopwatch.simulation.clocks import Process
from hopwatch.simulation.expansion import CONSUME
from hopwatch.simulation.program import Program
from hopwatch.simulation.truth import MEASURES, Truth

_OUTCOMES: Final = ("ok", "error")


class Sums:
    """What blocks of records of a program add up to. end: of the last one, ns since the
    beginning."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self.end = 0
        nodes = len(program.plan)
        # By node, outcome of the unit, whether its root is recorded.
        self._cells = np.zeros((nodes, 2, 2, len(MEASURES)), np.int64)
        self._units = np.zeros((nodes, 2, 2, 2), np.int64)

    def add(self, records: npt.NDArray[np.void], recorded: npt.NDArray[np.bool_]) -> None:
        """Adds a block. recorded: whether each record's span is received."""
        _add_up(records, recorded, self._cells, self._units)
        self.end = max(self.end, int(records["end"].max(initial=0)))

    def truth(self, processes: Sequence[Process], start: int, scenario: str, seed: int) -> Truth:
        """All that was added. start: of the simulation, Unix ns."""
        plan, root_of = self._program.plan, self._program.roots()
        cells: dict[tuple[Any, ...], npt.NDArray[np.int64]] = {}
        requests: dict[tuple[Any, ...], npt.NDArray[np.int64]] = {}
        for number, (node, root) in enumerate(zip(plan, root_of, strict=True)):
            detached = plan[root].kind == CONSUME
            for failed, recorded in np.ndindex(2, 2):
                key = (plan[root].cell[2], _OUTCOMES[failed], bool(recorded), detached)
                if self._cells[number, failed, recorded].any():
                    _add(cells, (*key, *node.cell), self._cells[number, failed, recorded])
                if self._units[number, failed, recorded].any():
                    _add(requests, key, self._units[number, failed, recorded])
        found = Truth(
            truth.table(truth.CELLS_SCHEMA, cells),
            truth.table(truth.REQUESTS_SCHEMA, requests),
            tuple(process.shown(start, self.end) for process in processes),
            scenario,
            seed,
        )
        found.check()
        return found


def _add(
    sums: dict[tuple[Any, ...], npt.NDArray[np.int64]],
    key: tuple[Any, ...],
    numbers: npt.NDArray[np.int64],
) -> None:
    sums[key] = sums.get(key, 0) + numbers


@compiled
def _add_up(records: Any, recorded: Any, cells: Any, units: Any) -> None:
    for i in range(len(records)):
        record = records[i]
        root = records[record.unit]
        failed, seen = int(root.failed), int(recorded[record.unit])
        sums = cells[record.node, failed, seen]
        sums[0] += record.blamed
        sums[1] += record.local
        sums[2] += record.retried
        sums[3] += record.queue
        sums[4] += record.out
        sums[5] += record.calls
        sums[6] += record.spans
        if record.unit == i:
            units[record.node, failed, seen, 0] += 1
            units[record.node, failed, seen, 1] += record.end - record.start
