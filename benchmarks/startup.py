"""From a cold server to the first page, and from the first request to the model in memory.

    CHROMIUM=/usr/bin/chromium python -m benchmarks.startup

Seconds from starting the process until the browser shows the title, and from opening the
Transcribe page until the sidebar names the loaded model. A fresh process and profile each time.
"""

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.support.server import serving

RUNS = 3
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def measure(browser: Browser) -> tuple[float, float]:
    """Seconds to the first page and seconds to the model, of one cold server."""
    with tempfile.TemporaryDirectory() as workspace:
        page = browser.new_page()
        began = time.perf_counter()
        with serving(Path(workspace)) as address:
            page.goto(f"http://{address}")
            page.wait_for_selector("h1")
            first_page_s = time.perf_counter() - began
            began = time.perf_counter()
            page.get_by_role("link", name="Transcribe", exact=True).click()
            # The sidebar looks twice a second while a model is being loaded.
            page.get_by_text("base, in").wait_for(timeout=60_000)
            in_memory_s = time.perf_counter() - began
            page.close()
    return first_page_s, in_memory_s


def main() -> None:
    """Print the median of a few runs."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        runs = [measure(browser) for _ in range(RUNS)]
        browser.close()
    for name, figures in zip(
        ("first page", "model in memory"), zip(*runs, strict=True), strict=True
    ):
        print(f"{name}: median {statistics.median(figures):.2f} s of {sorted(figures)}")


if __name__ == "__main__":
    main()
