"""Folders of runs as training leaves them, without any training."""

from dataclasses import replace

import torch

from lab import audio, dataset
from lab.audio import Waveform
from lab.core.workspace import Workspace
from lab.dataset import Dataset
from lab.evaluation import evaluate, report_files
from lab.recordings.samples import list_samples
from lab.training import metrics, runs
from lab.training.config import Config
from lab.training.metrics import Row
from lab.training.run import Run
from tests.support.fake_engine import FakeEngine
from tests.support.whispers import SMALL, payload, talking_model

N_CLIPS = 20


def shqip(workspace: Workspace, *, is_split: bool = True) -> Dataset:
    """Create a dataset of twenty clips of speech with unrelated texts."""
    speech = audio.decode(list_samples()[0].audio_path)
    clips = [
        (f"{n}.wav", audio.encode_wav(speech.slice(n / 10, n / 10 + 1 + n / 20)))
        for n in range(N_CLIPS)
    ]
    made, _ = dataset.add(workspace, "shqip", clips, language="sq")
    splits = ["train"] * 6 + ["validation"] * 2 + ["test"] * 12
    edits = [
        (entry, replace(entry, transcription=said(n), split=splits[n] if is_split else ""))
        for n, entry in enumerate(made.clips())
    ]
    made.change(edits, what="made")
    return made


def said(number: int) -> str:
    return f"<b>Fjala</b> e *{number}* është nëntë"


def run_of(workspace: Workspace, name: str = "shqip-1", **changes: object) -> Run:
    """Create a run in some state, with curves and sample transcripts; if done, with a model."""
    run = runs.create(workspace, Config(dataset="shqip", model="base"), name=name)
    run.update(note="Done", first_wer=0.9, best_wer=0.3, **changes)
    metrics.append(run.folder, Row(0, 0.0, validation_wer=0.9, validation_cer=0.5))
    for step in range(1, 6):
        metrics.append(run.folder, Row(step, step / 5, loss=3 / step, learning_rate=1e-5))
    metrics.append(run.folder, Row(5, 1.0, validation_wer=0.3, validation_cer=0.1))
    run.store_sample_transcripts(
        {
            "clips": [{"file_name": "a", "reference": "mirë dita"}],
            "transcripts": [
                {"step": 0, "texts": ["mere dita"]},
                {"step": 5, "texts": ["<script>mirë</script> dita"]},
            ],
        }
    )
    if run.status().state == "done":
        torch.save(payload(talking_model(SMALL)), run.model_path)
    return run


def evaluate_done(run: Run, made: Dataset) -> None:
    """Store an evaluation in which the base model gets most words wrong, and the run's few."""
    lengths = {round(entry.duration_s or 0, 2): n for n, entry in enumerate(made.clips())}

    def fake(change: tuple[str, str]) -> FakeEngine:
        name, letter = change
        return FakeEngine(
            name,
            name,
            lambda clip, _: said(_nearest(lengths, clip)).replace("ë", letter),
        )

    (report,) = evaluate([fake(("base", "e")), fake((run.name, "ë"))], [made])  # type: ignore[list-item]
    report_files.write(report, run.folder)


def _nearest(lengths: dict[float, int], clip: Waveform) -> int:
    return lengths[min(lengths, key=lambda length: abs(length - clip.duration_s))]
