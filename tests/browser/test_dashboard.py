"""The dashboard in a real browser: links, picking, themes, names that would like to be more."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Serve
from tests.dashboard_data import HOSTILE, MS, SECOND, ledger_of, request, spans_of

STEP_MS = 30_000


USUAL = [request(i, i * SECOND // 5, back=(3 + i % 7) * MS) for i in range(500)]


@pytest.fixture(scope="module")
def usual(serve: Serve) -> str:
    return serve(spans_of(*USUAL))


@pytest.fixture(scope="module")
def hostile(serve: Serve) -> str:
    requests = [
        request(i, i * SECOND, front_name=HOSTILE[i % 5], back_name=HOSTILE[(i + 1) % 5],
                route=HOSTILE[(i + 2) % 5])
        for i in range(20)
    ]  # fmt: skip
    return serve(spans_of(*requests))


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """A new visitor's page; a script error anywhere in it fails the test."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(STEP_MS)
    expect.set_options(timeout=STEP_MS)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def test_from_the_path_to_a_hop_to_a_trace_in_two_clicks(page: Page, usual: str) -> None:
    page.goto(usual)
    page.locator(".strip a").filter(has_text="back").last.click()
    expect(page.get_by_text("back (go) takes")).to_be_visible()
    expect(page).to_have_url(f"{usual}/hop?name=back")
    page.get_by_role("link", name="exemplar trace").or_(page.locator("td a[href^='/traces']")
                                                        ).first.click()  # fmt: skip
    page.wait_for_url("**/traces?trace=*")


def test_a_link_shows_the_same_view_to_another(page: Page, usual: str) -> None:
    page.goto(f"{usual}/?at=p50&by=operation&by=kind")
    table = page.locator("table").first
    expect(table.locator("thead")).to_contain_text("operation")
    expect(table.locator("caption")).to_contain_text("p50")
    expect(table.locator("tfoot")).to_contain_text("100.0%")


def test_a_trace_link_of_the_shop_leads_to_the_traces_page(page: Page, usual: str) -> None:
    page.goto(f"{usual}/?trace=0123456789abcdef0123456789abcdef")
    page.wait_for_url("**/traces?trace=0123456789abcdef0123456789abcdef")


def test_picking_a_bar_shows_what_its_requests_spend(page: Page, usual: str) -> None:
    page.goto(usual)
    chart = page.get_by_test_id("stVegaLiteChart").first
    expect(page.locator("caption").first).to_contain_text("the mean of 500 requests")
    box = chart.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.9, box["y"] + box["height"] * 0.3)
    expect(page.locator("caption").first).not_to_contain_text("the mean of 500 requests")
    assert "at=p" in page.url


def test_links_are_reached_by_keyboard(page: Page, usual: str) -> None:
    page.goto(usual)
    first = page.locator(".strip a").first
    first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/hop?name=*")


@pytest.mark.parametrize("path", ["/", "/hop", "/quality", "/tail", "/flame", "/compare"])
def test_names_from_spans_do_nothing(page: Page, hostile: str, path: str) -> None:
    page.goto(f"{hostile}{path}")
    expect(page.locator(".says").first).to_be_visible()
    page.wait_for_timeout(1000)
    for bar in page.get_by_test_id("stVegaLiteChart").all():
        bar.hover()
    assert page.evaluate("window.hit") is None
    assert page.locator("img[src=x]").count() == 0
    assert "\u202e" not in page.inner_text("body")


def test_a_link_runs_one_page_and_back_leads_back(page: Page, usual: str) -> None:
    runs: list[object] = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda sent: runs.append(sent)))
    page.goto(usual)
    expect(page.locator(".says").first).to_be_visible()
    page.wait_for_timeout(1000)
    runs.clear()
    page.locator(".strip a").filter(has_text="back").last.click()
    expect(page.get_by_text("back (go) takes")).to_be_visible()
    assert len(runs) == 1
    page.go_back()
    expect(page.get_by_text("The request path").first).to_be_visible()


def test_a_percentile_is_picked_in_the_tail(page: Page, usual: str) -> None:
    page.goto(f"{usual}/tail")
    expect(page.get_by_text("What the slowest 1 % spends more on than the mean")).to_be_visible()
    chart = page.get_by_test_id("stVegaLiteChart").first
    box = chart.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.6)
    expect(page.get_by_text("spends more on than the mean").last).to_contain_text("What p")
    assert "high=p" in page.url


def test_a_call_is_zoomed_to_searched_for_and_linked(page: Page, usual: str) -> None:
    page.goto(f"{usual}/flame")
    bars = page.locator(".bars")
    expect(bars).to_be_visible()
    spoken = page.locator(".spoken[role=treeitem]")
    expect(spoken).to_contain_text("GET /things, front")
    page.locator(".scroller").focus()
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(spoken).to_contain_text("work, back")
    expect(page.locator(".way")).to_contain_text("front -> back")
    page.wait_for_url("**/flame?frame=*")
    page.get_by_placeholder("Search calls").fill("POSTGRES")
    expect(page.locator(".matches")).to_contain_text("1 found: 2.00 ms")
    page.reload()
    expect(page.locator(".way")).to_contain_text("work")
    page.get_by_role("button", name="Whole").click()
    expect(page.locator(".way")).to_have_count(0)
    assert "frame" not in page.url
    box = bars.bounding_box()
    assert box is not None
    bars.click(position={"x": box["width"] / 2, "y": 5})
    expect(page.locator(".way")).to_contain_text("GET /things")
    with page.expect_download() as download:
        page.get_by_role("button", name="Folded stacks").click()
    lines = download.value.path().read_text("utf-8").splitlines()
    assert sum(int(line.rpartition(" ")[2]) for line in lines) == round(ledger_of(*USUAL).mean_ns)


@pytest.fixture(scope="module")
def changed(serve: Serve) -> str:
    """From the middle on the back end is slower."""
    return serve(
        spans_of(
            *(request(i, i * SECOND // 5, back=(3 + i % 5 + i // 500) * MS) for i in range(1000))
        )
    )


def test_two_sides_are_compared_down_to_two_traces(page: Page, changed: str) -> None:
    page.goto(f"{changed}/compare?bridge=language")
    expect(page.locator(".verdict")).to_have_text("Slower")
    expect(page.locator(".finding")).to_contain_text("The mean request took")
    expect(page.get_by_test_id("stVegaLiteChart").first).to_be_visible()
    page.get_by_role("link", name="compare", exact=True).first.click()
    expect(page.get_by_text("end to end, ")).to_be_in_viewport()
    assert "bridge=language" in page.url
    assert "one=" in page.url
    page.locator(".scroller").focus()
    for key in ("ArrowDown", "ArrowDown", "Enter"):
        page.keyboard.press(key)
    expect(page.locator(".spoken[role=treeitem]")).to_contain_text("own +1.00 ms")
    page.wait_for_url("**/compare?*frame=*")
    page.get_by_placeholder("Search calls").fill("work")
    expect(page.locator(".matches")).to_contain_text("1 found: 5.00 ms before, 6.00 ms after")
    page.locator("canvas.bars").hover(position={"x": 40, "y": 5})
    expect(page.locator(".tip")).to_contain_text("its own:")


@pytest.mark.parametrize("path", ["/", "/compare"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_a_phone_in_both_themes(
    browser: Browser, usual: str, scheme: str, path: str
) -> None:
    context = browser.new_context(
        viewport={"width": 390, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page = context.new_page()
    page.goto(usual + path)
    expect(page.locator(".says").first).to_be_visible()
    main = page.get_by_test_id("stMain")
    assert main.evaluate("e => e.scrollWidth <= e.clientWidth")
    background = page.get_by_test_id("stApp").evaluate("e => getComputedStyle(e).backgroundColor")
    assert background == ("rgb(16, 20, 27)" if scheme == "dark" else "rgb(255, 255, 255)")
    context.close()


def test_a_port_in_use_is_said_at_once(usual: str, tmp_path: Path) -> None:
    address = usual.removeprefix("http://")
    done = subprocess.run(
        [sys.executable, "-m", "hopwatch.cli", "dashboard", "--listen", address],
        capture_output=True, text=True, timeout=60, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    assert f"cannot listen at {address} (Address already in use)" in done.stderr
    assert "--listen" in done.stderr
