"""How soon the dashboard answers, in a real browser.

    python -m benchmarks.many_spans --spans 1000000 --store DIR
    python -m benchmarks.dashboard --store DIR

`first page`: from the address typed to the ledger on the screen, the first visitor of a server
that has just started. `second visitor`: the same once the ledger is there. Clicks: from the
click to its result on the screen, the median and the worst of several. Times are wall times:
on a machine that does other work they are too long; CPU times are not.
"""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, sync_playwright

from hopwatch_stack import toolchains
from hopwatch_stack.ports import free_ports

PATIENCE_MS = 120_000
CLICKS = 5


@contextmanager
def served(store: Path) -> Iterator[tuple[str, psutil.Process]]:
    """A dashboard of the store; gives its address and its process."""
    port = free_ports(1)[0]
    process = subprocess.Popen(
        [sys.executable, "-m", "hopwatch.cli", "dashboard", "--store", str(store),
         "--listen", f"127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{port}"
    try:
        until_healthy(address)
        yield address, psutil.Process(process.pid)
    finally:
        process.send_signal(signal.SIGINT)
        process.wait()


def until_healthy(address: str) -> None:
    for _ in range(600):
        try:
            urllib.request.urlopen(f"{address}/_stcore/health", timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"the dashboard at {address} does not start")


def timed(action: Callable[[], object], shown: Callable[[], object]) -> float:
    """Seconds from before the action until `shown` returns."""
    begin = time.perf_counter()
    action()
    shown()
    return time.perf_counter() - begin


def open_page(browser: Browser, address: str) -> tuple[Page, float]:
    page = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    return page, timed(
        lambda: page.goto(f"{address}/?last=all"), lambda: page.wait_for_selector("tfoot td")
    )


def clicks(page: Page) -> dict[str, list[float]]:
    """Seconds of several clicks of each sort, each until what it asks for is shown."""
    found: dict[str, list[float]] = {"percentile": [], "hop": [], "back": []}
    statistic = page.get_by_role("radiogroup").or_(page.get_by_test_id("stButtonGroup"))
    for _ in range(CLICKS):
        for name, text in (("p90", "at p90"), ("mean", "the mean of")):
            button = statistic.get_by_text(name, exact=True)
            caption = page.locator("caption").filter(has_text=text)
            found["percentile"].append(timed(button.click, caption.wait_for))
        takes = page.locator(".says").filter(has_text=" of a request, ").filter(has_text=" calls.")
        found["hop"].append(timed(page.locator(".strip a").last.click, takes.wait_for))
        nav = page.get_by_role("link", name="Where the time goes")
        found["back"].append(timed(nav.click, page.locator("tfoot td").first.wait_for))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--store", type=Path, required=True, help="a store to show")
    parser.add_argument("--json", type=Path, help="write the results to this file as well")
    args = parser.parse_args()
    results: dict[str, float] = {}
    with served(args.store) as (address, server), sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=toolchains.find("chromium"), args=["--disable-quic", "--disable-gpu"]
        )
        _, results["first page"] = open_page(browser, address)
        page, results["second visitor"] = open_page(browser, address)
        before = server.cpu_times()
        measured = clicks(page)
        spent = sum(server.cpu_times()[:2]) - sum(before[:2])
        results["server CPU per click"] = spent / sum(map(len, measured.values()))
        for name, seconds in measured.items():
            results[f"{name}, median"] = statistics.median(seconds)
            results[f"{name}, worst"] = max(seconds)
        browser.close()
    for name, took in results.items():
        print(f"{name:24}{took:8.2f} s")
    if args.json:
        args.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
