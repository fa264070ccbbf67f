"""Make the small English dataset anew from Debian's packages: `python -m samples.make_english`.

One speaker, so only sentences keep the splits apart. The texts of the packages are made readable
(a capital, a full stop); those that don't say exactly what is heard are left out.
"""

import random
import re
from collections.abc import Iterator

from samples.writing import DATASETS, SampleClip, write_dataset
from tests.support import speech
from tests.support.speech import Utterance

SPEAKER = "Allison Smith"
SEED = 6
COUNTS = {"train": 64, "validation": 12, "test": 20}  # clips
MIN_WORDS = 4
MAX_S = 8.0
# Texts with typing errors, and names that nobody would write as they are heard.
LEFT_OUT = re.compile(r"indent|witheld|represena|mail box|can not|asterisk|pbx|glorious", re.I)


def main() -> None:
    write_dataset(DATASETS / "english-prompts", _clips(), language="en")


def _clips() -> Iterator[SampleClip]:
    prompts = [one for one in _without_doubles() if one.load().duration_s <= MAX_S]
    random.Random(SEED).shuffle(prompts)
    for split, count in COUNTS.items():
        chosen, prompts = prompts[:count], prompts[count:]
        for prompt in chosen:
            samples, text = prompt.load().samples, _sentence(prompt.text)
            yield SampleClip(prompt.audio_path.stem, samples, text, split, SPEAKER)


def _without_doubles() -> Iterator[Utterance]:
    """The prompts whose texts can be relied on; no sentence and no sound comes twice."""
    seen: set[str | bytes] = set()
    for prompt in speech.prompts("en", min_words=MIN_WORDS):
        words = " ".join(re.findall(r"\w+", prompt.text.casefold()))
        sound = prompt.audio_path.read_bytes()
        if not LEFT_OUT.search(prompt.text) and not seen & {words, sound}:
            yield prompt
        seen |= {words, sound}


def _sentence(text: str) -> str:
    spaced = re.sub(r"\bi\b", "I", " ".join(text.split())).rstrip(":")
    return spaced[0].upper() + spaced[1:] + ("" if spaced[-1] in ".?!" else ".")


if __name__ == "__main__":
    main()
