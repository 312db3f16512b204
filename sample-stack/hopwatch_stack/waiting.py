"""Waiting for something to become true."""

import time
from collections.abc import Callable
from pathlib import Path

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed

# What hopwatch acknowledged is visible within 3 s, and exporters send every second.
QUIET_SECONDS = 3.0


def wait_until_settled(store: Path, seconds: float) -> bool:
    """Waits until no more spans arrive in a store; returns whether that came to be in time."""
    return wait_until(settling(store), seconds)


def settling(store: Path) -> Callable[[], bool]:
    """To be asked again and again: whether no spans have arrived in the store for a while."""
    # It costs a second and much memory, which the owner of a stack would hold for ever.
    from hopwatch.store import open_reader

    rows = -1
    changed = time.monotonic()

    def settled() -> bool:
        nonlocal rows, changed
        with open_reader(store) as reader:
            before, rows = rows, reader.extent().rows
        if rows != before:
            changed = time.monotonic()
        return time.monotonic() - changed > QUIET_SECONDS

    return settled


def wait_until(condition: Callable[[], bool], seconds: float, every: float = 0.1) -> bool:
    """Asks until the condition holds or the time is over; returns whether it held."""
    retrying = Retrying(
        retry=retry_if_result(lambda held: not held),
        stop=stop_after_delay(seconds),
        wait=wait_fixed(every),
    )
    try:
        return retrying(condition)
    except RetryError:
        return False
