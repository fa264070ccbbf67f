"""A fragment refreshes only while there is something to wait for and its tab is visible."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page, expect

from lab.ui.refresh import refresh_delay
from tests.support.app_server import TIMEOUT_MS, serve_strictly

# Sets the visibility that the browser reports to the page.
_SET_HIDDEN = """hidden => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""


@given(st.floats(-10, 1e9), st.floats(0.01, 2), st.floats(2, 60))
def test_the_delay_grows_with_the_time_waited(waited_s: float, min_s: float, max_s: float) -> None:
    delay_s = refresh_delay(waited_s, min_s=min_s, max_s=max_s)
    assert min_s <= delay_s <= max_s
    assert refresh_delay(waited_s + 1, min_s=min_s, max_s=max_s) >= delay_s
    assert delay_s in (min_s, max_s) or delay_s == pytest.approx(waited_s / 7)


@pytest.fixture
def page(browser: Browser, tmp_path: Path) -> Iterator[Page]:
    with serve_strictly(tmp_path, script="tests/support/refreshing_app.py") as url:
        page = browser.new_page()
        page.set_default_timeout(TIMEOUT_MS)
        page.goto(url)
        expect(page.get_by_text("fragment runs")).to_be_visible()
        yield page
        page.close()


def fragment_runs(page: Page) -> int:
    match = re.search(r"\d+", page.get_by_text("fragment runs").inner_text())
    assert match
    return int(match[0])


@pytest.mark.browser
def test_a_fragment_refreshes_until_it_stops_asking_and_not_in_the_background(page: Page) -> None:
    page.wait_for_function("/fragment runs: [3-9]/.test(document.body.innerText)")
    page.evaluate(_SET_HIDDEN, True)
    time.sleep(0.6)  # for a refresh that was already on its way
    n_runs = fragment_runs(page)
    time.sleep(2.5)
    assert fragment_runs(page) == n_runs
    page.evaluate(_SET_HIDDEN, False)
    expect(page.get_by_text(f"fragment runs: {n_runs + 1}")).to_be_visible(timeout=TIMEOUT_MS)
    expect(page.get_by_text("fragment runs: 15")).to_be_visible(timeout=TIMEOUT_MS)
    time.sleep(2.5)
    assert fragment_runs(page) == 15
    # The rest of the page did not run again, and the invisible component leaves no gap.
    expect(page.get_by_text("page runs: 1", exact=True)).to_be_visible()
    above, below = (
        page.get_by_text(text).bounding_box() for text in ("fragment runs", "page runs")
    )
    assert above
    assert below
    assert below["y"] - above["y"] - above["height"] < 30
    page.get_by_role("button", name="Run again").click()
    expect(page.get_by_text("fragment runs: 16")).to_be_visible()
