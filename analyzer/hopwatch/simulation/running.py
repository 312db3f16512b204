"""A scenario, executed and observed: spans a block at a time, the truth at the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hopwatch.attribution.columnar.jit import compiled
from hopwatch.errors import UsageError
from hopwatch.signals import SPANS
from hopwatch.simulation import shipped, truth
from hopwatch.simulation.clocks import Processes
from hopwatch.simulation.contents import table_of
from hopwatch.simulation.engine import BLOCK_REQUESTS, execute
from hopwatch.simulation.expansion import CONSUME
from hopwatch.simulation.observation import Observer
from hopwatch.simulation.program import compile_scenario
from hopwatch.simulation.scenario import Scenario
from hopwatch.simulation.truth import MEASURES, Truth

REQUESTS: Final = 1_000
"""How many requests are simulated unless said otherwise."""
_OUTCOMES: Final = ("ok", "error")


@dataclass(frozen=True)
class Simulated:
    """The spans as received (`spans.SCHEMA`), and what is true of them."""

    table: pa.Table
    truth: Truth


class Simulation:
    """Executes a scenario once. `contents`: a span table that received spans take their texts
    from.

    Raises UsageError for a scenario that cannot be executed.
    """

    def __init__(
        self, scenario: Scenario, seed: int = 1, requests: int = REQUESTS, *, name: str = ""
    ) -> None:
        if not 1 <= requests < 2**40:
            raise UsageError(f"{requests} requests cannot be simulated; give 1 or more")
        if not 0 <= seed < 2**63:
            raise UsageError(f"seed {seed}: give a number from 0 to 2^63 - 1")
        self._scenario, self._seed, self._requests, self._name = scenario, seed, requests, name
        self._program = compile_scenario(scenario)
        self._processes = Processes(scenario, seed).all
        self._observer = Observer(scenario, self._program, self._processes, seed)
        self.contents = self._observer.contents.table
        nodes = len(self._program.plan)
        # By node, outcome of the unit, whether its root is recorded.
        self._cells = np.zeros((nodes, 2, 2, len(MEASURES)), np.int64)
        self._units = np.zeros((nodes, 2, 2, 2), np.int64)
        self._end = 0

    def received(self, block: int = BLOCK_REQUESTS) -> Iterator[npt.NDArray[np.void]]:
        """The spans (`observation.RECEIVED`), in the order in which they arrive."""
        completed = 0
        for records in execute(
            self._program, self._scenario.load, self._seed, self._requests, block
        ):
            completed = min(completed + block, self._requests)
            recorded = self._observer.recorded(records)
            _add_up(records, recorded, self._cells, self._units)
            self._end = max(self._end, int(records["end"].max(initial=0)))
            yield self._observer.receive(records, recorded, last=completed == self._requests)

    def tables(self) -> Iterator[pa.Table]:
        """The same as span tables."""
        for received in self.received():
            yield table_of(self.contents, received)

    def truth(self) -> Truth:
        """What is true of what was executed so far."""
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
            tuple(process.shown(self._scenario.start, self._end) for process in self._processes),
            self._name,
            self._seed,
        )
        found.check()
        return found


def simulate(scenario: Scenario | str, seed: int = 1, requests: int = REQUESTS) -> Simulated:
    """Everything at once: the spans that `requests` requests of a scenario leave, and their truth.
    `scenario`: also the name of one that ships (`shipped.NAMES`).

    The same scenario, seed and number give the same rows in the same order. Raises UsageError for
    what cannot be simulated.
    """
    name = scenario if isinstance(scenario, str) else ""
    if isinstance(scenario, str):
        scenario = shipped.load(scenario)
    simulation = Simulation(scenario, seed, requests, name=name)
    table = SPANS.concat(list(simulation.tables()))
    return Simulated(table, simulation.truth())


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
        sums[1] += record.retried
        sums[2] += record.queue
        sums[3] += record.out
        sums[4] += record.calls
        if record.unit == i:
            units[record.node, failed, seen, 0] += 1
            units[record.node, failed, seen, 1] += record.end - record.start
