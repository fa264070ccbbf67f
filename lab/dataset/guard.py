"""The guard of a dataset's language: Whisper listens, and says what the clips sound like.

It catches a corpus of another language: VoxLingua107 calls Serbian `sr`, and Albanian is `sq`.

Clip by clip Whisper is often wrong: it mixes up close languages, and a language that it hardly
knows it takes for all kinds of others. So the clips are judged together. Only if most of them
sound like one and the same other language, or its closest relatives, while Whisper hears next to
nothing of the expected one, it is called wrong. Where it hears many languages, nothing is certain,
and that is what is said.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from math import exp, log
from typing import TYPE_CHECKING, Literal

from lab import audio
from lab.audio import Waveform
from lab.core.errors import LabError, OptionsError, WorkspaceError
from lab.core.languages import LANGUAGES
from lab.core.progress import Progress, ignore
from lab.core.workspace import read_json, write_json
from lab.dataset.sounds import MAX_READ_S
from lab.dataset.store import Dataset
from lab.dataset.table import EXCLUDED, Entry

if TYPE_CHECKING:
    from lab.asr.engine import Engine

HEARD_NAME = ".languages.json"
SAMPLE_SIZE = 50

_TOGETHER = 64  # clips in memory: 120 MB where each is 30 s
_MIN_S = 2.0  # there is little to hear in less
# Close enough to be mixed up by listeners, and by Whisper far more so.
_RELATIVES = (
    "bg bs hr mk sl sr",
    "be ru uk",
    "cs sk",
    "da nn no sv",
    "fo is",
    "af nl",
    "de lb yi",
    "ca es gl oc pt",
    "id jw ms su",
    "hi ne ur",
    "as bn",
    "az tk tr",
    "ba kk tt uz",
    "fa tg",
    "yue zh",
)
_FAMILY = {
    code: codes for line in _RELATIVES for codes in [frozenset(line.split())] for code in codes
}
# Measured with base: real speech in 13 languages that was labelled rightly gave the expected
# language 0.01 (Galician) to 0.97 (English), the geometric mean over the clips; the same labelled
# Albanian 0.000002 to 0.0035. What base took for one other language had 0.4 or more there.
_MAX_EXPECTED = 0.01
_MIN_OTHER = 0.4
_MIN_SHARE = 0.5
_MIN_CLIPS = 5
# A single clip stands out of a set that is right only where there is hardly a doubt.
_SURELY, _SURELY_NOT = 0.8, 0.01
_NEVER = 1e-9


@dataclass(frozen=True)
class Heard:
    """What Whisper takes a clip for.

    language, probability: the likeliest language, 0 to 1
    expected, expected_probability: what the table says
    family_probability: of the likeliest language and its closest relatives together
    """

    file_name: str
    language: str
    probability: float
    expected: str
    expected_probability: float
    family_probability: float


@dataclass(frozen=True)
class Verdict:
    """What the clips of one expected language sound like together.

    state: "alike", "other" where they sound like another language, "unsure" in between
    n, n_alike: clips, and those that sound like the expected language or a close relative
    other, n_other: what most of the others sound like; "" and 0 where there are none
    odd: clips that surely sound otherwise, in a set that is right
    sentence: for people
    """

    expected: str
    state: Literal["alike", "other", "unsure"]
    n: int
    n_alike: int
    other: str
    n_other: int
    odd: tuple[Heard, ...]
    sentence: str


def sample(entries: Iterable[Entry], n: int | None = SAMPLE_SIZE, *, seed: int = 0) -> list[Entry]:
    """Clips to listen to, spread over languages and speakers; the same ones for the same seed.

    n: how many; None takes all. Clips that are left out, and those of languages that Whisper has
    no name for, are passed over; those under 2 s come last.
    """
    usable = [one for one in entries if one.status != EXCLUDED and one.language in LANGUAGES]
    if n is None or len(usable) <= n:
        return usable
    random.Random(seed).shuffle(usable)
    turns: dict[tuple[bool, str, str], int] = defaultdict(int)
    ranked = []
    for one in usable:
        is_short = one.duration_s is not None and one.duration_s < _MIN_S
        voice = (is_short, one.language, one.speaker)
        ranked.append(((is_short, turns[voice]), one))
        turns[voice] += 1
    ranked.sort(key=lambda pair: pair[0])
    return [one for _, one in ranked[:n]]


def listen(
    engine: "Engine",
    dataset: Dataset,
    entries: Sequence[Entry],
    *,
    on_progress: Progress = ignore,
) -> Iterator[Heard]:
    """Let Whisper say of each clip which language it is; those that cannot be read are passed over.

    on_progress: called with clips; raising `Cancelled` from it stops

    Raises OptionsError for a model that knows English only.
    """
    if not engine.is_multilingual:
        raise OptionsError(
            f"The model {engine.name} knows English only, so it cannot tell languages apart. "
            "Choose a model without .en."
        )
    for start in range(0, len(entries), _TOGETHER):
        on_progress(start, len(entries), "Listening to the languages")
        read = list(_readable(dataset, entries[start : start + _TOGETHER]))
        for (entry, _), found in zip(
            read, engine.detect_languages([waveform for _, waveform in read]), strict=True
        ):
            family = _FAMILY.get(found.language, {found.language})
            yield Heard(
                entry.file_name,
                found.language,
                found.probability,
                entry.language,
                found.probabilities.get(entry.language, 0.0),
                sum(found.probabilities.get(code, 0.0) for code in family),
            )
    if entries:
        on_progress(len(entries), len(entries), "Listening to the languages")


def verdicts(heard: Iterable[Heard]) -> list[Verdict]:
    """What the clips of each expected language sound like; those with the most clips first."""
    groups: dict[str, list[Heard]] = defaultdict(list)
    for one in heard:
        groups[one.expected].append(one)
    return [
        _verdict(expected, group)
        for expected, group in sorted(groups.items(), key=lambda pair: -len(pair[1]))
    ]


def _verdict(expected: str, heard: Sequence[Heard]) -> Verdict:
    family = _FAMILY.get(expected, frozenset({expected}))
    alike = [one for one in heard if one.language in family]
    others = [one for one in heard if one.language not in family]
    relatives = Counter(_FAMILY.get(one.language, one.language) for one in others)
    leading = relatives.most_common(1)[0][0] if relatives else None
    like_other = [one for one in others if _FAMILY.get(one.language, one.language) == leading]
    other = Counter(one.language for one in like_other).most_common(1)[0][0] if like_other else ""
    n_expected_s = [log(max(one.expected_probability, _NEVER)) for one in heard]
    is_other = (
        len(heard) >= _MIN_CLIPS
        and len(like_other) >= _MIN_SHARE * len(heard)
        and sum(one.family_probability for one in like_other) / len(heard) >= _MIN_OTHER
        and exp(sum(n_expected_s) / len(heard)) < _MAX_EXPECTED
    )
    is_alike = len(alike) >= _MIN_SHARE * len(heard) or len(alike) > len(like_other)
    state: Literal["alike", "other", "unsure"] = (
        "other" if is_other else "alike" if is_alike else "unsure"
    )
    odd = tuple(
        one
        for one in others
        if one.probability >= _SURELY and one.expected_probability < _SURELY_NOT
    )
    return Verdict(
        expected=expected,
        state=state,
        n=len(heard),
        n_alike=len(alike),
        other=other,
        n_other=len(like_other),
        odd=odd if state == "alike" else (),
        sentence=_sentence(state, expected, other, len(heard), len(alike), len(like_other)),
    )


def _sentence(state: str, expected: str, other: str, n: int, n_alike: int, n_other: int) -> str:
    clips = "1 clip sounds" if n == 1 else f"{n} clips sound"
    if state == "alike":
        return f"{n_alike} of {clips} like {_relatives(expected)}, as they should."
    if state == "other":
        return (
            f"{n_other} of {clips} like {_relatives(other)}, not {_called(expected)}. Codes are "
            "easily mixed up: sr is Serbian, sq is Albanian. Look where the clips come from "
            "before anything learns from them."
        )
    return (
        f"Whisper is not sure: {n_alike} of {clips} like {_relatives(expected)}"
        + (f", {n_other} like {_relatives(other)}" if other else "")
        + ". It takes a language that it hardly knows for many others. Listen to some of the "
        "clips; a larger model tells more."
    )


def _relatives(code: str) -> str:
    return _called(code) + (" or a close relative" if code in _FAMILY else "")


def _called(code: str) -> str:
    return f"{LANGUAGES.get(code, code)} ({code})"


@dataclass(frozen=True)
class Listened:
    """What was heard the last time, as it is kept beside the table. model: who listened"""

    model: str
    heard: tuple[Heard, ...]


def save(dataset: Dataset, listened: Listened) -> None:
    """Keep what was heard, in place of what was heard before; raises WorkspaceError."""
    write_json(dataset.folder / HEARD_NAME, asdict(listened))


def load(dataset: Dataset) -> Listened | None:
    """What was heard the last time; None where nobody has listened or the file is damaged."""
    try:
        content = read_json(dataset.folder / HEARD_NAME)
        heard = tuple(Heard(**one) for one in content["heard"])
        return Listened(str(content["model"]), heard)
    except (WorkspaceError, KeyError, TypeError):
        return None


def of_now(listened: Listened, entries: Iterable[Entry]) -> tuple[Heard, ...]:
    """What was heard of the clips that are still there, are not left out, and say the same."""
    now = {one.file_name: one.language for one in entries if one.status != EXCLUDED}
    return tuple(one for one in listened.heard if now.get(one.file_name) == one.expected)


def _readable(dataset: Dataset, entries: Iterable[Entry]) -> Iterator[tuple[Entry, Waveform]]:
    for entry in entries:
        try:
            yield entry, audio.decode(dataset.audio_path(entry), max_duration_s=MAX_READ_S)
        except LabError:  # the check names it
            continue
