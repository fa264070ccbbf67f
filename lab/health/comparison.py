"""Compares the outputs of two models: each check is green, red, or grey if inconclusive.

A check is red only if its figure is beyond a limit and worse than that of the base model: what the
base model does as badly was not caused by training.
"""

from collections.abc import Iterator, Sequence

from lab.asr.options import TranscribeOptions
from lab.core.languages import LANGUAGES
from lab.health.outputs import (
    ModelOutputs,
    count_invalid_timestamps,
    count_words,
    max_phrase_repeats,
    mean_segment_duration_s,
)
from lab.health.probes import ProbeSet
from lab.health.report import CheckResult, CheckState
from lab.scoring import BASIC, score

# Allowed WER increase over the same clips transcribed one by one: in a long recording, pauses fall
# elsewhere, which costs a word here and there.
_MAX_LONG_FORM_LOSS = 0.10
# A sample has 50 to 90 words: two or three more errors are chance, one in twenty is not.
_MAX_LANGUAGE_LOSS = 0.05
# A model with a higher WER does not know the language: it cannot forget it, and its loss on a long
# recording says nothing about the loss that is acceptable.
_KNOWN_WER = 0.5
# Whisper itself writes “you” or “Thank you.” in silence now and then.
_MAX_QUIET_WORDS = 5
# A loop is as long as the window allows, so its length says nothing: further words are not counted.
_QUIET_WORDS_COUNTED = 10
# More repetitions of a phrase than anybody says.
_LOOP_REPEATS = 4
# Spelling and numerals account for a few per cent; a fifth of the text is a sentence.
_MIN_LENGTH_RATIO, _MAX_LENGTH_RATIO = 0.8, 1.25
# Whisper's segments of ordinary speech last 2 to 7 s.
_LONG_SEGMENT_S, _SEGMENT_GROWTH = 8.0, 2.0

_LESS_TRAINING = "Train with a lower learning rate or fewer epochs"
_MORE_LONG_FORM = "Train with a higher long_form_ratio"


def compare(probes: ProbeSet, tuned: ModelOutputs, base: ModelOutputs) -> list[CheckResult]:
    """All checks of what two models output for the same probes, in display order."""
    return [
        _long_form(probes, tuned, base),
        _text_length(probes, tuned, base),
        _repetition(probes, tuned, base),
        _timestamps(tuned, base),
        _quiet("silence", "Silence", tuned.silence, base.silence),
        _quiet("noise", "Noise", tuned.noise, base.noise),
        *_languages(probes, tuned, base),
    ]


def _long_form(probes: ProbeSet, tuned: ModelOutputs, base: ModelOutputs) -> CheckResult:
    title = "Long recording"
    if not count_words(probes.long.text):
        sentence = "The sample recordings are missing."
        return CheckResult("long", title, "grey", "share", None, None, sentence)
    wer, base_wer = (_wer([probes.long.text], [one.long.text]) for one in (tuned, base))
    # Identity, because clips hold arrays; `long_clips` are some of `clips`.
    ids = {id(clip) for clip in probes.long_clips}
    indices = [index for index, clip in enumerate(probes.clips) if id(clip) in ids]
    texts = [probes.clips[index].text for index in indices]
    clip_wer, base_clip_wer = (
        _wer(texts, [one.clips[index] for index in indices]) for one in (tuned, base)
    )
    loss, base_loss = wer - clip_wer, base_wer - base_clip_wer
    # A tuned model that does not know the language either is still compared with its base.
    is_comparable = base_clip_wer <= max(_KNOWN_WER, clip_wer)
    sentence = (
        f"On {probes.long.waveform.duration_s / 60:.1f} minutes of continuous audio, WER is "
        f"{100 * wer:.1f} % (base: {100 * base_wer:.1f} %)."
    )
    state: CheckState = "green"
    if texts and loss > _MAX_LONG_FORM_LOSS and (loss > base_loss or not is_comparable):
        state = "red"
        sentence += (
            f" On the same clips one by one it is {100 * clip_wer:.1f} %: the model has "
            f"specialised in short clips. {_MORE_LONG_FORM}."
        )
    elif wer > base_wer + _MAX_LANGUAGE_LOSS:
        state = "red"
        sentence += f" {_LESS_TRAINING}."
    return CheckResult("long", title, state, "share", wer, base_wer, sentence)


def _text_length(probes: ProbeSet, tuned: ModelOutputs, base: ModelOutputs) -> CheckResult:
    n_characters = sum(len(BASIC(clip.text)) for clip in probes.clips)
    if not n_characters:
        sentence = "There are no clips with reference texts. Choose a dataset."
        return CheckResult("length", "Text length", "grey", "times", None, None, sentence)
    ratio, base_ratio = (
        sum(len(BASIC(text)) for text in one.clips) / n_characters for one in (tuned, base)
    )
    is_unusual = not _MIN_LENGTH_RATIO <= ratio <= _MAX_LENGTH_RATIO
    is_red = is_unusual and abs(ratio - 1) > abs(base_ratio - 1)
    sentence = (
        f"Hypotheses are {ratio:.2f} times as long as the reference texts (base: {base_ratio:.2f})."
    )
    if is_red and ratio < 1:
        sentence += (
            f" The model stops early: look for clips whose text is incomplete. {_MORE_LONG_FORM}."
        )
    elif is_red:
        sentence += (
            " The model inserts text: look for clips whose text says more than the audio. "
            f"{_LESS_TRAINING}."
        )
    state: CheckState = "red" if is_red else "green"
    return CheckResult("length", "Text length", state, "times", ratio, base_ratio, sentence)


def _repetition(probes: ProbeSet, tuned: ModelOutputs, base: ModelOutputs) -> CheckResult:
    n_loops, n_base_loops = (_count_loops(probes, one) for one in (tuned, base))
    state: CheckState = "red" if n_loops > n_base_loops else "green"
    sentence = (
        f"{n_loops} of {len(probes.clips) + 1} texts are stuck in a loop (base: {n_base_loops})."
    )
    if state == "red":
        sentence += f" {_LESS_TRAINING}, and look for many clips with the same text."
    return CheckResult("repeats", "Repetition", state, "texts", n_loops, n_base_loops, sentence)


def _timestamps(tuned: ModelOutputs, base: ModelOutputs) -> CheckResult:
    mean_s, base_mean_s = (mean_segment_duration_s(one.long) for one in (tuned, base))
    n_invalid = count_invalid_timestamps(tuned.long)
    sentence = f"Segments last {mean_s:.1f} s on average (base: {base_mean_s:.1f} s)."
    state: CheckState = "green"
    if not tuned.long.segments:
        state = "red" if base.long.segments else "grey"
        sentence = "The transcript of the long recording is empty, so it has no timestamps."
    elif n_invalid > count_invalid_timestamps(base.long):
        state = "red"
        sentence += f" {n_invalid} have invalid timestamps. {_MORE_LONG_FORM}."
    elif mean_s > max(_LONG_SEGMENT_S, _SEGMENT_GROWTH * base_mean_s):
        state = "red"
        sentence += (
            " The model no longer marks the ends of sentences, so subtitles stay on screen too "
            "long. Train with a higher timestamp_ratio."
        )
    else:
        sentence += " All timestamps are valid."
    return CheckResult("times", "Timestamps", state, "seconds", mean_s, base_mean_s, sentence)


def _quiet(key: str, title: str, tuned: Sequence[str], base: Sequence[str]) -> CheckResult:
    n_words, n_base_words = (
        sum(min(count_words(text), _QUIET_WORDS_COUNTED) for text in texts)
        for texts in (tuned, base)
    )
    is_red = n_words > _MAX_QUIET_WORDS + n_base_words
    sentence = (
        f"In {len(tuned)} recordings without speech the model writes {n_words} "
        f"word{'' if n_words == 1 else 's'} (base: {n_base_words})."
    )
    if is_red:
        sentence += (
            " Voice activity detection hides this in the lab, but not in other programs. "
            f"{_MORE_LONG_FORM}."
        )
    elif n_words > _MAX_QUIET_WORDS:
        sentence += " So does the base model; voice activity detection hides it in the lab."
    state: CheckState = "red" if is_red else "green"
    return CheckResult(key, title, state, "words", n_words, n_base_words, sentence)


def _languages(probes: ProbeSet, tuned: ModelOutputs, base: ModelOutputs) -> Iterator[CheckResult]:
    for clip in probes.others:
        base_text = base.others.get(clip.language)
        if base_text is None:
            continue
        name = LANGUAGES[clip.language]
        wer = _wer([clip.text], [tuned.others.get(clip.language, "")])
        base_wer = _wer([clip.text], [base_text])
        sentence = (
            f"On {count_words(clip.text)} words of {name}, WER is {100 * wer:.1f} % (base: "
            f"{100 * base_wer:.1f} %)."
        )
        state: CheckState = "green"
        if base_wer > _KNOWN_WER:
            state = "grey"
            sentence += " The base model does not know this language."
        elif wer > base_wer + _MAX_LANGUAGE_LOSS:
            state = "red"
            sentence += (
                " If you need this language, add clips of it to the training data, or train with "
                "a lower learning rate or fewer epochs."
            )
        yield CheckResult(
            f"language-{clip.language}", name, state, "share", wer, base_wer, sentence
        )


def _count_loops(probes: ProbeSet, outputs: ModelOutputs) -> int:
    from whisper.utils import compression_ratio  # loads torch

    threshold = TranscribeOptions().compression_ratio_threshold
    references = [*(clip.text for clip in probes.clips), probes.long.text]
    return sum(
        max_phrase_repeats(text) >= max(_LOOP_REPEATS, max_phrase_repeats(reference) + 1)
        or compression_ratio(text) > max(threshold, 1.5 * compression_ratio(reference))
        for reference, text in zip(references, [*outputs.clips, outputs.long.text], strict=True)
    )


def _wer(references: Sequence[str], hypotheses: Sequence[str]) -> float:
    return score(references, hypotheses, BASIC).wer
