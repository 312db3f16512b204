"""Traces in a real browser: found, drawn on the canvas, walked through by keys, searched."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.browser.conftest import Serve
from tests.spans_dsl import MS, span, span_id, table, trace_id

STEP_MS = 30_000
MANY = 10_000
HOSTILE = (
    "<script>window.stolen = 1</script><img src=x onerror='window.stolen = 1'>"
    " [x](javascript:alert(1)) \u202egnp.exe \x1b[31m" + "long" * 2500
)

SHOP = (
    span("page", 0, 30 * MS, service="web", language="webjs", span_name="click order"),
    span("fetch", 1 * MS, 29 * MS, "page", service="web", language="webjs", kind="CLIENT"),
    span("bff", 1003 * MS, 1028 * MS, "fetch", service="bff", language="nodejs", kind="SERVER",
         span_name="POST /orders", user="ada"),
    span("rpc", 1005 * MS, 1025 * MS, "bff", service="bff", language="nodejs", kind="CLIENT"),
    span("serve", 1006 * MS, 1024 * MS, "rpc", service="shop", kind="SERVER", status="ERROR",
         span_name="shop.v1.Orders/PlaceOrder"),
    span("sql", 1008 * MS, 1020 * MS, "serve", service="shop", kind="CLIENT",
         db_system_name="postgresql", db_namespace="shop", span_name="INSERT orders"),
    span("sql2", 1020 * MS, 1023 * MS, "serve", service="shop", kind="CLIENT",
         db_system_name="postgresql", db_namespace="shop", span_name="UPDATE stock"),
)  # fmt: skip
TREE_OF_HOSTILE = (
    span("evil", 0, 9 * MS, trace="evil", service=HOSTILE, language=HOSTILE, span_name=HOSTILE,
         **{"a.b": HOSTILE}),
    span("below", MS, 5 * MS, "evil", trace="evil", service=HOSTILE, span_name=HOSTILE,
         language="go"),
)  # fmt: skip


def many() -> Iterator[dict[str, Any]]:
    """One trace of `MANY` spans: a hundred calls with a hundred steps each, one after another."""
    yield span("top", 0, 1000 * MS, trace="many", service="web", language="webjs")
    for i in range(100):
        start = i * 10 * MS
        yield span(f"call{i}", start, start + 9 * MS, "top", trace="many", service=f"s{i % 5}",
                   language="go", span_name=f"call {i}")  # fmt: skip
        for j in range((MANY - 101) // 100 + (i < (MANY - 101) % 100)):
            at = start + j * 80_000
            yield span(f"step{i}-{j}", at, at + 70_000, f"call{i}", trace="many",
                       service=f"s{i % 5}", language="go", span_name=f"step {j}")  # fmt: skip


@pytest.fixture(scope="module")
def dashboard(serve: Serve) -> str:
    """The dashboard over a file of traces; its address."""
    return serve(table(*SHOP, *TREE_OF_HOSTILE, *many()))


@pytest.fixture
def page(browser: Browser, dashboard: str) -> Iterator[Page]:
    """A new visitor; a script error anywhere, or a dialog, fails the test."""
    context = browser.new_context(base_url=dashboard, viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(STEP_MS)
    expect.set_options(timeout=STEP_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("dialog", lambda dialog: errors.append(dialog.message))
    yield page
    context.close()
    assert errors == []


@pytest.fixture
def open_trace(page: Page) -> Callable[..., Locator]:
    """Opens a trace by its link; gives its tree of spans."""

    def opened(name: str = "t", **parameters: str) -> Locator:
        more = "".join(f"&{key}={value}" for key, value in parameters.items())
        page.goto(f"/traces?trace={trace_id(name).hex()}{more}")
        tree = page.get_by_role("tree")
        expect(tree).to_have_attribute("aria-activedescendant", re.compile("row-"))
        return tree

    return opened


def current(page: Page) -> Locator:
    """The span that the keyboard is at, as a screen reader is told."""
    return page.locator("[role=treeitem][id]")


def picture(page: Page) -> str:
    """What is drawn of the rows."""
    return str(page.locator("canvas.rows").evaluate("canvas => canvas.toDataURL()"))


def changes(page: Page, before: str) -> bool:
    """Whether the picture becomes another one."""
    for _ in range(50):
        if picture(page) != before:
            return True
        page.wait_for_timeout(50)
    return False


def test_a_trace_is_found_and_opened(page: Page) -> None:
    page.goto("/traces?last=all&service=shop")
    page.get_by_role("link", name=re.compile("^click order")).click()
    expect(page.get_by_role("tree")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("click order")
    assert f"trace={trace_id().hex()}" in page.url
    expect(page.get_by_text("30,000,000", exact=True)).to_be_visible()
    page.get_by_role("button", name="All traces").click()
    expect(page.get_by_role("link", name=re.compile("^click order"))).to_be_visible()
    page.wait_for_url("**service=shop*")  # what was asked is asked still


def test_the_shop_s_link_leads_to_the_trace(page: Page) -> None:
    page.goto(f"/?trace={trace_id().hex()}")
    expect(page.get_by_role("tree")).to_be_visible()


def test_a_point_of_the_picture_opens_its_trace(page: Page) -> None:
    page.goto(f"/traces?last=all&id={trace_id().hex()[:8]}")
    expect(page.get_by_text("1 trace.")).to_be_visible()
    page.locator("path[aria-roledescription=point]").click()
    expect(page.get_by_role("tree")).to_be_visible()


def test_keys_walk_through_the_tree(page: Page, open_trace: Callable[..., Locator]) -> None:
    tree = open_trace()
    tree.focus()
    expect(current(page)).to_have_text(re.compile("^click order, web, 30.00 ms"))
    page.keyboard.press("ArrowDown")
    expect(current(page)).to_have_text(re.compile("^fetch"))
    page.keyboard.press("End")
    expect(current(page)).to_have_text(re.compile("^UPDATE stock"))
    page.keyboard.press("ArrowLeft")
    expect(current(page)).to_have_text(re.compile("PlaceOrder.*failed"))
    expect(current(page)).to_have_attribute("aria-expanded", "true")
    page.keyboard.press("ArrowLeft")
    expect(current(page)).to_have_attribute("aria-expanded", "false")
    expect(current(page)).to_have_attribute("aria-setsize", "5")
    page.keyboard.press("ArrowRight")
    expect(current(page)).to_have_attribute("aria-setsize", "7")
    page.keyboard.press("Home")
    expect(current(page)).to_have_attribute("aria-posinset", "1")


def test_enter_shows_a_span_s_details_and_puts_them_in_the_url(
    page: Page, open_trace: Callable[..., Locator]
) -> None:
    open_trace().focus()
    for _ in range(2):
        page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_text("ada", exact=True)).to_be_visible()
    page.wait_for_url(f"**span={span_id('bff').hex()}*")
    # The link shows the same to somebody else.
    page.goto(page.url)
    expect(page.get_by_text("ada", exact=True)).to_be_visible()
    expect(current(page)).to_have_attribute("aria-selected", "true")


def test_a_click_selects_and_a_hover_tells(page: Page, open_trace: Callable[..., Locator]) -> None:
    open_trace()
    rows = page.locator("canvas.rows")
    rows.hover(position={"x": 700, "y": 24 * 4 + 12})
    tip = page.get_by_role("tooltip")
    expect(tip).to_contain_text("shop.v1.Orders/PlaceOrder")
    expect(tip).to_contain_text("18,000,000 ns")
    rows.click(position={"x": 700, "y": 24 * 5 + 12})
    expect(page.get_by_text("postgresql/shop, db")).to_be_visible()


def test_search_finds_and_goes_from_match_to_match(
    page: Page, open_trace: Callable[..., Locator]
) -> None:
    tree = open_trace()
    tree.focus()
    page.keyboard.press("/")
    search = page.get_by_role("searchbox")
    expect(search).to_be_focused()
    search.fill("S")
    search.fill("shop")
    expect(page.get_by_text("3 found")).to_be_visible()
    search.press("Enter")
    expect(page.get_by_text("1 of 3")).to_be_visible()
    expect(current(page)).to_have_text(re.compile("PlaceOrder"))
    search.press("Enter")
    expect(current(page)).to_have_text(re.compile("^INSERT"))


def test_zoom_and_clocks_change_the_picture(page: Page, open_trace: Callable[..., Locator]) -> None:
    tree = open_trace()
    tree.focus()
    page.wait_for_timeout(300)
    whole = picture(page)
    page.keyboard.press("+")
    assert changes(page, whole)
    page.keyboard.press("0")
    assert changes(page, picture(page)) or picture(page) == whole
    assert picture(page) == whole
    page.get_by_label("Clocks aligned").uncheck()
    assert changes(page, whole)  # the bff's clock is a second ahead
    page.get_by_text("How the clocks were aligned").click()
    expect(page.get_by_text("web -> bff").last).to_be_visible()


def test_hostile_names_are_only_text(page: Page, open_trace: Callable[..., Locator]) -> None:
    page.goto("/traces?last=all")
    expect(page.get_by_role("table")).to_contain_text("<script>")
    open_trace("evil", span=span_id("evil").hex())
    expect(page.get_by_role("heading", level=1)).to_contain_text("<script>")
    page.get_by_role("searchbox").fill("<img")
    expect(page.get_by_text("2 found")).to_be_visible()
    page.locator("canvas.rows").hover(position={"x": 600, "y": 12})
    expect(page.get_by_role("tooltip")).to_contain_text("<script>")
    assert page.evaluate("window.stolen") is None
    assert page.locator("img[src=x]").count() == 0
    assert "\u202e" not in page.locator("body").inner_text()


def test_ten_thousand_spans_are_drawn_and_walked_through(
    page: Page, open_trace: Callable[..., Locator]
) -> None:
    begun = time.monotonic()
    tree = open_trace("many")
    print(f"{MANY:,} spans drawn after {time.monotonic() - begun:.2f} s, from the URL")
    expect(page.get_by_label("Critical path only")).to_be_checked()
    page.get_by_label("Critical path only").uncheck()
    tree.focus()
    page.keyboard.press("End")
    expect(current(page)).to_have_attribute("aria-posinset", str(MANY))
    page.get_by_role("searchbox").fill("call 99")
    page.get_by_role("searchbox").press("Enter")
    expect(current(page)).to_have_text(re.compile("^call 99"))
    page.get_by_role("tree").focus()
    page.keyboard.press("ArrowLeft")
    expect(current(page)).to_have_attribute("aria-expanded", "false")


@pytest.mark.parametrize("dark", [False, True])
def test_a_phone_shows_it_all_without_scrolling_sideways(
    browser: Browser, dashboard: str, dark: bool
) -> None:
    context = browser.new_context(
        base_url=dashboard,
        viewport={"width": 390, "height": 800},
        color_scheme="dark" if dark else "light",
    )
    page = context.new_page()
    expect.set_options(timeout=STEP_MS)
    page.goto(f"/traces?trace={trace_id().hex()}")
    tree = page.get_by_role("tree")
    expect(tree).to_have_attribute("aria-activedescendant", re.compile("row-"))  # is drawn
    assert page.evaluate("document.scrollingElement.scrollWidth") <= 390
    corner = page.locator("canvas.rows").evaluate(
        "canvas => [...canvas.getContext('2d').getImageData(1, canvas.height - 2, 1, 1).data]"
    )
    assert (sum(corner[:3]) < 200) is dark
    context.close()
