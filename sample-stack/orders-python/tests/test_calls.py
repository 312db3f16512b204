"""How calls end."""

import asyncio
import logging

import pytest
from grpc import StatusCode

from shop_orders import calls
from shop_orders.gen.hopwatch.shop.v1 import shop_pb2


async def forever() -> shop_pb2.Order:
    await asyncio.Event().wait()
    return shop_pb2.Order()


async def broken() -> shop_pb2.Order:
    raise LookupError("ann@example.com")


@pytest.mark.parametrize(
    ("seconds", "slack", "code"),
    [
        (None, 60, StatusCode.CANCELLED),
        (60, 0, StatusCode.CANCELLED),
        (60, 60, StatusCode.DEADLINE_EXCEEDED),
    ],
)
async def test_call_that_its_client_left(
    monkeypatch: pytest.MonkeyPatch, seconds: float | None, slack: float, code: StatusCode
) -> None:
    monkeypatch.setattr(calls, "DEADLINE_SLACK_SECONDS", slack)
    call = asyncio.create_task(calls.answer("/s/m", forever, seconds=seconds, obey_labs=False))
    await asyncio.sleep(0.01)
    call.cancel()
    outcome = await call
    assert (outcome.code, outcome.abandoned) == (code, True)


async def test_deadline_of_a_call() -> None:
    outcome = await calls.answer("/s/m", forever, seconds=0.05, obey_labs=False)
    assert (outcome.code, outcome.abandoned) == (StatusCode.DEADLINE_EXCEEDED, False)


async def test_what_nobody_foresaw_is_for_the_log_only(caplog: pytest.LogCaptureFixture) -> None:
    outcome = await calls.answer("/shop/Break", broken, seconds=None, obey_labs=False)
    assert (outcome.code, outcome.message) == (StatusCode.INTERNAL, "internal error")
    [record] = caplog.records
    assert record.levelno == logging.ERROR
    assert record.exc_info is not None
    assert vars(record)["rpc.method"] == "shop/Break"
