"""A page looks again only while something changes and while somebody sees it."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page, expect

from lab.ui.refresh import pace
from tests.support.serving import PATIENCE_MS, serving

# What the browser tells a page whose tab is behind another one.
_HIDE = """hidden => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@given(st.floats(-10, 1e9), st.floats(0.01, 2), st.floats(2, 60))
def test_the_longer_it_takes_the_less_often_it_is_looked_at(
    waited_s: float, least_s: float, most_s: float
) -> None:
    delay_s = pace(waited_s, least_s=least_s, most_s=most_s)
    assert least_s <= delay_s <= most_s
    assert pace(waited_s + 1, least_s=least_s, most_s=most_s) >= delay_s
    assert delay_s in (least_s, most_s) or delay_s == pytest.approx(waited_s / 7)


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    with serving(tmp_path, script="tests/support/refreshing_app.py") as url:
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        page.goto(url)
        expect(page.get_by_text("looked")).to_be_visible()
        yield page
        page.close()


def looks(page: Page) -> int:
    found = re.search(r"\d+", page.get_by_text(re.compile("looked .* times")).inner_text())
    assert found
    return int(found[0])


@pytest.mark.browser
def test_a_fragment_looks_again_until_it_wants_no_more_and_not_in_the_background(
    page: Page,
) -> None:
    page.wait_for_function("/looked ([3-9]) times/.test(document.body.innerText)")
    page.evaluate(_HIDE, True)
    time.sleep(0.6)  # one that was on its way
    hidden = looks(page)
    time.sleep(2.5)
    assert looks(page) == hidden
    page.evaluate(_HIDE, False)
    expect(page.get_by_text(f"looked {hidden + 1} times")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("looked 15 times")).to_be_visible(timeout=PATIENCE_MS)
    time.sleep(2.5)
    assert looks(page) == 15
    # The rest of the page was not run for it, and has no gap where the clock is.
    expect(page.get_by_text("whole page run 1 times")).to_be_visible()
    above, below = (
        page.get_by_text(text).bounding_box() for text in ("looked 15", "whole page run")
    )
    assert above
    assert below
    assert below["y"] - above["y"] - above["height"] < 30
    page.get_by_role("button", name="Run it again").click()
    expect(page.get_by_text("looked 16 times")).to_be_visible()
