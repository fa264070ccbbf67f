"""`dataset stats` on the command line."""

import json
from dataclasses import replace

import pytest
import typer
from typer.testing import CliRunner, Result

from lab.cli.dataset_stats import stats
from lab.core.workspace import Workspace
from lab.dataset import Dataset
from lab.dataset.predictions import predict
from tests.support.commands import assert_refused
from tests.support.fake_engine import FakeEngine, silent_dataset

app = typer.Typer()
app.command()(stats)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


@pytest.fixture
def made(workspace: Workspace) -> Dataset:
    made = silent_dataset(workspace, 2, 4, 30)
    texts = [("Mirë, mirë!", "train", "new"), ("po", "test", "corrected"), ("x", "", "excluded")]
    made.change(
        (
            (entry, replace(entry, transcription=text, split=split, status=status))
            for entry, (text, split, status) in zip(made.clips(), texts, strict=True)
        ),
        what="test",
    )
    return made


def test_statistics_are_printed(made: Dataset, workspace: Workspace) -> None:
    predict(FakeEngine(), made, made.clips())
    shown = run("a", "--workspace", workspace.root)
    assert shown.exit_code == 0
    lines = [" ".join(line.split()) for line in shown.stdout.splitlines()]
    assert "Clips 3 (1 excluded)" in lines
    assert "With text 2 (1 corrected)" in lines
    assert "Words 3 (2 different, 1 used once)" in lines
    assert "Predictions base" in lines
    assert lines[-2:] == ["train 1 1 0 0.00", "test 1 1 0 0.00"]


def test_json_has_all_statistics(made: Dataset, workspace: Workspace) -> None:
    found = json.loads(run(made.name, "--json", "--workspace", workspace.root).stdout)
    assert (found["n_clips"], found["n_words"], found["n_once"]) == (3, 3, 1)
    assert found["words"][0] == {"word": "mirë", "count": 2, "n_clips": 1}
    assert {
        "character": "ë",
        "name": "LATIN SMALL LETTER E WITH DIAERESIS",
        "count": 2,
        "n_clips": 1,
    } in found["letters"]
    assert found["splits"][0]["name"] == "train"


def test_control_characters_in_texts_are_not_printed(workspace: Workspace) -> None:
    made = silent_dataset(workspace, 2)
    (entry,) = made.clips()
    made.change([(entry, replace(entry, transcription="a\x1b[2J"))], what="test")
    shown = run("a", "--workspace", workspace.root).stdout
    assert "\x1b" not in shown
    assert "�" in shown


def test_a_missing_dataset_is_refused_in_one_line(workspace: Workspace) -> None:
    assert_refused(run("gone", "--workspace", workspace.root), "gone")
