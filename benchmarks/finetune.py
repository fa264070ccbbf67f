"""Real speech: what a training with the defaults makes of base, in its language and in English.

    python -m benchmarks.finetune [LANGUAGE …] [--set KEY=VALUE …] [--seeds 1]

Romanian and French from Tux Paint: 300 clips to learn from, 60 of validation, and of the others
those whose words, in their order, occur in none of these to test. The English prompts show whether
the model has forgotten. `albanian` is the sample dataset instead, whose voices are synthetic.

Datasets and runs stay in `.cache/finetune`, so that base hears each clip once; WER is that of the
basic normaliser. Each training is a process of its own, as it is for a person.
"""

import random
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

import typer

from lab import dataset
from lab.asr import weights
from lab.asr.engine import Engine
from lab.core.workspace import Workspace
from lab.dataset import Dataset
from lab.evaluation import evaluate, report_files
from lab.importers import Clip, kind_named
from lab.importers.source import Problems
from lab.importers.source import clips as clips_of
from lab.jobs import run_process
from lab.recordings.samples import FOLDER
from lab.scoring import BASIC, Comparison
from lab.training import metrics, runs
from lab.training.config import Config
from lab.training.runs import Run
from tests.support import speech
from tests.support.speech import Utterance

WORKSPACE = Workspace(speech.CACHE.parent / "finetune")
ENGLISH, ALBANIAN = "english", "albanian"
_REAL = {"romanian": "ro", "french": "fr"}
_N_TRAIN, _N_VALIDATION = 300, 60
_POLL_S = 1.0


@dataclass(frozen=True)
class Outcome:
    """What came out of a training.

    base, tuned: WER on the clips of the test
    validation: the best WER of validation, by which settings are chosen
    english: WER of base and of the tuned model on the English prompts
    train_s: of learning, with all validations
    seconds: from the start to the evaluated model
    """

    base: float
    tuned: float
    validation: float
    comparison: Comparison
    english: tuple[float, float]
    train_s: float
    seconds: float


def ready(name: str, workspace: Workspace = WORKSPACE) -> Dataset:
    """The dataset with this name, made if it is not there yet."""
    for known in dataset.list_all(workspace):
        if known.name == name:
            return known
    if name == ALBANIAN:
        folder = FOLDER / "datasets/albanian-synthetic"
        clips = clips_of(kind_named("audiofolder"), folder, Problems())
        return dataset.import_clips(workspace, name, clips, language="sq").dataset
    if name == ENGLISH:
        clips = _clips("test", speech.prompts("en"))
        return dataset.import_clips(workspace, name, clips, language="en").dataset
    clips = _split(speech.stamps(_REAL[name]))
    return dataset.import_clips(workspace, name, clips, language=_REAL[name]).dataset


def tune(name: str, config: Config, workspace: Workspace = WORKSPACE) -> Run:
    """Train as the command line does, and wait for the end."""
    run = runs.create(workspace, config, name="")
    run_process.start(run)
    while not (state := runs.status(run)).is_over:
        time.sleep(_POLL_S)
    if state.state != "done":
        raise RuntimeError(f"{name}: {state.error}")
    return run


def outcome(run: Run, seconds: float) -> Outcome:
    """The figures of a run."""
    report = report_files.read(run.folder)
    base, tuned = (result.scores["basic"].wer for result in report.results)

    def engines() -> Iterator[Engine]:
        yield Engine.load("base")
        yield Engine(weights.build(weights.read(run.model_path), called=run.name), name=run.name)

    rows = metrics.read(run.folder)
    (english,) = evaluate(engines(), [ready(ENGLISH)])
    before, after = (result.scores["basic"].wer for result in english.results)
    return Outcome(
        base,
        tuned,
        min(row.validation_wer for row in rows if row.validation_wer is not None and row.step),
        report.results[1].versus_first["words"],
        (before, after),
        max(row.seconds or 0.0 for row in rows),
        seconds,
    )


def _split(utterances: list[Utterance]) -> Iterator[Clip]:
    shuffled = random.Random(0).sample(utterances, len(utterances))
    seen = shuffled[: _N_TRAIN + _N_VALIDATION]
    words = [f" {BASIC(utterance.text)} " for utterance in seen]
    new = [
        utterance
        for utterance in shuffled[len(seen) :]
        if not any(f" {BASIC(utterance.text)} " in known for known in words)
    ]
    yield from _clips("train", seen[:_N_TRAIN])
    yield from _clips("validation", seen[_N_TRAIN:])
    yield from _clips("test", new)


def _clips(split: str, utterances: Iterable[Utterance]) -> Iterator[Clip]:
    for utterance in utterances:
        yield Clip(utterance.audio_path, utterance.text, split)


def main(
    names: Annotated[list[str] | None, typer.Argument(metavar="[LANGUAGE …]")] = None,
    *,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE")] = None,
    seeds: int = 1,
) -> None:
    """Fine-tune on each, or on those that are named, with the defaults unless some are set."""
    for name in names or [ALBANIAN, *_REAL]:
        sizes = [entry.split for entry in ready(name).entries()]
        print(f"{name}: {', '.join(f'{sizes.count(one)} {one}' for one in dataset.SPLITS)}")
        for more in range(seeds):
            config = Config(dataset=name, health="skip").with_set(settings or [])
            config = config.with_set([f"seed={config.seed + more}"])
            began = time.perf_counter()
            run = tune(name, config)
            found = outcome(run, time.perf_counter() - began)
            low, high = found.comparison.low, found.comparison.high
            before, after = found.english
            print(
                f"  seed {config.seed} {' '.join(settings or ['defaults'])}: "
                f"WER {found.base:.1%} → {found.tuned:.1%}, {found.tuned / found.base:.2f} times, "
                f"difference {low:+.1%} to {high:+.1%}; validation {found.validation:.1%}; "
                f"English {before:.2%} → {after:.2%}; "
                f"{found.train_s:.0f} s of training, {found.seconds:.0f} s in all ({run.name})",
                flush=True,
            )


if __name__ == "__main__":
    typer.run(main)
