"""Take the screenshots of the README, and save them in docs/.

    python -m scripts.screenshots [NAME …]

First creates what they show, in a workspace whose path reveals nothing about the machine: a
transcribed and a prepared sample, a dataset with predictions, and a run that trains base on real
Romanian, which takes some minutes the first time. Needs Chromium ($CHROMIUM, or on the PATH) and,
for the Romanian speech, `apt-get`.
"""

import argparse
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from benchmarks import finetune
from benchmarks.startup import FLAGS
from lab import dataset, importers
from lab.asr.engine import Engine
from lab.core.workspace import Workspace
from lab.dataset import predictions
from lab.recordings.samples import list_sample_datasets
from lab.training import runs
from lab.training.config import Config
from tests.support.app_server import TIMEOUT_MS, serve
from tests.support.paths import ROOT

WORKSPACE = Workspace(Path(tempfile.gettempdir()) / "whisper-ai-lab" / "workspace")
WIDTH = 1280
_ROMANIAN, _ENGLISH = "romanian", "english"


def transcribe(page: Page) -> None:
    page.get_by_role("button", name="Spanish").click()
    expect(page.get_by_text("Spanish (")).to_be_visible()


def prepare(page: Page) -> None:
    page.get_by_role("button", name="English").click()
    expect(page.get_by_text("in total.")).to_be_visible()  # drawn last


def explore(page: Page) -> None:
    page.get_by_role("button", name="English").click()
    page.get_by_text("Log-mel spectrogram", exact=True).click()
    expect(page.get_by_text("The mel spectrogram in decibels")).to_be_visible()
    expect(page.locator(".st-key-view_first .js-plotly-plot")).to_be_visible()


def datasets(page: Page) -> None:
    expect(page.get_by_role("radio", name="Errors")).to_be_visible()
    _wait_until_idle(page)
    page.get_by_label("Filter").fill("wer > 0")
    page.keyboard.press("Enter")
    expect(page.get_by_text("of 96 clips")).not_to_contain_text("96 of 96")
    # The table is a canvas: the checkbox of a row is on the left. Nothing tells when it is ready,
    # so a click without effect is repeated.
    for _ in range(10):
        page.get_by_test_id("stDataFrame").click(position={"x": 16, "y": 55 + 7 * 35})
        with suppress(AssertionError):
            expect(page.get_by_test_id("stAudio")).to_be_visible(timeout=5000)
            break
    expect(page.locator(".js-plotly-plot").first).to_be_visible()


def train(page: Page) -> None:
    expect(page.get_by_text("Use the model")).to_be_visible()
    expect(page.get_by_text("errors per 100 words").first).to_be_visible()


# Name: page and query, height in pixels, what to do on the page first.
SCREENSHOTS: Mapping[str, tuple[str, int, Callable[[Page], None]]] = {
    "transcribe": ("Transcribe", 860, transcribe),
    "prepare": ("Prepare", 1050, prepare),
    "explore": ("Explore", 1050, explore),
    "datasets": (f"Datasets?dataset={_ENGLISH}", 1000, datasets),
    "train": ("Train?train=Runs", 1130, train),
}


def create_content(names: list[str]) -> None:
    """Create the dataset and the run, unless they exist."""
    if "datasets" in names:
        _create_dataset()
    is_trained = any(run.status().state == "done" for run in runs.list_all(WORKSPACE))
    if "train" in names and not is_trained:
        finetune.ready(_ROMANIAN, WORKSPACE)
        finetune.tune(_ROMANIAN, Config(dataset=_ROMANIAN, health="skip"), WORKSPACE)


def _create_dataset() -> None:
    """Import the English sample dataset, and save the predictions of base."""
    if _ENGLISH not in {item.name for item in dataset.list_all(WORKSPACE)}:
        sample = next(item for item in list_sample_datasets() if item.language == "en")
        reading = importers.CorpusReader(sample.folder, importers.get_format("audiofolder"))
        dataset.import_clips(WORKSPACE, _ENGLISH, reading, language="en")
    found = dataset.find(WORKSPACE, _ENGLISH)
    predictions.predict(Engine.load("base"), found, found.clips())


def take(names: list[str]) -> None:
    """Open each page as a new visitor and take its screenshot."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with serve(WORKSPACE.root) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for name in names:
            path, height, prepare_page = SCREENSHOTS[name]
            page = browser.new_page(viewport={"width": WIDTH, "height": height})
            page.set_default_timeout(TIMEOUT_MS)
            page.goto(f"http://{address}/{path}")
            prepare_page(page)
            page.mouse.move(WIDTH / 4, 5)
            _wait_until_idle(page)
            page.screenshot(path=ROOT / "docs" / f"{name}.png")
            print(f"docs/{name}.png")
            page.close()
        browser.close()


def _wait_until_idle(page: Page) -> None:
    page.wait_for_timeout(1000)  # for charts and tables to draw, and typed text to be sent
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)


def main() -> None:
    """Take the screenshots named on the command line, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", help=", ".join(SCREENSHOTS))
    names = parser.parse_args().names or list(SCREENSHOTS)
    if unknown := set(names) - SCREENSHOTS.keys():
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    expect.set_options(timeout=TIMEOUT_MS)
    create_content(names)
    take(names)


if __name__ == "__main__":
    main()
