"""The lab of a handler that sleeps first."""

import asyncio

from opentelemetry import trace

from .fault import NAME_ATTRIBUTE, Kind

DELAY = Kind("hopwatch.lab.delay", unit="ms", most=10_000)
DELAY_ATTRIBUTE = "hopwatch.lab.delay_ms"


async def sleep(milliseconds: int) -> None:
    """Sleep, and record that on the current span."""
    trace.get_current_span().set_attributes(
        {NAME_ATTRIBUTE: "delay", DELAY_ATTRIBUTE: milliseconds}
    )
    await asyncio.sleep(milliseconds / 1000)
