"""Startup time: from a cold server to the first page, and from there to the loaded model.

    CHROMIUM=/usr/bin/chromium python -m benchmarks.startup

Seconds from starting the process until the browser shows the title, and from opening Transcribe
until the sidebar names the loaded model. Each run uses a new process and a new browser profile.
"""

import os
import re
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from tests.support.app_server import serve

RUNS = 3
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


def measure(browser: Browser) -> tuple[float, float]:
    """Seconds until the first page, and until the model is loaded, on a cold server."""
    with tempfile.TemporaryDirectory() as workspace:
        page = browser.new_page()
        started = time.perf_counter()
        with serve(Path(workspace)) as address:
            page.goto(f"http://{address}")
            page.wait_for_selector("h1")
            first_page_s = time.perf_counter() - started
            started = time.perf_counter()
            page.get_by_role("link", name="Transcribe", exact=True).click()
            # The sidebar refreshes twice a second while a model is loading.
            page.get_by_text(re.compile("Model base, ")).wait_for(timeout=60_000)
            model_s = time.perf_counter() - started
            page.close()
    return first_page_s, model_s


def main() -> None:
    """Print the medians of a few runs."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        runs = [measure(browser) for _ in range(RUNS)]
        browser.close()
    for name, times in zip(("first page", "model loaded"), zip(*runs, strict=True), strict=True):
        print(f"{name}: median {statistics.median(times):.2f} s of {sorted(times)}")


if __name__ == "__main__":
    main()
