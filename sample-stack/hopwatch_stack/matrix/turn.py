"""One turn of one contender, in a new process: start, idle, the fixed rate, the top rate, leaving.

A new process each turn, so that turns are independent, and start, idle memory and drain are of as
many as all else. What a new process is not yet (compiled by V8, with pools filled) is left to the
warm-up, which is not measured.
"""

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from . import loadgen, machine
from .bench import Bench, Started
from .capacity import FACTOR, top_rate
from .contenders import Contender
from .loadgen import Load

MEGABYTE = 1e6
IDLE_SECONDS = 1.0
# Around the signal, so that what comes of it is seen.
BEFORE_SIGNAL_SECONDS = 1.0
HANDOVER_SECONDS = 4.0
# A step of the search: long enough for a p99 from 100 requests a second on.
MOST_STEP_SECONDS = 3.0
STEP_WARMUP_SECONDS = 0.3
LOWEST_RATE = 5.0
# For the time that is told before: steps of the search, as if all were whole; two starts of a
# service, and the generator's.
EXPECTED_STEPS = 7
STARTS_SECONDS = 3.0
Note = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """Of every turn. Seconds; `limit_ms` bounds p99 in the search for the top rate."""

    rate: float
    seconds: float
    warmup_seconds: float
    limit_ms: float

    @property
    def step_seconds(self) -> float:
        return min(MOST_STEP_SECONDS, self.seconds)

    @property
    def expected_seconds(self) -> float:
        """Of a turn, about: how many steps the search takes is not known before."""
        fixed_rate = self.warmup_seconds + self.seconds
        search = EXPECTED_STEPS * (self.step_seconds + STEP_WARMUP_SECONDS)
        return STARTS_SECONDS + IDLE_SECONDS + fixed_rate + search + HANDOVER_SECONDS


@dataclass
class Measured:
    """`values` by the names of rows; what a turn could not tell is not there."""

    values: dict[str, float] = field(default_factory=dict)
    requests: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    # How far the generator itself lagged behind, and what it cost.
    generator: dict[str, float] = field(default_factory=dict)
    # Of the machine's cores, used by other programs at the fixed rate.
    others_share: float = 0.0


def measure(bench: Bench, contender: Contender, plan: Plan, seed: int, note: Note) -> Measured:
    """The same seed makes the same requests at the same times."""
    measured = Measured()
    note("starts")
    started = bench.start(contender)
    measured.values["start"] = started.start_seconds * 1000
    time.sleep(IDLE_SECONDS)
    measured.values["memory_idle"] = started.memory_bytes() / MEGABYTE
    note(f"{plan.rate:g} requests a second")
    _fixed_rate(bench, started, plan, seed, measured)
    note("its top rate")
    measured.values["throughput"] = top_rate(
        # The fixed rate itself was seen already; most hold it.
        lambda rate: _holds(started, plan, rate, seed), FACTOR * plan.rate, LOWEST_RATE,
        random.Random(seed),
    )  # fmt: skip
    note("is replaced")
    _handover(bench, started, contender, plan, seed, measured)
    return measured


def _fixed_rate(bench: Bench, started: Started, plan: Plan, seed: int, measured: Measured) -> None:
    load = Load(plan.rate, plan.seconds, plan.warmup_seconds, seed)
    with loadgen.running(started.target, load) as generator:
        generator.expect("measuring")
        before, postgres_before = _cpu_seconds(started), bench.postgres_cpu_seconds()
        bystanders_before, all_before = bench.bystanders_cpu_seconds(), machine.cpu_seconds()
        answered = generator.result()
        cpu = _cpu_seconds(started) - before
        postgres = bench.postgres_cpu_seconds() - postgres_before
        bystanders = bench.bystanders_cpu_seconds() - bystanders_before
        used = machine.cpu_seconds().since(all_before)
    measured.values["memory_loaded"] = started.memory_bytes() / MEGABYTE
    measured.requests, measured.failures = answered.requests, answered.failures
    measured.generator = {
        "late_p50_ms": answered.late_ms["p50"],
        "late_p99_ms": answered.late_ms["p99"],
        "cpu_seconds": answered.cpu_seconds,
    }
    ours = cpu + postgres + bystanders + answered.cpu_seconds
    if used.total > 0:
        measured.others_share = round(max(0.0, used.busy - ours) / used.total, 3)
    if answered.requests:
        measured.values["failed_share"] = 100 * answered.failed / answered.requests
        measured.values |= {
            f"latency_{name}": answered.latency_ms[name] for name in ("p50", "p95", "p99")
        }
    # Work for requests that failed is work for those that did not.
    if succeeded := answered.requests - answered.failed:
        measured.values |= {
            "cpu": cpu / succeeded * 1000,
            "postgres_cpu": postgres / succeeded * 1000,
            "bytes": (answered.bytes_sent + answered.bytes_received) / succeeded,
        }


def _holds(started: Started, plan: Plan, rate: float, seed: int) -> bool:
    load = Load(rate, plan.step_seconds, STEP_WARMUP_SECONDS, seed)
    return loadgen.holds(started.target, load, plan.limit_ms)


def _handover(
    bench: Bench,
    started: Started,
    contender: Contender,
    plan: Plan,
    seed: int,
    measured: Measured,
) -> None:
    """At the fixed rate a successor takes over; then that is ended too, with nobody watching."""
    bench.replace(started, contender)
    with loadgen.running(started.target, Load(plan.rate, HANDOVER_SECONDS, 0, seed)) as generator:
        generator.expect("measuring")
        time.sleep(BEFORE_SIGNAL_SECONDS)
        measured.values["drain"] = bench.drain_seconds(started)
        measured.values["failed_handover"] = generator.result().failed
    bench.kill_orders()


def _cpu_seconds(started: Started) -> float:
    return started.usage().cpu_seconds
