"""The Datasets page in a real browser, with a real model: from import to export."""

import re
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from lab import importers
from lab.importers.archives import unpack
from lab.recordings.samples import list_sample_datasets
from tests.support.app_server import TIMEOUT_MS

pytestmark = [pytest.mark.browser, pytest.mark.real]

expect.set_options(timeout=TIMEOUT_MS)

AUDIOFOLDER = importers.get_format("audiofolder")
N_CLIPS = 40


def tab(page: Page, name: str) -> None:
    page.get_by_role("radio", name=name, exact=True).click()


def corpus(folder: Path) -> Path:
    """A zip of English clips, each with a text file of the same name; no language is given."""
    sample = next(one for one in list_sample_datasets() if one.language == "en")
    path = folder / "voices.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for clip in list(importers.CorpusReader(sample.folder, AUDIOFOLDER))[:N_CLIPS]:
            archive.write(clip.audio_path, f"voices/{clip.audio_path.name}")
            archive.writestr(f"voices/{clip.audio_path.stem}.txt", clip.transcription)
    return path


def test_from_import_to_export_and_a_wrong_language_is_detected(
    page: Page, app_url: str, tmp_path: Path
) -> None:
    page.goto(f"{app_url}/Datasets")
    tab(page, "Upload")
    page.locator("input[type=file]").set_input_files(corpus(tmp_path))
    expect(page.get_by_label("Dataset name")).to_have_value("voices")
    # A mistake from practice: speech filed under the wrong language.
    page.get_by_label("Spoken language").click()
    page.get_by_label("Spoken language").fill("Albanian")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Import", exact=True).click()
    expect(page.get_by_text(f"{N_CLIPS} clips imported")).to_be_visible()
    expect(page.get_by_text(re.compile("sound like English"))).to_be_visible()
    page.get_by_role("button", name="Open").last.click()

    expect(page.get_by_text(f"{N_CLIPS} of {N_CLIPS} clips")).to_be_visible()
    page.get_by_label("Filter").fill('duration > 4 and "number" in text')
    page.keyboard.press("Enter")
    expect(page.get_by_text(re.compile(rf"^[1-9] of {N_CLIPS} clips"))).to_be_visible()
    page.get_by_label("Filter").fill("")
    page.keyboard.press("Enter")
    expect(page.get_by_text(f"{N_CLIPS} of {N_CLIPS} clips")).to_be_visible()

    page.get_by_role("button", name="Add predictions").click()
    page.get_by_role("button", name=f"Transcribe {N_CLIPS} clips").click()
    page.keyboard.press("Escape")
    tab(page, "Errors")  # offered once there are predictions
    rate = page.get_by_test_id("stMetricValue").first
    expect(rate).to_have_text(re.compile("%"))
    assert 0 < float(rate.inner_text().rstrip("%")) < 100

    tab(page, "Split")
    page.get_by_text("Reassign all clips").click()
    page.get_by_role("button", name=re.compile(r"Split \d+ clips")).click()
    expect(page.get_by_role("button", name="Already split this way")).to_be_visible()
    tab(page, "Export")
    page.get_by_role("button", name=f"Export {N_CLIPS} clips").click()
    with page.expect_download() as download:
        page.get_by_role("button", name=re.compile("Download")).click()
    download.value.save_as(tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.testzip() is None
    unpack(tmp_path / "out.zip", tmp_path / "out")
    found = importers.detect_format(tmp_path / "out")
    assert len(list(importers.CorpusReader(found.folder, found.format))) == N_CLIPS
