"""Evaluation reports: hypotheses, scores and comparisons of models on the clips of a dataset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal, get_args

from lab.dataset import DatasetClip
from lab.importers import ImportProblem
from lab.scoring import BASIC, RAW, Comparison, Normalizer, Score, paired_bootstrap, score_each
from lab.scoring.score import total

# Like basic, but s’e becomes se and ABC-në becomes ABCnë: spellings on which writers differ.
CUSTOM = replace(BASIC, apostrophes="join", hyphens="join")
# Languages in which WER is not meaningful; the list is openai-whisper's.
WITHOUT_SPACES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
Unit = Literal["words", "characters"]


@dataclass(frozen=True)
class Hypotheses:
    """What one model transcribed, one entry per clip.

    confidences: mean token probability, 0 to 1
    """

    model: str
    texts: tuple[str, ...]
    confidences: tuple[float, ...]


@dataclass(frozen=True)
class Result:
    """The scores of one model.

    scores: of all clips together, by the name of the normalizer
    clip_scores: of each clip, by the name of the normalizer
    versus_baseline: comparison of the baseline (A) with this model (B), in words and in characters,
        normalised with "basic"; empty for the baseline itself
    """

    hypotheses: Hypotheses
    scores: Mapping[str, Score]
    clip_scores: Mapping[str, tuple[Score, ...]]
    versus_baseline: Mapping[Unit, Comparison]

    @property
    def model(self) -> str:
        return self.hypotheses.model


@dataclass(frozen=True)
class Report:
    """Results of models on the clips of a dataset.

    at: time of the evaluation, ISO 8601, UTC
    split: "train", "validation", "test" or "all"
    clips: clips that every model transcribed
    results: one per model, the baseline first
    normalizers: "raw", "basic" and "custom"
    skipped: clips that could not be transcribed, with the reason
    n_trained_on: number of clips excluded because a model was trained on them
    """

    at: str
    dataset: str
    split: str
    clips: tuple[DatasetClip, ...]
    results: tuple[Result, ...]
    normalizers: Mapping[str, Normalizer]
    skipped: tuple[ImportProblem, ...] = ()
    n_trained_on: int = 0

    @property
    def unit(self) -> Unit:
        """The unit to score in: characters if most clips are in a language without spaces."""
        n_without = sum(clip.language in WITHOUT_SPACES for clip in self.clips)
        return "characters" if 2 * n_without > len(self.clips) else "words"

    @property
    def duration_s(self) -> float:
        return sum(clip.duration_s or 0.0 for clip in self.clips)

    def pairs(self, result: Result, normalizer: str = "basic") -> list[tuple[str, str]]:
        """Reference and hypothesis of each clip, normalised."""
        normalize = self.normalizers[normalizer]
        return [
            (normalize(clip.transcription), normalize(text))
            for clip, text in zip(self.clips, result.hypotheses.texts, strict=True)
        ]


def build_report(
    dataset: str,
    split: str,
    clips: Sequence[DatasetClip],
    hypotheses: Sequence[Hypotheses],
    *,
    custom: Normalizer = CUSTOM,
    skipped: Sequence[ImportProblem] = (),
    n_trained_on: int = 0,
    at: str = "",
) -> Report:
    """Score hypotheses against the texts of clips.

    clips: with their reference texts
    hypotheses: one per model, the baseline first
    at: time of the evaluation, ISO 8601; "" for now
    """
    normalizers = {"raw": RAW, "basic": BASIC, "custom": custom}
    references = [clip.transcription for clip in clips]
    results: list[Result] = []
    for of_model in hypotheses:
        clip_scores = {
            name: tuple(score_each(references, of_model.texts, normalize))
            for name, normalize in normalizers.items()
        }
        baseline = results[0].clip_scores["basic"] if results else ()
        results.append(
            Result(
                of_model,
                {name: total(scores) for name, scores in clip_scores.items()},
                clip_scores,
                _compare(baseline, clip_scores["basic"]) if results else {},
            )
        )
    return Report(
        at or datetime.now(UTC).isoformat(timespec="seconds"),
        dataset,
        split,
        tuple(clips),
        tuple(results),
        normalizers,
        tuple(skipped),
        n_trained_on,
    )


def rescore(report: Report, custom: Normalizer) -> Report:
    """The same report with another custom normalizer."""
    hypotheses = [result.hypotheses for result in report.results]
    scored = build_report(report.dataset, report.split, report.clips, hypotheses, custom=custom)
    return replace(report, results=scored.results, normalizers=scored.normalizers)


def summarize(report: Report) -> list[str]:
    """One sentence per model on its error rate, and on how it compares with the baseline."""
    summary = []
    for result in report.results:
        rate = _rate(result.scores["basic"], report.unit)
        sentence = f"{result.model}: {100 * rate:.1f} errors per 100 {report.unit}."
        if report.unit in result.versus_baseline:
            comparison = result.versus_baseline[report.unit].sentence(report.unit)
            sentence += f" Compared with {report.results[0].model}: {comparison}"
        summary.append(sentence)
    return summary


def exclusion_note(report: Report) -> str:
    """A sentence on the clips excluded because of training; "" if there are none."""
    n = report.n_trained_on
    if not n:
        return ""
    clips, they = ("1 clip was", "it") if n == 1 else (f"{n:,} clips were", "them")
    source = f"{report.dataset}, {report.split}"
    return f"{clips} excluded from {source}, because a model was trained on {they}."


def matrix(
    reports: Sequence[Report], *, normalizer: str = "basic", unit: Unit | None = None
) -> dict[str, dict[str, float]]:
    """Error rates by model and dataset, as fractions.

    unit: None uses the unit of each report
    """
    rates: dict[str, dict[str, float]] = {}
    for report in reports:
        for result in report.results:
            rate = _rate(result.scores[normalizer], unit or report.unit)
            rates.setdefault(result.model, {})[report.dataset] = rate
    return rates


def _compare(baseline: Sequence[Score], other: Sequence[Score]) -> dict[Unit, Comparison]:
    return {
        unit: paired_bootstrap(*([getattr(one, unit) for one in of] for of in (baseline, other)))
        for unit in get_args(Unit)
    }


def _rate(score: Score, unit: Unit) -> float:
    return score.wer if unit == "words" else score.cer
