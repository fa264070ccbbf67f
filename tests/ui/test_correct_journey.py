"""Correcting in a real browser: by keyboard, in two browser tabs at once, after a reload."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from lab import audio
from lab import dataset as datasets
from lab.core.workspace import Workspace
from lab.dataset import CORRECTED, Dataset, DatasetClip
from lab.recordings.samples import list_samples
from tests.support.app_server import TIMEOUT_MS, serve_strictly

pytestmark = pytest.mark.browser

N_CLIPS = 6


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Workspace]]:
    """A server's address, and its workspace."""
    folder = tmp_path_factory.mktemp("app")
    with serve_strictly(folder) as url:
        yield url, Workspace(folder / "workspace")


@pytest.fixture
def dataset(request: pytest.FixtureRequest, served: tuple[str, Workspace]) -> Dataset:
    """A new dataset of real speech without texts."""
    speech = audio.decode(list_samples()[0].audio_path)
    clips = [
        (f"{n}.wav", audio.encode_wav(speech.slice(n * 1.5, n * 1.5 + 2))) for n in range(N_CLIPS)
    ]
    name = request.node.name.replace("_", "-")[:40]
    return datasets.add(served[1], name, clips, language="en")[0]


def open_tab(browser: Browser, url: str, dataset: Dataset, *, width: int = 1280) -> Page:
    page = browser.new_context(viewport={"width": width, "height": 844}).new_page()
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(f"{url}/Datasets?dataset={dataset.name}&tab=Correct")
    expect(field(page)).to_be_focused(timeout=TIMEOUT_MS)
    return page


def field(page: Page) -> Locator:
    return page.get_by_label("Text of the clip")


def clip(page: Page, entry: DatasetClip) -> Locator:
    return page.get_by_text(Path(entry.file_name).name)


def type_text(page: Page, text: str) -> None:
    expect(field(page)).to_be_editable()
    page.keyboard.press("Control+A")
    page.keyboard.type(text)


def accept(page: Page, text: str, shown: DatasetClip | None) -> None:
    """Type a text, press Enter, and wait for the clip `shown`, or for the end of the queue."""
    type_text(page, text)
    page.keyboard.press("Enter")
    if shown:
        expect(clip(page, shown)).to_be_visible()
        expect(field(page)).to_be_editable()
    else:
        expect(page.get_by_text("end of the queue")).to_be_visible()


def press(page: Page, keys: str, shown: DatasetClip) -> None:
    """Press keys, and wait for the clip that they lead to."""
    expect(field(page)).to_be_editable()
    page.keyboard.press(keys)
    expect(clip(page, shown)).to_be_visible()


def texts(dataset: Dataset) -> list[str]:
    return [entry.transcription for entry in dataset.clips()]


def test_texts_are_corrected_by_keyboard_and_saved_before_the_next_clip(
    browser: Browser, served: tuple[str, Workspace], dataset: Dataset
) -> None:
    clips = dataset.clips()
    page = open_tab(browser, served[0], dataset)
    expect(clip(page, clips[0])).to_be_visible()
    for n in range(2):
        accept(page, f"<b>{n}</b> *po*", clips[n + 1])
        assert texts(dataset)[n] == f"<b>{n}</b> *po*"
        expect(field(page)).to_be_focused()
        expect(field(page)).to_have_value("")
    expect(page.get_by_text(f"2 of {N_CLIPS} corrected")).to_be_visible()

    page.reload()
    expect(field(page)).to_be_focused(timeout=TIMEOUT_MS)
    expect(clip(page, clips[2])).to_be_visible()
    page.keyboard.press("Control+Space")
    press(page, "Alt+ArrowDown", clips[3])
    press(page, "Alt+ArrowUp", clips[2])
    accept(page, "2", clips[3])
    press(page, "Alt+x", clips[4])
    accept(page, "4", clips[5])
    press(page, "Alt+z", clips[4])
    expect(field(page)).to_have_value("")
    accept(page, "four", clips[5])
    accept(page, "five", None)
    assert texts(dataset) == ["<b>0</b> *po*", "<b>1</b> *po*", "2", "", "four", "five"]
    assert [entry.status for entry in dataset.clips()].count(CORRECTED) == 5
    page.context.close()


def test_two_editors_at_once_lose_nothing(
    browser: Browser, served: tuple[str, Workspace], dataset: Dataset
) -> None:
    clips = dataset.clips()
    ana = open_tab(browser, served[0], dataset)
    besa = open_tab(browser, served[0], dataset)
    expect(clip(ana, clips[0])).to_be_visible()
    expect(clip(besa, clips[1])).to_be_visible()  # Ana is working on the first one
    accept(besa, "besa 1", clips[2])
    accept(ana, "ana 0", clips[3])
    accept(ana, "ana 3", clips[4])
    accept(besa, "besa 2", clips[5])

    # Both go back to the same clip.
    press(ana, "Alt+ArrowUp", clips[3])
    press(besa, "Alt+ArrowUp", clips[4])
    press(besa, "Alt+ArrowUp", clips[3])
    expect(field(besa)).to_have_value("ana 3")
    type_text(besa, "besa 3")
    accept(ana, "ana 3, better", clips[4])
    besa.keyboard.press("Enter")
    expect(besa.get_by_text("Someone else changed this clip")).to_be_visible()
    expect(besa.get_by_text("Other editor's text:")).to_be_visible()
    expect(field(besa)).to_have_value("besa 3")
    assert texts(dataset)[3] == "ana 3, better"
    accept(besa, "besa 3", clips[5])
    assert texts(dataset) == ["ana 0", "besa 1", "besa 2", "besa 3", "", ""]
    written = [change.after.get("transcription") for a in dataset.history() for change in a.changes]
    assert "ana 3, better" in written  # so it can be restored
    for page in (ana, besa):
        page.context.close()


def test_a_text_that_cannot_be_saved_stays_in_the_field(
    browser: Browser, served: tuple[str, Workspace], dataset: Dataset
) -> None:
    page = open_tab(browser, served[0], dataset)
    lock = dataset.folder.with_name(f".{dataset.name}.lock")
    lock.unlink()
    lock.mkdir()  # makes the dataset read-only
    type_text(page, "mirë")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="nothing can be changed")).to_be_visible()
    expect(field(page)).to_have_value("mirë")
    page.reload()
    expect(field(page)).to_have_value("mirë")
    lock.rmdir()
    accept(page, "mirë", dataset.clips()[1])
    assert texts(dataset)[0] == "mirë"
    page.context.close()


def test_the_playback_speed_is_remembered_and_the_page_fits_a_phone(
    browser: Browser, served: tuple[str, Workspace], dataset: Dataset
) -> None:
    page = open_tab(browser, served[0], dataset, width=390)
    expect(page.get_by_text("/ 2.0 s")).to_be_visible()
    page.get_by_label("Speed").select_option("0.5")
    page.get_by_role("button", name="Replay").click()
    page.wait_for_timeout(300)
    expect(page.get_by_text("0.0 / 2.0 s")).to_have_count(0)
    page.reload()
    expect(page.get_by_label("Speed")).to_have_value("0.5")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()
