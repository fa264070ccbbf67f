"""The bundled samples can be used, and their speakers are credited."""

import re
from pathlib import Path

import jiwer
import pytest

from lab import audio
from lab.asr.engine import Engine
from lab.core.workspace import Workspace
from lab.dataset import SPLITS, import_clips, table
from lab.dataset.splitting import find_leaks
from lab.importers import CorpusReader, detect_format
from lab.recordings import samples
from lab.recordings.samples import Sample, SampleDataset, list_sample_datasets, list_samples

README = samples.FOLDER / "README.md"
LICENCE = re.compile(r"CC BY(-SA)? 3\.0$")

each_sample = pytest.mark.parametrize("sample", list_samples(), ids=lambda sample: sample.language)
each_dataset = pytest.mark.parametrize(
    "sample", list_sample_datasets(), ids=lambda sample: sample.language
)


def test_there_is_a_sample_in_each_of_five_languages() -> None:
    assert [sample.language for sample in list_samples()] == ["en", "fr", "es", "it", "ru"]
    assert [sample.language for sample in list_sample_datasets()] == ["sq", "en"]


@each_sample
def test_a_sample_is_complete_and_about_half_a_minute(sample: Sample) -> None:
    waveform = audio.decode(sample.audio_path)
    assert 15 <= waveform.duration_s <= 40
    assert waveform.warning is None
    assert abs(waveform.samples).max() <= 1


@each_sample
def test_a_sample_is_transcribed_with_one_sentence_per_line(sample: Sample) -> None:
    lines = sample.text.splitlines()
    assert len(lines) >= 4
    assert all(line[0].isupper() and line.endswith(".") for line in lines)


@each_sample
def test_a_sample_credits_its_voice_and_licence_as_the_readme_does(sample: Sample) -> None:
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
    assert list_sample_datasets() == []


@pytest.mark.real
@each_sample
def test_whisper_base_detects_the_language_and_gets_nearly_all_words_right(
    sample: Sample, fast_engine: Engine
) -> None:
    transcript = fast_engine.transcribe(audio.decode(sample.audio_path)).transcript()
    assert transcript.language == sample.language
    assert jiwer.wer(_words(sample.text), _words(transcript.text)) < 0.1


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold().replace("ё", "е")))


@each_dataset
def test_a_sample_dataset_is_split_without_leaks_and_complete(
    sample: SampleDataset,
) -> None:
    entries = table.read(sample.folder / "metadata.csv")
    assert len(entries) == len(list((sample.folder / "audio").iterdir()))
    assert {entry.split for entry in entries} == set(SPLITS)
    assert {entry.language for entry in entries} == {sample.language}
    # The real one has a single speaker, so that only its sentences can be kept apart.
    assert {leak.kind for leak in find_leaks(entries)} <= (
        {"speaker"} if sample.language == "en" else set()
    )
    for entry in entries[::20]:
        waveform = audio.decode(sample.folder / entry.file_name)
        assert waveform.duration_s == pytest.approx(entry.duration_s, abs=0.02)
        assert waveform.warning is None


@each_dataset
def test_a_sample_dataset_is_small_and_credits_its_voices(sample: SampleDataset) -> None:
    files = [path for path in sample.folder.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 4_000_000
    own, all_ = (
        (folder / "README.md").read_text(encoding="utf-8")
        for folder in (sample.folder, samples.FOLDER)
    )
    assert f"| `datasets/{sample.folder.name}/` |" in all_
    word = "synthetic" if sample.language == "sq" else "Allison Smith"
    assert all(word in text for text in (own, all_, sample.credit))


def test_a_sample_dataset_is_imported_like_any_other(workspace: Workspace) -> None:
    sample = next(one for one in list_sample_datasets() if one.language == "en")
    corpus = detect_format(sample.folder)
    assert corpus.format.name == "audiofolder"
    reader = CorpusReader(corpus.folder, corpus.format)
    done = import_clips(workspace, sample.folder.name, reader, language=sample.language)
    assert (done.n_new, done.problems, reader.problems) == (96, (), [])
    assert done.dataset.name == sample.folder.name
