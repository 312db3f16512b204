"""Populations of calls between two processes whose clocks go as we say: what is measured, and
what is true. For tests of the offsets that `hopwatch.attribution.bands` finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hopwatch.attribution.bands import Calls

Integers = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Clock = Callable[[Floats], Floats]
"""True time -> how far a clock is ahead, ns."""

EPOCH_NS = 1_790_000_000_000_000_000
SECOND = 1_000_000_000
MS = 1_000_000
US = 1_000


@dataclass(frozen=True)
class Way:
    """One way of a call: `base` always, then `jitter` by a heavy-tailed law, and for the share
    `queued` of the calls an exponential wait of `queue`; ns."""

    base: float
    jitter: float = 0.0
    queued: float = 0.0
    queue: float = 0.0
    sigma: float = 1.0

    def times(self, random: np.random.Generator, n: int) -> Floats:
        waits = (random.random(n) < self.queued) * random.exponential(self.queue or 1.0, n)
        return self.base + self.jitter * random.lognormal(0, self.sigma, n) + waits


def constant(offset: float) -> Clock:
    return lambda time: np.full_like(time, offset)


def drifting(offset: float, ppm: float) -> Clock:
    return lambda time: offset + time * ppm * 1e-6


def stepping(offset: float, by: float, at: float) -> Clock:
    return lambda time: offset + by * (time >= at)


def disciplined(random: np.random.Generator, offset: float, seconds: float) -> Clock:
    """As NTP keeps it: every 64 s the frequency is corrected by up to some ppm, and now and then
    an offset is slewed away at 500 ppm."""
    knots = np.arange(-64.0, seconds + 128.0, 64.0) * SECOND
    speeds = random.normal(0, 1.5, len(knots))
    ahead = offset + np.concatenate([[0], np.cumsum(speeds[:-1] * 64e3)])
    slew_at, slew = random.random() * seconds * SECOND, random.normal(0, 300e3)

    def clock(time: Floats) -> Floats:
        slewed: Floats = np.clip((time - slew_at) * 500e-6, 0, abs(slew)) * np.sign(slew)
        result: Floats = np.interp(time, knots, ahead) + slewed
        return result

    return clock


@dataclass(frozen=True)
class Population:
    """Calls of one pair. theta: the callee's clock minus the caller's at a time of the caller's
    clock. base: what a round trip takes at least, ns."""

    calls: Calls
    theta: Callable[[Integers], Floats]
    base: float


def population(
    random: np.random.Generator,
    *,
    calls: int,
    seconds: float,
    out: Way,
    back: Way,
    caller: Clock | None = None,
    callee: Clock | None = None,
    grain_caller: int = 1,
    grain_callee: int = 1,
    pair: int = 0,
) -> Population:
    """Calls at random times. Stamps are rounded down to the grain, and the
    whole span with them, as JavaScript does."""
    caller, callee = caller or constant(0), callee or constant(0)
    start = np.sort(random.random(calls)) * seconds * SECOND
    way_out, way_back = out.times(random, calls), back.times(random, calls)
    work = random.lognormal(0, 0.7, calls) * 3 * MS
    client_start = EPOCH_NS + np.rint(start + caller(start)).astype(np.int64)
    client_time = np.rint(way_out + work + way_back).astype(np.int64)
    arrived = start + way_out
    server_start = EPOCH_NS + np.rint(arrived + callee(arrived)).astype(np.int64)
    server_time = np.rint(work).astype(np.int64)
    client_start -= client_start % grain_caller
    server_start -= server_start % grain_callee
    a = server_start - client_start
    b = a + server_time - client_time

    def theta(time: Integers) -> Floats:
        true = (time - EPOCH_NS).astype(np.float64)
        for _ in range(3):
            true = (time - EPOCH_NS) - caller(true)
        difference: Floats = callee(true) - caller(true)
        return difference

    column = np.ones(calls, np.int64)
    return Population(
        Calls(pair * column, client_start, a, b, grain_caller * column, grain_callee * column),
        theta,
        out.base + back.base,
    )


def joined(parts: list[Calls]) -> Calls:
    """The calls of several populations."""
    none = [Calls(*(np.empty(0, np.int64) for _ in Calls._fields))]
    return Calls(*(np.concatenate(columns) for columns in zip(*none, *parts, strict=True)))
