"""Restarts and crashes under load: what clients see of them, and what of the telemetry is kept.

`make soak` restarts each service amid thousands of requests.
"""

import os

import pytest

from hopwatch_stack.load.plan import RequestsResult
from hopwatch_stack.waiting import wait_until, wait_until_settled
from tests.running_stack import SETTLE_SECONDS, RunningStack

SERVICES = ("bff", "orders", "postgres", "collector", "hopwatch")
# Every request needs them. The others serve nobody but operators.
IN_THE_WAY = ("bff", "orders", "postgres")
SOAK = bool(os.environ.get("HOPWATCH_SOAK"))
RATE = 50.0 if SOAK else 20.0
RESTART_REQUESTS = 5_000 if SOAK else 100
CRASH_REQUESTS = 120
# So long may one request take, with all that clients try: their deadline, and a little.
BOUND_MS = 12_000
BACK_SECONDS = 60

STORED = "SELECT count(DISTINCT (trace_id, span_id)) FROM spans WHERE service_name = 'shop-load'"


@pytest.fixture(scope="module")
def loads() -> list[RequestsResult]:
    """What came of each load on the stack of this file."""
    return []


@pytest.mark.timeout(900)
@pytest.mark.parametrize("service", SERVICES)
def test_restart_under_load_loses_no_request(
    own_stack: RunningStack, loads: list[RequestsResult], service: str
) -> None:
    before = own_stack.status()[service].instance
    with own_stack.load_meanwhile(rate=RATE, seconds=RESTART_REQUESTS / RATE) as load:
        own_stack.stack.restart([service])
    loads.append(load.result)
    assert load.result.errors == {}
    assert load.result.requests == RESTART_REQUESTS
    after = own_stack.status()[service]
    assert (after.state, after.instance != before) == ("ready", True)


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("once_in_containers")
@pytest.mark.parametrize("service", SERVICES)
def test_crash_under_load_is_bounded_and_mended(
    own_stack: RunningStack, loads: list[RequestsResult], service: str
) -> None:
    before = own_stack.status()
    with own_stack.load_meanwhile(rate=20, seconds=CRASH_REQUESTS / 20) as load:
        own_stack.kill(service)
        assert wait_until(lambda: "is back" in own_stack.status()[service].note, BACK_SECONDS)
    loads.append(load.result)
    result = load.result
    assert result.requests == CRASH_REQUESTS
    assert result.latency_ms["max"] < BOUND_MS
    if service not in IN_THE_WAY:
        assert (result.errors, result.retried) == ({}, 0)
    after = own_stack.status()
    assert after[service].state == "ready"
    others = set(before) - {service}
    assert {name: after[name].instance for name in others} == {
        name: before[name].instance for name in others
    }
    with own_stack.load_meanwhile(rate=10, seconds=1) as healthy:
        pass
    loads.append(healthy.result)
    assert healthy.result.errors == {}


def test_what_was_acknowledged_is_there(
    own_stack: RunningStack, loads: list[RequestsResult]
) -> None:
    """The load counts its own spans that the collector did not take; all others are stored,
    whichever process on their way was killed."""
    assert wait_until_settled(own_stack.store, SETTLE_SECONDS)
    sent = sum(result.requests for result in loads)
    lost = sum(result.lost_spans for result in loads)
    [(stored,)] = own_stack.sql(STORED)
    assert sent - lost <= stored <= sent
    assert lost < sent / 10
