"""Fine-tuning base with the defaults on real speech: WER in its language and in English.

    python -m benchmarks.finetune [LANGUAGE …] [--set KEY=VALUE …] [--seeds 1]

Romanian and French from Tux Paint: 300 training clips, 60 for validation, and for the test those of
the others whose text is not contained in any of these. The English prompts show how much the model
has forgotten. `albanian` is the sample dataset, whose voices are synthetic.

Datasets and runs stay in `.cache/finetune`, so that base transcribes each clip once; WER is that of
the basic normalizer. Each training runs in its own process, as usual.
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
from lab.importers import CorpusClip, get_format
from lab.importers.source import ProblemLog, read_clips
from lab.jobs import start_run
from lab.recordings.samples import FOLDER
from lab.scoring import BASIC, Comparison
from lab.training import metrics, runs
from lab.training.config import Config
from lab.training.run import Run
from tests.support import speech
from tests.support.speech import Utterance

WORKSPACE = Workspace(speech.CACHE.parent / "finetune")
ENGLISH, ALBANIAN = "english", "albanian"
_REAL = {"romanian": "ro", "french": "fr"}
_N_TRAIN, _N_VALIDATION = 300, 60
_POLL_S = 1.0


@dataclass(frozen=True)
class Outcome:
    """The result of a training.

    base, tuned: WER on the test split
    validation: best validation WER, by which settings are chosen
    english: WER of base and of the tuned model on the English prompts
    train_s: duration of the training with all validations
    seconds: duration from the start to the evaluated model
    """

    base: float
    tuned: float
    validation: float
    comparison: Comparison
    english: tuple[float, float]
    train_s: float
    seconds: float


def ready(name: str, workspace: Workspace = WORKSPACE) -> Dataset:
    """The dataset with this name, created if it does not exist yet."""
    for known in dataset.list_all(workspace):
        if known.name == name:
            return known
    if name == ALBANIAN:
        folder = FOLDER / "datasets/albanian-synthetic"
        clips = read_clips(get_format("audiofolder"), folder, ProblemLog())
        return dataset.import_clips(workspace, name, clips, language="sq").dataset
    if name == ENGLISH:
        clips = _clips("test", speech.prompts("en"))
        return dataset.import_clips(workspace, name, clips, language="en").dataset
    clips = _split(speech.stamps(_REAL[name]))
    return dataset.import_clips(workspace, name, clips, language=_REAL[name]).dataset


def tune(name: str, config: Config, workspace: Workspace = WORKSPACE) -> Run:
    """Train in another process, and wait for its end."""
    run = runs.create(workspace, config, name="")
    start_run.start(run)
    while not (state := run.status()).is_over:
        time.sleep(_POLL_S)
    if state.state != "done":
        raise RuntimeError(f"{name}: {state.error}")
    return run


def outcome(run: Run, seconds: float) -> Outcome:
    """The results of a run."""
    report = report_files.read(run.folder)
    base, tuned = (result.scores["basic"].wer for result in report.results)

    def engines() -> Iterator[Engine]:
        yield Engine.load("base")
        yield Engine(weights.build(weights.read(run.model_path), label=run.name), name=run.name)

    rows = metrics.read(run.folder)
    (english,) = evaluate(engines(), [ready(ENGLISH)])
    before, after = (result.scores["basic"].wer for result in english.results)
    return Outcome(
        base,
        tuned,
        min(row.validation_wer for row in rows if row.validation_wer is not None and row.step),
        report.results[1].versus_baseline["words"],
        (before, after),
        max(row.seconds or 0.0 for row in rows),
        seconds,
    )


def _split(utterances: list[Utterance]) -> Iterator[CorpusClip]:
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


def _clips(split: str, utterances: Iterable[Utterance]) -> Iterator[CorpusClip]:
    for utterance in utterances:
        yield CorpusClip(utterance.audio_path, utterance.text, split)


def main(
    names: Annotated[list[str] | None, typer.Argument(metavar="[LANGUAGE …]")] = None,
    *,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE")] = None,
    seeds: int = 1,
) -> None:
    """Fine-tune on all datasets or the named ones, with the defaults or other settings."""
    for name in names or [ALBANIAN, *_REAL]:
        sizes = [entry.split for entry in ready(name).clips()]
        print(f"{name}: {', '.join(f'{sizes.count(one)} {one}' for one in dataset.SPLITS)}")
        for more in range(seeds):
            config = Config(dataset=name, health="skip").with_overrides(settings or [])
            config = config.with_overrides([f"seed={config.seed + more}"])
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
