"""Traffic before and after a change, and what the change truly did.

Two designs. *Two windows*: the traffic after the change comes later, with a chance of its own, as
in life. *Interleaved*: both versions run side by side and take turns (A B A B) in serving the same
stream of requests. Every span says which side it is of: resource attribute `hopwatch.side`,
`before` or `after`.

What the change did is another matter than what a pair of windows shows: it is the difference
between the same requests, executed with the same chance before and after. `ChangeTruth.to_json` is
`hopwatch.change/1`:

    {"schema": "hopwatch.change/1", "scenario": str, "seed": int, "requests": int,
     "changes": [str],                            # as given
     "design": {"kind": "two windows", "after_seed": int} | {"kind": "interleaved", "turn_ns": int},
     "answers": [{"term", "hop"}],                # what the change is known to move; hops as roles
     "roles": {"before": {hop: role}, "after": {hop: role}},
     "before_ns": int, "after_ns": int,           # sums over the same requests
     "same_route": {"requests", "before_ns", "after_ns"},
     "delta_ns": int,                             # per request, of which the terms are parts
     "terms": [{"route", "hop", "operation", "kind", "term", "ns"}]}

`same_route`: of the requests whose route the change left as it was. The terms are those of
attribution.md section 7 (`differences`), in whole ns a request; under queues a change moves waits
elsewhere too, and these are terms like any other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np

from hopwatch.attribution import Ledger
from hopwatch.errors import UsageError
from hopwatch.signals import SPANS
from hopwatch.simulation.before_after import Answer, Changed
from hopwatch.simulation.clocks import Processes
from hopwatch.simulation.differences import Term, role_of, true_terms
from hopwatch.simulation.engine import execute
from hopwatch.simulation.kernel import routes_of
from hopwatch.simulation.program import Program, compile_scenario
from hopwatch.simulation.running import REQUESTS, Simulated, Simulation, Turns, check
from hopwatch.simulation.scenario import Scenario
from hopwatch.simulation.sums import Sums
from hopwatch.simulation.truth import Truth

CHANGE_SCHEMA_NAME: Final = "hopwatch.change/1"
SIDE: Final = "hopwatch.side"
_MINUTE_NS: Final = 60 * 10**9
_OTHER_CHANCE: Final = 2**40


@dataclass(frozen=True)
class ChangeTruth:
    """See the module's docstring. before, after: the truth of the same requests; same_route:
    requests, and their ns before and after, whose route is the same."""

    scenario: str
    seed: int
    changes: tuple[str, ...]
    design: Mapping[str, Any]
    answers: tuple[Answer, ...]
    roles_before: Mapping[str, str]
    roles_after: Mapping[str, str]
    before: Truth
    after: Truth
    same_route: tuple[int, int, int]

    @property
    def requests(self) -> int:
        rows = self.before.requests.to_pylist()
        return sum(row["requests"] for row in rows if not row["detached"])

    @cached_property
    def terms(self) -> tuple[Term, ...]:
        """What the difference per request consists of, in whole ns."""
        return true_terms(self.before, self.after, self.roles_before, self.roles_after)

    @property
    def delta_ns(self) -> int:
        """The difference per request, in whole ns."""
        return sum(term.ns for term in self.terms)

    def to_json(self) -> str:
        """`hopwatch.change/1`, ending in a line break."""
        document = {
            "schema": CHANGE_SCHEMA_NAME,
            "scenario": self.scenario,
            "seed": self.seed,
            "requests": self.requests,
            "changes": list(self.changes),
            "design": dict(self.design),
            "answers": [asdict(answer) for answer in self.answers],
            "roles": {"before": dict(self.roles_before), "after": dict(self.roles_after)},
            "before_ns": self.before.total_ns(),
            "after_ns": self.after.total_ns(),
            "same_route": dict(
                zip(("requests", "before_ns", "after_ns"), self.same_route, strict=True)
            ),
            "delta_ns": self.delta_ns,
            "terms": [term._asdict() for term in self.terms],
        }
        return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class SimulatedPair:
    """The spans of both sides as received, each with its own truth; and the truth of the change."""

    before: Simulated
    after: Simulated
    change: ChangeTruth


class Pair:
    """A scenario before and after a change, with `requests` requests on each side. turn: ns of the
    turns of an interleaved design; else the sides are two windows. after_seed: of the second
    window's chance; unless given it is another than the first's.

    Raises UsageError for what cannot be simulated.
    """

    def __init__(
        self,
        changed: Changed,
        seed: int = 1,
        requests: int = REQUESTS,
        *,
        after_seed: int | None = None,
        turn: int | None = None,
        name: str = "",
    ) -> None:
        if turn is not None and after_seed not in (None, seed):
            raise UsageError("the sides that take turns serve one stream of requests, of one seed")
        if turn is not None and turn < 1:
            raise UsageError(f"turns of {turn} ns; they must last longer")
        self._changed, self._requests, self._name, self._turn = changed, requests, name, turn
        other = seed if turn is not None else seed ^ _OTHER_CHANCE
        self._seeds = seed, other if after_seed is None else after_seed
        for number in self._seeds:
            check(number, requests)
        self._programs = compile_scenario(changed.before), compile_scenario(changed.after)

    @cached_property
    def before(self) -> Simulation:
        return self._simulation(self._changed.before, "before")

    @cached_property
    def after(self) -> Simulation:
        """To be asked for once `before` was executed: a second window begins when the first is
        over."""
        scenario = self._changed.after
        if self._turn is None:
            if not self.before.executed:
                raise RuntimeError("execute `before` first: the second window begins after it")
            start = (self.before.end // _MINUTE_NS + 2) * _MINUTE_NS
            scenario = replace(scenario, start=start)
        return self._simulation(scenario, "after")

    def _simulation(self, scenario: Scenario, side: str) -> Simulation:
        number = ("before", "after").index(side)
        return Simulation(
            replace(scenario, resource={**scenario.resource, SIDE: side}),
            self._seeds[number],
            self._requests,
            name=self._name,
            turns=None if self._turn is None else Turns(self._turn, second=side == "after"),
            ids=number,
        )

    def truth(self) -> ChangeTruth:
        """What the change does to the same requests."""
        before = self._executed(self._changed.before, self._programs[0])
        after = self._executed(self._changed.after, self._programs[1])
        design: dict[str, Any] = {"kind": "two windows", "after_seed": self._seeds[1]}
        if self._turn is not None:
            design = {"kind": "interleaved", "turn_ns": self._turn}
        return ChangeTruth(
            self._name,
            self._seeds[0],
            self._changed.text,
            design,
            tuple(replace(answer, hop=self._role(answer.hop)) for answer in self._changed.answers),
            self._changed.roles_before,
            self._changed.roles_after,
            before[0],
            after[0],
            (before[1], before[2], after[2]),
        )

    def _role(self, hop: str) -> str:
        return role_of(role_of(hop, self._changed.roles_after), self._changed.roles_before)

    def _executed(self, scenario: Scenario, program: Program) -> tuple[Truth, int, int]:
        """The truth of one side; how many requests have the same route on both, and their ns."""
        seed = self._seeds[0]
        sums = Sums(program)
        alike = alike_ns = 0
        for records in execute(program, scenario.load, seed, self._requests):
            sums.add(records, np.ones(len(records), np.bool_))
            roots = records[(records["unit"] == np.arange(len(records))) & ~records["detached"]]
            routes = [
                routes_of(p.weights, np.uint64(seed), roots["request"]) for p in self._programs
            ]
            same = routes[0] == routes[1]
            alike += int(same.sum())
            alike_ns += int((roots["end"] - roots["start"])[same].sum())
        processes = Processes(scenario, seed).all
        return sums.truth(processes, scenario.start, self._name, seed), alike, alike_ns

    def ledgers(self) -> tuple[Ledger, Ledger]:
        """The ledger of each side, from its spans, each by itself: in memory, nothing else is kept.
        What studies of thousands of pairs need."""
        from hopwatch.attribution import Options
        from hopwatch.attribution.columnar import Engine

        before = Engine(SPANS.concat(list(self.before.tables())), Options()).ledger()
        after = Engine(SPANS.concat(list(self.after.tables())), Options()).ledger()
        return before, after


def simulate_pair(
    changed: Changed,
    seed: int = 1,
    requests: int = REQUESTS,
    *,
    after_seed: int | None = None,
    turn: int | None = None,
) -> SimulatedPair:
    """Everything at once: the spans of both sides, and what the change truly did. The arguments
    are those of `Pair`."""
    pair = Pair(changed, seed, requests, after_seed=after_seed, turn=turn)
    before = pair.before.run()
    return SimulatedPair(before, pair.after.run(), pair.truth())
