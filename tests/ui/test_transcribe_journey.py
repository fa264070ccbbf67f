"""Transcribe in a real browser with the real model: from an upload to a subtitle file."""

from contextlib import suppress
from pathlib import Path

import jiwer
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from lab import audio
from lab.audio import Waveform
from lab.recordings.samples import list_samples
from tests.support.app_server import TIMEOUT_MS, serve_strictly

pytestmark = [pytest.mark.browser, pytest.mark.real]


def _open_transcribe(page: Page) -> None:
    page.get_by_role("link", name="Transcribe", exact=True).click()
    expect(page.get_by_role("heading", name="Transcribe")).to_be_visible(timeout=TIMEOUT_MS)


def _word_error_rate(reference: str, text: str) -> float:
    normalize = jiwer.Compose([jiwer.ToLowerCase(), jiwer.RemovePunctuation()])
    reference, text = (normalize(" ".join(one.split())) for one in (reference, text))
    return float(jiwer.wer(reference, text))


def test_from_an_upload_to_subtitles_and_back_after_a_reload(page: Page, tmp_path: Path) -> None:
    english = next(sample for sample in list_samples() if sample.language == "en")
    text = page.locator("[data-testid=stHtml]")
    _open_transcribe(page)
    page.locator("input[type=file]").first.set_input_files(english.audio_path)
    page.get_by_role("button", name="Transcribe 1 recording").click()
    expect(text).to_be_visible(timeout=TIMEOUT_MS)
    assert _word_error_rate(english.text, text.inner_text()) < 0.1

    with page.expect_download() as download:
        page.get_by_role("button", name="srt").click()
    subtitles = tmp_path / "subtitles.srt"
    download.value.save_as(subtitles)
    assert download.value.suggested_filename == f"{english.audio_path.stem}.srt"
    cues = [cue.split("\n", 2) for cue in subtitles.read_text("utf-8").strip().split("\n\n")]
    assert [number for number, *_ in cues] == [str(n + 1) for n in range(len(cues))]
    assert _word_error_rate(english.text, " ".join(cue[2] for cue in cues)) < 0.1

    shown = text.inner_text()
    page.get_by_role("link", name="Home").click()
    expect(page.get_by_role("heading", name="understand your language")).to_be_visible()
    _open_transcribe(page)
    expect(text).to_have_text(shown)
    page.reload()
    expect(text).to_have_text(shown)


def test_a_sample_is_transcribed_with_one_click_and_its_segments_are_played(page: Page) -> None:
    _open_transcribe(page)
    page.get_by_role("button", name="Spanish").click()
    expect(page.get_by_text("Spanish (")).to_be_visible(timeout=TIMEOUT_MS)

    page.get_by_role("tab", name="Segments").click()
    table = page.locator("[data-testid=stDataFrame]")
    expect(table).to_have_count(1)  # the table of the previous transcript is gone
    # The table is a canvas: the checkbox of the first row is on the left, below the header. Nothing
    # tells from outside when it is ready, so a click without effect is repeated.
    player = page.get_by_test_id("stAudio")
    for _ in range(10):
        table.click(position={"x": 20, "y": 70})
        with suppress(AssertionError):
            expect(player).to_be_visible(timeout=TIMEOUT_MS / 10)
            break
    expect(player).to_be_visible()
    page.wait_for_function("document.querySelector('audio[data-testid=stAudio]').duration > 0.5")


def test_a_file_that_is_not_audio_is_reported_and_the_others_are_transcribed(
    page: Page, tmp_path: Path
) -> None:
    bad = tmp_path / "holiday.wav"
    bad.write_bytes(b"PK\x03\x04" + bytes(1000))
    good = next(sample for sample in list_samples() if sample.language == "fr")
    _open_transcribe(page)
    page.locator("input[type=file]").first.set_input_files([bad, good.audio_path])
    expect(page.get_by_role("alert").filter(has_text="holiday.wav")).to_be_visible()
    page.get_by_role("button", name="Transcribe 1 recording").click()
    expect(page.get_by_text("French (")).to_be_visible(timeout=TIMEOUT_MS)
    assert page.locator(".stException").count() == 0


@pytest.fixture
def long_recording(tmp_path: Path) -> Path:
    """The English sample, repeated: takes minutes to transcribe."""
    sample = audio.decode(list_samples()[0].audio_path)
    long = Waveform(np.tile(sample.samples, 60), sample.sample_rate)
    path = tmp_path / "long.wav"
    path.write_bytes(audio.encode_wav(long))
    return path


def test_a_running_transcription_can_be_stopped(page: Page, long_recording: Path) -> None:
    _open_transcribe(page)
    page.locator("input[type=file]").first.set_input_files(long_recording)
    page.get_by_role("button", name="Transcribe 1 recording").click()
    expect(page.get_by_test_id("stProgress")).to_be_visible(timeout=TIMEOUT_MS)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped").first).to_be_visible(timeout=TIMEOUT_MS)


@pytest.mark.parametrize("path", ["", "Transcribe"])
def test_the_page_fits_on_a_phone(browser: Browser, app_url: str, path: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 844})
    page.goto(f"{app_url}/{path}")
    expect(page.locator("h1")).to_be_visible(timeout=TIMEOUT_MS)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.close()


def test_in_public_mode_a_reload_finds_only_the_visitors_own_recordings(
    browser: Browser, tmp_path: Path
) -> None:
    sample = list_samples()[0].audio_path
    with serve_strictly(tmp_path, LAB_MODE="public") as url:
        own, other = browser.new_context().new_page(), browser.new_context().new_page()
        own.goto(f"{url}/Transcribe")
        own.locator("input[type=file]").first.set_input_files(sample)
        expect(own.get_by_role("button", name="Transcribe 1 recording")).to_be_visible()
        for page, count in ((own, "1"), (other, "0")):
            page.goto(url)
            expect(page.get_by_test_id("stMetricValue").first).to_have_text(count)
            page.context.close()
