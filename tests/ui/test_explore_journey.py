"""Exploring in a real browser: a stretch is dragged, and Whisper listens to it."""

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.serving import PATIENCE_MS

pytestmark = [pytest.mark.browser, pytest.mark.real]


def open_explore(page: Page) -> None:
    page.get_by_role("link", name="Explore", exact=True).click()
    page.get_by_role("button", name="English").click()
    expect(page.locator(".st-key-view_first .js-plotly-plot")).to_be_visible(timeout=PATIENCE_MS)


def test_a_stretch_is_dragged_seen_and_heard_by_whisper(page: Page) -> None:
    open_explore(page)
    wave = page.locator("[class*=st-key-stretch_] .js-plotly-plot")
    wave.scroll_into_view_if_needed()
    box = wave.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + box["height"] / 2, steps=8)
    page.mouse.up()
    shown = page.get_by_text("Shown: 0:")
    expect(shown).not_to_contain_text("0:00.0 to", timeout=PATIENCE_MS)

    page.get_by_role("button", name="Let it listen").click()
    expect(page.get_by_text("Token by token")).to_be_visible(timeout=PATIENCE_MS)
    page.get_by_role("tab", name="Token by token").click()
    expect(page.get_by_text("what else it could have been")).to_be_visible()
    page.get_by_role("tab", name="Words in time").click()
    chart = page.locator(".st-key-heard_words .js-plotly-plot")
    expect(chart).to_be_visible(timeout=PATIENCE_MS)
    assert chart.locator(".annotation").count() >= 3


def test_it_is_no_wider_than_a_phone(browser: Browser, app_url: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{app_url}/Explore")
    page.get_by_role("button", name="English").click()
    expect(page.locator(".st-key-view_first .js-plotly-plot")).to_be_visible(timeout=PATIENCE_MS)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()
