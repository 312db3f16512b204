"""Visits of the shop's page by a real browser. Run as a program; takes a LoadPlan as JSON."""

import collections
import sys
import time
import uuid

from playwright.sync_api import Browser, Error, Page, sync_playwright

from .. import toolchains
from . import report
from .plan import LoadPlan, VisitsResult

STEP_MS = 15_000
# A customer reads before leaving; meanwhile the page sends its spans.
READING_MS = 1_500
# Playwright keeps the browser's own traffic down; these are what it leaves out.
BROWSER_OPTIONS = ["--disable-quic", "--disable-gpu"]


def run(plan: LoadPlan) -> VisitsResult:
    """Makes the visits one after the other, spread over the plan's time."""
    start = time.monotonic()
    errors: collections.Counter[str] = collections.Counter()
    trace_ids: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=toolchains.find("chromium"), args=BROWSER_OPTIONS
        )
        report.progress(0, 0)
        for number in range(plan.visits):
            time.sleep(max(0, start + number * plan.seconds / plan.visits - time.monotonic()))
            try:
                trace_ids.append(_visit(browser, plan.shop_url))
            except Error as error:
                errors[error.message.partition("\n")[0]] += 1
            report.progress(number + 1, errors.total())
        browser.close()
    return VisitsResult(
        visits=plan.visits,
        failures=errors.total(),
        errors=dict(errors),
        trace_ids=trace_ids,
    )


def _visit(browser: Browser, shop_url: str) -> str:
    """A new customer orders a product; returns the trace id that the order's page shows."""
    context = browser.new_context(base_url=shop_url)
    try:
        page = context.new_page()
        page.set_default_timeout(STEP_MS)
        return _order(page)
    finally:
        context.close()


def _order(page: Page) -> str:
    page.goto("/products")
    page.locator("[data-testid=add-to-cart]:enabled").first.click()
    page.get_by_test_id("cart-link").click()
    page.get_by_test_id("checkout-link").click()
    page.get_by_test_id("email-input").fill(f"{uuid.uuid4().hex[:12]}@visit.example")
    page.get_by_test_id("place-order").click()
    trace_id = page.get_by_test_id("trace-id").inner_text()
    page.wait_for_timeout(READING_MS)
    return trace_id.strip()


if __name__ == "__main__":
    report.result(run(LoadPlan.from_json(sys.argv[1])))
