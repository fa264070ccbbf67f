"""`dataset` on the command line."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

from lab.audio import Waveform
from lab.cli import dataset as command
from lab.core.errors import LabError
from lab.dataset import Dataset
from tests.support.commands import assert_refused, lab, write


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    for name in ("a", "b"):
        write(folder / "wavs" / f"{name}.wav", Waveform(np.zeros(16_000, np.float32), 16_000))
    missing = "".join(f"gone{number}|Jo|Jo\n" for number in range(30))
    (folder / "metadata.csv").write_text(f"a|Mirë|Mirë\nb||\n{missing}", encoding="utf-8")
    return folder


@pytest.fixture
def options(tmp_path: Path) -> tuple[object, ...]:
    return "--name", "Shqip", "--language", "sq", "--workspace", tmp_path / "w"


def test_a_corpus_is_imported_and_listed(
    corpus: Path, options: tuple[object, ...], tmp_path: Path
) -> None:
    done = lab("dataset", "import", corpus, *options, "--format", "ljspeech")
    assert (done.exit_code, done.stdout) == (0, "shqip: 2 clips imported.\n")
    first, *_, last, hint = done.stderr.splitlines()
    assert first == "wavs/b.wav: has no text"
    assert last == "… and 11 more problems"
    assert hint.endswith("python -m lab dataset check shqip --languages")
    again = lab("dataset", "import", corpus, *options, "--format", "ljspeech")
    assert again.stdout == "shqip: 0 clips imported, 2 already in the dataset.\n"
    listed = lab("dataset", "list", "--workspace", tmp_path / "w").stdout.splitlines()
    assert [line.split() for line in listed] == [
        ["NAME", "CLIPS", "WITH", "TEXT"],
        ["shqip", "2", "1"],
    ]
    entries = Dataset("shqip", tmp_path / "w/datasets/shqip").clips()
    assert [(entry.transcription, entry.language) for entry in entries] == [
        ("Mirë", "sq"),
        ("", "sq"),
    ]


def test_without_a_format_the_user_is_asked(
    corpus: Path, options: tuple[object, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert_refused(lab("dataset", "import", corpus, *options), "LJSpeech", "--format ljspeech")
    monkeypatch.setattr(command, "_is_interactive", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    assert_refused(lab("dataset", "import", corpus, *options), "Nothing was imported")
    assert not (tmp_path / "w").exists()
    monkeypatch.setattr("typer.confirm", lambda *_, **__: True)
    assert lab("dataset", "import", corpus, *options).stdout == "shqip: 2 clips imported.\n"


def test_errors_are_one_line(corpus: Path, options: tuple[object, ...], tmp_path: Path) -> None:
    assert_refused(
        lab("dataset", "import", tmp_path / "gone", *options), "gone", "neither a folder"
    )
    (tmp_path / "empty").mkdir()
    assert_refused(
        lab("dataset", "import", tmp_path / "empty", *options), "none of the known formats"
    )
    assert_refused(lab("dataset", "import", corpus, *options, "--format", "x"), "audiofolder")
    wrong = lab("dataset", "import", corpus, *options, "--format", "ljspeech", "--language", "xx")
    assert_refused(wrong, "“xx”")


def test_the_language_of_a_corpus_is_detected(tmp_path: Path, corpus: Path) -> None:
    with zipfile.ZipFile(tmp_path / "cv.zip", "w") as packed:
        packed.write(corpus / "wavs/a.wav", "cv-17/sq/clips/a.wav")
        packed.writestr("cv-17/sq/train.tsv", "client_id\tpath\tsentence\na\ta.wav\tPo\n")
    options = ("--name", "shqip", "--workspace", tmp_path / "w", "--format", "common-voice")
    done = lab("dataset", "import", tmp_path / "cv.zip", *options)
    assert done.stdout == "shqip: 1 clip imported.\n"
    (entry,) = Dataset("shqip", tmp_path / "w/datasets/shqip").clips()
    assert (entry.language, entry.split) == ("sq", "train")


def test_an_unknown_language_must_be_given(corpus: Path, tmp_path: Path) -> None:
    options = ("--name", "a", "--workspace", tmp_path / "w", "--format", "ljspeech")
    assert_refused(lab("dataset", "import", corpus, *options), "--language sq")
    assert not (tmp_path / "w/datasets/a").exists()


def test_voxlingua_accepts_the_name_of_a_language(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def refuse(code: str, *_: object, **__: object) -> None:
        asked.append(code)
        raise LabError("The server is away.")

    monkeypatch.setattr("lab.dataset.importing.download", refuse)
    options = ("--name", "a", "--workspace", tmp_path / "w")
    assert_refused(lab("dataset", "import", "voxlingua107:Albanian", *options), "server is away")
    assert asked == ["sq"]
    assert_refused(lab("dataset", "import", "voxlingua107:Albania", *options), "“Albanian”")
