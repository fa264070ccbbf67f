"""`dataset` on the command line."""

from pathlib import Path

import numpy as np
import pytest
from test_cli import assert_refused, lab, write

from lab.audio import Waveform
from lab.cli import dataset as command
from lab.dataset import Dataset


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
    done = lab("dataset", "import", corpus, *options, "--kind", "ljspeech")
    assert (done.exit_code, done.stdout) == (0, "shqip: 2 clips are new.\n")
    first, *_, last = done.stderr.splitlines()
    assert first == "wavs/b.wav: has no text"
    assert last == "… and 11 more problems"
    again = lab("dataset", "import", corpus, *options, "--kind", "ljspeech")
    assert again.stdout == "shqip: 0 clips are new, 2 were there before.\n"
    listed = lab("dataset", "list", "--workspace", tmp_path / "w").stdout.splitlines()
    assert [line.split() for line in listed] == [
        ["NAME", "CLIPS", "WITH", "TEXT"],
        ["shqip", "2", "1"],
    ]
    entries = Dataset("shqip", tmp_path / "w/datasets/shqip").entries()
    assert [(entry.transcription, entry.language) for entry in entries] == [
        ("Mirë", "sq"),
        ("", "sq"),
    ]


def test_without_a_kind_a_person_is_asked(
    corpus: Path, options: tuple[object, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert_refused(lab("dataset", "import", corpus, *options), "LJSpeech", "--kind ljspeech")
    monkeypatch.setattr(command, "_somebody_is_there", lambda: True)
    monkeypatch.setattr("typer.confirm", lambda *_, **__: False)
    assert_refused(lab("dataset", "import", corpus, *options), "Nothing was imported")
    assert not (tmp_path / "w").exists()
    monkeypatch.setattr("typer.confirm", lambda *_, **__: True)
    assert lab("dataset", "import", corpus, *options).stdout == "shqip: 2 clips are new.\n"


def test_mistakes_cost_a_line(corpus: Path, options: tuple[object, ...], tmp_path: Path) -> None:
    assert_refused(lab("dataset", "import", tmp_path / "gone", *options), "gone", "no folder")
    assert_refused(lab("dataset", "import", tmp_path, *options), "no corpus")
    assert_refused(lab("dataset", "import", corpus, *options, "--kind", "x"), "audiofolder")
    wrong = lab("dataset", "import", corpus, *options, "--kind", "ljspeech", "--language", "xx")
    assert_refused(wrong, "“xx”")
