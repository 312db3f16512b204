"""A scenario, executed and observed: spans a block at a time, the truth at the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from hopwatch.errors import UsageError
from hopwatch.signals import SPANS
from hopwatch.simulation import shipped
from hopwatch.simulation.clocks import Processes
from hopwatch.simulation.contents import table_of
from hopwatch.simulation.drawing import all_mixed
from hopwatch.simulation.engine import BLOCK_REQUESTS, execute
from hopwatch.simulation.observation import Observer
from hopwatch.simulation.program import compile_scenario
from hopwatch.simulation.scenario import Scenario
from hopwatch.simulation.sums import Sums
from hopwatch.simulation.truth import Truth

REQUESTS: Final = 1_000
"""How many requests are simulated unless said otherwise."""


def check(seed: int, requests: int) -> None:
    """Raises UsageError unless these can be simulated."""
    if not 1 <= requests < 2**40:
        raise UsageError(f"{requests} requests cannot be simulated; give 1 or more")
    if not 0 <= seed < 2**63:
        raise UsageError(f"seed {seed}: give a number from 0 to 2^63 - 1")


@dataclass(frozen=True)
class Simulated:
    """The spans as received (`spans.SCHEMA`), and what is true of them."""

    table: pa.Table
    truth: Truth


@dataclass(frozen=True, slots=True)
class Turns:
    """Turns of `length` ns: the first, third, ...; or `second`, fourth, ... of them."""

    length: int
    second: bool

    def of(self, records: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
        """The records of the requests that begin in these turns."""
        request = records["request"]
        first = np.flatnonzero(np.diff(request, prepend=-1))  # records of a request are together
        begin = np.repeat(records["start"][first], np.diff(first, append=len(request)))
        mine = (begin // self.length % 2 == 1) == self.second
        place = np.cumsum(mine) - 1
        kept: npt.NDArray[np.void] = records[mine]
        kept["unit"] = place[kept["unit"]]
        return kept


class Simulation:
    """Executes a scenario once. `contents`: a span table that received spans take their texts
    from. turns: only the requests that begin in these are observed. ids: runs of one seed with
    different numbers have different trace ids.

    Raises UsageError for a scenario that cannot be executed.
    """

    def __init__(
        self,
        scenario: Scenario,
        seed: int = 1,
        requests: int = REQUESTS,
        *,
        name: str = "",
        turns: Turns | None = None,
        ids: int = 0,
    ) -> None:
        check(seed, requests)
        self._scenario, self._seed, self._requests, self._name = scenario, seed, requests, name
        self._turns, self._ids = turns, ids
        self._program = compile_scenario(scenario)
        self._processes = Processes(scenario, seed).all
        self._observer = Observer(scenario, self._program, self._processes, seed)
        self.contents = self._observer.contents.table
        self._sums = Sums(self._program)
        self._executed = 0

    def received(self, block: int = BLOCK_REQUESTS) -> Iterator[npt.NDArray[np.void]]:
        """The spans (`observation.RECEIVED`), in the order in which they arrive."""
        for records in execute(
            self._program, self._scenario.load, self._seed, self._requests, block
        ):
            self._executed = min(self._executed + block, self._requests)
            if self._turns is not None:
                records = self._turns.of(records)
            if self._ids:
                for name in ("trace", "link_trace"):
                    records[name] = all_mixed(records[name], self._ids)
            recorded = self._observer.recorded(records)
            self._sums.add(records, recorded)
            yield self._observer.receive(records, recorded, last=self._executed == self._requests)

    def tables(self) -> Iterator[pa.Table]:
        """The same as span tables."""
        for received in self.received():
            yield table_of(self.contents, received)

    def run(self) -> Simulated:
        """Everything at once."""
        table = SPANS.concat(list(self.tables()))
        return Simulated(table, self.truth())

    def truth(self) -> Truth:
        """What is true of what was executed so far."""
        return self._sums.truth(self._processes, self._scenario.start, self._name, self._seed)

    @property
    def executed(self) -> int:
        """How many requests were executed so far."""
        return self._executed

    @property
    def end(self) -> int:
        """When the last span of what was executed so far ended; Unix ns."""
        return self._scenario.start + self._sums.end


def simulate(scenario: Scenario | str, seed: int = 1, requests: int = REQUESTS) -> Simulated:
    """Everything at once: the spans that `requests` requests of a scenario leave, and their truth.
    `scenario`: also the name of one that ships (`shipped.NAMES`).

    The same scenario, seed and number give the same rows in the same order. Raises UsageError for
    what cannot be simulated.
    """
    name = scenario if isinstance(scenario, str) else ""
    if isinstance(scenario, str):
        scenario = shipped.load(scenario)
    return Simulation(scenario, seed, requests, name=name).run()
