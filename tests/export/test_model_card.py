import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from lab.core.workspace import Workspace, write_json
from lab.dataset import CORRECTED, Entry
from lab.evaluation import Heard, report
from lab.export.model_card import card, card_of_run, plain
from lab.health import Check, HealthReport
from lab.training import runs
from lab.training.config import Architecture, Config

PAPERS: dict[str, Any] = {
    "name": "shqip",
    "fingerprint": "ab" * 32,
    "n_train": 200,
    "n_validation": 30,
    "left_out": ["2 clips without a text"],
    "languages": ["sq"],
    "train_s": 5400.0,
    "learned": [f"audio/{place}.wav" for place in range(10)],
    "versions": {"python": "3.11.2", "torch": "2.13.0+cpu"},
}
CLIPS = [
    # Split anew since: it learned from the first ten.
    Entry(f"audio/{place}.wav", "një dy tre", "test", "Ana", "sq", CORRECTED, 3.0)
    for place in range(12)
]


def test_the_card_says_what_the_model_is_how_good_and_where_it_fails() -> None:
    heard = [
        Heard("base", ("ne di tre",) * 12, (0.5,) * 12),
        Heard("shqip-1", ("një dy tre",) * 11 + ("një dy",), (0.9,) * 12),
    ]
    harmed = Check("noise", "Noise", "red", "words", 12, 1, "It talks in noise.")
    text = card(
        "shqip-1",
        Config(dataset="shqip", epochs=2),
        papers=PAPERS,
        entries=CLIPS,
        evaluation=report("shqip", "test", CLIPS, heard),
        health=HealthReport("shqip-1", "base", "2026-01-01", (harmed,)),
    )
    head = yaml.safe_load(text.split("---")[1])
    assert head["language"] == ["sq"]
    assert head["base_model"] == "openai/whisper-base"
    assert "It learned from 200 clips (1.5 hours); 30 others decided when to stop." in text
    assert "1 voice is named. A person has listened to 10 of these 10 clips" in text
    assert "| base | 66.7 % |" in text
    assert "| shqip\\-1 | 2.8 % |" in text
    assert "Better, and it is not luck" in text.replace("\\", "")
    assert "| Noise | **harmed** | 12 words | 1 word |" in text
    assert "Set otherwise than by default: epochs 2." in text
    assert "synthetic" not in text


@pytest.mark.parametrize("name", ["albanian-synthetic", "shqip"])
def test_synthetic_voices_are_named_as_such(name: str) -> None:
    clips = [replace(clip, speaker=f"espeak-f{place}") for place, clip in enumerate(CLIPS)]
    text = card("x", Config(dataset=name), papers=PAPERS, entries=clips)
    assert "The voices are synthetic" in text
    assert "Of real speech its scores say nothing." in text


def test_clips_that_are_gone_and_papers_that_are_missing_are_said() -> None:
    text = card("x", Config(dataset="shqip"), papers=PAPERS, entries=CLIPS[3:])
    assert "A person has listened to 7 of the 7 that are still there of these 10 clips" in text
    unknown = card("x", Config(dataset="shqip"), papers={}, entries=CLIPS)
    assert "How much of it was learned from is not known." in unknown
    assert "Nobody knows any more how much it learned from" in unknown
    assert "less than an hour" not in unknown
    assert "A person has listened" not in unknown


@pytest.mark.parametrize(
    ("model", "called"),
    [
        ("large-v1", "openai/whisper-large"),
        ("large", "openai/whisper-large-v3"),
        ("turbo", "openai/whisper-large-v3-turbo"),
        ("base.en", "openai/whisper-base.en"),
        ("mine-v1", "mine-v1"),
    ],
)
def test_the_base_is_called_as_hugging_face_calls_it(model: str, called: str) -> None:
    text = card("x", Config(dataset="shqip", model=model), papers=PAPERS)
    assert yaml.safe_load(text.split("---")[1])["base_model"] == called


def test_names_are_no_markup_and_end_no_head() -> None:
    hostile = '<script>alert(1)</script> [x](http://e.vil) "\n---\nlicense: mit\n| a | b'
    text = card(
        hostile,
        Config(dataset=hostile, model=hostile),
        papers={**PAPERS, "name": hostile, "languages": ["sq", "x\nlicense: mit"]},
        evaluation=report(hostile, "test", CLIPS, [Heard(hostile, ("a",) * 12, (1.0,) * 12)]),
    )
    head, body = text.split("\n---\n", 1)
    assert set(yaml.safe_load(head)) == {"language", "pipeline_tag", "tags", "base_model"}
    assert yaml.safe_load(head)["base_model"] == hostile
    assert not re.search(r"(?<!\\)[<\[]", body)
    assert "\n---" not in body
    assert plain("a|b\n# c") == "a\\|b \\# c"


def test_a_run_that_was_neither_evaluated_nor_checked_says_so(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    own = Architecture(layers=2, heads=2, width=64, activation="relu")
    run = runs.create(workspace, Config(dataset="gone", architecture=own), name="mine")
    write_json(run.folder / runs.DATASET, {**PAPERS, "train_s": 600})
    text = card_of_run(run)
    assert "# mine" in text
    assert "trained from nothing" in text
    assert "base_model" not in text
    assert "Not evaluated yet." in text
    assert "Not checked yet." in text
    assert "(10 minutes)" in text
    assert "less than an hour" in text
