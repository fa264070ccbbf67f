"""Take the pictures of the README again, into docs/.

    python -m scripts.pictures [NAME …]

Everything that they show is made first, in a workspace whose path says nothing about the machine:
samples are transcribed and prepared, a dataset is imported and listened to, and base is trained on
real Romanian, which takes some minutes the first time. Needs Chromium ($CHROMIUM, or on the PATH)
and, for the Romanian speech, `apt-get`.
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
from tests.support.paths import ROOT
from tests.support.server import serving

WORKSPACE = Workspace(Path(tempfile.gettempdir()) / "whisper-ai-lab" / "workspace")
PATIENCE_MS = 120_000
WIDTH = 1280
_ROMANIAN, _ENGLISH = "romanian", "english"


def transcribe(page: Page) -> None:
    page.get_by_role("button", name="Spanish").click()
    expect(page.get_by_text("Spanish (")).to_be_visible()


def prepare(page: Page) -> None:
    page.get_by_role("button", name="English").click()
    expect(page.get_by_text("in all.")).to_be_visible()  # is drawn last


def explore(page: Page) -> None:
    page.get_by_role("button", name="English").click()
    page.get_by_text("Log-mel spectrogram", exact=True).click()
    expect(page.get_by_text("The mel spectrogram in decibels")).to_be_visible()
    expect(page.locator(".st-key-view_first .js-plotly-plot")).to_be_visible()


def datasets(page: Page) -> None:
    expect(page.get_by_role("radio", name="Mistakes")).to_be_visible()
    _wait_until_idle(page)
    page.get_by_label("Filter").fill("wer > 0")
    page.keyboard.press("Enter")
    expect(page.get_by_text("of 96 clips")).not_to_contain_text("96 of 96")
    # The table is a canvas: the box for choosing a line is left of it. When it is ready for a click
    # nobody can see from outside, so a click that did nothing is done again.
    for _ in range(10):
        page.get_by_test_id("stDataFrame").click(position={"x": 16, "y": 55 + 7 * 35})
        with suppress(AssertionError):
            expect(page.get_by_test_id("stAudio")).to_be_visible(timeout=5000)
            break
    expect(page.locator(".js-plotly-plot").first).to_be_visible()


def train(page: Page) -> None:
    expect(page.get_by_text("Is it better?")).to_be_visible()
    expect(page.get_by_text("errors in 100 words").first).to_be_visible()


# Name of the picture → its page with a query, its height, what is done before it is taken.
PICTURES: Mapping[str, tuple[str, int, Callable[[Page], None]]] = {
    "transcribe": ("Transcribe", 860, transcribe),
    "prepare": ("Prepare", 1050, prepare),
    "explore": ("Explore", 1050, explore),
    "datasets": (f"Datasets?dataset={_ENGLISH}", 1000, datasets),
    "train": ("Train?train=Runs", 1130, train),
}


def furnish(names: list[str]) -> None:
    """Make what only takes long: the dataset and the run."""
    if "datasets" in names:
        _english()
    done = [one for one in runs.list_all(WORKSPACE) if runs.status(one).state == "done"]
    if "train" in names and not done:
        finetune.ready(_ROMANIAN, WORKSPACE)
        finetune.tune(_ROMANIAN, Config(dataset=_ROMANIAN, health="skip"), WORKSPACE)


def _english() -> None:
    """The English sample dataset, and what base hears in it."""
    if _ENGLISH not in {one.name for one in dataset.list_all(WORKSPACE)}:
        sample = next(one for one in list_sample_datasets() if one.language == "en")
        reading = importers.Reading(sample.folder, importers.kind_named("audiofolder"))
        dataset.import_clips(WORKSPACE, _ENGLISH, reading, language="en")
    found = dataset.find(WORKSPACE, _ENGLISH)
    predictions.predict(Engine.load("base"), found, found.entries())


def take(names: list[str]) -> None:
    """Open each page as a new visitor and take its picture."""
    chromium = os.environ.get("CHROMIUM") or shutil.which("chromium")
    with serving(WORKSPACE.root) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for name in names:
            path, height, act = PICTURES[name]
            page = browser.new_page(viewport={"width": WIDTH, "height": height})
            page.set_default_timeout(PATIENCE_MS)
            page.goto(f"http://{address}/{path}")
            act(page)
            page.mouse.move(WIDTH / 4, 5)
            _wait_until_idle(page)
            page.screenshot(path=ROOT / "docs" / f"{name}.png")
            print(f"docs/{name}.png")
            page.close()
        browser.close()


def _wait_until_idle(page: Page) -> None:
    page.wait_for_timeout(1000)  # charts and tables draw themselves, and what was typed is sent
    expect(page.get_by_test_id("stStatusWidget")).to_have_count(0)


def main() -> None:
    """Take those that are named, or all."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", metavar="NAME", nargs="*", choices=list(PICTURES))
    names = parser.parse_args().names or list(PICTURES)
    expect.set_options(timeout=PATIENCE_MS)
    furnish(names)
    take(names)


if __name__ == "__main__":
    main()
