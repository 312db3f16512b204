"""The time in which the server is away."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable

from opentelemetry import trace
from opentelemetry.trace import StatusCode

from .errors import AwayError, explain

# How long an outage may last before calls fail at once instead of waiting for its end.
PATIENCE_SECONDS = 5.0
PROBE_INTERVAL_SECONDS = 0.05
PROBE_TIMEOUT_SECONDS = 1.0

_log = logging.getLogger(__name__)
_tracer = trace.get_tracer(__name__)


class Outage:
    """Calls wait for the server's return together, and one probe knocks for all of them:

        server  ====x                          x=====
        probe        |-x-|-x-|-x-|-x-|-x-|-x-|-ok
        call a  ----x|...........................|---
        call b           |.......................|---

    Once it has lasted longer than PATIENCE_SECONDS, calls fail at once.
    """

    def __init__(self, probe: Callable[[], Awaitable[bool]]) -> None:
        # Tells whether the server takes connections.
        self._probe = probe
        self._since = 0.0
        # None while the server is believed to be there.
        self._watch: asyncio.Task[None] | None = None

    def begin(self, cause: BaseException) -> bool:
        """Start the outage, unless it is known already, and say whether it was started."""
        if self._watch is not None:
            return False
        self._since = time.monotonic()
        _log.warning("connection to the database lost", extra={"error": explain(cause)})
        self._watch = asyncio.create_task(self._knock_until_there())
        return True

    async def wait(self) -> None:
        """Return when the server is believed to be there, or raise AwayError."""
        if self._watch is None:
            return
        # The name says to the ledger that this is waiting, not work.
        with _tracer.start_as_current_span("acquire connection", record_exception=False) as span:
            left = self._since + PATIENCE_SECONDS - time.monotonic()
            done, _ = await asyncio.wait([self._watch], timeout=max(left, 0))
            if not done:
                span.set_status(StatusCode.ERROR, str(AwayError()))
                raise AwayError

    def stop(self) -> None:
        """Stop knocking; who waits goes on."""
        if self._watch is not None:
            self._watch.cancel()

    async def _knock_until_there(self) -> None:
        try:
            while not await self._knock():  # noqa: ASYNC110 - no event comes from outside
                await asyncio.sleep(PROBE_INTERVAL_SECONDS)
        finally:
            self._watch = None
        milliseconds = round((time.monotonic() - self._since) * 1000)
        _log.info("the database takes connections", extra={"outage_ms": milliseconds})

    async def _knock(self) -> bool:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_SECONDS):
                return await self._probe()
        except TimeoutError:
            return False
