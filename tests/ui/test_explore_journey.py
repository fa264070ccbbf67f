"""Explore in a real browser: select an excerpt and run the model on it."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.app_server import TIMEOUT_MS

pytestmark = [pytest.mark.browser, pytest.mark.real]


def open_explore(page: Page) -> None:
    page.get_by_role("link", name="Explore", exact=True).click()
    page.get_by_role("button", name="English").click()
    expect(page.locator(".st-key-view_first .js-plotly-plot")).to_be_visible(timeout=TIMEOUT_MS)


def test_an_excerpt_is_selected_and_inspected(page: Page) -> None:
    open_explore(page)
    wave = page.locator("[class*=st-key-excerpt_] .js-plotly-plot")
    wave.scroll_into_view_if_needed()
    box = wave.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + box["height"] / 2, steps=8)
    page.mouse.up()
    selected = page.get_by_text("Selected: 0:")
    expect(selected).not_to_contain_text("0:00.0 to", timeout=TIMEOUT_MS)

    page.get_by_role("button", name="Run the model").click()
    page.get_by_role("tab", name="Tokens").click()
    expect(page.get_by_text("Choose one below to see its alternatives")).to_be_visible()
    page.get_by_role("tab", name="Word timing").click()
    chart = page.locator(".st-key-inspected_words .js-plotly-plot")
    expect(chart).to_be_visible(timeout=TIMEOUT_MS)
    assert chart.locator(".annotation").count() >= 3


def test_the_page_fits_on_a_phone(browser: Browser, app_url: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(f"{app_url}/Explore")
    page.get_by_role("button", name="English").click()
    expect(page.locator(".st-key-view_first .js-plotly-plot")).to_be_visible(timeout=TIMEOUT_MS)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()
