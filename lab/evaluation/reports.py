"""What an evaluation found: texts, scores and comparisons of models on the clips of a dataset."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from lab.dataset import Entry
from lab.importers import Problem
from lab.scoring import BASIC, RAW, Comparison, Normaliser, Score, paired_bootstrap, score_each
from lab.scoring.score import total

if TYPE_CHECKING:
    pass

# As basic, but s’e is se and ABC-në is ABCnë: spelling that is often left to taste.
CUSTOM = replace(BASIC, apostrophes="join", hyphens="join")
# There WER says little; Whisper's own list.
WITHOUT_SPACES = frozenset({"zh", "ja", "th", "lo", "my", "yue"})
Unit = Literal["words", "characters"]


@dataclass(frozen=True)
class Heard:
    """What one model made of the clips, in their order.

    confidences: mean probability of the tokens, 0 to 1
    """

    model: str
    texts: tuple[str, ...]
    confidences: tuple[float, ...]


@dataclass(frozen=True)
class Result:
    """How good one model is.

    scores: of all clips together, for each normaliser by its name
    each: of each clip, likewise
    versus_first: the baseline compared with this model, in words and in characters, under "basic";
        empty for the baseline itself
    """

    heard: Heard
    scores: Mapping[str, Score]
    each: Mapping[str, tuple[Score, ...]]
    versus_first: Mapping[Unit, Comparison]

    @property
    def model(self) -> str:
        return self.heard.model


@dataclass(frozen=True)
class Report:
    """Models on the clips of a dataset.

    at: the moment, ISO 8601 in UTC
    split: "train", "validation", "test" or "all"
    clips: those that all models have heard
    results: the baseline first
    normalisers: "raw", "basic" and "custom"
    skipped: clips that could not be heard, with the reason
    n_learned: clips of the split that were passed over, for a model has learned from them
    """

    at: str
    dataset: str
    split: str
    clips: tuple[Entry, ...]
    results: tuple[Result, ...]
    normalisers: Mapping[str, Normaliser]
    skipped: tuple[Problem, ...] = ()
    n_learned: int = 0

    @property
    def unit(self) -> Unit:
        """What tells more: characters where most clips are in a language without spaces."""
        n_without = sum(clip.language in WITHOUT_SPACES for clip in self.clips)
        return "characters" if 2 * n_without > len(self.clips) else "words"

    def pairs(self, result: Result, normaliser: str = "basic") -> list[tuple[str, str]]:
        """Reference and hypothesis of each clip, normalised, for confusions and differences."""
        normalise = self.normalisers[normaliser]
        return [
            (normalise(clip.transcription), normalise(text))
            for clip, text in zip(self.clips, result.heard.texts, strict=True)
        ]


def report(
    dataset: str,
    split: str,
    clips: Sequence[Entry],
    heard: Sequence[Heard],
    *,
    custom: Normaliser = CUSTOM,
    skipped: Sequence[Problem] = (),
    at: str = "",
) -> Report:
    """Score what models heard, the baseline first.

    clips: with what was said in them
    heard: with a text for each clip
    at: the moment of the evaluation; "" for now
    """
    normalisers = {"raw": RAW, "basic": BASIC, "custom": custom}
    references = [clip.transcription for clip in clips]
    results: list[Result] = []
    for one in heard:
        each = {
            name: tuple(score_each(references, one.texts, normalise))
            for name, normalise in normalisers.items()
        }
        results.append(
            Result(
                one,
                {name: total(scores) for name, scores in each.items()},
                each,
                _versus(results[0].each["basic"], each["basic"]) if results else {},
            )
        )
    return Report(
        at or datetime.now(UTC).isoformat(timespec="seconds"),
        dataset,
        split,
        tuple(clips),
        tuple(results),
        normalisers,
        tuple(skipped),
    )


def rescored(before: Report, custom: Normaliser) -> Report:
    """The same report with another normaliser of one's own."""
    heard = [result.heard for result in before.results]
    scored = report(before.dataset, before.split, before.clips, heard, custom=custom)
    return replace(before, results=scored.results, normalisers=scored.normalisers)


def sentences(of: Report) -> list[str]:
    """What came out, a sentence for each model, the baseline first."""
    said = []
    for result in of.results:
        rate = _rate(result.scores["basic"], of.unit)
        verdict = f"{result.model}: {100 * rate:.1f} errors in 100 {of.unit}."
        if of.unit in result.versus_first:
            comparison = result.versus_first[of.unit].sentence(of.unit)
            verdict += f" Beside {of.results[0].model}: {comparison}"
        said.append(verdict)
    return said


def left_out(of: Report) -> str:
    """What was passed over, in a sentence; "" if nothing was."""
    clips = "1 clip is" if of.n_learned == 1 else f"{of.n_learned:,} clips are"
    why = f"left out of {of.dataset}, {of.split}: what a model has learned from is no test of it."
    return f"{clips} {why}" if of.n_learned else ""


def matrix(
    reports: Sequence[Report], *, normaliser: str = "basic", unit: Unit | None = None
) -> dict[str, dict[str, float]]:
    """Error rates of each model on each dataset: model, dataset, rate.

    unit: None takes for each dataset what tells more
    """
    rates: dict[str, dict[str, float]] = {}
    for one in reports:
        for result in one.results:
            rate = _rate(result.scores[normaliser], unit or one.unit)
            rates.setdefault(result.model, {})[one.dataset] = rate
    return rates


def _versus(first: Sequence[Score], other: Sequence[Score]) -> dict[Unit, Comparison]:
    return {
        "words": paired_bootstrap([one.words for one in first], [one.words for one in other]),
        "characters": paired_bootstrap(
            [one.characters for one in first], [one.characters for one in other]
        ),
    }


def _rate(score: Score, unit: Unit) -> float:
    return score.wer if unit == "words" else score.cer
