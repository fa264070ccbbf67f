"""What models make of clips."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from lab import dataset
from lab.asr.devices import best_device, processor
from lab.asr.engine import Engine
from lab.core.errors import OptionsError, WorkspaceError
from lab.core.languages import LANGUAGES
from lab.core.progress import Cancelled
from lab.core.workspace import Workspace
from lab.dataset.predictions import Prediction, list_models, load, predict
from tests.support.listening import Listener, silence
from tests.support.whispers import TINY, random_model, talking_model


def by_length(predictions: dict[str, Prediction]) -> dict[str, Prediction]:
    return {Path(name).name.split("-")[0]: one for name, one in predictions.items()}


def test_clips_are_heard_once_and_alike_together(workspace: Workspace) -> None:
    made = silence(workspace, 3, 1, 2)
    listener = Listener(says=lambda clip, _: "" if clip.duration_s == 1 else "Po, mirë")
    done = predict(listener, made, made.entries())
    assert (done.n_new, done.n_known, done.skipped) == (3, 0, ())
    assert done == replace(predict(listener, made, made.entries()), n_new=3, n_known=0)
    silence(workspace, 4)
    predict(listener, made, made.entries())
    assert len(listener.heard) == 2
    assert listener.heard[1] == [4]
    found = by_length(load(made, "base"))
    assert found["3"].text == "Po, mirë base"
    assert found["3"].confidence == pytest.approx((3 * np.exp(-0.5) + np.exp(-1.5)) / 4, abs=1e-4)
    assert found["1"] == Prediction("", 0.0, "sq")
    assert list_models(made) == ["base"]


def test_another_language_is_another_question(workspace: Workspace) -> None:
    made, listener = silence(workspace, 2), Listener()
    silence(workspace, 3, language="de")
    predict(listener, made, made.entries())
    assert {one.text for one in load(made, "base").values()} == {"sq 2 base", "de 3 base"}
    done = predict(listener, made, made.entries(), language="de")
    assert (done.n_new, done.n_known) == (1, 1)
    assert {one.text for one in load(made, "base").values()} == {"de 2 base", "de 3 base"}


def test_a_model_trained_again_is_another_one(workspace: Workspace) -> None:
    made = silence(workspace, 2, 3)
    predict(Listener("a.b"), made, made.entries())
    predict(Listener("a-b"), made, made.entries())
    assert by_length(load(made, "a.b"))["2"].text == "sq 2 a.b"
    again = Listener("a.b", fingerprint="2")
    assert predict(again, made, made.entries()[:1]).n_new == 1
    assert len(load(made, "a.b")) == 1
    predict(Listener("a.b"), made, made.entries())
    assert len(load(made, "a.b")) == 2
    assert list_models(made) == ["a.b", "a-b"]
    assert load(made, "other") == {}


def test_what_cannot_be_heard_is_said_and_the_rest_is_heard(workspace: Workspace) -> None:
    made, listener = silence(workspace, 2, 30, 31), Listener()
    dataset.add(workspace, "a", [("bad.wav", b"x"), ("gone.wav", b"y")], language="sq")
    entries = made.entries()
    made.audio_path(entries[-1]).unlink()
    done = predict(listener, made, entries)
    assert (done.n_new, len(done.skipped)) == (2, 3)
    reasons = {Path(one.name).name.split("-")[0]: one.reason for one in done.skipped}
    assert "longer than the 30 seconds" in reasons["31"]
    assert listener.heard == [[2, 30]]


def test_a_clip_in_a_language_that_the_model_does_not_know_is_passed_over(
    workspace: Workspace,
) -> None:
    made = silence(workspace, 2)
    silence(workspace, 3, language="yue")
    silence(workspace, 4, language="tlh")  # none of Whisper's: it is to find out
    base = Listener(languages=tuple(LANGUAGES)[:99])
    done = predict(base, made, made.entries())
    assert (done.n_new, done.n_known) == (2, 0)
    (problem,) = done.skipped
    assert problem.name.startswith("3-") or "/3-" in problem.name
    assert problem.reason == "The model base does not know the language of the clip, Cantonese."
    assert by_length(load(made, "base"))["4"].language == ""


def test_a_model_that_knows_english_only_is_asked_for_english(workspace: Workspace) -> None:
    made = silence(workspace, 0.5)
    silence(workspace, 1, language="yue")
    dims = replace(TINY, n_vocab=51_864)
    english = Engine(talking_model(dims), name="own.en", device=processor())
    done = predict(english, made, made.entries())
    assert (done.n_new, done.skipped) == (2, ())
    assert {one.language for one in load(made, "own.en").values()} == {"en"}
    with pytest.raises(OptionsError, match="It knows English only"):
        predict(english, made, made.entries(), language="sq")


def test_stopping_keeps_what_was_written_down(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lab.dataset.predictions._TOGETHER", 2)
    made, listener = silence(workspace, *np.arange(2, 3, 0.2)), Listener()
    seen: list[tuple[float, float]] = []

    def stop(done: float, total: float, *_: object) -> None:
        seen.append((done, total))
        if done == 3:
            raise Cancelled

    with pytest.raises(Cancelled):
        predict(listener, made, made.entries(), on_progress=stop)
    assert len(load(made, "base")) == 2
    assert seen == sorted(seen)
    assert {total for _, total in seen} == {5}
    assert predict(listener, made, made.entries()).n_new == 3


def test_a_line_that_was_cut_off_is_heard_again(workspace: Workspace) -> None:
    made, listener = silence(workspace, 2, 3), Listener()
    predict(listener, made, made.entries())
    (path,) = made.folder.glob(".predictions/*.csv")
    whole = path.read_bytes()
    path.write_bytes(whole[:-10])
    assert len(load(made, "base")) == 1
    assert predict(listener, made, made.entries()).n_new == 1
    assert path.read_bytes() == whole
    path.write_bytes(whole + b"x,y,z\n")
    with pytest.raises(WorkspaceError, match="Remove it"):
        load(made, "base")


def test_readers_of_audiofolder_do_not_take_predictions_for_a_split(workspace: Workspace) -> None:
    datasets = pytest.importorskip("datasets")
    made = silence(workspace, 2, 3)
    predict(Listener("my-test-model"), made, made.entries())
    builder = datasets.load_dataset_builder(
        "audiofolder", data_dir=str(made.folder), cache_dir=str(workspace.root / "cache")
    )
    assert list(builder.config.data_files) == ["train"]


def test_engines_of_equal_weights_have_the_same_fingerprint() -> None:
    same = [
        Engine(random_model(), name=name, device=device).fingerprint
        for name, device in (("a", processor()), ("b", best_device()))
    ]
    trained = random_model()
    with torch.no_grad():
        trained.decoder.blocks[1].mlp[2].weight.add_(1e-4)
    assert same[0] == same[1] != Engine(trained, name="a", device=processor()).fingerprint
