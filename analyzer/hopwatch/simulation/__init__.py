"""Traffic with a known truth: a scenario is executed event by event, its spans are recorded as
real SDKs, clocks and networks would have it, and who was truly waited for is kept beside them.

scenario, parsing   what is simulated, and its TOML; laws: of times; shipped: what comes along
expansion, program  a scenario as nodes, and as what the kernel executes
kernel, causes      the discrete-event simulation; what each request truly waited for
observation         true spans -> spans as they are received
truth, scoring      the true ledger and clocks; how far an estimate is from them
changes             a scenario changed, and what the change is known to do; before_after, rewriting,
                    change_costs, change_services: what these are made of
pairs, differences  traffic before and after a change; what the change truly did
running, output     all of it in bounded memory; to files, or to a receiver
"""

from __future__ import annotations

from hopwatch.simulation.before_after import Answer, Changed
from hopwatch.simulation.changes import changed
from hopwatch.simulation.pairs import ChangeTruth, Pair, SimulatedPair, simulate_pair
from hopwatch.simulation.running import Simulated, Simulation, simulate
from hopwatch.simulation.scenario import Scenario
from hopwatch.simulation.scoring import ClockScore, Score, score, score_clocks
from hopwatch.simulation.truth import Truth

__all__ = [
    "Answer",
    "ChangeTruth",
    "Changed",
    "ClockScore",
    "Pair",
    "Scenario",
    "Score",
    "Simulated",
    "SimulatedPair",
    "Simulation",
    "Truth",
    "changed",
    "score",
    "score_clocks",
    "simulate",
    "simulate_pair",
]
