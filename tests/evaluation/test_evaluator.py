"""Models side by side. Those that listen here know what is said by the length of the clip."""

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
from lab.evaluation import CUSTOM, evaluate, matrix, report_files, rescored, sentences
from lab.scoring import Counts, Normaliser
from tests.support.commands import assert_refused
from tests.support.listening import Listener, silence
from tests.support.speech import Utterance

N_CLIPS = 20


@pytest.fixture
def made(workspace: Workspace) -> Dataset:
    """Twenty test clips of 1.1 s and more; what is said in them is “Fjala nëntë”, or so."""
    made = silence(workspace, *(1 + number / 10 for number in range(1, N_CLIPS + 3)))
    edits = []
    for number, entry in enumerate(made.entries()):
        split = "test" if number < N_CLIPS else "train"
        edits.append((entry, replace(entry, transcription=said(number), split=split)))
    made.change(edits, what="test")
    return made


def said(number: int) -> str:
    return f"Fjala s'ë {number + 1} sot."


def hears(change: Callable[[str], str]) -> Callable[[Waveform, str], str]:
    return lambda clip, _: change(said(round(10 * clip.duration_s) - 11))


def base() -> Listener:
    return Listener("base", "1", hears(lambda text: text.replace("ë", "e").replace("sot", "dje")))


def tuned() -> Listener:
    return Listener("tuned", "2", hears(lambda text: text.lower().replace("'", "")))


def test_the_rates_are_those_of_the_texts(made: Dataset) -> None:
    (report,) = evaluate([base(), tuned()], [made])
    assert len(report.clips) == N_CLIPS
    first, second = report.results
    # Of four words one is replaced, “s'e” is one or two more, and the name of the model is added.
    assert first.scores["raw"].words == Counts(2 * N_CLIPS, 2 * N_CLIPS, N_CLIPS, 0)
    assert first.scores["basic"].words == Counts(3 * N_CLIPS, 2 * N_CLIPS, N_CLIPS, 0)
    assert second.scores["custom"].words == Counts(4 * N_CLIPS, 0, N_CLIPS, 0)
    comparison = second.versus_first["words"]
    assert comparison.rate_a == first.scores["basic"].wer
    assert first.versus_first == {}
    assert "base: 60.0 errors in 100 words." in sentences(report)


def test_a_clip_is_heard_once_however_often_it_is_scored(made: Dataset) -> None:
    first, second = base(), tuned()
    (report,) = evaluate([first, second], [made])
    again = evaluate([first, second], [made])
    assert again[0].results == report.results
    assert sum(map(len, first.heard)) == sum(map(len, second.heard)) == N_CLIPS
    stricter = rescored(report, Normaliser())
    assert stricter.results[0].scores["custom"] == report.results[0].scores["raw"]
    assert stricter.results[0].scores["basic"] == report.results[0].scores["basic"]


def test_what_one_model_cannot_hear_is_scored_for_none(made: Dataset) -> None:
    entries = made.entries()
    made.audio_path(entries[3]).unlink()
    (report,) = evaluate([base(), tuned()], [made])
    assert len(report.clips) == N_CLIPS - 1
    assert [one.name for one in report.skipped] == [entries[3].file_name]
    assert {len(result.heard.texts) for result in report.results} == {N_CLIPS - 1}


def test_bad_questions_are_refused_before_a_model_is_loaded(made: Dataset) -> None:
    def engines() -> Iterator[Engine]:
        raise AssertionError("no model is needed")
        yield

    with pytest.raises(OptionsError, match="no clip with a text in the split “validation”"):
        evaluate(engines(), [made], split="validation")
    with pytest.raises(OptionsError, match="no split"):
        evaluate(engines(), [made], split="tset")
    with pytest.raises(OptionsError, match="named twice"):
        evaluate([base(), base()], [made])
    for entry in made.entries():
        made.audio_path(entry).unlink()
    with pytest.raises(OptionsError, match="could be heard"):
        evaluate([Listener("third", "3")], [made])


def test_a_report_is_read_as_it_was_written(made: Dataset, tmp_path: Path) -> None:
    custom = Normaliser(case=True, replacements=(("dje", "sot"),))
    (report,) = evaluate([base(), tuned()], [made], custom=custom)
    summary, table = report_files.write(report, tmp_path / "out")
    again = report_files.read(tmp_path / "out")
    assert again.normalisers == report.normalisers
    assert [one.scores for one in again.results] == [one.scores for one in report.results]
    assert [one.versus_first for one in again.results] == [
        one.versus_first for one in report.results
    ]
    content = json.loads(summary.read_text())
    assert content["models"][0]["confusions"]["characters"][0]["count"] == N_CLIPS
    assert content["models"][1]["versus_first"]["words"]["sentence"] in content["sentences"][1]
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert len(rows) == N_CLIPS
    assert rows[0]["transcription"] == "Fjala s'ë 1 sot."
    assert float(rows[0]["base wer"]) == pytest.approx(0.6)
    table.write_text("file_name\na.wav\n")
    with pytest.raises(WorkspaceError, match="Evaluate once more"):
        report_files.read(tmp_path / "out")


def test_languages_without_spaces_are_judged_by_characters(made: Dataset) -> None:
    entries = made.entries()
    made.change([(entry, replace(entry, language="ja")) for entry in entries], what="test")
    (report,) = evaluate([base(), tuned()], [made])
    assert report.unit == "characters"
    assert "errors in 100 characters" in sentences(report)[0]
    assert matrix([report])["base"]["a"] == report.results[0].scores["basic"].cer
    assert matrix([report], unit="words")["base"]["a"] == report.results[0].scores["basic"].wer


def test_the_command_prints_and_writes(
    made: Dataset, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = {"base": base(), "tuned": tuned()}
    monkeypatch.setattr(Engine, "load", lambda name, **_: models[name])
    other, _ = dataset.add(
        workspace, "b", [("c.wav", made.audio_path(made.entries()[0]).read_bytes())], language="sq"
    )
    (entry,) = other.entries()
    other.change([(entry, replace(entry, transcription=said(0), split="test"))], what="test")
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
    assert_refused(CliRunner().invoke(app, [*shared, "--dataset", "a", "--same", "x"]), "“x”")


@pytest.mark.real
def test_base_is_scored_on_real_speech(
    fast_engine: Engine, english_prompts: list[Utterance], workspace: Workspace
) -> None:
    prompts = english_prompts[:40]
    clips = [(f"{n}.wav", audio.encode_wav(one.load())) for n, one in enumerate(prompts)]
    made, _ = dataset.add(workspace, "english", clips, language="en")
    pairs = zip(made.entries(), prompts, strict=True)
    made.change(
        [(entry, replace(entry, transcription=one.text, split="test")) for entry, one in pairs],
        what="test",
    )
    (report,) = evaluation.evaluate([fast_engine], [made], custom=CUSTOM)
    scores = report.results[0].scores
    assert scores["basic"].wer < 0.08
    assert scores["basic"].wer < scores["raw"].wer
    assert scores["basic"].cer < scores["basic"].wer
    assert min(report.results[0].heard.confidences) > 0.3
