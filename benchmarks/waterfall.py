"""How long a trace of many spans takes from a click on its link to its picture, in Chromium.

    python -m benchmarks.waterfall --spans 10000

Each run opens the trace in a new browser session from the list of traces, and takes the time
until its waterfall is drawn; then scrolls and zooms through it and takes the time a frame needs.
The first run also reads and attributes the trace; the others find it attributed.
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow.parquet as pq
from playwright.sync_api import Browser, Page, expect, sync_playwright

from hopwatch import spans
from hopwatch_stack import toolchains

_TRACE: Final = bytes.fromhex("0af7651916cd43dd8448eb211c80319c")
_SERVICES: Final = (
    ("web", "webjs"), ("gateway", "nodejs"), ("orders", "go"), ("prices", "rust"),
    ("reports", "python"), ("stock", "java"),
)  # fmt: skip
_BRANCHES: Final = 6
_WAIT_MS: Final = 60_000
_FRAMES: Final = """async () => {
    const frames = [];
    const find = (root) => {
        for (const element of root.querySelectorAll("*")) {
            if (element.matches(".scroller")) return element;
            const inside = element.shadowRoot && find(element.shadowRoot);
            if (inside) return inside;
        }
        return null;
    };
    const area = find(document);
    let last = await new Promise(requestAnimationFrame);
    for (let i = 0; i < 120; i++) {
        area.scrollTop += 97;
        const now = await new Promise(requestAnimationFrame);
        frames.push(now - last);
        last = now;
    }
    return frames.sort((a, b) => a - b);
}"""


def one_trace(count: int, *, seed: int = 1) -> dict[str, list[Any]]:
    """Columns of one trace of `count` spans: a tree of services that call each other, most
    children one after the other."""
    random = np.random.default_rng(seed)
    columns: dict[str, list[Any]] = {
        name: []
        for name in (
            "trace_id", "span_id", "parent_span_id", "name", "kind", "start_time_unix_nano",
            "duration_nano", "status_code", "service_name", "service_instance_id",
            "telemetry_sdk_language", "resource_attributes", "span_attributes",
            "span_attribute_types",
        )
    }  # fmt: skip
    start, length = 1_790_000_000_000_000_000, count * 2_000_000
    open_spans: list[tuple[int, int, int, int]] = [
        (0, start, length, 0)
    ]  # number, start, ns, service
    number = 0
    position = 0
    while position < len(open_spans):
        this, begin, took, service = open_spans[position]
        position += 1
        _add(columns, this, (this - 1) // _BRANCHES if this else None, begin, took, service, random)
        cuts = np.sort(random.random(2 * _BRANCHES)) * took
        for branch in range(_BRANCHES):
            if number + 1 >= count:
                break
            number += 1
            low, high = int(cuts[2 * branch]), int(cuts[2 * branch + 1])
            moves = random.random() < 0.3
            next_service = (service + 1) % len(_SERVICES) if moves else service
            open_spans.append((number, begin + low, max(high - low, 1), next_service))
    return columns


def _add(
    columns: dict[str, list[Any]],
    number: int,
    parent: int | None,
    start: int,
    took: int,
    service: int,
    random: np.random.Generator,
) -> None:
    name, language = _SERVICES[service]
    row = {
        "trace_id": _TRACE,
        "span_id": (number + 1).to_bytes(8, "big"),
        "parent_span_id": None if parent is None else (parent + 1).to_bytes(8, "big"),
        "name": f"{name}.operation{random.integers(40)}",
        "kind": "INTERNAL",
        "start_time_unix_nano": start,
        "duration_nano": took,
        "status_code": "ERROR" if random.random() < 0.01 else "UNSET",
        "service_name": name,
        "service_instance_id": f"{name}-1",
        "telemetry_sdk_language": language,
        "resource_attributes": [("service.name", name)],
        "span_attributes": [("number", str(number)), ("http.route", "/things/{id}")],
        "span_attribute_types": "is",
    }
    for key, value in row.items():
        columns[key].append(value)


@contextmanager
def served(path: Path) -> Iterator[str]:
    """The dashboard over a file; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    environment = os.environ | {"HOPWATCH_DASHBOARD_PATHS": json.dumps([str(path)])}
    process = subprocess.Popen(
        [sys.executable, "-m", "hopwatch_dashboards", "127.0.0.1", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


def measure(browser: Browser, url: str) -> tuple[float, float, float]:
    """Seconds from the click to the picture, and ms a frame takes while it scrolls: the median
    and the worst."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    page = context.new_page()
    page.goto(f"{url}/traces?last=all", timeout=_WAIT_MS)
    link = page.get_by_role("link", name=_TRACE.hex())
    expect(link).to_be_visible(timeout=_WAIT_MS)
    page.wait_for_timeout(500)  # the list has come to rest
    begun = time.perf_counter()
    link.click()
    _until_drawn(page)
    seconds = time.perf_counter() - begun
    page.get_by_label("Critical path only").uncheck()
    frames = page.evaluate(_FRAMES)
    context.close()
    return seconds, frames[len(frames) // 2], frames[-1]


def _until_drawn(page: Page) -> None:
    expect(page.get_by_role("tree")).to_have_attribute("aria-activedescendant", "row-a",
                                                       timeout=_WAIT_MS)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--spans", type=int, default=10_000)
    parser.add_argument("--runs", type=int, default=4)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder) / "trace.parquet"
        pq.write_table(spans.table_from_columns(one_trace(args.spans)), path)
        browser = playwright.chromium.launch(
            executable_path=toolchains.find("chromium"), args=["--disable-quic", "--disable-gpu"]
        )
        with served(path) as url:
            _wait_for(url)
            print(f"a trace of {args.spans:,} spans: from the click to the picture")
            for run in range(args.runs):
                seconds, usual, worst = measure(browser, url)
                kind = "first, attributes the trace" if run == 0 else "again"
                print(f"  {seconds:6.2f} s  {kind}; a frame while scrolling:"
                      f" {usual:.0f} ms, at worst {worst:.0f} ms")  # fmt: skip
        browser.close()


def _wait_for(url: str) -> None:
    host, port = url.removeprefix("http://").split(":")
    for _ in range(100):
        try:
            socket.create_connection((host, int(port)), timeout=1).close()
            return
        except OSError:
            time.sleep(0.2)
    raise TimeoutError(f"the dashboard did not listen at {url}")


if __name__ == "__main__":
    main()
