"""Model cards."""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.core.workspace import Workspace, write_json
from lab.dataset import CORRECTED, DatasetClip
from lab.evaluation import Hypotheses, build_report
from lab.export.model_card import build_model_card, build_run_card, escape
from lab.health import CheckResult, HealthReport
from lab.training import runs
from lab.training.config import Architecture, Config

PROVENANCE: dict[str, Any] = {
    "name": "shqip",
    "fingerprint": "ab" * 32,
    "n_train": 200,
    "n_validation": 30,
    "left_out": ["2 clips without a text"],
    "languages": ["sq"],
    "train_s": 5400.0,
    "training_files": [f"audio/{index}.wav" for index in range(10)],
    "versions": {"python": "3.11.2", "torch": "2.13.0+cpu"},
}
CLIPS = [
    # All are in the test split now, but the first ten were used for training.
    DatasetClip(f"audio/{index}.wav", "një dy tre", "test", "Ana", "sq", CORRECTED, 3.0)
    for index in range(12)
]


def test_the_card_states_training_data_scores_and_regressions() -> None:
    hypotheses = [
        Hypotheses("base", ("ne di tre",) * 12, (0.5,) * 12),
        Hypotheses("shqip-1", ("një dy tre",) * 11 + ("një dy",), (0.9,) * 12),
    ]
    regression = CheckResult("noise", "Noise", "red", "words", 12, 1, "It talks in noise.")
    text = build_model_card(
        "shqip-1",
        Config(dataset="shqip", epochs=2),
        provenance=PROVENANCE,
        clips=CLIPS,
        evaluation=build_report("shqip", "test", CLIPS, hypotheses),
        health=HealthReport("shqip-1", "base", (regression,)),
    )
    head = yaml.safe_load(text.split("---")[1])
    assert head["language"] == ["sq"]
    assert head["base_model"] == "openai/whisper-base"
    assert "Trained on 200 clips (1.5 hours) and validated on 30." in text
    assert "Named speakers: 1. A person has checked the texts of 10 of these 10 clips." in text
    assert "| base | 66.7 % |" in text
    assert "| shqip\\-1 | 2.8 % |" in text
    assert "Better, and statistically significant" in text.replace("\\", "")
    assert "| Noise | **regressed** | 12 words | 1 word |" in text
    assert "Settings other than the defaults: epochs 2." in text
    assert "synthetic" not in text


@pytest.mark.parametrize("name", ["albanian-synthetic", "shqip"])
def test_synthetic_speech_is_disclosed(name: str) -> None:
    clips = [replace(clip, speaker=f"espeak-f{index}") for index, clip in enumerate(CLIPS)]
    text = build_model_card("x", Config(dataset=name), provenance=PROVENANCE, clips=clips)
    assert "The speech is synthetic" in text
    assert "Its scores do not apply to real speech." in text


def test_deleted_clips_and_missing_provenance_are_disclosed() -> None:
    text = build_model_card("x", Config(dataset="shqip"), provenance=PROVENANCE, clips=CLIPS[3:])
    assert "texts of 7 of these 7 clips; 3 more have been deleted since." in text
    unknown = build_model_card("x", Config(dataset="shqip"), provenance={}, clips=CLIPS)
    assert "The amount of training data is unknown." in unknown
    assert "unknown: test the model before you rely on it" in unknown
    assert "less than an hour" not in unknown
    assert "A person has checked" not in unknown


@pytest.mark.parametrize(
    ("model", "hub_name"),
    [
        ("large-v1", "openai/whisper-large"),
        ("large", "openai/whisper-large-v3"),
        ("turbo", "openai/whisper-large-v3-turbo"),
        ("base.en", "openai/whisper-base.en"),
        ("mine-v1", "mine-v1"),
    ],
)
def test_the_base_model_has_its_name_on_the_hub(model: str, hub_name: str) -> None:
    text = build_model_card("x", Config(dataset="shqip", model=model), provenance=PROVENANCE)
    assert yaml.safe_load(text.split("---")[1])["base_model"] == hub_name


def test_names_cannot_inject_markup_or_metadata() -> None:
    hostile = '<script>alert(1)</script> [x](http://e.vil) "\n---\nlicense: mit\n| a | b'
    text = build_model_card(
        hostile,
        Config(dataset=hostile, model=hostile),
        provenance={**PROVENANCE, "name": hostile, "languages": ["sq", "x\nlicense: mit"]},
        evaluation=build_report(
            hostile, "test", CLIPS, [Hypotheses(hostile, ("a",) * 12, (1.0,) * 12)]
        ),
    )
    head, body = text.split("\n---\n", 1)
    assert set(yaml.safe_load(head)) == {"language", "pipeline_tag", "tags", "base_model"}
    assert yaml.safe_load(head)["base_model"] == hostile
    assert not re.search(r"(?<!\\)[<\[]", body)
    assert "\n---" not in body
    assert escape("a|b\n# c") == "a\\|b \\# c"


def test_the_card_of_an_unevaluated_run_says_so(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    custom = Architecture(layers=2, heads=2, hidden_size=64, activation="relu")
    run = runs.create(workspace, Config(dataset="gone", architecture=custom), name="mine")
    write_json(run.provenance_path, {**PROVENANCE, "train_s": 600})
    text = build_run_card(run)
    assert "# mine" in text
    assert "trained from scratch" in text
    assert "base_model" not in text
    assert "Not evaluated yet." in text
    assert "Not checked yet." in text
    assert "(10 minutes)" in text
    assert "less than an hour" in text
