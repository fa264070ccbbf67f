"""Training base on 200 Albanian clips: ours beside the recipe that the tutorials have.

    python -m benchmarks.train [--recipe-steps 6] [--whole-recipe] [--seeds 1]
                               [--recipe-learning-rate 1e-5] [--set KEY=VALUE …]

The recipe is Hugging Face's `Seq2SeqTrainer` with `WhisperForConditionalGeneration`: clips padded
to 30 s, float32; the same clips, batch, epochs, learning rate, warm-up and weight decay. Clips a
second are those of the steps alone, without start-up and validation, and without the first steps,
which get things ready; memory is the peak of the whole process, for ours with all validations and
the evaluation. The recipe's log-mels are computed beforehand, as ours are. Each runs in a process
of its own. The whole recipe takes a quarter of an hour; some of its steps are enough for the speed,
not for its WER. Both models are scored on the clips of the test by our engine.
"""

import json
import resource
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from statistics import mean
from typing import Annotated, Any

import typer

from benchmarks.finetune import ALBANIAN, WORKSPACE, ready
from lab import audio
from lab.asr import checkpoints, huggingface, weights
from lab.asr.devices import best_device
from lab.asr.engine import Engine
from lab.dataset import Entry
from lab.evaluation import evaluate
from lab.export import export
from lab.jobs.run_training import train
from lab.training import advice, metrics, runs
from lab.training.config import Config

OURS, RECIPE = "ours", "Seq2SeqTrainer, 30 s, float32"
_FOLDER = WORKSPACE.root / "transformers"
_READY_STEPS = 2  # the first ones, which are not counted
_IGNORED = -100


@dataclass(frozen=True)
class Trained:
    """What one of them did.

    wer: of the tuned model on the clips of the test and on those of validation, which choose among
        the states of ours but have no part in the recipe; None if it was not trained out
    """

    per_second: float
    seconds: float
    peak_mb: float
    wer: tuple[float, float] | None

    def __str__(self) -> str:
        said = f"{self.per_second:6.2f} clips/s {self.peak_mb:6.0f} MB {self.seconds:5.0f} s  WER "
        if self.wer is None:
            return said + "not trained out"
        return said + "test {:.1%}, validation {:.1%}".format(*self.wer)


def ours(config: Config) -> Trained:
    """A run as it is for a person, from the clips to the evaluated model."""
    ready(ALBANIAN)
    run = runs.create(WORKSPACE, config)
    began = time.perf_counter()
    state = train(run)
    seconds = time.perf_counter() - began
    if state.state != "done":
        raise RuntimeError(state.error)
    steps = [row for row in metrics.read(run.folder) if row.validation_wer is None]
    taken = [
        (after.seconds or 0.0) - (before.seconds or 0.0)
        for before, after in pairwise(steps)
        # Between two rounds lies a validation.
        if int(after.epoch - 1e-6) == int(before.epoch - 1e-6) and before.step >= _READY_STEPS
    ]
    peak_mb = _peak_mb()
    tuned = weights.build(weights.read(run.model_path), called=run.name)
    wer = _wer(Engine(tuned, name=run.name))
    return Trained(config.batch_size / mean(taken), seconds, peak_mb, wer)


def recipe(config: Config, n_steps: int | None, rate: float | None) -> Trained:
    """The common recipe, or its first steps; rate: its learning rate, None for that of ours."""
    import torch
    from transformers import (
        Seq2SeqTrainer,
        Seq2SeqTrainingArguments,
        TrainerCallback,
        WhisperForConditionalGeneration,
    )

    began = time.perf_counter()
    clips = [clip for clip in ready(ALBANIAN).entries() if clip.split == "train"]
    rows = [_row(clip) for clip in clips]
    model = WhisperForConditionalGeneration.from_pretrained(_base_folder())
    ends: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_arguments: Any, **_options: Any) -> None:
            ends.append(time.perf_counter())

    def collated(rows: list[dict[str, Any]]) -> dict[str, Any]:
        texts = [torch.tensor(row["labels"]) for row in rows]
        return {
            "input_features": torch.stack([row["input_features"] for row in rows]),
            "labels": torch.nn.utils.rnn.pad_sequence(
                texts, batch_first=True, padding_value=_IGNORED
            ),
        }

    total = -(-len(rows) // config.batch_size) * config.epochs
    arguments = Seq2SeqTrainingArguments(
        output_dir=str(_FOLDER / "trained"),
        per_device_train_batch_size=config.batch_size,
        num_train_epochs=config.epochs,
        max_steps=n_steps or -1,
        learning_rate=rate or advice.learning_rate(config, model.config.d_model),
        warmup_steps=round(config.warmup_share * total),
        weight_decay=config.weight_decay,
        max_grad_norm=config.clip_norm,
        seed=config.seed,
        use_cpu=True,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        remove_unused_columns=False,
    )
    trainer = Seq2SeqTrainer(
        model=model,
        args=arguments,
        train_dataset=rows,
        data_collator=collated,
        callbacks=[Clock()],
    )
    trainer.train()
    seconds, peak_mb = time.perf_counter() - began, _peak_mb()
    taken = [after - before for before, after in pairwise(ends[_READY_STEPS - 1 :])]
    wer = None
    if n_steps is None:
        trained = _FOLDER / "trained"
        model.save_pretrained(trained)
        wer = _wer(Engine(weights.build(huggingface.read(trained), called="it"), name=RECIPE))
    return Trained(config.batch_size / mean(taken), seconds, peak_mb, wer)


def _row(clip: Entry) -> dict[str, Any]:
    """The log-mel of a clip in 30 s of silence, and its tokens."""
    from whisper.audio import N_SAMPLES, log_mel_spectrogram, pad_or_trim
    from whisper.tokenizer import get_tokenizer

    samples = audio.decode(ready(ALBANIAN).audio_path(clip)).samples
    tokenizer = get_tokenizer(True, language=clip.language, task="transcribe")
    start, *given = tokenizer.sot_sequence_including_notimestamps
    del start  # transformers puts it before the labels itself
    tokens = [*given, *tokenizer.encode(f" {clip.transcription}"), tokenizer.eot]
    return {
        "input_features": log_mel_spectrogram(pad_or_trim(samples, N_SAMPLES)),
        "labels": tokens,
    }


def _base_folder() -> Path:
    """Base as transformers loads it."""
    folder = _FOLDER / "base"
    if not folder.exists():
        export(checkpoints.load("base"), folder, file_format="huggingface")
    return folder


def _wer(engine: Engine) -> tuple[float, float]:
    """Of the test and of validation."""
    (tested,) = evaluate([engine], [ready(ALBANIAN)], split="test")
    (validated,) = evaluate([engine], [ready(ALBANIAN)], split="validation")
    return tested.results[0].scores["basic"].wer, validated.results[0].scores["basic"].wer


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main(
    recipe_steps: int = 6,
    *,
    whole_recipe: bool = False,
    seeds: int = 1,
    recipe_learning_rate: float | None = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE")] = None,
    only: Annotated[str | None, typer.Option(hidden=True)] = None,
) -> None:
    """Train both, and compare."""
    config = Config(dataset=ALBANIAN, epochs=3, health="skip").with_set(settings or [])
    n_steps = None if whole_recipe else recipe_steps
    if only is not None:
        done = ours(config) if only == OURS else recipe(config, n_steps, recipe_learning_rate)
        print(json.dumps(asdict(done)))
        return
    print(f"base, 200 clips, {config.epochs} epochs, batches of {config.batch_size}, ", end="")
    print(f"{best_device().precision} on {best_device().name}")
    _base_folder()
    print(f"{'base, not trained':31} WER {_wer(Engine.load('base'))[0]:.1%}", flush=True)
    for seed in range(config.seed, config.seed + seeds):
        one, other = (_in_a_process(name, seed) for name in (OURS, RECIPE))
        print(
            f"seed {seed}: {one.per_second / other.per_second:.1f} times the clips a second, "
            f"{one.peak_mb / other.peak_mb:.2f} of the memory",
            flush=True,
        )


def _in_a_process(name: str, seed: int) -> Trained:
    command = [sys.executable, "-m", "benchmarks.train", *sys.argv[1:]]
    command += ["--set", f"seed={seed}", "--only", name]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    done = Trained(**json.loads(answer.splitlines()[-1]))
    print(f"{name:31} {done}", flush=True)
    return done


if __name__ == "__main__":
    typer.run(main)
