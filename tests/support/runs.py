"""Workspaces with a dataset of noise and a tiny random model, in which a run takes seconds."""

import time
from dataclasses import replace

import numpy as np
import pytest
import torch
from whisper.model import ModelDimensions

from lab import audio, dataset
from lab.audio import SAMPLE_RATE, Waveform
from lab.core.workspace import Workspace
from lab.dataset import Dataset
from lab.training import metrics, runs
from lab.training.config import Config
from lab.training.metrics import Row
from lab.training.module import WhisperModule
from lab.training.run import Run, RunState
from tests.support.whispers import payload, talking_model

# Audio context of 30 s; generates up to 26 tokens.
DIMS = ModelDimensions(80, 1500, 32, 2, 1, 51865, 64, 32, 2, 1)
WORDS = ["një", "dy", "tre", "katër", "pesë", "gjashtë", "shtatë", "tetë", "nëntë", "dhjetë"]
# Most of the time of such a run are validations, half a second each.
QUICK = Config(
    dataset="noises",
    model="tiny",
    epochs=2,
    batch_size=4,
    learning_rate=1e-3,
    precision="float32",
    accelerator="cpu",
    max_validation_clips=2,
    health="skip",
    save_every_s=1000,
)


def noises(workspace: Workspace, *, n_train: int = 18, n_validation: int = 3) -> Dataset:
    """Create a dataset of clips of 0.5 to 2 s, each with its own text."""
    rng = np.random.default_rng(0)
    splits = ["train"] * n_train + ["validation"] * n_validation
    clips = []
    for number in range(len(splits)):
        sound = rng.standard_normal(int(rng.integers(8_000, 32_000))).astype(
            np.float32
        ) / np.float32(10)
        clips.append((f"noise-{number}.wav", audio.encode_wav(Waveform(sound, SAMPLE_RATE))))
    made, _ = dataset.add(workspace, "noises", clips, language="sq")
    texts = [" ".join(rng.choice(WORDS, 3)) for _ in splits]
    made.change(
        [
            (entry, replace(entry, transcription=text, split=split))
            for entry, text, split in zip(made.clips(), texts, splits, strict=True)
        ],
        what="made",
    )
    return made


def model(workspace: Workspace) -> None:
    """Add a model called `tiny` to a workspace."""
    workspace.models_dir.mkdir(parents=True, exist_ok=True)
    torch.save(payload(talking_model(DIMS)), workspace.models_dir / "tiny.pt")


def run_in(workspace: Workspace, config: Config = QUICK, name: str = "") -> Run:
    """Create a run, and its model and dataset if necessary."""
    if not (workspace.models_dir / "tiny.pt").exists():
        model(workspace)
    if not (workspace.root / "datasets" / "noises").exists():
        noises(workspace)
    return runs.create(workspace, config, name=name)


def weights_of(run: Run) -> dict[str, torch.Tensor]:
    """The weights of the model of a run."""
    loaded = torch.load(run.model_path, weights_only=True)
    state: dict[str, torch.Tensor] = loaded["model_state_dict"]
    return state


def log_of(run: Run) -> str:
    return run.log_path.read_text(encoding="utf-8") if run.log_path.exists() else ""


def wait_until_over(run: Run, *, within_s: float = 60) -> RunState:
    """Wait for the end of a run, at most a minute, and return its final state."""
    deadline = time.monotonic() + within_s
    while not (state := run.status()).is_over:
        assert time.monotonic() < deadline, state
        time.sleep(0.02)
    return state


def curve(run: Run) -> list[Row]:
    """The metrics of a run, without times."""
    return [replace(row, seconds=None, clips_per_s=None) for row in metrics.read(run.folder)]


def stop_at(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop runs of the default workspace after a number of steps."""
    count = iter(range(1, 10**6))
    real = WhisperModule.training_step

    def training_step(self: WhisperModule, batch: object, number: int) -> torch.Tensor:
        if next(count) == step:
            for run in runs.list_all(Workspace.default()):
                run.stop()
        return real(self, batch, number)  # type: ignore[arg-type]

    monkeypatch.setattr(WhisperModule, "training_step", training_step)
