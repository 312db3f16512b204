"""The shop's page in a real browser, against the running stack."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from hopwatch_stack.paths import SAMPLE_STACK
from hopwatch_stack.waiting import wait_until
from tests.running_stack import RunningStack

TRACE_ID = re.compile(r"[0-9a-f]{32}")
STEP_MS = 15_000
SETTLE_SECONDS = 20
AXE = SAMPLE_STACK / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture
def page(browser: Browser, stack: RunningStack) -> Iterator[Page]:
    """A new customer's page; a script error anywhere in it fails the test."""
    context = browser.new_context(base_url=stack.shop_url)
    page = context.new_page()
    page.set_default_timeout(STEP_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def add_first_product(page: Page) -> str:
    """Puts the first product that can be had into the cart; returns its name."""
    card = page.get_by_test_id("product-card").filter(has=page.locator("button:enabled")).first
    name = card.get_by_role("heading").inner_text()
    card.get_by_test_id("add-to-cart").click()
    return name


def place_order(page: Page) -> str:
    """From the cart to the order's page; returns the trace id that it shows."""
    page.get_by_test_id("checkout-link").click()
    page.get_by_test_id("email-input").fill("ada@example.org")
    page.get_by_test_id("place-order").click()
    shown = page.get_by_test_id("trace-id")
    expect(shown).to_have_text(TRACE_ID)
    return shown.inner_text()


def stack_tells(stack: RunningStack, query: str, rows: list[tuple[object, ...]]) -> bool:
    """Whether the store answers so before long: spans are on their way for seconds."""
    return wait_until(lambda: stack.sql(query) == rows, SETTLE_SECONDS)


def test_customer_orders_and_sees_the_trace(page: Page, stack: RunningStack) -> None:
    page.goto("/")
    name = add_first_product(page)
    page.reload()
    expect(page.get_by_test_id("cart-count")).to_contain_text("1")
    page.get_by_test_id("cart-link").click()
    expect(page.get_by_test_id("cart-line")).to_contain_text(name)
    page.get_by_test_id("quantity").fill("3")
    page.get_by_test_id("quantity").press("Enter")
    expect(page.get_by_test_id("cart-count")).to_contain_text("3")
    total = page.get_by_test_id("cart-total").inner_text()

    trace_id = place_order(page)
    expect(page.get_by_test_id("order-line")).to_contain_text(name)
    expect(page.get_by_test_id("order-total")).to_have_text(total)
    expect(page.get_by_test_id("trace-command")).to_have_text(f"hopwatch trace {trace_id}")
    expect(page.get_by_test_id("cart-count")).to_have_count(0)

    # The order can be looked at again, in a trace of its own.
    order_url = page.url
    page.goto("/cart")
    page.goto(order_url)
    expect(page.get_by_test_id("order-total")).to_have_text(total)
    expect(page.get_by_test_id("trace-id")).not_to_have_text(trace_id)

    page.context.close()
    roots = f"""
        SELECT service_name, name, telemetry_sdk_language FROM spans
        WHERE hex(trace_id) ILIKE '{trace_id}' AND parent_span_id IS NULL
    """
    assert stack_tells(stack, roots, [("shop-web", "click place order", "webjs")])


def test_categories_narrow_and_more_can_be_shown(page: Page) -> None:
    page.goto("/products")
    cards = page.get_by_test_id("products").get_by_test_id("product-card")
    page.get_by_test_id("category-filter").get_by_role("link", name="Lighting").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Lighting")
    expect(cards).to_have_count(24)
    page.get_by_test_id("show-more").click()
    expect(cards).to_have_count(48)
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_have_text("All products")
    page.goto("/products?category=Nothing")
    expect(page.get_by_test_id("empty")).to_be_visible()


def test_address_that_cannot_be_is_not_sent(page: Page) -> None:
    requests: list[str] = []
    page.on("request", lambda request: requests.append(f"{request.method} {request.url}"))
    page.goto("/products")
    add_first_product(page)
    page.goto("/checkout")
    page.get_by_test_id("email-input").fill("ada")
    page.get_by_test_id("place-order").click()
    expect(page.get_by_test_id("email-error")).to_be_visible()
    expect(page.get_by_test_id("email-input")).to_be_focused()
    assert not [request for request in requests if request.endswith("/api/orders")]


def test_failure_is_told_logged_and_can_be_tried_again(page: Page) -> None:
    page.route("**/api/products*", lambda route: route.abort())
    with page.expect_request("**/otlp/v1/logs") as logged:
        page.goto("/products")
    assert "GET /api/products failed: network" in (logged.value.post_data or "")
    expect(page.get_by_test_id("error-message")).to_contain_text("cannot be reached")
    page.unroute("**/api/products*")
    page.get_by_test_id("retry").click()
    expect(page.get_by_test_id("product-card").first).to_be_visible()


def test_page_without_recommendations_says_so_and_sells(page: Page) -> None:
    page.goto("/products?lab=hopwatch.lab.delay%3Dshop-orders/Recommend:5000ms")
    expect(page.get_by_test_id("missing-parts")).to_contain_text("our recommendations")
    expect(page.get_by_test_id("recommendations")).to_have_count(0)
    add_first_product(page)
    expect(page.get_by_test_id("cart-count")).to_contain_text("1")
    page.goto("/products")
    expect(page.get_by_test_id("recommendations")).to_be_visible()
    expect(page.get_by_test_id("missing-parts")).to_have_count(0)


def test_order_whose_answer_was_lost_is_not_placed_twice(page: Page) -> None:
    placed: list[str] = []

    def lose_the_answer(route: Route) -> None:
        placed.append(route.fetch().json()["order"]["id"])
        route.abort()

    page.goto("/products")
    add_first_product(page)
    page.goto("/checkout")
    page.route("**/api/orders", lose_the_answer)
    page.get_by_test_id("email-input").fill("ada@example.org")
    page.get_by_test_id("place-order").click()
    expect(page.get_by_test_id("error-message")).to_be_visible()
    page.unroute("**/api/orders")
    page.reload()
    page.get_by_test_id("email-input").fill("ada@example.org")
    page.get_by_test_id("place-order").click()
    expect(page.get_by_test_id("order-id")).to_have_text(placed[0])
    assert len(placed) == 1


def require_accessible(page: Page) -> None:
    """What axe finds wrong, and whether the page is wider than the window, fails the test."""
    page.evaluate(AXE.read_text())
    violations = page.evaluate(
        "axe.run().then(({violations}) => violations.map(({id, nodes}) =>"
        " `${id}: ${nodes.map((node) => node.target.join(' ')).join(', ')}`))"
    )
    assert violations == [], page.url
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url


@pytest.mark.parametrize("width", [360, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible(page: Page, scheme: str, width: int) -> None:
    page.emulate_media(
        color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce"
    )
    page.set_viewport_size({"width": width, "height": 900})
    page.goto("/cart")
    expect(page.get_by_test_id("empty")).to_be_visible()
    require_accessible(page)
    page.goto("/products")
    add_first_product(page)
    expect(page.get_by_role("status").filter(has_text="is in your cart")).to_be_visible()
    require_accessible(page)
    page.get_by_test_id("cart-link").click()
    expect(page.get_by_test_id("cart-line")).to_be_visible()
    require_accessible(page)
    page.get_by_test_id("checkout-link").click()
    page.get_by_test_id("place-order").click()
    expect(page.get_by_test_id("email-error")).to_be_visible()
    require_accessible(page)
    page.goto("/cart")
    place_order(page)
    require_accessible(page)
    page.goto("/nowhere")
    expect(page.get_by_role("heading", level=1)).to_have_text("There is no such page")
    require_accessible(page)
    page.goto("/orders/unknown")
    expect(page.get_by_test_id("error-message")).to_be_visible()
    require_accessible(page)


def test_page_works_without_the_collector(page: Page) -> None:
    page.route("**/otlp/**", lambda route: route.abort())
    page.goto("/products")
    add_first_product(page)
    page.get_by_test_id("cart-link").click()
    assert place_order(page)


def test_lab_in_the_address_reaches_the_service_it_names(page: Page, stack: RunningStack) -> None:
    page.goto("/products?lab=hopwatch.lab.delay%3Dshop-orders/PlaceOrder:50ms")
    add_first_product(page)
    page.get_by_test_id("cart-link").click()
    trace_id = place_order(page)
    page.context.close()
    delayed = f"""
        SELECT service_name FROM spans
        WHERE hex(trace_id) ILIKE '{trace_id}' AND duration_nano >= 50000000
            AND span_attributes['hopwatch.lab.delay_ms'] = '50'
    """
    assert stack_tells(stack, delayed, [("shop-orders",)])


def test_page_that_is_left_leaves_no_orphans(page: Page, stack: RunningStack) -> None:
    lab = "hopwatch.lab.delay%3Dshop-bff/api/products:3000ms"
    with page.expect_request(re.compile(r"/api/products$")) as asked:
        page.goto(f"/products?lab={lab}", wait_until="commit")
    trace_id = asked.value.headers["traceparent"].split("-")[1]
    page.goto("about:blank")

    parents = f"""
        SELECT child.name, parent.name
        FROM spans child LEFT JOIN spans parent
            ON child.trace_id = parent.trace_id AND child.parent_span_id = parent.span_id
        WHERE hex(child.trace_id) ILIKE '{trace_id}' AND child.service_name = 'shop-web'
        ORDER BY child.name
    """
    assert stack_tells(stack, parents, [("GET", "load products"), ("load products", None)])


def test_page_is_isolated_so_that_its_clock_is_fine(page: Page) -> None:
    page.goto("/products")
    assert page.evaluate("crossOriginIsolated") is True
