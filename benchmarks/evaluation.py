"""Evaluating base on 500 short clips: ours beside faster-whisper called clip by clip.

    python -m benchmarks.evaluation [--clips 500]

The clips are prompts of English, French and Spanish, up to 30 s and about 4 s on average. Ours is
`lab.evaluation.evaluate` on three datasets, from the files to the scores, with the predictions
written down; the peer gets the samples decoded and is not asked for a score. Each runs in a process
of its own, with the model loaded before the clock runs.
"""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
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
from lab.importers import Clip
from tests.support import speech
from tests.support.speech import Utterance

_LANGUAGES = ("en", "fr", "es")
_OURS, _PEER = "ours", "faster-whisper, int8"


def utterances(n_clips: int) -> dict[str, list[Utterance]]:
    """So many prompts of the languages together."""
    left, chosen = n_clips, {}
    for language in _LANGUAGES:
        if not left:
            break
        found = speech.prompts(language)
        chosen[language] = [one for one in found if len(one.load().samples) <= WINDOW_SAMPLES][
            :left
        ]
        left -= len(chosen[language])
    return chosen


def ours(n_clips: int) -> tuple[float, dict[str, float]]:
    """Seconds, and the WER of each language."""
    chosen = utterances(n_clips)
    ready = [_dataset(language, found) for language, found in chosen.items()]
    engine = Engine.load("base")
    for one in ready:
        shutil.rmtree(one.folder / FOLDER_NAME, ignore_errors=True)
    began = time.perf_counter()
    reports = evaluate([engine], ready, split="all")
    seconds = time.perf_counter() - began
    return seconds, {
        language: report.results[0].scores["basic"].wer
        for language, report in zip(chosen, reports, strict=True)
    }


def peer(n_clips: int) -> tuple[float, dict[str, float]]:
    """The same of faster-whisper."""
    transcribe = peers.faster_whisper()
    seconds, rates = 0.0, {}
    for language, found in utterances(n_clips).items():
        waveforms = [one.load() for one in found]
        began = time.perf_counter()
        said = [transcribe(one, language) for one in waveforms]
        seconds += time.perf_counter() - began
        rates[language] = word_error_rate(language, [one.text for one in found], said)
    return seconds, rates


def _dataset(language: str, found: list[Utterance]) -> Dataset:
    name = f"evaluation-{language}-{len(found)}"
    for known in dataset.list_all(WORKSPACE):
        if known.name == name:
            return known
    return dataset.import_clips(WORKSPACE, name, _clips(found), language=language).dataset


def _clips(found: list[Utterance]) -> Iterator[Clip]:
    for one in found:
        yield Clip(one.audio_path, one.text, "test")


def main(
    clips: int = 500, *, only: Annotated[str | None, typer.Option(hidden=True)] = None
) -> None:
    """Evaluate with both, and compare."""
    if only is not None:
        print(json.dumps(ours(clips) if only == _OURS else peer(clips)))
        return
    device = best_device()
    lengths = [len(one.load().samples) for each in utterances(clips).values() for one in each]
    print(f"base, {device.precision} on {device.name}; {len(lengths)} clips, ", end="")
    print(f"{sum(lengths) / SAMPLE_RATE / len(lengths):.1f} s on average")
    first_s = None
    for name in (_OURS, _PEER):
        command = [sys.executable, "-m", "benchmarks.evaluation", "--clips", str(clips)]
        answer = subprocess.run([*command, "--only", name], check=True, stdout=subprocess.PIPE)
        seconds, rates = json.loads(answer.stdout.splitlines()[-1])
        first_s = first_s or seconds
        said = ", ".join(f"{language} {rate:.2%}" for language, rate in rates.items())
        print(
            f"{name:21} {seconds:6.1f} s {len(lengths) / seconds:5.1f} clips/s  WER {said}  "
            f"ours is {seconds / first_s:.1f}x",
            flush=True,
        )


if __name__ == "__main__":
    typer.run(main)
