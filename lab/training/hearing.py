"""What a model that is being trained hears now, and how much of it is right."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from whisper.model import Whisper

from lab.asr import weights
from lab.asr.devices import Device
from lab.asr.engine import Engine
from lab.asr.memory import return_to_system
from lab.asr.openai import Checkpoint
from lab.asr.options import TranscribeOptions
from lab.scoring import BASIC, score
from lab.training import lora
from lab.training.intake import Clips

_TIMES_AS_LONG, _TOKENS_MORE = 2, 16


@dataclass(frozen=True)
class Heard:
    """What was heard in some clips. wer, cer: 0 or more, by openai-whisper's basic normaliser."""

    wer: float
    cer: float
    texts: tuple[str, ...]


def checkpoint_of(model: Whisper) -> Checkpoint:
    """The weights of a model that is being trained, as those of a plain Whisper."""
    return Checkpoint(
        vars(model.dims), lora.plain_state(model), activation=weights.activation_of(model)
    )


def hear(model: Whisper, clips: Clips, numbers: Sequence[int], *, device: Device) -> Heard:
    """Transcribe clips with a copy of `model` as it is now, which is let go afterwards.

    numbers: of the clips; only the likeliest text of each is taken, without second tries at
        higher temperatures, for a model that has learned little yet would need many; and texts far
        longer than the longest that was said are cut off, for that is a loop, which takes as long
        as all others together
    """
    return_to_system()  # what the steps have left behind; a second model is about to come
    engine = Engine(
        weights.build(checkpoint_of(model), called="the model in training"),
        name="training",
        device=device,
    )
    texts: dict[int, str] = {}
    by_language = sorted(numbers, key=lambda number: clips.clips[number].language)
    for language, group in groupby(by_language, key=lambda number: clips.clips[number].language):
        alike = list(group)
        known = language if engine.is_multilingual else "en"
        encode = engine.tokenizer(known).encode
        # A text may hold what looks like a token of Whisper's; here it is text like any other.
        longest = max(
            len(encode(clips.clips[number].text, disallowed_special=())) for number in alike
        )
        options = TranscribeOptions(
            language=known, temperatures=(0.0,), max_tokens=_TIMES_AS_LONG * longest + _TOKENS_MORE
        )
        transcripts = engine.transcribe_clips([clips.waveform(one) for one in alike], options)
        texts |= {one: transcript.text for one, transcript in zip(alike, transcripts, strict=True)}
    del engine
    return_to_system()
    heard = [" ".join(texts[number].split()) for number in numbers]
    found = score([clips.clips[number].text for number in numbers], heard, BASIC)
    return Heard(found.wer, found.cer, tuple(heard))
