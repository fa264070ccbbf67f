"""`prepare` on the command line."""

import csv
import os
import signal
import subprocess
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lab import audio
from lab.audio import SAMPLE_RATE, Waveform
from lab.core.workspace import Workspace
from lab.preprocess import (
    PRESETS,
    SOURCE_LAB,
    WHISPER,
    AudioFile,
    apply,
    batch,
    preparation_export,
    preparations,
    prepare_files,
)
from lab.preprocess.recipe import Recipe, ReduceNoise
from lab.recordings.samples import FOLDER
from tests.support.commands import COMMAND, HOME, assert_refused, lab, modules_after, write

ENGLISH, SPANISH = FOLDER / "english.ogg", FOLDER / "spanish.ogg"
N_CHECKS = 6


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    path = tmp_path / "letter.mp3"
    path.write_text("Dear Sir or Madam,\n" * 100)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def sources(folder: Path) -> list[str]:
    """The source recordings in the manifest, without duplicates."""
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return list(dict.fromkeys(row["source"] for row in csv.DictReader(file)))


def test_the_library_prepares_the_same_clips_and_the_checklist_is_printed(
    out: Path, tmp_path: Path
) -> None:
    result = lab("prepare", ENGLISH, SPANISH, "--output-dir", out)
    assert (result.exit_code, result.stderr) == (0, "")
    report = prepare_files([AudioFile(ENGLISH), AudioFile(SPANISH)], SOURCE_LAB, tmp_path / "same")
    assert contents(out) == contents(tmp_path / "same")
    summary, *checks = result.stdout.splitlines()
    assert len(report.rows) >= 8
    minutes = sum(row.duration_s for row in report.rows) / 60
    assert summary == f"{len(report.rows)} clips, {minutes:.1f} minutes in total, in {out}"
    assert len(checks) == N_CHECKS
    assert checks[0].startswith("✗ Enough clips: ")
    assert [check[0] for check in checks[1:4]] == ["✓"] * 3  # format, length, sample rate


def test_the_zip_of_the_page_has_the_same_clips(
    out: Path, tmp_path: Path, workspace: Workspace
) -> None:
    assert lab("prepare", SPANISH, "--output-dir", out).exit_code == 0
    preparation = preparations.add(
        preparations.create(workspace, SOURCE_LAB),
        apply(SOURCE_LAB, AudioFile(SPANISH)),
        recording_id="spanish",
        name=SPANISH.name,
    )
    with (tmp_path / "page.zip").open("wb") as file:
        preparation_export.write_zip(preparation, file)
    with zipfile.ZipFile(tmp_path / "page.zip") as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == contents(out)


def test_a_failed_check_names_the_clips(out: Path) -> None:
    result = lab("prepare", ENGLISH, "--preset", "whisper", "--output-dir", out)
    assert result.exit_code == 0
    lengths, rate = result.stdout.splitlines()[3:5]
    assert lengths.startswith("✗ 1 to 30 seconds each: 1 of 1 clips are too short or too long.")
    assert lengths.endswith(" (english-0001.wav)")
    assert rate == "✓ Sample rate 16000 Hz: All 1 clips pass."


@pytest.mark.parametrize("preset", ["whisper", "as-is"])
def test_the_saved_recipe_reproduces_the_clips(preset: str, out: Path, tmp_path: Path) -> None:
    assert lab("prepare", SPANISH, "--preset", preset, "--output-dir", out).exit_code == 0
    recipe = Recipe.from_yaml((out / "recipe.yaml").read_text(encoding="utf-8"))
    assert recipe == PRESETS[preset]
    again = tmp_path / "again"
    options = ["--recipe", out / "recipe.yaml", "--output-dir", again]
    assert lab("prepare", SPANISH, *options).exit_code == 0
    assert contents(again) == contents(out)


def test_a_folder_is_searched_for_recordings(out: Path, tmp_path: Path) -> None:
    short = audio.decode(ENGLISH).slice(0, 2.6)
    folder = tmp_path / "input"
    for name in ("b/two.wav", "b/deep/one.WAV", "a/two.wav", ".hidden.wav"):
        write(folder / name, short)
    (folder / "notes.txt").write_text("not sound")
    arguments = [folder, folder / "a" / "two.wav", "--preset", "whisper"]
    # Into the folder that is searched: clips must not become recordings.
    result = lab("prepare", *arguments, "--output-dir", folder / "clips")
    assert (result.exit_code, result.stderr) == (0, "")
    assert sources(folder / "clips") == ["two.wav", "one.WAV"]
    clips = {path.name for path in (folder / "clips").glob("*.wav")}
    assert clips == {"two-0001.wav", "one-0001.wav", "two-2-0001.wav"}

    (tmp_path / "empty").mkdir()
    nothing = lab("prepare", tmp_path / "empty", SPANISH, "--output-dir", out)
    assert nothing.exit_code == 2
    assert nothing.stderr == f"{tmp_path / 'empty'} contains no recordings.\n"
    assert sources(out) == ["spanish.ogg"]


def test_bad_files_in_a_zip_are_reported_and_the_others_prepared(out: Path, tmp_path: Path) -> None:
    path = tmp_path / "input.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(SPANISH, "day 1/hola.ogg")
        archive.write(SPANISH, "../../evil.ogg")
        archive.writestr("broken.mp3", b"Dear Sir or Madam, " * 100)
        archive.write(ENGLISH, "damaged.ogg")
        archive.write(SPANISH, "day 2/hola.ogg")
    data = bytearray(path.read_bytes())
    at = data.index(ENGLISH.read_bytes()[:500])
    data[at + 1_000 : at + 1_100] = bytes(100)
    path.write_bytes(data)
    result = lab("prepare", path, "--preset", "whisper", "--output-dir", out)
    assert result.exit_code == 2
    evil, damaged, broken = result.stderr.splitlines()
    assert "“../../evil.ogg” was skipped: its name points outside" in evil
    assert "“damaged.ogg” was skipped: it is damaged" in damaged
    assert broken.startswith("“broken.mp3” is a text")
    assert sources(out) == ["day 1/hola.ogg", "day 2/hola.ogg"]
    assert {path.name for path in tmp_path.iterdir()} == {"input.zip", "out"}
    one, two = sorted(out.glob("*.wav"))
    assert (one.name, two.name) == ("hola-0001.wav", "hola-2-0001.wav")
    assert one.read_bytes() == two.read_bytes()


def test_bad_files_are_reported_and_the_others_prepared(
    out: Path, broken: Path, tmp_path: Path
) -> None:
    fake = broken.with_name("fake.zip")
    fake.write_text("not packed")
    silence = np.zeros(2 * SAMPLE_RATE, np.float32)
    silent = write(tmp_path / "silent.wav", Waveform(silence, SAMPLE_RATE))
    given = [broken, tmp_path / "gone.wav", SPANISH, fake, silent]
    result = lab("prepare", *given, "--preset", "whisper", "--output-dir", out)
    assert result.exit_code == 2
    packed, letter, gone, warning = result.stderr.splitlines()
    assert packed.startswith("“fake.zip” cannot be read as a zip")
    assert letter.startswith("“letter.mp3” is a text")
    assert gone.startswith("“gone.wav” does not exist.")
    assert warning.startswith("silent.wav: The recording is silent.")
    assert sources(out) == ["spanish.ogg", "silent.wav"]


def test_a_folder_without_clips_can_be_reused(out: Path, broken: Path) -> None:
    result = lab("prepare", broken, "--output-dir", out)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.splitlines()[1:] == ["There are no clips."]
    again = lab("prepare", SPANISH, "--preset", "whisper", "--output-dir", out)
    assert again.exit_code == 0


def test_a_folder_with_clips_is_not_overwritten(out: Path) -> None:
    arguments = ["prepare", SPANISH, "--preset", "whisper", "--output-dir", out]
    assert lab(*arguments).exit_code == 0
    before = contents(out)
    assert_refused(lab(*arguments), str(out), "already contains prepared clips")
    assert contents(out) == before


@pytest.mark.parametrize(
    ("options", "mentioned"),
    [
        (["--preset", "studio"], "Choose whisper or source-lab or as-is."),
        (["--preset", "whisper", "--recipe", "recipe.yaml"], "not both"),
        (["--recipe", "gone.yaml"], "gone.yaml cannot be read (No such file"),
        (["--recipe", FOLDER], "samples cannot be read (Is a directory"),
        (["--recipe", ENGLISH], "english.ogg is not a text file"),
        (["--recipe", FOLDER / "english.txt"], "The settings "),
        (["--recipe", HOME / "environment.yml"], "unknown: 'name'"),
    ],
)
def test_an_invalid_recipe_is_refused_in_one_line(
    options: list[object], mentioned: str, out: Path
) -> None:
    assert_refused(lab("prepare", SPANISH, "--output-dir", out, *options), mentioned)
    assert not out.exists()


def test_an_output_folder_that_is_a_file_is_refused_in_one_line(broken: Path) -> None:
    assert_refused(lab("prepare", SPANISH, "--output-dir", broken), "letter.mp3")


def test_help_loads_neither_torch_nor_audio_libraries() -> None:
    assert not {"torch", "whisper", "av", "numpy"} & modules_after("prepare", "--help")


def test_recordings_finished_before_ctrl_c_are_kept(
    out: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, begun = batch.apply, []

    def interrupted(*arguments: object, **options: object) -> object:
        begun.append(1)
        if len(begun) == 2:
            raise KeyboardInterrupt
        return whole(*arguments, **options)

    monkeypatch.setattr(batch, "apply", interrupted)
    options = ["--preset", "whisper", "--output-dir", out]
    result = lab("prepare", SPANISH, ENGLISH, *options)
    assert (result.exit_code, result.stdout) == (130, "")
    assert result.stderr == f"The finished recordings are in {out}.\nStopped.\n"
    assert {path.name for path in out.iterdir()} == {
        "spanish-0001.wav",
        "manifest.csv",
        "recipe.yaml",
    }


@pytest.mark.skipif(os.name == "nt", reason="sends the signal of Ctrl+C")
def test_ctrl_c_leaves_no_partial_recording(out: Path, tmp_path: Path) -> None:
    english = audio.decode(ENGLISH).samples
    long = write(tmp_path / "long.wav", Waveform(np.tile(english, 100), SAMPLE_RATE))
    slow = replace(WHISPER, reduce_noise=ReduceNoise())
    (tmp_path / "slow.yaml").write_text(slow.to_yaml(), encoding="utf-8")
    arguments = ["prepare", ENGLISH, long, "--recipe", tmp_path / "slow.yaml", "--output-dir", out]
    command = [*COMMAND, *map(str, arguments)]
    with subprocess.Popen(command, cwd=HOME, stderr=subprocess.PIPE, text=True) as process:
        while not list(out.glob("english-*.wav")):
            assert process.poll() is None
            time.sleep(0.05)
        time.sleep(1)  # by now it is preparing the second recording
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == f"The finished recordings are in {out}.\nStopped.\n"
    assert sources(out) == ["english.ogg"]
    assert not [*out.glob("long-*"), *out.glob("*.part")]
