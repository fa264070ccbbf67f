"""Correcting in a real browser: by keyboard, in two tabs at once, and after a reload."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from lab import audio
from lab import dataset as datasets
from lab.core.workspace import Workspace
from lab.dataset import CORRECTED, Dataset, Entry
from lab.recordings.samples import list_samples
from tests.support.serving import PATIENCE_MS, serving

pytestmark = pytest.mark.browser

N_CLIPS = 6


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Workspace]]:
    """A server's address, and its workspace."""
    folder = tmp_path_factory.mktemp("app")
    with serving(folder) as url:
        yield url, Workspace(folder / "workspace")


@pytest.fixture
def dataset(request: pytest.FixtureRequest, served: tuple[str, Workspace]) -> Dataset:
    """Clips of real speech without texts, in a dataset of the test's own."""
    speech = audio.decode(list_samples()[0].audio_path)
    clips = [
        (f"{n}.wav", audio.encode_wav(speech.slice(n * 1.5, n * 1.5 + 2))) for n in range(N_CLIPS)
    ]
    name = request.node.name.replace("_", "-")[:40]
    return datasets.add(served[1], name, clips, language="en")[0]


def open_room(browser: Browser, url: str, dataset: Dataset, *, width: int = 1280) -> Page:
    page = browser.new_context(viewport={"width": width, "height": 844}).new_page()
    page.set_default_timeout(PATIENCE_MS)
    page.goto(f"{url}/Datasets?dataset={dataset.name}&room=Correct")
    expect(field(page)).to_be_focused(timeout=PATIENCE_MS)
    return page


def field(page: Page) -> Locator:
    return page.get_by_label("What is said")


def clip(page: Page, entry: Entry) -> Locator:
    return page.get_by_text(Path(entry.file_name).name)


def type_text(page: Page, text: str) -> None:
    expect(field(page)).to_be_editable()
    page.keyboard.press("Control+A")
    page.keyboard.type(text)


def accept(page: Page, text: str, shown: Entry | None) -> None:
    """Type a text and press Enter; then `shown` comes, or the end."""
    type_text(page, text)
    page.keyboard.press("Enter")
    if shown:
        expect(clip(page, shown)).to_be_visible()
        expect(field(page)).to_be_editable()
    else:
        expect(page.get_by_text("That was the last clip")).to_be_visible()


def press(page: Page, keys: str, shown: Entry) -> None:
    """Press keys; then `shown` comes."""
    expect(field(page)).to_be_editable()
    page.keyboard.press(keys)
    expect(clip(page, shown)).to_be_visible()


def texts(dataset: Dataset) -> list[str]:
    return [entry.transcription for entry in dataset.entries()]


def test_by_keyboard_only_each_text_is_on_the_disk_before_the_next_clip(
    browser: Browser, served: tuple[str, Workspace], dataset: Dataset
) -> None:
    clips = dataset.entries()
    page = open_room(browser, served[0], dataset)
    expect(clip(page, clips[0])).to_be_visible()
    for n in range(2):
        accept(page, f"<b>{n}</b> *po*", clips[n + 1])
        assert texts(dataset)[n] == f"<b>{n}</b> *po*"
        expect(field(page)).to_be_focused()
        expect(field(page)).to_have_value("")
    expect(page.get_by_text(f"2 of {N_CLIPS} corrected")).to_be_visible()

    page.reload()
    expect(field(page)).to_be_focused(timeout=PATIENCE_MS)
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
    assert [entry.status for entry in dataset.entries()].count(CORRECTED) == 5
    page.context.close()


def test_two_tabs_at_once_lose_nothing(
    browser: Browser, served: tuple[str, Workspace], dataset: Dataset
) -> None:
    clips = dataset.entries()
    ana = open_room(browser, served[0], dataset)
    besa = open_room(browser, served[0], dataset)
    expect(clip(ana, clips[0])).to_be_visible()
    expect(clip(besa, clips[1])).to_be_visible()  # not the one that Ana has before her
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
    expect(besa.get_by_text("Somebody else has changed this clip")).to_be_visible()
    expect(besa.get_by_text("The other one wrote:")).to_be_visible()
    expect(field(besa)).to_have_value("besa 3")
    assert texts(dataset)[3] == "ana 3, better"
    accept(besa, "besa 3", clips[5])
    assert texts(dataset) == ["ana 0", "besa 1", "besa 2", "besa 3", "", ""]
    written = [change.after.get("transcription") for a in dataset.history() for change in a.changes]
    assert "ana 3, better" in written  # it can be had back
    for page in (ana, besa):
        page.context.close()


def test_a_disk_that_refuses_leaves_the_text_in_the_field(
    browser: Browser, served: tuple[str, Workspace], dataset: Dataset
) -> None:
    page = open_room(browser, served[0], dataset)
    lock = dataset.folder.with_name(f".{dataset.name}.lock")
    lock.unlink()
    lock.mkdir()  # nothing can be written there
    type_text(page, "mirë")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="nothing can be changed")).to_be_visible()
    expect(field(page)).to_have_value("mirë")
    page.reload()
    expect(field(page)).to_have_value("mirë")
    lock.rmdir()
    accept(page, "mirë", dataset.entries()[1])
    assert texts(dataset)[0] == "mirë"
    page.context.close()


def test_it_is_heard_at_another_speed_and_fits_on_a_phone(
    browser: Browser, served: tuple[str, Workspace], dataset: Dataset
) -> None:
    page = open_room(browser, served[0], dataset, width=390)
    expect(page.get_by_text("of 2.0 s")).to_be_visible()
    page.get_by_label("Speed").select_option("0.5")
    page.get_by_role("button", name="Play again").click()
    page.wait_for_timeout(300)
    expect(page.get_by_text("0.0 of 2.0 s")).to_have_count(0)
    page.reload()
    expect(page.get_by_label("Speed")).to_have_value("0.5")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.context.close()
