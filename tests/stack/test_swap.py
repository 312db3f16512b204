"""The shop's variants under load: implementations of orders are exchanged, payments become a
service, again and again while it is on, and no request fails. `make soak` does it over 5,000
requests each."""

import itertools
import os
from dataclasses import replace

import pytest

from hopwatch_stack import runtimes
from hopwatch_stack.errors import StackError
from hopwatch_stack.settings import Settings
from hopwatch_stack.waiting import wait_until_settled
from tests.running_stack import SETTLE_SECONDS, RunningStack, started
from tests.stack.conftest import all_that_can_be_had

SOAK = bool(os.environ.get("HOPWATCH_SOAK"))
# The rate that Python serves with a core to itself.
RATE = 25.0 if SOAK else 15.0
REQUESTS = 5_000 if SOAK else 300
LANGUAGES = {"go": "go", "node": "nodejs", "rust": "rust", "python": "python"}

SERVED_BY = """
SELECT DISTINCT service_version, telemetry_sdk_language FROM spans
WHERE service_name = 'shop-orders' AND kind = 'SERVER'
"""
# Calls that payments served, by the service that called.
PAYMENTS_CALLED_BY = """
SELECT DISTINCT caller.service_name FROM spans child JOIN spans caller
    ON child.trace_id = caller.trace_id AND child.parent_span_id = caller.span_id
WHERE child.service_name = 'shop-payments' AND child.kind = 'SERVER'
"""


def expect_none_lost(stack: RunningStack, *steps: tuple[str, ...]) -> None:
    """Restarts (of a service) and swaps (to a variant), one after the other and from the first
    again, as long as load is on."""
    taken = 0
    with stack.load_meanwhile(rate=RATE, seconds=REQUESTS / RATE) as load:
        for service, *variant in itertools.cycle(steps):
            if not load.is_on:
                break
            take(stack, service, *variant)
            taken += 1
    assert taken >= len(steps)
    assert load.result.errors == {}
    assert load.result.requests == REQUESTS
    assert wait_until_settled(stack.store, SETTLE_SECONDS)


def take(stack: RunningStack, service: str, variant: str = "") -> None:
    before = stack.status()[service].instance
    if variant:
        stack.stack.swap(service, variant)
        assert variant not in LANGUAGES or stack.status()[service].implementation == variant
    else:
        stack.stack.restart([service])
    after = stack.status()[service]
    assert (after.state, after.instance != before) == ("ready", True)


@pytest.mark.timeout(900)
def test_orders_change_their_language_under_load(free_settings: Settings) -> None:
    names = all_that_can_be_had()
    with started(free_settings, runtimes.DEFAULT) as stack:
        expect_none_lost(stack, *(("orders", name) for name in (*names[1:], names[0])))
        assert sorted(stack.sql(SERVED_BY)) == sorted(
            (f"dev+{name}", LANGUAGES[name]) for name in names
        )
        with pytest.raises(StackError, match="bff has no variant go"):
            stack.stack.swap("bff", "go")


@pytest.mark.timeout(900)
def test_orders_by_rest_change_their_language_under_load(free_settings: Settings) -> None:
    with started(replace(free_settings, protocol="rest"), runtimes.DEFAULT) as stack:
        expect_none_lost(stack, ("orders", "python"), ("bff",), ("orders", "go"))
        assert stack.sql(
            "SELECT count(*) > 0 FROM spans WHERE service_name = 'shop-orders' "
            "AND name = 'GET /v1/products'"
        ) == [(True,)]
        with pytest.raises(StackError, match="orders in node serve gRPC only; by REST there are"):
            stack.stack.swap("orders", "node")
        assert stack.status()["orders"].state == "ready"


@pytest.mark.timeout(900)
def test_payments_are_extracted_and_restart_under_load(free_settings: Settings) -> None:
    with started(replace(free_settings, payments="service"), runtimes.DEFAULT) as stack:
        expect_none_lost(stack, ("orders", "module"), ("orders", "service"), ("payments",))
        assert sorted(stack.sql(SERVED_BY)) == [("dev+go", "go"), ("dev+go.payments-apart", "go")]
        assert stack.sql(PAYMENTS_CALLED_BY) == [("shop-orders",)]
