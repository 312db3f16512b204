"""Waiting for something to become true."""

from collections.abc import Callable

from tenacity import RetryError, Retrying, retry_if_result, stop_after_delay, wait_fixed


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
