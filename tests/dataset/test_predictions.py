"""Predictions of models for the clips of a dataset."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lab import dataset
from lab.asr.devices import best_device, cpu_device
from lab.asr.engine import Engine
from lab.core.errors import OptionsError, WorkspaceError
from lab.core.languages import LANGUAGES
from lab.core.progress import Cancelled
from lab.core.workspace import Workspace
from lab.dataset.predictions import Prediction, list_models, load, predict
from tests.support.fake_engine import FakeEngine, silent_dataset
from tests.support.whispers import TINY, random_model, talking_model


def by_length(predictions: dict[str, Prediction]) -> dict[str, Prediction]:
    return {Path(name).name.split("-")[0]: one for name, one in predictions.items()}


def test_clips_are_transcribed_once_in_batches_of_similar_duration(workspace: Workspace) -> None:
    made = silent_dataset(workspace, 3, 1, 2)
    engine = FakeEngine(transcribe=lambda clip, _: "" if clip.duration_s == 1 else "Po, mirë")
    done = predict(engine, made, made.clips())
    assert (done.n_new, done.n_known, done.skipped) == (3, 0, ())
    assert done == replace(predict(engine, made, made.clips()), n_new=3, n_known=0)
    silent_dataset(workspace, 4)
    predict(engine, made, made.clips())
    assert len(engine.durations_s) == 2
    assert engine.durations_s[1] == [4]
    found = by_length(load(made, "base"))
    assert found["3"].text == "Po, mirë base"
    assert found["3"].confidence == pytest.approx((3 * np.exp(-0.5) + np.exp(-1.5)) / 4, abs=1e-4)
    assert found["1"] == Prediction("", 0.0, "sq")
    assert list_models(made) == ["base"]


def test_another_language_is_predicted_again(workspace: Workspace) -> None:
    made, engine = silent_dataset(workspace, 2), FakeEngine()
    silent_dataset(workspace, 3, language="de")
    predict(engine, made, made.clips())
    assert {one.text for one in load(made, "base").values()} == {"sq 2 base", "de 3 base"}
    done = predict(engine, made, made.clips(), language="de")
    assert (done.n_new, done.n_known) == (1, 1)
    assert {one.text for one in load(made, "base").values()} == {"de 2 base", "de 3 base"}


def test_new_weights_under_the_same_name_have_their_own_predictions(workspace: Workspace) -> None:
    made = silent_dataset(workspace, 2, 3)
    predict(FakeEngine("a.b"), made, made.clips())
    predict(FakeEngine("a-b"), made, made.clips())
    assert by_length(load(made, "a.b"))["2"].text == "sq 2 a.b"
    again = FakeEngine("a.b", fingerprint="2")
    assert predict(again, made, made.clips()[:1]).n_new == 1
    assert len(load(made, "a.b")) == 1
    predict(FakeEngine("a.b"), made, made.clips())
    assert len(load(made, "a.b")) == 2
    assert list_models(made) == ["a.b", "a-b"]
    assert load(made, "other") == {}


def test_undecodable_clips_are_reported_and_the_rest_is_transcribed(workspace: Workspace) -> None:
    made, engine = silent_dataset(workspace, 2, 30, 31), FakeEngine()
    dataset.add(workspace, "a", [("bad.wav", b"x"), ("gone.wav", b"y")], language="sq")
    clips = made.clips()
    made.audio_path(clips[-1]).unlink()
    done = predict(engine, made, clips)
    assert (done.n_new, len(done.skipped)) == (2, 3)
    reasons = {Path(one.name).name.split("-")[0]: one.reason for one in done.skipped}
    assert "longer than 30 seconds" in reasons["31"]
    assert engine.durations_s == [[2, 30]]


def test_clips_in_an_unsupported_language_are_skipped(
    workspace: Workspace,
) -> None:
    made = silent_dataset(workspace, 2)
    silent_dataset(workspace, 3, language="yue")
    silent_dataset(workspace, 4, language="tlh")  # unknown to Whisper, so it is detected
    base = FakeEngine(languages=tuple(LANGUAGES)[:99])
    done = predict(base, made, made.clips())
    assert (done.n_new, done.n_known) == (2, 0)
    (problem,) = done.skipped
    assert problem.name.startswith("3-") or "/3-" in problem.name
    assert problem.reason == "The model base does not support the clip's language, Cantonese."
    assert by_length(load(made, "base"))["4"].language == ""


def test_an_english_only_model_is_asked_for_english(workspace: Workspace) -> None:
    made = silent_dataset(workspace, 0.5)
    silent_dataset(workspace, 1, language="yue")
    dims = replace(TINY, n_vocab=51_864)
    english = Engine(talking_model(dims), name="own.en", device=cpu_device())
    done = predict(english, made, made.clips())
    assert (done.n_new, done.skipped) == (2, ())
    assert {one.language for one in load(made, "own.en").values()} == {"en"}
    with pytest.raises(OptionsError, match="It supports English only"):
        predict(english, made, made.clips(), language="sq")


def test_cancelling_keeps_the_saved_batches(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.dataset.predictions._BATCH_SIZE", 2)
    made, engine = silent_dataset(workspace, *np.arange(2, 3, 0.2)), FakeEngine()
    seen: list[tuple[float, float]] = []

    def stop(done: float, total: float, *_: object) -> None:
        seen.append((done, total))
        if done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        predict(engine, made, made.clips(), on_progress=stop)
    assert len(load(made, "base")) == 2
    assert seen == sorted(seen)
    assert {total for _, total in seen} == {5}
    assert predict(engine, made, made.clips()).n_new == 3


def test_a_line_that_was_cut_off_is_predicted_again(workspace: Workspace) -> None:
    made, engine = silent_dataset(workspace, 2, 3), FakeEngine()
    predict(engine, made, made.clips())
    (path,) = made.folder.glob(".predictions/*.csv")
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    assert len(load(made, "base")) == 1
    assert predict(engine, made, made.clips()).n_new == 1
    assert path.read_bytes() == whole
    path.write_bytes(whole + b"x,y,z\n")
    with pytest.raises(WorkspaceError, match="Delete it"):
        load(made, "base")


def test_audiofolder_readers_do_not_take_predictions_for_a_split(workspace: Workspace) -> None:
    datasets = pytest.importorskip("datasets")
    made = silent_dataset(workspace, 2, 3)
    predict(FakeEngine("my-test-model"), made, made.clips())
    builder = datasets.load_dataset_builder(
        "audiofolder", data_dir=str(made.folder), cache_dir=str(workspace.root / "cache")
    )
    assert list(builder.config.data_files) == ["train"]


def test_engines_with_equal_weights_have_the_same_fingerprint() -> None:
    same = [
        Engine(random_model(), name=name, device=device).fingerprint
        for name, device in (("a", cpu_device()), ("b", best_device()))
    ]
    trained = random_model()
    with torch.no_grad():
        trained.decoder.blocks[1].mlp[2].weight.add_(1e-4)
    assert same[0] == same[1] != Engine(trained, name="a", device=cpu_device()).fingerprint
