"""What two models heard becomes checks: green, red, or grey where it cannot be judged.

A figure is red only if it is beyond its limit and worse than that of base: what base does as well
is not the training's doing.
"""

from collections.abc import Iterator, Sequence

from lab.core.languages import LANGUAGES
from lab.health.listening import (
    Heard,
    mean_segment_s,
    n_words,
    repetitions,
    times_in_disorder,
)
from lab.health.material import Material
from lab.health.report import Check, State
from lab.scoring import BASIC, score

# In a long recording a model may get so many of 100 words more wrong than in the same clips one by
# one: pauses are cut elsewhere then, and that costs a word here and there.
_LONG_LOSS = 0.10
# A sample has 50 to 90 words. Two or three of them are luck, a twentieth is no longer.
_LANGUAGE_LOSS = 0.05
# Who gets more than half of the words wrong has not known the language: such a base cannot forget
# it, and what it loses in a long recording is no measure of what others may lose.
_KNOWN_WER = 0.5
# “you” and “Thank you.” is what Whisper writes in silence now and then.
_QUIET_WORDS = 5
# A loop has no end, so its length says nothing: what is beyond is not counted.
_QUIET_WORDS_COUNTED = 10
# openai-whisper's limit for a loop, and as many times as nobody says the same phrase on end.
_MAX_COMPRESSION_RATIO = 2.4
_LOOP_TIMES = 4
# Spellings and numerals make a few per cent; a fifth of the text is a sentence lost or made up.
_SHORTEST, _LONGEST = 0.8, 1.25
# People take a breath; Whisper's segments of ordinary speech are 2 to 7 s long.
_LONG_SEGMENT_S, _SEGMENT_GROWTH = 8.0, 2.0

_LESS_TRAINING = "Train with a lower learning rate or fewer epochs"
_MORE_FULL = "Train with a larger share of steps at 30 s (full_share)"


def judge(heard: Material, tuned: Heard, base: Heard) -> list[Check]:
    """All checks, in the order in which they are shown.

    heard: what both models have heard
    """
    return [
        _long(heard, tuned, base),
        _length(heard, tuned, base),
        _repeats(heard, tuned, base),
        _times(tuned, base),
        _quiet("silence", "Silence", tuned.silence, base.silence),
        _quiet("noise", "Noise", tuned.noise, base.noise),
        *_languages(heard, tuned, base),
    ]


def _long(heard: Material, tuned: Heard, base: Heard) -> Check:
    figures = [_wer([heard.long.text], [one.long.text]) for one in (tuned, base)]
    places = [
        place
        for place, clip in enumerate(heard.clips)
        if any(clip is other for other in heard.long_clips)
    ]
    texts = [heard.clips[place].text for place in places]
    one_by_one, base_one_by_one = (
        _wer(texts, [one.clips[place] for place in places]) for one in (tuned, base)
    )
    loss, base_loss = figures[0] - one_by_one, figures[1] - base_one_by_one
    # A model that does not know the language either is measured by its base all the same.
    is_comparable = base_one_by_one <= max(_KNOWN_WER, one_by_one)
    if not n_words(heard.long.text):
        return Check("long", "Long recording", "grey", "share", None, None, "There was no sample.")
    minutes = f"In {heard.long.waveform.duration_s / 60:.1f} minutes without a break"
    of_words = (
        f"{minutes}, {100 * figures[0]:.1f} of 100 words are wrong (base: {100 * figures[1]:.1f})."
    )
    if texts and loss > _LONG_LOSS and (loss > base_loss or not is_comparable):
        state: State = "red"
        found = (
            f"{of_words} The same clips one by one give {100 * one_by_one:.1f}: the "
            f"model has got used to short clips. {_MORE_FULL}."
        )
    elif figures[0] > figures[1] + _LANGUAGE_LOSS:
        state, found = "red", f"{of_words} That is worse than base. {_LESS_TRAINING}."
    else:
        state, found = "green", f"{of_words} The model gets through."
    return Check("long", "Long recording", state, "share", figures[0], figures[1], found)


def _length(heard: Material, tuned: Heard, base: Heard) -> Check:
    said = sum(len(BASIC(clip.text)) for clip in heard.clips)
    if not said:
        return Check(
            "length", "Length of texts", "grey", "times", None, None,
            "Without clips whose texts are known it cannot be said. Choose a dataset.",
        )  # fmt: skip
    ratio, before = (sum(len(BASIC(text)) for text in one.clips) / said for one in (tuned, base))
    is_red = not _SHORTEST <= ratio <= _LONGEST and abs(ratio - 1) > abs(before - 1)
    found = f"Texts of clips are {ratio:.2f} times as long as what was said (base: {before:.2f})."
    if is_red and ratio < 1:
        found += (
            " The model stops early: look for clips whose text lacks what is said in them. "
            f"{_MORE_FULL}."
        )
    elif is_red:
        found += (
            " The model makes things up: look for clips whose text says more than is heard. "
            f"{_LESS_TRAINING}."
        )
    return Check(
        "length", "Length of texts", "red" if is_red else "green", "times", ratio, before, found
    )


def _repeats(heard: Material, tuned: Heard, base: Heard) -> Check:
    n_loops, n_before = (_loops(heard, one) for one in (tuned, base))
    n_texts = len(heard.clips) + 1
    is_red = n_loops > n_before
    found = f"Of {n_texts} texts, {n_loops} repeat themselves over and over (base: {n_before})."
    if is_red:
        found += f" {_LESS_TRAINING}, and look for clips with the same text many times."
    return Check(
        "repeats", "Repeats", "red" if is_red else "green", "texts", n_loops, n_before, found
    )


def _times(tuned: Heard, base: Heard) -> Check:
    length_s, before_s = mean_segment_s(tuned.long), mean_segment_s(base.long)
    n_wrong = times_in_disorder(tuned.long)
    found = f"Segments are {length_s:.1f} s long on average (base: {before_s:.1f} s)."
    state: State = "green"
    if not tuned.long.segments:
        state = "red" if base.long.segments else "grey"
        found = "The model wrote nothing in the long recording, so there are no times."
    elif n_wrong > times_in_disorder(base.long):
        state = "red"
        found += f" The times of {n_wrong} of them are in disorder. {_MORE_FULL}."
    elif length_s > max(_LONG_SEGMENT_S, _SEGMENT_GROWTH * before_s):
        state = "red"
        found += (
            " The model has forgotten when sentences end, so subtitles stand too long. Learn "
            "more clips with their times (timestamp_share)."
        )
    else:
        found += " All lie in their order, within the recording."
    return Check("times", "Timestamps", state, "seconds", length_s, before_s, found)


def _quiet(key: str, title: str, tuned: Sequence[str], base: Sequence[str]) -> Check:
    n_tuned, n_base = (
        sum(min(n_words(text), _QUIET_WORDS_COUNTED) for text in texts) for texts in (tuned, base)
    )
    is_red = n_tuned > _QUIET_WORDS + n_base
    written = f"{n_tuned} word{'' if n_tuned == 1 else 's'}" if n_tuned else "nothing"
    found = f"In {len(tuned)} sounds without speech the model writes {written} (base: {n_base})."
    if is_red:
        found += (
            " The lab leaves silence out, but other programs do not, and write sentences there. "
            f"{_MORE_FULL}."
        )
    elif n_tuned > _QUIET_WORDS:
        found += " So does base; the lab leaves silence out, other programs do not."
    return Check(key, title, "red" if is_red else "green", "words", n_tuned, n_base, found)


def _languages(heard: Material, tuned: Heard, base: Heard) -> Iterator[Check]:
    for other in heard.others:
        code, name = other.language, LANGUAGES[other.language]
        texts = [one.others.get(code) for one in (tuned, base)]
        if texts[1] is None:
            continue
        wer = _wer([other.text], [texts[0] or ""])
        before = _wer([other.text], [texts[1]])
        found = (
            f"In {name}, {100 * wer:.1f} of 100 words are wrong (base: {100 * before:.1f}), "
            f"of {n_words(other.text)}."
        )
        state: State = "green"
        if before > _KNOWN_WER:
            state = "grey"
            found += " Base did not know it, so there was nothing to forget."
        elif wer > before + _LANGUAGE_LOSS:
            state = "red"
            found += (
                " The model has forgotten some of it. If you need that language: "
                f"{_LESS_TRAINING[0].lower()}{_LESS_TRAINING[1:]}, or mix clips of it in."
            )
        yield Check(f"language-{code}", name, state, "share", wer, before, found)


def _loops(heard: Material, one: Heard) -> int:
    from whisper.utils import compression_ratio  # loads torch

    said = [*(clip.text for clip in heard.clips), heard.long.text]
    return sum(
        repetitions(text) >= max(_LOOP_TIMES, repetitions(reference) + 1)
        or compression_ratio(text) > max(_MAX_COMPRESSION_RATIO, 1.5 * compression_ratio(reference))
        for reference, text in zip(said, [*one.clips, one.long.text], strict=True)
    )


def _wer(said: Sequence[str], texts: Sequence[str]) -> float:
    return score(said, texts, BASIC).wer
