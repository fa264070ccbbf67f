"""Runs as they lie on the disk, without anything having been trained."""

from dataclasses import replace

import torch

from lab import audio, dataset
from lab.audio import Waveform
from lab.core.workspace import Workspace, write_json
from lab.dataset import Dataset
from lab.evaluation import evaluate, report_files
from lab.recordings.samples import list_samples
from lab.training import metrics, runs
from lab.training.config import Config
from lab.training.metrics import Row
from lab.training.runs import Run
from tests.support.listening import Listener
from tests.support.whispers import SMALL, payload, talking_model

N_CLIPS = 20


def shqip(workspace: Workspace, *, is_split: bool = True) -> Dataset:
    """A dataset of twenty clips of speech, whose texts are not what is said in them."""
    speech = audio.decode(list_samples()[0].audio_path)
    clips = [
        (f"{n}.wav", audio.encode_wav(speech.slice(n / 10, n / 10 + 1 + n / 20)))
        for n in range(N_CLIPS)
    ]
    made, _ = dataset.add(workspace, "shqip", clips, language="sq")
    splits = ["train"] * 6 + ["validation"] * 2 + ["test"] * 12
    edits = [
        (entry, replace(entry, transcription=said(n), split=splits[n] if is_split else ""))
        for n, entry in enumerate(made.entries())
    ]
    made.change(edits, what="made")
    return made


def said(number: int) -> str:
    return f"<b>Fjala</b> e *{number}* është nëntë"


def run_of(workspace: Workspace, name: str = "shqip-1", **changes: object) -> Run:
    """A run in any state; with the model, its curves and its sentences if it is done."""
    run = runs.create(workspace, Config(dataset="shqip", model="base"), name=name)
    runs.update(run, note="Done", first_wer=0.9, best_wer=0.3, **changes)
    metrics.append(run.folder, Row(0, 0.0, validation_wer=0.9, validation_cer=0.5))
    for step in range(1, 6):
        metrics.append(run.folder, Row(step, step / 5, loss=3 / step, learning_rate=1e-5))
    metrics.append(run.folder, Row(5, 1.0, validation_wer=0.3, validation_cer=0.1))
    write_json(
        run.folder / runs.SENTENCES,
        {
            "clips": [{"file_name": "a", "reference": "mirë dita"}],
            "heard": [
                {"step": 0, "texts": ["mere dita"]},
                {"step": 5, "texts": ["<script>mirë</script> dita"]},
            ],
        },
    )
    if runs.status(run).state == "done":
        torch.save(payload(talking_model(SMALL)), run.model_path)
    return run


def evaluate_done(run: Run, made: Dataset) -> None:
    """Let the base get one word of each clip right, and the model of the run all but one."""
    lengths = {round(entry.duration_s or 0, 2): n for n, entry in enumerate(made.entries())}

    def hears(change: tuple[str, str]) -> Listener:
        name, letter = change
        return Listener(
            name,
            name,
            lambda clip, _: said(_nearest(lengths, clip)).replace("ë", letter),
        )

    (report,) = evaluate([hears(("base", "e")), hears((run.name, "ë"))], [made])  # type: ignore[list-item]
    report_files.write(report, run.folder)


def _nearest(lengths: dict[float, int], clip: Waveform) -> int:
    return lengths[min(lengths, key=lambda length: abs(length - clip.duration_s))]
