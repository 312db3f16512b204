"""What the hosts' clocks show.

An offset is what a clock shows minus true time. It has a continuous part, which monotonic clocks
follow as well (drift, slewing), and steps, which only the wall clock has.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from hopwatch.simulation.drawing import key_of, mixed, normal
from hopwatch.simulation.scenario import Clock, Scenario
from hopwatch.simulation.truth import ProcessClock

Times = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Process:
    """One process of a service. name: its service.instance.id."""

    service: str
    name: str
    host: str
    clock: Clock

    def continuous(self, times: Times) -> Times:
        """The continuous part of the offset in ns, at ns since the beginning; without the offset
        at the beginning."""
        offsets = times * (self.clock.drift_ppm * 1e-6)
        for slew in self.clock.slews:
            rate = slew.ppm * 1e-6 * np.sign(slew.by)
            offsets += np.clip(times - slew.at, 0, abs(slew.by) / (slew.ppm * 1e-6)) * rate
        whole: Times = np.rint(offsets).astype(np.int64)
        return whole

    def wall(self, times: Times) -> Times:
        """The whole offset in ns."""
        offsets = self.clock.offset + self.continuous(times)
        for at, by in self.clock.steps:
            offsets += np.where(times >= at, by, 0)
        return offsets

    def shown(self, start: int, end: int) -> ProcessClock:
        """The offset from `start` (Unix ns) on for `end` ns."""
        times = {0, end}
        for slew in self.clock.slews:
            times |= {slew.at, slew.at + round(abs(slew.by) / (slew.ppm * 1e-6))}
        at = sorted([*times, *(t for step, _ in self.clock.steps for t in (step - 1, step))])
        points = np.array([time for time in at if 0 <= time <= end], np.int64)
        return ProcessClock(self.service, self.name, self.host, start + points, self.wall(points))


@dataclass(frozen=True)
class Processes:
    """All processes of a scenario, numbered as `program.Program.services` does."""

    scenario: Scenario
    seed: int

    @cached_property
    def all(self) -> list[Process]:
        found = []
        for name, service in self.scenario.services.items():
            for instance in range(service.instances):
                label = f"{name}-{instance}"
                hosts = service.hosts or (label,)
                host = hosts[instance % len(hosts)] if service.hosts else label
                found.append(Process(name, label, host, self._clock(host)))
        return found

    def _clock(self, host: str) -> Clock:
        if host in self.scenario.hosts:
            return self.scenario.hosts[host]
        skew = self.scenario.skew
        key = np.uint64(mixed(np.uint64(self.seed), key_of(host)))
        return Clock(
            round(skew.offset * normal(key, np.uint64(1))),
            skew.drift_ppm * normal(key, np.uint64(2)),
        )
