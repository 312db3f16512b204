"""Ending services in order: each before those that it is outlived by."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .runtime import Found

POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Leaver:
    """A service that is to end, with all its instances."""

    service: str
    instances: Sequence[Found]
    stop_seconds: float
    outlived_by: Sequence[str]


def stop_in_order(leavers: Iterable[Leaver]) -> list[str]:
    """Ends all; returns what went amiss. Ctrl-C while this waits kills the rest at once."""
    problems: list[str] = []
    left = list(leavers)
    try:
        while left:
            held = {name for leaver in left for name in leaver.outlived_by}
            wave = [leaver for leaver in left if leaver.service not in held]
            problems += _stop_wave(wave)
            left = [leaver for leaver in left if leaver not in wave]
    except KeyboardInterrupt:
        for leaver in left:
            for instance in leaver.instances:
                instance.kill()
        raise
    return problems


def _stop_wave(wave: Sequence[Leaver]) -> list[str]:
    running = [
        (instance, leaver)
        for leaver in wave
        for instance in leaver.instances
        if instance.exit() is None
    ]
    for instance, _ in running:
        instance.stop()
    start = time.monotonic()
    problems = []
    while running:
        time.sleep(POLL_SECONDS)
        running = [(instance, leaver) for instance, leaver in running if instance.exit() is None]
        for instance, leaver in running:
            if time.monotonic() - start > leaver.stop_seconds:
                instance.kill()
                problems.append(too_slow(leaver.service, leaver.stop_seconds))
        running = [(instance, leaver) for instance, leaver in running if instance.exit() is None]
    return problems


def too_slow(service: str, seconds: float) -> str:
    return f"{service} did not stop within {seconds:.0f} s and was killed"
