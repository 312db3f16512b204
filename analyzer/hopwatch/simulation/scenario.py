"""What is simulated: services, their operations step by step, the load, the clocks, and what
happens to spans before they are received. Frozen data, so that a changed scenario is a copy
(`dataclasses.replace`). `parsing` reads it from TOML and documents the keys.

All times are ns, all shares are in [0, 1].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from hopwatch.simulation.laws import AT_ONCE, Law

EPOCH_NS: Final = 1_790_000_000_000_000_000
"""When simulated time begins, unless a scenario says otherwise; Unix ns."""


@dataclass(frozen=True, slots=True)
class Target:
    """An operation of a service, by their names."""

    service: str
    operation: str


@dataclass(frozen=True, slots=True)
class Work:
    """The service's own work."""

    time: Law


@dataclass(frozen=True, slots=True)
class Inner:
    """An INTERNAL span around steps of the same service."""

    name: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """A call to something without instrumentation. kind: `db` (peer: system/namespace) or
    `remote` (peer: host:port)."""

    kind: str
    peer: str
    operation: str
    time: Law


@dataclass(frozen=True, slots=True)
class Call:
    """A call to another service's operation. After `timeout` the caller waits no longer; what
    it called goes on. `in_process`: the operation is part of the caller, as a module of a
    monolith is: no way leads there, its pools are the caller's."""

    target: Target
    timeout: int | None = None
    in_process: bool = False


@dataclass(frozen=True, slots=True)
class Parallel:
    """Branches that begin together, `limit` of them at a time; waits for all."""

    branches: tuple[tuple[Step, ...], ...]
    limit: int | None = None


@dataclass(frozen=True, slots=True)
class Acquire:
    """Waits, first come first served, for one of the service's `pool`; holds it for `steps`."""

    pool: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Send:
    """Publishes a message, which takes `time`; its consumer begins `delay` later. `linked`: the
    consumer begins a trace of its own, linked to the producer."""

    broker: str
    destination: str
    target: Target
    time: Law
    delay: Law
    linked: bool = False


@dataclass(frozen=True, slots=True)
class Background:
    """Fire and forget: steps that nobody waits for."""

    steps: tuple[Step, ...]


Action = Work | Inner | Leaf | Call | Parallel | Acquire | Send | Background


@dataclass(frozen=True, slots=True)
class Step:
    """An action, done with `probability`, `times` (least, most) times one after the other.

    fail: share of the calls that fail. A failed call is repeated after `backoff` up to
    `attempts` attempts; when the last one fails, so does what called it.
    """

    action: Action
    probability: float = 1.0
    times: tuple[int, int] = (1, 1)
    fail: float = 0.0
    attempts: int = 1
    backoff: Law = AT_ONCE


@dataclass(frozen=True, slots=True)
class Network:
    """The way to a service, and back."""

    out: Law = AT_ONCE
    back: Law = AT_ONCE


@dataclass(frozen=True, slots=True)
class Service:
    """A service: `instances` processes, on `hosts` in turn (none named: a host each).

    workers: requests that one process serves at a time, the others wait, first come first
    served; 0: any number. stamps: of `observation.STAMPS`. jitter: mean ns by which the end of
    a span is stamped late. instrumented: whether it has spans at all. sampling: share of the
    traces whose spans it records; lost: share of its spans that are never received.

    Of a changed scenario, so that chance is as it was before: gateway: was inserted in the way of
    calls; formerly: what operations were called that have moved here or are named anew.
    """

    language: str
    operations: Mapping[str, tuple[Step, ...]]
    version: str = "1.0.0"
    instances: int = 1
    hosts: tuple[str, ...] = ()
    workers: int = 0
    pools: Mapping[str, int] = field(default_factory=dict)
    network: Network | None = None
    stamps: str = "ns"
    jitter: int = 0
    instrumented: bool = True
    sampling: float | None = None
    lost: float | None = None
    gateway: bool = False
    formerly: Mapping[str, Target] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Load:
    """When requests arrive: Poisson with a mean of `rate` a second.

    bursts: (factor, mean ns of the calm, mean ns of the bursts): the rate is `factor` times as
    high in bursts. drift: (correlation time in ns, standard deviation): the logarithm of the
    rate wanders (Ornstein-Uhlenbeck). pace: the same of all times of work and leaves, as when
    machines are shared.
    """

    rate: float
    bursts: tuple[float, int, int] | None = None
    drift: tuple[int, float] | None = None
    pace: tuple[int, float] | None = None


@dataclass(frozen=True, slots=True)
class Slew:
    """A correction of `by` ns, from `at` on, at `ppm` of the time."""

    at: int
    by: int
    ppm: float


@dataclass(frozen=True, slots=True)
class Clock:
    """A host's clock against true time: `offset` ns at the beginning, gains `drift_ppm`;
    `steps`: (at, by) in ns since the beginning."""

    offset: int = 0
    drift_ppm: float = 0.0
    steps: tuple[tuple[int, int], ...] = ()
    slews: tuple[Slew, ...] = ()


@dataclass(frozen=True, slots=True)
class Skew:
    """Offset (ns) and drift (ppm) of the hosts that have no `Clock`: normal, with these standard
    deviations."""

    offset: float = 0.0
    drift_ppm: float = 0.0


@dataclass(frozen=True, slots=True)
class Observation:
    """What happens to spans on their way, each a share of the spans (`sampling`: of the traces).

    late: come a block later. conflicts: a second copy with another end. cycles: a span whose
    parent becomes its child's child. shared_ids: a SERVER span takes its CLIENT's id, as in
    Zipkin. negative: end before they start.
    """

    sampling: float = 1.0
    lost: float = 0.0
    duplicates: float = 0.0
    conflicts: float = 0.0
    late: float = 0.0
    cycles: float = 0.0
    shared_ids: float = 0.0
    negative: float = 0.0


@dataclass(frozen=True, slots=True)
class Scenario:
    """Everything that is simulated. routes: the operations that requests begin with, and their
    weights. start: true time of the beginning, Unix ns. resource: attributes that every service
    says of itself, beside its own."""

    services: Mapping[str, Service]
    routes: Mapping[Target, float]
    load: Load
    network: Network = Network()
    hosts: Mapping[str, Clock] = field(default_factory=dict)
    skew: Skew = Skew()
    observation: Observation = Observation()
    start: int = EPOCH_NS
    description: str = ""
    resource: Mapping[str, str] = field(default_factory=dict)
