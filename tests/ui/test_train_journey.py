"""From a dataset to a published model, in a real browser, with the real Whisper base."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from lab import dataset as datasets
from lab.core.workspace import Workspace
from lab.dataset import EXCLUDED, Dataset
from lab.importers import CorpusReader, get_format
from lab.recordings.samples import list_sample_datasets
from lab.training import runs
from tests.support.app_server import TIMEOUT_MS, serve_strictly

pytestmark = [pytest.mark.browser, pytest.mark.real]

KEPT = {"train": 12, "validation": 3, "test": 4}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Workspace]]:
    """URL of a server, and its workspace with a few clips of the Albanian sample."""
    folder = tmp_path_factory.mktemp("app")
    workspace = Workspace(folder / "workspace")
    _few_clips(workspace)
    with serve_strictly(folder) as url:
        yield url, workspace


def _few_clips(workspace: Workspace) -> Dataset:
    reading = CorpusReader(list_sample_datasets()[0].folder, get_format("audiofolder"))
    made = datasets.import_clips(workspace, "albanian", reading, language="sq").dataset
    left = dict(KEPT)
    edits = []
    for entry in made.clips():
        left[entry.split] -= 1
        if left[entry.split] < 0:
            edits.append((entry, replace(entry, status=EXCLUDED)))
    made.change(edits, what="few")
    return made


def open_page(browser: Browser, url: str, *, width: int = 1280) -> Page:
    page = browser.new_context(viewport={"width": width, "height": 900}).new_page()
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(url)
    return page


def see(what: Locator, patience_ms: float = TIMEOUT_MS) -> None:
    """Wait until an element is visible; the CPU may be busy with something else."""
    expect(what).to_be_visible(timeout=patience_ms)


def test_a_model_is_trained_evaluated_published_and_used(
    browser: Browser, served: tuple[str, Workspace]
) -> None:
    url, workspace = served
    page = open_page(browser, f"{url}/Train")
    epochs = page.get_by_role("spinbutton", name="Epochs")
    epochs.fill("1")
    epochs.press("Enter")
    see(page.get_by_text("12 train"))

    page.get_by_role("button", name="Estimate time and memory").click()
    see(page.get_by_text("Epochs: 1, "))
    page.get_by_role("button", name="Start training").click()
    see(page.get_by_role("button", name="Stop"))
    assert "run=albanian-base" in page.url

    page.reload()  # training continues regardless of the browser tab
    see(page.get_by_role("button", name="Stop"))
    see(page.get_by_text("Loss", exact=True))
    # Without any click, the page notices that the run and its regression check are done.
    see(page.get_by_text("Use the model"), 3 * TIMEOUT_MS)
    see(page.get_by_text("errors per 100 words").first)
    (run,) = runs.list_all(workspace)
    state = run.status()
    assert (state.state, state.step, state.total_steps) == ("done", 2, 2)

    name = page.get_by_role("textbox", name="Model name")
    name.fill("albanian-tuned")
    page.get_by_role("button", name="Publish").click()  # before the name is submitted
    see(page.get_by_text("can now be selected on every page"))
    page.get_by_role("link", name="Transcribe").click()
    page.get_by_role("combobox", name="Model").fill("albanian")
    see(page.get_by_role("option", name="albanian-tuned"))
    page.context.close()


def test_it_fits_on_a_phone(browser: Browser, served: tuple[str, Workspace]) -> None:
    for tab, shown in (
        ("New run", "Ready for training?"),
        ("Runs", re.compile("Use the model|No runs yet")),
        ("Evaluate", "Predictions that a model"),
    ):
        page = open_page(browser, f"{served[0]}/Train?train={tab}", width=390)
        see(page.get_by_text(shown).first)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.context.close()
