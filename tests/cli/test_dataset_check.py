"""`dataset check` on the command line."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner, Result

from lab import dataset
from lab.audio import SAMPLE_RATE, Waveform, encode_wav
from lab.cli.dataset_check import check_dataset
from lab.core.workspace import Workspace
from tests.support.paths import ROOT

app = typer.Typer()
app.command()(check_dataset)


def check(workspace: Workspace, *options: str) -> Result:
    return CliRunner().invoke(app, ["a", *options, "--workspace", str(workspace.root)])


@pytest.fixture
def made(workspace: Workspace) -> dataset.Dataset:
    noise = np.random.default_rng(0).normal(0, 0.1, 2 * SAMPLE_RATE).astype(np.float32)
    sound = encode_wav(Waveform(noise, SAMPLE_RATE))
    made, _ = dataset.add(workspace, "a", [("one.wav", sound)], language="sq")
    (entry,) = made.clips()
    made.change([(entry, replace(entry, transcription="Mirë se vini"))], what="corrected")
    return made


def test_each_finding_is_a_line_and_serious_ones_set_the_exit_code(
    workspace: Workspace, made: dataset.Dataset
) -> None:
    done = check(workspace)
    assert (done.exit_code, done.stdout) == (0, "No problems found.\n")
    assert "1 of 1 clip has not been analysed" in done.stderr
    heard = check(workspace, "--analyse")
    assert heard.exit_code == 0
    assert "warning  Noisy: 1 clip" in heard.stdout
    assert heard.stderr == ""
    Path(made.folder / made.clips()[0].file_name).unlink()
    gone = check(workspace)
    assert gone.exit_code == 1
    assert gone.stdout.startswith("serious  Audio file is missing: 1 clip")


def test_a_missing_dataset_is_refused_in_one_line(workspace: Workspace) -> None:
    done = check(workspace)
    assert done.exit_code == 2
    assert "There is no dataset" in done.stderr


@pytest.mark.real
def test_the_wrong_language_is_serious(workspace: Workspace) -> None:
    folder = ROOT / "samples" / "datasets" / "english-prompts" / "audio"
    clips = [(path.name, path.read_bytes()) for path in sorted(folder.iterdir())[:12]]
    dataset.add(workspace, "a", clips, language="sq")
    done = check(workspace, "--languages")
    assert done.exit_code == 1
    assert "sound like English (en), not Albanian (sq)" in done.stdout
