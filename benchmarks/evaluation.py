"""Evaluation of base on 500 short clips, compared with faster-whisper called clip by clip.

    python -m benchmarks.evaluation [--clips 500]

The clips are prompts in English, French and Spanish, up to 30 s and about 4 s on average. Ours is
`lab.evaluation.evaluate` on three datasets, from audio files to scores, including saving the
predictions; the peer gets decoded samples and computes no scores. Each runs in a separate process,
and loading the model is not timed.
"""

import json
import shutil
import subprocess
import sys
import time
from typing import Annotated

import typer

from benchmarks import peers
from benchmarks.finetune import WORKSPACE
from benchmarks.transcribe import word_error_rate
from lab import dataset
from lab.asr.devices import best_device
from lab.asr.engine import Engine
from lab.asr.speech import WINDOW_SAMPLES
from lab.audio import SAMPLE_RATE
from lab.dataset import Dataset
from lab.dataset.predictions import FOLDER_NAME
from lab.evaluation import evaluate
from lab.importers import CorpusClip
from tests.support import speech
from tests.support.speech import Utterance

_LANGUAGES = ("en", "fr", "es")
_OURS, _PEER = "ours", "faster-whisper, int8"


def utterances(n_clips: int) -> dict[str, list[Utterance]]:
    """`n_clips` prompts in all, by language."""
    left, chosen = n_clips, {}
    for language in _LANGUAGES:
        if not left:
            break
        prompts = speech.prompts(language)
        short = [prompt for prompt in prompts if len(prompt.load().samples) <= WINDOW_SAMPLES]
        chosen[language] = short[:left]
        left -= len(chosen[language])
    return chosen


def ours(n_clips: int) -> tuple[float, dict[str, float]]:
    """Elapsed seconds, and WER by language."""
    chosen = utterances(n_clips)
    datasets = [_dataset(language, prompts) for language, prompts in chosen.items()]
    engine = Engine.load("base")
    for imported in datasets:
        shutil.rmtree(imported.folder / FOLDER_NAME, ignore_errors=True)
    started = time.perf_counter()
    reports = evaluate([engine], datasets, split="all")
    seconds = time.perf_counter() - started
    return seconds, {
        language: report.results[0].scores["basic"].wer
        for language, report in zip(chosen, reports, strict=True)
    }


def peer(n_clips: int) -> tuple[float, dict[str, float]]:
    """Elapsed seconds and WER by language of faster-whisper."""
    transcribe = peers.faster_whisper()
    seconds, rates = 0.0, {}
    for language, prompts in utterances(n_clips).items():
        waveforms = [prompt.load() for prompt in prompts]
        started = time.perf_counter()
        hypotheses = [transcribe(waveform, language) for waveform in waveforms]
        seconds += time.perf_counter() - started
        references = [prompt.text for prompt in prompts]
        rates[language] = word_error_rate(language, references, hypotheses)
    return seconds, rates


def _dataset(language: str, prompts: list[Utterance]) -> Dataset:
    name = f"evaluation-{language}-{len(prompts)}"
    for existing in dataset.list_all(WORKSPACE):
        if existing.name == name:
            return existing
    clips = (CorpusClip(prompt.audio_path, prompt.text, "test") for prompt in prompts)
    return dataset.import_clips(WORKSPACE, name, clips, language=language).dataset


def main(
    clips: int = 500, *, only: Annotated[str | None, typer.Option(hidden=True)] = None
) -> None:
    """Evaluate with both and compare the times."""
    if only is not None:
        print(json.dumps(ours(clips) if only == _OURS else peer(clips)))
        return
    device = best_device()
    lengths = [
        len(prompt.load().samples) for prompts in utterances(clips).values() for prompt in prompts
    ]
    print(f"base, {device.precision} on {device.name}; {len(lengths)} clips, ", end="")
    print(f"{sum(lengths) / SAMPLE_RATE / len(lengths):.1f} s on average")
    first_s = None
    for name in (_OURS, _PEER):
        command = [sys.executable, "-m", "benchmarks.evaluation", "--clips", str(clips)]
        result = subprocess.run([*command, "--only", name], check=True, stdout=subprocess.PIPE)
        seconds, rates = json.loads(result.stdout.splitlines()[-1])
        first_s = first_s or seconds
        wers = ", ".join(f"{language} {rate:.2%}" for language, rate in rates.items())
        print(
            f"{name:21} {seconds:6.1f} s {len(lengths) / seconds:5.1f} clips/s  WER {wers}  "
            f"ours is {seconds / first_s:.1f}x",
            flush=True,
        )


if __name__ == "__main__":
    typer.run(main)
