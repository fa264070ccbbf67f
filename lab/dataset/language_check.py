"""Language check: compares the language that Whisper detects with the one that the table states.

It finds a corpus of another language: VoxLingua107 labels Serbian `sr`, and Albanian is `sq`.

On single clips Whisper is often wrong: it confuses close languages, and takes a language that it
hardly knows for many others. So clips are judged together. Their label is called wrong only if most
of them sound like one and the same other language, or its closest relatives, while Whisper gives
the expected language next to no probability. If it hears many languages, the result is uncertain.
"""

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from math import exp, log
from typing import TYPE_CHECKING, Literal

from lab import audio
from lab.core.errors import LabError, OptionsError, WorkspaceError
from lab.core.languages import LANGUAGES
from lab.core.progress import Progress, ignore
from lab.core.renamed_keys import current_names
from lab.core.workspace import read_json, write_json
from lab.dataset.audio_stats import MAX_DECODED_S
from lab.dataset.grouping import group_by_key
from lab.dataset.store import Dataset
from lab.dataset.table import EXCLUDED, DatasetClip

if TYPE_CHECKING:
    from lab.asr.engine import Engine

LANGUAGES_NAME = ".languages.json"
SAMPLE_SIZE = 50

_BATCH_SIZE = 64  # clips in memory: 120 MB if each is 30 s long
_MIN_S = 2.0  # shorter clips say little about their language
# Languages close enough to be confused by people, and far more so by Whisper.
_FAMILIES = (
    "bg bs hr mk sl sr, be ru uk, cs sk, da nn no sv, fo is, af nl, de lb yi, ca es gl oc pt, "
    "id jw ms su, hi ne ur, as bn, az tk tr, ba kk tt uz, fa tg, yue zh"
)
_FAMILY = {
    code: frozenset(codes.split()) for codes in _FAMILIES.split(",") for code in codes.split()
}
# Measured with base: for correctly labelled speech in 13 languages, the geometric mean over clips
# of the expected language's probability was 0.01 (Galician) to 0.97 (English); for the same speech
# labelled as Albanian, 0.000002 to 0.0035. Languages that base detected consistently had 0.4 or
# more.
_MAX_EXPECTED = 0.01
_MIN_OTHER = 0.4
_MIN_RATIO = 0.5
_MIN_CLIPS = 5
# A clip is an outlier among correctly labelled ones only if there is hardly any doubt.
_OUTLIER_MIN, _OUTLIER_MAX_EXPECTED = 0.8, 0.01
_PROBABILITY_FLOOR = 1e-9

State = Literal["match", "mismatch", "uncertain"]


@dataclass(frozen=True)
class ClipLanguage:
    """The language that Whisper detects in a clip.

    language, probability: the most probable language, 0 to 1
    expected, expected_probability: the language that the table states
    family_probability: of the most probable language and its closest relatives together
    """

    file_name: str
    language: str
    probability: float
    expected: str
    expected_probability: float
    family_probability: float


@dataclass(frozen=True)
class LanguageVerdict:
    """What the clips with one expected language sound like together.

    state: "match", "mismatch" if they sound like another language, else "uncertain"
    n, n_match: number of clips, and of those that sound like the expected or a related language
    other, n_other: what most of the others sound like; "" and 0 if there are none
    outliers: clips that clearly sound like another language, if the state is "match"
    """

    expected: str
    state: State
    n: int
    n_match: int
    other: str
    n_other: int
    outliers: tuple[ClipLanguage, ...]

    @property
    def sentence(self) -> str:
        """The result for people."""
        clips = "1 clip sounds" if self.n == 1 else f"{self.n} clips sound"
        if self.state == "match":
            return f"{self.n_match} of {clips} like {_or_related(self.expected)}, as expected."
        if self.state == "mismatch":
            return (
                f"{self.n_other} of {clips} like {_or_related(self.other)}, not "
                f"{_name(self.expected)}. Codes are easily mixed up: sr is Serbian, sq is "
                "Albanian. Check where the clips come from before you train on them."
            )
        return (
            f"Inconclusive: {self.n_match} of {clips} like {_or_related(self.expected)}"
            + (f", {self.n_other} like {_or_related(self.other)}" if self.other else "")
            + ". Whisper mistakes languages it barely knows for many others. Listen to some of "
            "the clips, or use a larger model."
        )


@dataclass(frozen=True)
class LanguageCheck:
    """The latest check of a dataset, as it is saved. model: name of the model that was used"""

    model: str
    clips: tuple[ClipLanguage, ...]


def sample(
    clips: Iterable[DatasetClip], n: int | None = SAMPLE_SIZE, *, seed: int = 0
) -> list[DatasetClip]:
    """Choose clips to check, spread over languages and speakers, reproducibly.

    n: how many; None for all

    Excluded clips and languages unknown to Whisper are skipped; clips under 2 s are chosen last.
    """
    usable = [clip for clip in clips if clip.status != EXCLUDED and clip.language in LANGUAGES]
    if n is None or len(usable) <= n:
        return usable
    random.Random(seed).shuffle(usable)
    n_of_voice: Counter[tuple[bool, str, str]] = Counter()
    ranked = []
    for clip in usable:
        is_short = clip.duration_s is not None and clip.duration_s < _MIN_S
        voice = (is_short, clip.language, clip.speaker)
        ranked.append(((is_short, n_of_voice[voice]), clip))
        n_of_voice[voice] += 1
    ranked.sort(key=lambda pair: pair[0])
    return [clip for _, clip in ranked[:n]]


def detect_languages(
    engine: "Engine",
    dataset: Dataset,
    clips: Sequence[DatasetClip],
    *,
    on_progress: Progress = ignore,
) -> Iterator[ClipLanguage]:
    """Detect the language of each clip; clips that cannot be decoded are skipped.

    Raises OptionsError for a model that supports English only.
    """
    if not engine.is_multilingual:
        raise OptionsError(
            f"The model {engine.name} supports English only, so it cannot detect languages. "
            "Choose a model without .en."
        )
    for start in range(0, len(clips), _BATCH_SIZE):
        on_progress(start, len(clips), "Detecting languages")
        waveforms = {}
        for clip in clips[start : start + _BATCH_SIZE]:
            with suppress(LabError):  # reported by the checks of the dataset
                path = dataset.audio_path(clip)
                waveforms[clip] = audio.decode(path, max_duration_s=MAX_DECODED_S)
        detected = engine.detect_languages(list(waveforms.values()))
        for clip, found in zip(waveforms, detected, strict=True):
            family = _FAMILY.get(found.language, {found.language})
            yield ClipLanguage(
                clip.file_name,
                found.language,
                found.probability,
                clip.language,
                found.probabilities.get(clip.language, 0.0),
                sum(found.probabilities.get(code, 0.0) for code in family),
            )
    if clips:
        on_progress(len(clips), len(clips), "Detecting languages")


def verdicts(clips: Iterable[ClipLanguage]) -> list[LanguageVerdict]:
    """Judge the clips of each expected language, the language with the most clips first."""
    groups = group_by_key(clips, lambda clip: clip.expected)
    return [
        _verdict(expected, group)
        for expected, group in sorted(groups.items(), key=lambda pair: -len(pair[1]))
    ]


def _verdict(expected: str, clips: Sequence[ClipLanguage]) -> LanguageVerdict:
    family = _FAMILY.get(expected, frozenset({expected}))
    others = [clip for clip in clips if clip.language not in family]
    n_match = len(clips) - len(others)
    families = group_by_key(others, lambda clip: _FAMILY.get(clip.language, clip.language))
    like_other = max(families.values(), key=len, default=[])
    languages = Counter(clip.language for clip in like_other)
    other = max(languages, key=languages.__getitem__, default="")
    log_expected = [log(max(clip.expected_probability, _PROBABILITY_FLOOR)) for clip in clips]
    is_mismatch = (
        len(clips) >= _MIN_CLIPS
        and len(like_other) >= _MIN_RATIO * len(clips)
        and sum(clip.family_probability for clip in like_other) / len(clips) >= _MIN_OTHER
        and exp(sum(log_expected) / len(clips)) < _MAX_EXPECTED
    )
    is_match = n_match >= _MIN_RATIO * len(clips) or n_match > len(like_other)
    state: State = "mismatch" if is_mismatch else "match" if is_match else "uncertain"
    outliers = [
        clip
        for clip in others
        if clip.probability >= _OUTLIER_MIN and clip.expected_probability < _OUTLIER_MAX_EXPECTED
    ]
    return LanguageVerdict(
        expected=expected,
        state=state,
        n=len(clips),
        n_match=n_match,
        other=other,
        n_other=len(like_other),
        outliers=tuple(outliers) if state == "match" else (),
    )


def _or_related(code: str) -> str:
    return _name(code) + (" or a close relative" if code in _FAMILY else "")


def _name(code: str) -> str:
    return f"{LANGUAGES.get(code, code)} ({code})"


def save(dataset: Dataset, check: LanguageCheck) -> None:
    """Save a check, replacing the previous one; raises WorkspaceError."""
    write_json(dataset.folder / LANGUAGES_NAME, asdict(check))


def load(dataset: Dataset) -> LanguageCheck | None:
    """Read the latest check; None if there is none or the file is damaged."""
    try:
        content = current_names(LANGUAGES_NAME, read_json(dataset.folder / LANGUAGES_NAME))
        clips = tuple(ClipLanguage(**clip) for clip in content["clips"])
        return LanguageCheck(str(content["model"]), clips)
    except (WorkspaceError, KeyError, TypeError):
        return None


def up_to_date(check: LanguageCheck, clips: Iterable[DatasetClip]) -> tuple[ClipLanguage, ...]:
    """The results for clips that still exist, are not excluded, and state the same language."""
    expected = {clip.file_name: clip.language for clip in clips if clip.status != EXCLUDED}
    return tuple(clip for clip in check.clips if expected.get(clip.file_name) == clip.expected)
