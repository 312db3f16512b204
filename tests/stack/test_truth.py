"""Known truth: a delay injected into one service raises that service's own time and no other."""

import json
import statistics
import subprocess
import sys
from collections import defaultdict

import pytest

from tests.running_stack import RunningStack

DELAY_MS = 50
TOLERANCE_MS = 2
CELL = ("shop-orders", "go", "self")
LABS = """
SELECT lower(hex(trace_id)) FROM spans
WHERE span_attributes['hopwatch.lab.name'] = 'delay'
    AND span_attributes['hopwatch.lab.delay_ms'] = '50'
    AND trace_id IN (SELECT trace_id FROM spans WHERE service_name = 'shop-load')
"""


@pytest.fixture(scope="module")
def cells_ms(stack: RunningStack) -> dict[bool, dict[tuple[str, ...], list[float]]]:
    """Milliseconds by cell of every order; True: of those that carried the delay."""
    result = stack.load(
        rate=15,
        seconds=20,
        journeys=("order",),
        lab=f"hopwatch.lab.delay=shop-orders/PlaceOrder:{DELAY_MS}ms",
        lab_every=10,
    )
    assert result.requests is not None
    assert result.requests.errors == {}
    delayed = {trace_id for (trace_id,) in stack.sql(LABS)}
    assert len(delayed) == result.requests.labs
    done = subprocess.run(
        [sys.executable, "-m", "hopwatch.cli", "report", "--store", stack.store,
         "--route", "POST /api/orders", "--per-trace", "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    requests = [json.loads(line) for line in done.stdout.splitlines()]
    names = {_name(cell) for request in requests for cell in request["cells"]}
    by_delay: dict[bool, dict[tuple[str, ...], list[float]]] = {True: {}, False: {}}
    for request in requests:
        own = defaultdict(float)
        for cell in request["cells"]:
            own[_name(cell)] += cell["ns"] / 1e6
        assert sum(cell["ns"] for cell in request["cells"]) == request["duration_ns"]
        for name in names:
            by_delay[request["trace_id"] in delayed].setdefault(name, []).append(own[name])
    return by_delay


def _name(cell: dict[str, str]) -> tuple[str, ...]:
    return cell["hop"], cell["language"], cell["kind"]


def test_delay_is_found_where_it_was_injected(
    cells_ms: dict[bool, dict[tuple[str, ...], list[float]]],
) -> None:
    # Medians: other work on the machine now and then holds up a request of either kind.
    risen = {
        name: statistics.median(cells_ms[True][name]) - statistics.median(values)
        for name, values in cells_ms[False].items()
    }
    assert risen.pop(CELL) == pytest.approx(DELAY_MS, abs=TOLERANCE_MS)
    assert {name: rise for name, rise in risen.items() if abs(rise) > TOLERANCE_MS} == {}
