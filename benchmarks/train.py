"""Fine-tuning base on 200 Albanian clips: ours compared with the usual recipe.

    python -m benchmarks.train [--recipe-steps 6] [--whole-recipe] [--seeds 1]
                               [--recipe-learning-rate 1e-5] [--set KEY=VALUE …]

The recipe is Hugging Face's `Seq2SeqTrainer` with `WhisperForConditionalGeneration`: clips padded
to 30 s, float32; the same clips, batch size, epochs, learning rate, warm-up and weight decay. Clips
per second are those of the steps alone, without start-up, validation and the first steps, which
include warm-up. Memory is the peak of the process; ours includes validations and evaluation. The
recipe's log-mels are computed beforehand, as ours are. Each runs in its own process. The whole
recipe takes a quarter of an hour; some steps are enough for the speed, but not for its WER. Both
models are scored on the test split by our engine.
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
from lab.dataset import DatasetClip
from lab.evaluation import evaluate
from lab.export import export
from lab.jobs.training_process import train
from lab.training import advice, metrics, runs
from lab.training.config import Config

OURS, RECIPE = "ours", "Seq2SeqTrainer, 30 s, float32"
_FOLDER = WORKSPACE.root / "transformers"
_WARMUP_STEPS = 2  # not measured
_IGNORED = -100


@dataclass(frozen=True)
class Measurement:
    """Speed, memory and result of a training.

    per_second: clips per second
    wer: of the tuned model on the test split and on the validation split, by which our training
        selects a checkpoint, but not the recipe; None if the training was cut short
    """

    per_second: float
    seconds: float
    peak_mb: float
    wer: tuple[float, float] | None

    def __str__(self) -> str:
        text = f"{self.per_second:6.2f} clips/s {self.peak_mb:6.0f} MB {self.seconds:5.0f} s  WER "
        if self.wer is None:
            return text + "unknown: training was cut short"
        return text + "test {:.1%}, validation {:.1%}".format(*self.wer)


def ours(config: Config) -> Measurement:
    """Train with our code, from the clips to the evaluated model."""
    ready(ALBANIAN)
    run = runs.create(WORKSPACE, config)
    started_at = time.perf_counter()
    state = train(run)
    seconds = time.perf_counter() - started_at
    if state.state != "done":
        raise RuntimeError(state.error)
    steps = [row for row in metrics.read(run.folder) if row.validation_wer is None]
    steps_s = [
        (after.seconds or 0.0) - (before.seconds or 0.0)
        for before, after in pairwise(steps)
        # Without steps that follow a validation.
        if int(after.epoch - 1e-6) == int(before.epoch - 1e-6) and before.step >= _WARMUP_STEPS
    ]
    peak_mb = _peak_mb()
    tuned = weights.build(weights.read(run.model_path), label=run.name)
    wer = _wer(Engine(tuned, name=run.name))
    return Measurement(config.batch_size / mean(steps_s), seconds, peak_mb, wer)


def recipe(config: Config, n_steps: int | None, rate: float | None) -> Measurement:
    """Train with the usual recipe, or its first steps; rate: learning rate, None for ours."""
    import torch
    from transformers import (
        Seq2SeqTrainer,
        Seq2SeqTrainingArguments,
        TrainerCallback,
        WhisperForConditionalGeneration,
    )

    started_at = time.perf_counter()
    clips = [clip for clip in ready(ALBANIAN).clips() if clip.split == "train"]
    rows = [_row(clip) for clip in clips]
    model = WhisperForConditionalGeneration.from_pretrained(_base_folder())
    ends: list[float] = []

    class Clock(TrainerCallback):
        def on_step_end(self, *_arguments: Any, **_options: Any) -> None:
            ends.append(time.perf_counter())

    def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
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
        warmup_steps=round(config.warmup_ratio * total),
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
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
        data_collator=collate,
        callbacks=[Clock()],
    )
    trainer.train()
    seconds, peak_mb = time.perf_counter() - started_at, _peak_mb()
    steps_s = [after - before for before, after in pairwise(ends[_WARMUP_STEPS - 1 :])]
    wer = None
    if n_steps is None:
        trained = _FOLDER / "trained"
        model.save_pretrained(trained)
        wer = _wer(Engine(weights.build(huggingface.read(trained), label="it"), name=RECIPE))
    return Measurement(config.batch_size / mean(steps_s), seconds, peak_mb, wer)


def _row(clip: DatasetClip) -> dict[str, Any]:
    """The log-mel of a clip padded to 30 s, and its tokens."""
    from whisper.audio import N_SAMPLES, log_mel_spectrogram, pad_or_trim
    from whisper.tokenizer import get_tokenizer

    samples = audio.decode(ready(ALBANIAN).audio_path(clip)).samples
    tokenizer = get_tokenizer(True, language=clip.language, task="transcribe")
    start, *prompt = tokenizer.sot_sequence_including_notimestamps
    del start  # transformers prepends it to the labels
    tokens = [*prompt, *tokenizer.encode(f" {clip.transcription}"), tokenizer.eot]
    return {
        "input_features": log_mel_spectrogram(pad_or_trim(samples, N_SAMPLES)),
        "labels": tokens,
    }


def _base_folder() -> Path:
    """A folder with base in the format of transformers."""
    folder = _FOLDER / "base"
    if not folder.exists():
        export(checkpoints.load("base"), folder, file_format="huggingface")
    return folder


def _wer(engine: Engine) -> tuple[float, float]:
    """WER on the test split and on the validation split."""
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
    """Train with both, and compare."""
    config = Config(dataset=ALBANIAN, epochs=3, health="skip").with_overrides(settings or [])
    n_steps = None if whole_recipe else recipe_steps
    if only is not None:
        done = ours(config) if only == OURS else recipe(config, n_steps, recipe_learning_rate)
        print(json.dumps(asdict(done)))
        return
    print(f"base, 200 clips, {config.epochs} epochs, batches of {config.batch_size}, ", end="")
    print(f"{best_device().precision} on {best_device().name}")
    _base_folder()
    print(f"{'base, not fine-tuned':31} WER {_wer(Engine.load('base'))[0]:.1%}", flush=True)
    for seed in range(config.seed, config.seed + seeds):
        mine, theirs = (_in_a_process(name, seed) for name in (OURS, RECIPE))
        print(
            f"seed {seed}: {mine.per_second / theirs.per_second:.1f} times the clips per second, "
            f"{mine.peak_mb / theirs.peak_mb:.2f} times the memory",
            flush=True,
        )


def _in_a_process(name: str, seed: int) -> Measurement:
    command = [sys.executable, "-m", "benchmarks.train", *sys.argv[1:]]
    command += ["--set", f"seed={seed}", "--only", name]
    answer = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
    done = Measurement(**json.loads(answer.splitlines()[-1]))
    print(f"{name:31} {done}", flush=True)
    return done


if __name__ == "__main__":
    typer.run(main)
