"""Saved features can be read back and equal what is displayed."""

import io
import json
import threading
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from lab.core.errors import OptionsError, WorkspaceError
from lab.features import SOURCE_LAB, VIEWS, FeatureSettings, compute
from lab.features.images import COLOUR_MAPS, png
from lab.features.save import FORMATS, to_bytes, write_all, write_zip
from tests.support.voices import silence, voice


@pytest.mark.parametrize("view", VIEWS)
def test_arrays_and_tables_round_trip_exactly(view: str) -> None:
    feature = compute(view, voice(0.3), SOURCE_LAB)
    np.testing.assert_array_equal(
        np.load(io.BytesIO(to_bytes(feature, "npy"))), feature.array, strict=True
    )
    text = np.loadtxt(io.BytesIO(to_bytes(feature, "txt")), dtype=np.float32)
    np.testing.assert_array_equal(text, feature.array)
    table = pd.read_csv(io.BytesIO(to_bytes(feature, "csv")))
    assert table.columns[0] == feature.axes[-1].title
    np.testing.assert_allclose(table.iloc[:, 0], feature.axes[-1].values(), rtol=1e-8)
    numbers = table.iloc[:, 1:].to_numpy(np.float32).T
    np.testing.assert_array_equal(np.squeeze(numbers), feature.array)
    if feature.array.ndim == 1:
        assert table.columns[1] == feature.quantity_title


def test_the_columns_of_a_table_are_labelled_with_units() -> None:
    def heading(view: str) -> list[str]:
        table = to_bytes(compute(view, voice(0.3), SOURCE_LAB), "csv").decode()
        return table.splitlines()[0].split(",")

    assert heading("power")[:3] == ["Time (s)", "0 Hz", "15.625 Hz"]
    assert heading("mfcc")[:2] == ["Time (s)", "Coefficient 0"]
    assert heading("mel_filters")[:2] == ["Frequency (Hz)", "Mel filter 1"]
    assert heading("pitch") == ["Time (s)", "Fundamental frequency (Hz)"]


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("labelled", [False, True])
def test_every_view_of_speech_and_silence_has_an_image(view: str, labelled: bool) -> None:
    for wave in (voice(), silence()):
        picture = Image.open(io.BytesIO(png(compute(view, wave, SOURCE_LAB), labelled=labelled)))
        assert picture.size == ((2100, 1050) if labelled else (1024, 1024))


@pytest.mark.parametrize("colour_map", COLOUR_MAPS)
def test_the_plain_image_is_the_array_with_low_frequencies_at_the_bottom(
    colour_map: str,
) -> None:
    feature = compute("mel_filters", voice(), FeatureSettings(n_mels=2, mel_norm="none"))
    picture = np.asarray(
        Image.open(io.BytesIO(png(feature, colour_map=colour_map))).convert("RGB"), int
    )
    background = picture[0, 0]
    lower, upper = picture[768], picture[256]
    strays = [np.abs(row - background).sum(axis=1) for row in (lower, upper)]
    low, high = (float(np.average(np.arange(1024), weights=stray)) for stray in strays)
    assert low < high
    with pytest.raises(OptionsError, match="colour map"):
        png(feature, colour_map="jet2")


def test_images_drawn_concurrently_equal_those_drawn_one_by_one() -> None:
    features = [compute(view, voice(), SOURCE_LAB) for view in ("power_db", "log_mel", "mfcc")]
    alone = [png(feature, labelled=True) for feature in features]
    together: dict[int, bytes] = {}

    def draw(number: int) -> None:
        together[number] = png(features[number % 3], labelled=True)

    threads = [threading.Thread(target=draw, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(picture == alone[number % 3] for number, picture in together.items())


def test_a_folder_contains_all_views_and_the_settings(tmp_path: Path) -> None:
    seen: list[float] = []

    def on_progress(done: float, total: float, note: str = "") -> None:  # noqa: ARG001
        seen.append(done / total)

    written = write_all(tmp_path / "out", voice(0.5), SOURCE_LAB, on_progress=on_progress)
    names = {f"{view}.{suffix}" for view in VIEWS for suffix in FORMATS} | {"settings.json"}
    assert {path.name for path in written} == {path.name for path in written[0].parent.iterdir()}
    assert {path.name for path in written} == names
    made = json.loads((tmp_path / "out" / "settings.json").read_text())
    assert (made["n_fft"], made["sample_rate"]) == (1024, 16_000)
    assert seen == sorted(seen)
    assert seen[-1] == 1


def test_the_zip_has_the_contents_of_the_folder(tmp_path: Path) -> None:
    formats = ["npy", "csv", "txt"]
    written = write_all(tmp_path / "out", voice(0.5), SOURCE_LAB, formats=formats)
    write_zip(tmp_path / "all.zip", voice(0.5), SOURCE_LAB, formats=formats)
    with zipfile.ZipFile(tmp_path / "all.zip") as archive:
        assert archive.testzip() is None
        assert sorted(archive.namelist()) == sorted(path.name for path in written)
        for path in written:
            assert archive.read(path.name) == path.read_bytes()


def test_nothing_is_written_if_a_setting_is_unsuitable(tmp_path: Path) -> None:
    with pytest.raises(OptionsError, match="above 8000") as caught:
        write_all(tmp_path / "out", voice(), FeatureSettings(fmax=9000.0))
    assert str(caught.value).count("9000 Hz") == 1
    with pytest.raises(OptionsError, match="Unknown format"):
        write_zip(tmp_path / "a.zip", voice(), SOURCE_LAB, formats=["xlsx"])
    with pytest.raises(OptionsError, match="Unknown view"):
        write_zip(tmp_path / "a.zip", voice(), SOURCE_LAB, views=["cepstrum"])
    assert not list(tmp_path.iterdir())


def test_a_write_error_is_a_workspace_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        write_all(tmp_path / "file", voice(0.5), SOURCE_LAB, views=["energy"], formats=["npy"])
