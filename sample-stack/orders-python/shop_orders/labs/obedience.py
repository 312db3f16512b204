"""Does to a call what its baggage asks for."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from .delay import DELAY, sleep
from .n_plus_one import N_PLUS_ONE, SplitCall, split_call
from .slow_sql import SLOW_SQL, SlowCall, slow_call

T = TypeVar("T")


async def obeyed(service: str, method: str, handle: Callable[[], Awaitable[T]]) -> T:
    """Handle a call of method ("/package.Service/Method") with the faults that are meant for
    service."""
    milliseconds = SLOW_SQL.asked(service, method)
    most = N_PLUS_ONE.asked(service, method)
    slow = slow_call.set(SlowCall(milliseconds) if milliseconds else None)
    split = split_call.set(SplitCall(most) if most else None)
    try:
        if delay := DELAY.asked(service, method):
            await sleep(delay)
        return await handle()
    finally:
        slow_call.reset(slow)
        split_call.reset(split)
