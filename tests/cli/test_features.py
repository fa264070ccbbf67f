"""`features` on the command line."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from lab import audio
from lab.audio import SAMPLE_RATE, Waveform
from lab.cli import app
from lab.features import VIEWS, WHISPER, compute
from lab.recordings.samples import FOLDER

ENGLISH = FOLDER / "english.ogg"


def lab(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["features", *map(str, arguments)])


@pytest.fixture
def short(tmp_path: Path) -> Path:
    path = tmp_path / "input" / "short.wav"
    path.parent.mkdir()
    path.write_bytes(audio.encode_wav(audio.decode(ENGLISH).slice(0, 2.6)))
    return path


def test_every_view_is_saved_as_an_image(short: Path, tmp_path: Path) -> None:
    result = lab(short, "--output-dir", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (0, "")
    folder = tmp_path / "out" / "short"
    assert result.stderr == f"Wrote {len(VIEWS) + 1} files to {folder}\n"
    names = {path.name for path in folder.iterdir()}
    assert names == {f"{view}.png" for view in VIEWS} | {"settings.json"}


def test_the_options_change_the_array(short: Path, tmp_path: Path) -> None:
    options = ["--view", "log_mel", "--format", "npy", "--output-dir", tmp_path / "out"]
    assert lab(short, *options, "--preset", "whisper").exit_code == 0
    array = np.load(tmp_path / "out" / "short" / "log_mel.npy")
    np.testing.assert_array_equal(array, compute("log_mel", audio.decode(short), WHISPER).array)
    changes = ["--n-fft", 512, "--hop-length", 100, "--n-mels", 40, "--fmin", 50, "--fmax", 4000]
    assert lab(short, *options, *changes, "--window", "hamming").exit_code == 0
    array = np.load(tmp_path / "out" / "short" / "log_mel.npy")
    assert array.shape == (40, 1 + round(2.6 * SAMPLE_RATE) // 100)


def test_a_higher_sample_rate_has_higher_frequencies(short: Path, tmp_path: Path) -> None:
    options = ["--view", "power", "--format", "csv", "--sample-rate", 22_050]
    assert lab(short, *options, "--output-dir", tmp_path).exit_code == 0
    heading = (tmp_path / "short" / "power.csv").read_text().splitlines()[0]
    assert heading.endswith("11025 Hz")


def test_recordings_with_the_same_name_get_separate_folders(short: Path, tmp_path: Path) -> None:
    other = tmp_path / "SHORT.wav"
    other.write_bytes(short.read_bytes())
    options = ["--view", "energy", "--output-dir", tmp_path / "out"]
    assert lab(short, other, *options).exit_code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"short", "SHORT-2"}


def test_unreadable_files_are_reported_and_the_others_processed(
    short: Path, tmp_path: Path
) -> None:
    letter = tmp_path / "letter.mp3"
    letter.write_text("Dear Sir or Madam,\n" * 100)
    click = tmp_path / "click.wav"
    click.write_bytes(audio.encode_wav(Waveform(np.ones(500, np.float32), SAMPLE_RATE)))
    out = tmp_path / "out"
    result = lab(letter, click, short, "--view", "energy", "--output-dir", out)
    assert result.exit_code == 2
    assert [line.split()[0] for line in result.stderr.splitlines()] == [
        *("“letter.mp3”", "click.wav:", "Wrote")
    ]
    assert [path.name for path in out.iterdir()] == ["short"]


@pytest.mark.parametrize(
    ("options", "mentioned"),
    [
        (["--view", "cepstrum"], "log_mel"),
        (["--format", "docx"], "labelled.png"),
        (["--preset", "mine"], "source-lab or whisper"),
        (["--window", "gauss"], "hann or hamming"),
        (
            ["--n-fft", "5", "--n-mels", "0"],
            "n_mels must be a whole number between 1 and 512, not 0",
        ),
        (["--colour-map", "beige"], "viridis"),
        (["--fmax", "9000"], "at most 8000"),
        (["--sample-rate", "100"], "4000"),
        (["--output-dir", ENGLISH], "cannot be written"),
    ],
)
def test_an_invalid_option_is_refused_in_one_line(
    options: list[object], mentioned: str, short: Path, tmp_path: Path
) -> None:
    result = lab(short, "--output-dir", tmp_path / "out", *options)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert mentioned in result.stderr
    assert not (tmp_path / "out").exists()
