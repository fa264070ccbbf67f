"""Evaluation with fake engines, which know the text of a clip by its duration."""

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from lab import audio, dataset, evaluation
from lab.asr.engine import Engine
from lab.audio import Waveform
from lab.cli.evaluate import evaluate as command
from lab.core.errors import OptionsError, WorkspaceError
from lab.core.workspace import Workspace
from lab.dataset import Dataset
from lab.evaluation import CUSTOM, evaluate, matrix, report_files, rescore, summarize
from lab.scoring import Counts, Normalizer
from tests.support.commands import assert_refused
from tests.support.fake_engine import FakeEngine, silent_dataset
from tests.support.speech import Utterance

N_CLIPS = 20


@pytest.fixture
def data(workspace: Workspace) -> Dataset:
    """Twenty test clips of 1.1 s and longer, with texts as `text_of` gives them."""
    data = silent_dataset(workspace, *(1 + number / 10 for number in range(1, N_CLIPS + 3)))
    edits = []
    for number, entry in enumerate(data.clips()):
        split = "test" if number < N_CLIPS else "train"
        edits.append((entry, replace(entry, transcription=text_of(number), split=split)))
    data.change(edits, what="test")
    return data


def text_of(number: int) -> str:
    return f"Fjala s'ë {number + 1} sot."


def transcribes(change: Callable[[str], str]) -> Callable[[Waveform, str], str]:
    return lambda clip, _: change(text_of(round(10 * clip.duration_s) - 11))


def base() -> FakeEngine:
    return FakeEngine(
        "base", "1", transcribes(lambda text: text.replace("ë", "e").replace("sot", "dje"))
    )


def tuned() -> FakeEngine:
    return FakeEngine("tuned", "2", transcribes(lambda text: text.lower().replace("'", "")))


def test_error_rates_follow_from_the_texts(data: Dataset) -> None:
    (report,) = evaluate([base(), tuned()], [data])
    assert len(report.clips) == N_CLIPS
    first, second = report.results
    # Of four words one is substituted, “s'e” is one or two more, and the model's name is inserted.
    assert first.scores["raw"].words == Counts(2 * N_CLIPS, 2 * N_CLIPS, N_CLIPS, 0)
    assert first.scores["basic"].words == Counts(3 * N_CLIPS, 2 * N_CLIPS, N_CLIPS, 0)
    assert second.scores["custom"].words == Counts(4 * N_CLIPS, 0, N_CLIPS, 0)
    comparison = second.versus_baseline["words"]
    assert comparison.rate_a == first.scores["basic"].wer
    assert first.versus_baseline == {}
    assert "base: 60.0 errors per 100 words." in summarize(report)


def test_a_clip_is_transcribed_once_however_often_it_is_scored(data: Dataset) -> None:
    first, second = base(), tuned()
    (report,) = evaluate([first, second], [data])
    again = evaluate([first, second], [data])
    assert again[0].results == report.results
    assert sum(map(len, first.durations_s)) == sum(map(len, second.durations_s)) == N_CLIPS
    stricter = rescore(report, Normalizer())
    assert stricter.results[0].scores["custom"] == report.results[0].scores["raw"]
    assert stricter.results[0].scores["basic"] == report.results[0].scores["basic"]


def test_a_clip_that_cannot_be_read_is_scored_for_no_model(data: Dataset) -> None:
    entries = data.clips()
    data.audio_path(entries[3]).unlink()
    (report,) = evaluate([base(), tuned()], [data])
    assert len(report.clips) == N_CLIPS - 1
    assert [one.name for one in report.skipped] == [entries[3].file_name]
    assert {len(result.hypotheses.texts) for result in report.results} == {N_CLIPS - 1}


def test_bad_requests_are_refused_before_a_model_is_loaded(data: Dataset) -> None:
    def engines() -> Iterator[Engine]:
        raise AssertionError("no model is needed")
        yield

    with pytest.raises(OptionsError, match="split “validation” of a has no clip with a text"):
        evaluate(engines(), [data], split="validation")
    with pytest.raises(OptionsError, match="Unknown split “tset”"):
        evaluate(engines(), [data], split="tset")
    with pytest.raises(OptionsError, match="listed twice"):
        evaluate([base(), base()], [data])
    for entry in data.clips():
        data.audio_path(entry).unlink()
    with pytest.raises(OptionsError, match="could be transcribed"):
        evaluate([FakeEngine("third", "3")], [data])


def test_a_report_is_read_as_it_was_written(data: Dataset, tmp_path: Path) -> None:
    custom = Normalizer(case=True, replacements=(("dje", "sot"),))
    (report,) = evaluate([base(), tuned()], [data], custom=custom)
    summary, table = report_files.write(report, tmp_path / "out")
    again = report_files.read(tmp_path / "out")
    assert again.normalizers == report.normalizers
    assert [one.scores for one in again.results] == [one.scores for one in report.results]
    assert [one.versus_baseline for one in again.results] == [
        one.versus_baseline for one in report.results
    ]
    content = json.loads(summary.read_text())
    assert content["models"][0]["confusions"]["characters"][0]["count"] == N_CLIPS
    assert content["models"][1]["versus_baseline"]["words"]["sentence"] in content["sentences"][1]
    # Version 0.1 used other keys.
    content["normalisers"], content["n_learned"] = content.pop("normalizers"), 7
    del content["n_trained_on"]
    summary.write_text(json.dumps(content))
    old = report_files.read(tmp_path / "out")
    assert (old.normalizers, old.n_trained_on) == (report.normalizers, 7)
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert len(rows) == N_CLIPS
    assert rows[0]["transcription"] == "Fjala s'ë 1 sot."
    assert float(rows[0]["base wer"]) == pytest.approx(0.6)
    table.write_text("file_name\na.wav\n")
    with pytest.raises(WorkspaceError, match="Run the evaluation again"):
        report_files.read(tmp_path / "out")


def test_languages_without_spaces_are_scored_by_characters(data: Dataset) -> None:
    entries = data.clips()
    data.change([(entry, replace(entry, language="ja")) for entry in entries], what="test")
    (report,) = evaluate([base(), tuned()], [data])
    assert report.unit == "characters"
    assert "errors per 100 characters" in summarize(report)[0]
    assert matrix([report])["base"]["a"] == report.results[0].scores["basic"].cer
    assert matrix([report], unit="words")["base"]["a"] == report.results[0].scores["basic"].wer


def test_the_command_prints_and_writes(
    data: Dataset, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = {"base": base(), "tuned": tuned()}
    monkeypatch.setattr("lab.training.models.load_engine", lambda _, name, **__: models[name])
    other, _ = dataset.add(
        workspace, "b", [("c.wav", data.audio_path(data.clips()[0]).read_bytes())], language="sq"
    )
    (entry,) = other.clips()
    other.change([(entry, replace(entry, transcription=text_of(0), split="test"))], what="test")
    app = typer.Typer()
    app.command()(command)
    shared = ["--model", "base", "--model", "tuned", "--workspace", str(workspace.root)]
    call = [*shared, "--dataset", "a", "--dataset", "b", "--output-dir", str(tmp_path / "out")]
    done = CliRunner().invoke(app, call)
    assert done.exit_code == 0
    assert "a, test: 20 clips" in done.stdout
    assert done.stdout.splitlines()[-3].split() == ["MODEL", "a", "b"]
    assert done.stdout.splitlines()[-1].startswith("tuned")
    names = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*")}
    assert names == {
        "matrix.csv",
        *(f"{name}/{file}" for name in "ab" for file in ("evaluation.json", "predictions.csv")),
    }
    assert_refused(CliRunner().invoke(app, [*shared, "--dataset", "c"]), "c")
    assert_refused(CliRunner().invoke(app, [*shared, "--dataset", "a", "--normalizer", "x"]), "“x”")


@pytest.mark.real
def test_base_is_scored_on_real_speech(
    fast_engine: Engine, english_prompts: list[Utterance], workspace: Workspace
) -> None:
    prompts = english_prompts[:40]
    clips = [(f"{n}.wav", audio.encode_wav(one.load())) for n, one in enumerate(prompts)]
    data, _ = dataset.add(workspace, "english", clips, language="en")
    pairs = zip(data.clips(), prompts, strict=True)
    data.change(
        [(entry, replace(entry, transcription=one.text, split="test")) for entry, one in pairs],
        what="test",
    )
    (report,) = evaluation.evaluate([fast_engine], [data], custom=CUSTOM)
    scores = report.results[0].scores
    assert scores["basic"].wer < 0.08
    assert scores["basic"].wer < scores["raw"].wer
    assert scores["basic"].cer < scores["basic"].wer
    assert min(report.results[0].hypotheses.confidences) > 0.3
