"""Score models on clips that they were not trained on.

The first model is the baseline that the others are compared with. Predictions are saved with the
dataset, so each model transcribes a clip only once, however often it is scored. A report is
computed from texts alone, so it can be rescored with another normalizer.
"""

from collections.abc import Container, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

from lab.core.errors import OptionsError
from lab.core.progress import Progress, ignore
from lab.dataset import SPLITS, Dataset, DatasetClip
from lab.dataset.predictions import Prediction, load_for_engine, predict
from lab.evaluation.reports import CUSTOM, Hypotheses, Report, build_report
from lab.importers import ImportProblem
from lab.scoring import Normalizer

if TYPE_CHECKING:
    from lab.asr.engine import Engine

EVERYTHING = "all"
# Whoever asks for "train" or "validation" wants the score on clips seen in training.
_HELD_OUT_SPLITS = ("test", EVERYTHING)


def evaluate(
    engines: Iterable["Engine"],
    datasets: Sequence[Dataset],
    *,
    split: str = "test",
    language: str | None = None,
    trained_on: Mapping[str, Container[str]] = MappingProxyType({}),
    custom: Normalizer = CUSTOM,
    on_progress: Progress = ignore,
) -> list[Report]:
    """Transcribe and score the clips of datasets with several models.

    Parameters
    ----------
    engines : iterable of Engine
        The models, baseline first. The next one is requested only when the previous one is done,
        so a generator can load them one at a time.
    datasets : sequence of Dataset
        The datasets to evaluate on.
    split : str, default "test"
        "train", "validation", "test", or "all" for every clip with a text.
    language : str or None
        Whisper's language code; None uses the language of each clip.
    trained_on : mapping of dataset name to file names
        Clips that a model was trained on. They are excluded, unless `split` is "train" or
        "validation".
    custom : Normalizer
        A normalizer to score with, in addition to "raw" and "basic".
    on_progress : Progress
        Called with clips of the current model and dataset. Raise `Cancelled` from it to stop;
        predictions made so far are kept.

    Returns
    -------
    list of Report
        One report per dataset.

    Raises
    ------
    OptionsError
        If the split has no clips (raised before any model is loaded), if a model is listed twice,
        or if no clip can be transcribed.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import mkdtemp
    >>> from lab import Engine, Workspace, dataset
    >>> interviews, _ = dataset.add(
    ...     Workspace(Path(mkdtemp())), "Interviews", [("a.wav", b"...")], language="sq"
    ... )
    >>> evaluate((Engine.load(name) for name in ["base", "small"]), [interviews])
    Traceback (most recent call last):
    lab.core.errors.OptionsError: The split “test” of interviews has no clip with a text; ...
    """
    chosen = [_choose(dataset, split, trained_on.get(dataset.name, ())) for dataset in datasets]
    predictions: list[dict[str, dict[str, Prediction]]] = [{} for _ in datasets]
    skipped: list[dict[str, ImportProblem]] = [{} for _ in datasets]
    for engine in engines:
        for index, dataset in enumerate(datasets):
            if engine.name in predictions[index]:
                raise OptionsError(f"Model {engine.name} is listed twice. List each model once.")
            clips, _ = chosen[index]
            summary = predict(engine, dataset, clips, language=language, on_progress=on_progress)
            predictions[index][engine.name] = load_for_engine(engine, dataset)
            skipped[index] |= {problem.name: problem for problem in summary.skipped}
    return [
        build_report(
            dataset.name,
            split,
            *_common(dataset, clips, by_model, problems),
            custom=custom,
            skipped=list(problems.values()),
            n_trained_on=n_trained_on,
        )
        for dataset, (clips, n_trained_on), by_model, problems in zip(
            datasets, chosen, predictions, skipped, strict=True
        )
    ]


def _common(
    dataset: Dataset,
    clips: Sequence[DatasetClip],
    by_model: Mapping[str, Mapping[str, Prediction]],
    problems: Mapping[str, ImportProblem],
) -> tuple[list[DatasetClip], list[Hypotheses]]:
    """The clips that all models transcribed, and the hypotheses of each model for them."""
    common = [clip for clip in clips if all(clip.file_name in one for one in by_model.values())]
    if not common:
        reason = "".join(f" {problem.reason}" for problem in list(problems.values())[:1])
        raise OptionsError(
            f"No clip of {dataset.name} could be transcribed, so there is nothing to score.{reason}"
        )
    return common, [
        Hypotheses(
            model,
            tuple(predictions[clip.file_name].text for clip in common),
            tuple(predictions[clip.file_name].confidence for clip in common),
        )
        for model, predictions in by_model.items()
    ]


def _choose(
    dataset: Dataset, split: str, trained_on: Container[str]
) -> tuple[list[DatasetClip], int]:
    """The clips to evaluate on, and how many were excluded because of training."""
    if split not in (*SPLITS, EVERYTHING):
        raise OptionsError(
            f"Unknown split “{split[:40]}”. Choose {', '.join(SPLITS)}, or {EVERYTHING} for all "
            "clips."
        )
    usable = [clip for clip in dataset.clips() if clip.is_usable]
    chosen = [clip for clip in usable if split in (clip.split, EVERYTHING)]
    if not chosen:
        raise OptionsError(
            f"The split “{split}” of {dataset.name} has no clip with a text; the whole dataset has "
            f"{len(usable)}. Assign splits first, or choose {EVERYTHING} to use every clip."
        )
    if split not in _HELD_OUT_SPLITS:
        return chosen, 0
    held_out = [clip for clip in chosen if clip.file_name not in trained_on]
    if not held_out:
        raise OptionsError(
            f"The model was trained on every clip of the split “{split}” of {dataset.name}. "
            "Evaluate it on other clips."
        )
    return held_out, len(chosen) - len(held_out)
