"""The recordings that ship with the project can be used, and it is said whose they are."""

import re
from pathlib import Path

import jiwer
import pytest

from lab import audio, samples
from lab.asr.engine import Engine
from lab.samples import Sample, list_samples

README = samples.FOLDER / "README.md"
LICENCE = re.compile(r"CC BY(-SA)? 3\.0$")

each_sample = pytest.mark.parametrize("sample", list_samples(), ids=lambda sample: sample.language)


def test_there_is_a_sample_in_each_of_five_languages() -> None:
    assert [sample.language for sample in list_samples()] == ["en", "fr", "es", "it", "ru"]


@each_sample
def test_a_sample_is_whole_and_of_a_length_for_trying(sample: Sample) -> None:
    waveform = audio.decode(sample.audio_path)
    assert 15 <= waveform.duration_s <= 40
    assert waveform.warning is None
    assert abs(waveform.samples).max() <= 1


@each_sample
def test_a_sample_says_what_is_spoken_a_line_a_sentence(sample: Sample) -> None:
    lines = sample.text.splitlines()
    assert len(lines) >= 4
    assert all(line[0].isupper() and line.endswith(".") for line in lines)


@each_sample
def test_voice_and_licence_of_a_sample_stand_with_it_and_in_the_readme(sample: Sample) -> None:
    (row,) = [
        line
        for line in README.read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| `{sample.audio_path.name}` |")
    ]
    licence = LICENCE.search(sample.credit)
    assert licence
    assert f"[{licence[0]}]" in row
    assert re.split(r" \(|,", sample.credit)[0] in row


def test_without_the_folder_there_are_no_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "FOLDER", tmp_path / "not-there")
    assert list_samples() == []


@pytest.mark.real
@each_sample
def test_whisper_base_knows_the_language_and_nearly_all_words(
    sample: Sample, fast_engine: Engine
) -> None:
    transcript = fast_engine.transcribe(audio.decode(sample.audio_path)).transcript()
    assert transcript.language == sample.language
    assert jiwer.wer(_words(sample.text), _words(transcript.text)) < 0.1


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold().replace("ё", "е")))
