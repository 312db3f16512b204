"""From Node to Go: the demo's story, and a bridge that says what the services' own histograms say.

`make soak` asks that of a minute of each side.
"""

import json
import os
import re
import shlex
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from io import StringIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from rich.console import Console

from hopwatch.store import open_reader
from hopwatch_stack import runtimes
from hopwatch_stack.cli import up
from hopwatch_stack.migration import story, turns
from hopwatch_stack.processes import ProcessRuntime
from hopwatch_stack.settings import Settings
from hopwatch_stack.waiting import wait_until
from tests.running_stack import RunningStack, started

SOAK = bool(os.environ.get("HOPWATCH_SOAK"))
RATE = 25.0
WARM_SECONDS = 10.0 if SOAK else 4.0
MEASURED_SECONDS = 60.0 if SOAK else 12.0
EXPORT_SECONDS = 60
# Of the histograms' change: what issue and readers are promised.
TOLERANCE = 0.05

BY_VERSION = """
SELECT service_version AS version, count(DISTINCT trace_id) AS traces FROM spans
WHERE service_name = '{service}' AND kind = 'SERVER' GROUP BY ALL
"""
ROOTS = "SELECT count(*) AS traces FROM spans WHERE service_name = 'shop-load'"
# What orders needed for the calls that a request of an order makes, by their own histogram.
CALLS = """
SELECT service_instance_id AS id, max(time_unix_nano) AS time, max(sum) AS s, max(count) AS calls,
    point_attributes['rpc.method'] AS method
FROM metrics
WHERE name = 'rpc.server.call.duration' AND service_version = '{version}'
    AND point_attributes['rpc.response.status_code'] = 'OK'
GROUP BY ALL
"""


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("about", "service", "versions"),
    [
        ("orders", "shop-orders", ["dev+node", "dev+go"]),
        ("payments", "shop-orders", ["dev+go", "dev+go.payments-apart"]),
        pytest.param(
            "protocol",
            "shop-bff",
            ["dev+grpc", "dev+rest"],
            marks=pytest.mark.skipif(
                not SOAK, reason="as the one before (HOPWATCH_SOAK=1 runs it)"
            ),
        ),
    ],
)
def test_demo_tells_of_both_and_of_the_difference(
    about: str,
    service: str,
    versions: list[str],
    free_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    seconds = 36 if about == "orders" else 24
    monkeypatch.setattr(story, "SECONDS", float(seconds))
    monkeypatch.setattr(turns, "FIRST_WARM_SECONDS", 2.0)
    monkeypatch.setattr(story, "VISITS", 1)
    console = Console(file=StringIO(), width=80)
    told = story.story_of(about, free_settings, runtimes.DEFAULT, console)
    runtime = ProcessRuntime(free_settings.state_dir)
    supervisor = up.supervisor_of(free_settings, runtime, console)
    with up.running(supervisor, told.settings, runtime, console, told.begins):
        # It is to name the dashboard, which takes seconds to start.
        linked = replace(told, settings=replace(told.settings, dashboard=True))
        result = story.tell(linked, supervisor, console)
    assert result.requests is not None
    assert (result.requests.errors, result.requests.requests) == ({}, seconds * story.RATE)
    with open_reader(free_settings.store) as reader:
        rows = reader.sql(BY_VERSION.format(service=service)).to_pylist()
        [made] = reader.sql(ROOTS).to_pylist()
    # Each side was traced, and what was made while neither was to be was not.
    assert {row["version"] for row in rows} == set(versions)
    assert 0 < made["traces"] < result.requests.requests - 4 * story.RATE
    printed = capfd.readouterr().out
    assert printed.count("Where the time of a request goes") == 2
    assert "From before to after, by hop" in printed
    assert all(len(line) <= 80 for line in printed.splitlines())
    said = console.file.getvalue()  # type: ignore[attr-defined]
    link = parse_qs(urlsplit(re.search(r"http\S+/compare\S+", said)[0]).query)  # type: ignore[index]
    assert [link["before"], link["after"]] == [[version] for version in versions]
    # What is told to do again says the same, whatever load comes later.
    again = shlex.split(re.search(r"hopwatch (compare .*)", said)[1])  # type: ignore[index]
    assert {"--since", "--until"} <= set(again)
    subprocess.run([sys.executable, "-m", "hopwatch.cli", *again], check=True)
    verdict = printed[printed.rindex("What was compared") :].partition("Look further")[0]
    assert verdict.strip() in capfd.readouterr().out


@dataclass(frozen=True)
class Side:
    """One load: its window, and seconds of orders' own time that a request of it took."""

    window: str
    seconds_each: float


@pytest.fixture
def stack(free_settings: Settings) -> Iterator[RunningStack]:
    with started(replace(free_settings, orders="node"), runtimes.DEFAULT) as stack:
        yield stack


@pytest.mark.alone
@pytest.mark.timeout(900)
def test_bridge_says_what_the_services_own_histograms_say(stack: RunningStack) -> None:
    before = _measured(stack, "node")
    stack.stack.swap("orders", "go")
    after = _measured(stack, "go")
    done = subprocess.run(
        [sys.executable, "-m", "hopwatch.cli", "compare", before.window, after.window,
         "--store", stack.store, "--route", "GET /api/orders/*", "--json"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    # Its own time, its waits and its statements: what a server's histogram measures.
    change = sum(
        term["ns"]
        for term in json.loads(done.stdout)["terms"]
        if (term["hop"] == "shop-orders" and term["kind"] != "gap") or term["kind"] == "db"
    )
    wanted = after.seconds_each - before.seconds_each
    assert change / 1e9 == pytest.approx(wanted, rel=TOLERANCE)


def _measured(stack: RunningStack, implementation: str) -> Side:
    """A load of requests for orders, from an export of the histograms while it is on to one after
    its end: what it asks before its first request is before the first of them."""
    seconds = WARM_SECONDS + MEASURED_SECONDS
    with stack.load_meanwhile(rate=RATE, seconds=seconds, journeys=("get-order",)) as load:
        time.sleep(WARM_SECONDS)
        first = _exported(stack, implementation)
    assert load.result.failures == 0
    last = _exported(stack, implementation)
    window = "/".join(
        datetime.fromtimestamp(one.at_ns / 1e9, UTC).isoformat() for one in (first, last)
    )
    return Side(window, _seconds_each(first, last))


def _seconds_each(first: "Exported", last: "Exported") -> float:
    """Each request asks for its order once, and then for what goes with it."""
    seconds, calls = 0.0, []
    for method in ("Orders/GetOrder", "Catalog/Recommend"):
        before, after = first.methods[method], last.methods[method]
        calls.append(after[1] - before[1])
        seconds += (after[0] - before[0]) / calls[-1]
    # One request may be between the two while the first export is made.
    assert calls[0] > RATE
    assert abs(calls[0] - calls[1]) <= 1
    return seconds


@dataclass(frozen=True)
class Exported:
    """When it was made; sum in seconds and count of calls by method."""

    at_ns: int
    methods: dict[str, tuple[float, int]]


def _exported(stack: RunningStack, implementation: str) -> Exported:
    """An export that begins from now on."""
    now = time.time_ns()
    found: list[dict[str, Any]] = []

    def exported() -> bool:
        found[:] = _points(stack, implementation)
        return bool(found) and min(row["time"] for row in found) > now

    assert wait_until(exported, EXPORT_SECONDS, every=0.5)
    [at_ns] = {row["time"] for row in found}
    return Exported(
        at_ns,
        {
            row["method"].removeprefix("hopwatch.shop.v1."): (row["s"], row["calls"])
            for row in found
        },
    )


def _points(stack: RunningStack, implementation: str) -> list[dict[str, Any]]:
    with open_reader(stack.store) as reader:
        rows: list[dict[str, Any]] = reader.sql(
            CALLS.format(version=f"dev+{implementation}")
        ).to_pylist()
    return rows
