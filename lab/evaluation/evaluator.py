"""Models tried on clips that they were not trained on: how many words are right, and is it luck?

The first model is the baseline that the others are compared with. What a model heard is kept with
the dataset, so a clip is transcribed once, however often it is scored; and what is in a report
comes from its texts alone, so that it can be scored anew by another normaliser.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from lab.core.errors import OptionsError
from lab.core.progress import Progress, ignore
from lab.dataset import SPLITS, Dataset, Entry
from lab.dataset.predictions import Prediction, heard_by, predict
from lab.evaluation.reports import CUSTOM, Heard, Report, report
from lab.importers import Problem
from lab.scoring import Normaliser

if TYPE_CHECKING:
    from lab.asr.engine import Engine

EVERYTHING = "all"
# Who asks for the others wants to know how well a model knows what it has learned from.
_NEW_TO_MODELS = ("test", EVERYTHING)


def evaluate(
    engines: Iterable["Engine"],
    datasets: Sequence[Dataset],
    *,
    split: str = "test",
    language: str | None = None,
    without: Mapping[str, Container[str]] = MappingProxyType({}),
    custom: Normaliser = CUSTOM,
    on_progress: Progress = ignore,
) -> list[Report]:
    """Try models on datasets; gives a report for each dataset.

    engines: the baseline first; each is asked for only when the one before is done, so that a
        generator can load them one by one
    split: "train", "validation", "test", or "all" for every clip with a text
    language: Whisper's code of what is spoken; None takes each clip's own
    without: for the name of a dataset, the files that models have learned from; they are passed
        over, unless `split` asks for those very clips: train or validation
    custom: a normaliser beside "raw" and "basic"
    on_progress: called with clips of one model and dataset; raising `Cancelled` from it stops, and
        what was heard is kept

    Raises OptionsError for a split without clips, before any model is asked for; for a model that
    is named twice; and when no clip can be heard.
    """
    chosen = [_clips_of(dataset, split, without.get(dataset.name, ())) for dataset in datasets]
    heard: list[dict[str, dict[str, Prediction]]] = [{} for _ in datasets]
    skipped: list[dict[str, Problem]] = [{} for _ in datasets]
    for engine in engines:
        for place, dataset in enumerate(datasets):
            if engine.name in heard[place]:
                raise OptionsError(f"The model {engine.name} was named twice; name each one once.")
            done = predict(
                engine, dataset, chosen[place].clips, language=language, on_progress=on_progress
            )
            heard[place][engine.name] = heard_by(engine, dataset)
            skipped[place] |= {one.name: one for one in done.skipped}
    return [
        _report(dataset.name, split, clips, found, custom, tuple(problems.values()))
        for dataset, clips, found, problems in zip(datasets, chosen, heard, skipped, strict=True)
    ]


@dataclass(frozen=True)
class _Chosen:
    """Clips to try models on. n_learned: how many were passed over, as in `Report`"""

    clips: list[Entry]
    n_learned: int


def _report(
    dataset: str,
    split: str,
    chosen: _Chosen,
    found: Mapping[str, Mapping[str, Prediction]],
    custom: Normaliser,
    skipped: tuple[Problem, ...],
) -> Report:
    common = [clip for clip in chosen.clips if all(clip.file_name in one for one in found.values())]
    if not common:
        reason = f" {skipped[0].reason}" if skipped else ""
        raise OptionsError(f"No clip of {dataset} could be heard, so nothing was scored.{reason}")
    heard = [
        Heard(
            model,
            tuple(predictions[clip.file_name].text for clip in common),
            tuple(predictions[clip.file_name].confidence for clip in common),
        )
        for model, predictions in found.items()
    ]
    made = report(dataset, split, common, heard, custom=custom, skipped=skipped)
    return replace(made, n_learned=chosen.n_learned)


def _clips_of(dataset: Dataset, split: str, without: Container[str]) -> _Chosen:
    if split not in (*SPLITS, EVERYTHING):
        raise OptionsError(
            f"“{split[:40]}” is no split; choose {', '.join(SPLITS)}, or {EVERYTHING} for all."
        )
    usable = [entry for entry in dataset.entries() if entry.is_usable]
    chosen = [entry for entry in usable if split in (entry.split, EVERYTHING)]
    if not chosen:
        raise OptionsError(
            f"The dataset {dataset.name} has no clip with a text in the split “{split}”; it has "
            f"{len(usable)} in all. Split it first, or choose {EVERYTHING} for all of its clips."
        )
    if split not in _NEW_TO_MODELS:
        return _Chosen(chosen, 0)
    new = [entry for entry in chosen if entry.file_name not in without]
    if not new:
        raise OptionsError(
            f"The model has learned from every clip that is in the split “{split}” of "
            f"{dataset.name} now. Test it on others."
        )
    return _Chosen(new, len(chosen) - len(new))
