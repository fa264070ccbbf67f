"""Prepare in a real browser: from a recording to a zip of clips."""

import re
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from lab import audio
from lab.audio import wav
from lab.recordings.samples import list_samples
from tests.support.app_server import TIMEOUT_MS

pytestmark = [pytest.mark.browser, pytest.mark.real]


def open_prepare(page: Page) -> None:
    page.get_by_role("link", name="Prepare", exact=True).click()
    expect(page.get_by_role("heading", name="Prepare")).to_be_visible(timeout=TIMEOUT_MS)


def select_first_row(page: Page) -> None:
    table = page.locator("[data-testid=stDataFrame]").last
    expect(table).to_be_visible(timeout=TIMEOUT_MS)
    table.scroll_into_view_if_needed()
    # The table is a canvas: the checkbox of the first row is on the left, below the header. Nothing
    # tells from outside when it is ready, so a click without effect is repeated.
    for _ in range(10):
        table.click(position={"x": 20, "y": 55})
        with suppress(AssertionError):
            expect(page.get_by_role("button", name="Merge with next")).to_be_visible(timeout=12_000)
            break


def test_from_a_recording_to_a_zip_of_clips(page: Page, tmp_path: Path) -> None:
    english = list_samples()[0]
    open_prepare(page)
    page.locator("input[type=file]").first.set_input_files(english.audio_path)
    expect(page.get_by_text("Before", exact=True)).to_be_visible(timeout=TIMEOUT_MS)
    expect(page.locator("audio[data-testid=stAudio]")).to_have_count(2)
    page.get_by_role("button", name="Prepare 1 recording").click()
    expect(page.get_by_text("Ready for training?")).to_be_visible(timeout=TIMEOUT_MS)

    select_first_row(page)
    page.get_by_role("button", name="Merge with next").click()
    expect(page.get_by_role("button", name="Undo")).to_be_visible()
    select_first_row(page)
    page.get_by_role("button", name="Drop", exact=True).click()
    expect(page.get_by_text("(1 dropped)")).to_be_visible()

    with page.expect_download() as download:
        page.get_by_role("button", name="Download as zip").click()
    download.value.save_as(tmp_path / "clips.zip")
    with zipfile.ZipFile(tmp_path / "clips.zip") as archive:
        names = [name for name in archive.namelist() if name.endswith(".wav")]
        archive.extract(names[0], tmp_path)
    assert len(names) >= 3
    clip = wav.read(tmp_path / names[0])
    assert np.abs(clip).max() > 0.05
    assert audio.probe(tmp_path / names[0]).sample_rate == 22_050


def test_noise_is_selected_in_the_waveform_and_reduced(page: Page) -> None:
    open_prepare(page)
    page.get_by_role("button", name="Spanish").click()
    chart = page.locator("[class*=st-key-before_wave] .js-plotly-plot")
    expect(page.get_by_text("in total.")).to_be_visible(timeout=TIMEOUT_MS)  # drawn after the chart
    chart.scroll_into_view_if_needed()
    box = chart.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + box["height"] / 2, steps=8)
    page.mouse.up()
    page.get_by_role("button", name="Reduce noise like that").click()
    begin = page.get_by_role("spinbutton", name="Noise from (s)")
    expect(begin).to_have_value(re.compile(r"[1-9]"), timeout=TIMEOUT_MS)


def test_sentences_to_read_are_shown_one_at_a_time(page: Page, tmp_path: Path) -> None:
    prompts = tmp_path / "sentences.txt"
    prompts.write_text("Mirëdita, si jeni?\nÇfarë dite e bukur!\n", encoding="utf-8")
    open_prepare(page)
    page.get_by_role("tab", name="Record").click()
    page.get_by_role("button", name="Sentences to read").click()
    page.locator(".st-key-prompts_file input[type=file]").set_input_files(prompts)
    expect(page.get_by_role("heading", name="Mirëdita, si jeni?")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.get_by_role("heading", name="Çfarë dite e bukur!")).to_be_visible()


def test_the_page_fits_on_a_phone(browser: Browser, app_url: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.set_default_timeout(TIMEOUT_MS)
    page.goto(f"{app_url}/Prepare")
    page.get_by_role("button", name="English").click()
    expect(page.get_by_text("After", exact=True)).to_be_visible(timeout=TIMEOUT_MS)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()
