"""What every call goes through, whichever protocol it came by."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from google.protobuf.message import Message
from grpc import StatusCode

from . import labs
from .database import is_unavailable
from .database.errors import explain, sql_state
from .refusals import RefusalError
from .telemetry import SERVICE_NAME

# Bounds calls whose client set no deadline, or one far away.
MAX_CALL_SECONDS = 10.0
DEADLINE_SLACK_SECONDS = 0.02

Request = TypeVar("Request", bound=Message)
Response = TypeVar("Response", bound=Message)
# A method of a servicer; the second argument is gRPC's context, which ours do not use.
Handler = Callable[[Any, Any], Awaitable[Response]]

_log = logging.getLogger(__name__)

_LEVELS = {
    StatusCode.INTERNAL: logging.ERROR,
    StatusCode.UNAVAILABLE: logging.ERROR,
    StatusCode.DEADLINE_EXCEEDED: logging.WARNING,
    StatusCode.RESOURCE_EXHAUSTED: logging.WARNING,
}


@dataclass(frozen=True)
class Outcome(Generic[Response]):
    """How a call ended: with a response, or with a code and a message for the client."""

    code: StatusCode
    message: str = ""
    response: Response | None = None
    # Nobody waits for it any more.
    abandoned: bool = False


async def answer(
    method: str,
    handle: Callable[[], Awaitable[Response]],
    *,
    seconds: float | None,
    obey_labs: bool,
) -> Outcome[Response]:
    """Handle a call of method ("/package.Service/Method") that its client waits so long for. What
    goes wrong becomes a status of the contract, and each call is logged. What the client need not
    know goes to the log only."""
    start = time.perf_counter()
    error: BaseException | None = None
    try:
        outcome = Outcome(
            StatusCode.OK, response=await _limited(method, handle, seconds, obey_labs)
        )
    except asyncio.CancelledError as gone:
        error, outcome = gone, _abandoned(seconds, time.perf_counter() - start)
    except Exception as failure:
        error, outcome = failure, _outcome_of(failure)
    _log_call(method, outcome, time.perf_counter() - start, error)
    return outcome


async def _limited(
    method: str, handle: Callable[[], Awaitable[Response]], seconds: float | None, obey_labs: bool
) -> Response:
    allowed = MAX_CALL_SECONDS if seconds is None else min(seconds, MAX_CALL_SECONDS)
    try:
        async with asyncio.timeout(allowed) as limit:
            if obey_labs:
                return await labs.obeyed(SERVICE_NAME, method, handle)
            return await handle()
    except TimeoutError:
        if not limit.expired():
            raise
        raise RefusalError(
            StatusCode.DEADLINE_EXCEEDED, "the call took longer than its deadline"
        ) from None


def _abandoned(seconds: float | None, passed: float) -> Outcome[Any]:
    """Clients leave by themselves when their deadline has passed, a little before we would end."""
    if seconds is not None and passed > seconds - DEADLINE_SLACK_SECONDS:
        message = "the call took longer than its deadline"
        return Outcome(StatusCode.DEADLINE_EXCEEDED, message, abandoned=True)
    return Outcome(StatusCode.CANCELLED, "the client has gone", abandoned=True)


def _outcome_of(error: Exception) -> Outcome[Any]:
    if isinstance(error, RefusalError):
        return Outcome(error.code, error.message)
    if is_unavailable(error):
        return Outcome(StatusCode.UNAVAILABLE, "the database cannot answer now; try again")
    return Outcome(StatusCode.INTERNAL, "internal error")


def _log_call(
    method: str, outcome: Outcome[Any], seconds: float, error: BaseException | None
) -> None:
    fields = {
        "rpc.method": method.removeprefix("/"),
        "rpc.response.status_code": outcome.code.name,
        "duration_ms": round(seconds * 1000, 3),
    }
    if error is not None:
        fields["error"] = error.logged if isinstance(error, RefusalError) else explain(error)
    # Where it was, of what nobody foresaw. Postgres's errors would print rows.
    unforeseen = error is not None and outcome.code is StatusCode.INTERNAL and not sql_state(error)
    _log.log(
        _LEVELS.get(outcome.code, logging.INFO),
        "call",
        extra=fields,
        exc_info=error if unforeseen else None,
    )
