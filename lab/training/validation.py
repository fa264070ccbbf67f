"""Validation WER and CER: transcribe clips with the model in training, and score the texts."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from whisper.model import Whisper

from lab.asr import weights
from lab.asr.devices import Device
from lab.asr.engine import Engine
from lab.asr.memory import trim_memory
from lab.asr.options import TranscribeOptions
from lab.audio import SAMPLE_RATE, Waveform
from lab.scoring import BASIC, score
from lab.training.prepared_examples import TrainingClips
from lab.training.run_model import merged_checkpoint

# Limit for the tokens of a text: this many times those of the longest reference, and some more.
_MAX_LENGTH_RATIO, _EXTRA_TOKENS = 2, 16


@dataclass(frozen=True)
class ValidationTranscripts:
    """Transcripts of some clips. wer, cer: with openai-whisper's basic normalizer"""

    wer: float
    cer: float
    texts: tuple[str, ...]


def transcribe_validation(
    model: Whisper, clips: TrainingClips, indices: Sequence[int], *, device: Device
) -> ValidationTranscripts:
    """Transcribe clips with a temporary copy of `model`, and score the texts.

    Decoding is greedy, without temperature fallback, which a model early in training would need all
    the time. Texts far longer than the longest reference are cut off: they are repetition loops,
    which take as long as all other texts together.

    indices: of the clips to transcribe
    """
    trim_memory()  # of what the steps have freed, before there is a second model
    copy = weights.build(merged_checkpoint(model), label="the model in training")
    engine = Engine(copy, name="training", device=device)

    def language_of(index: int) -> str:
        return clips.clips[index].language

    texts: dict[int, str] = {}
    for language, group in groupby(sorted(indices, key=language_of), key=language_of):
        members = list(group)
        spoken = language if engine.is_multilingual else "en"
        encode = engine.tokenizer(spoken).encode
        # By default, a text that spells a special token raises ValueError.
        longest = max(len(encode(clips.clips[i].text, disallowed_special=())) for i in members)
        max_tokens = _MAX_LENGTH_RATIO * longest + _EXTRA_TOKENS
        options = TranscribeOptions(language=spoken, temperatures=(0.0,), max_tokens=max_tokens)
        waveforms = [Waveform(clips.samples(i), SAMPLE_RATE) for i in members]
        transcripts = engine.transcribe_clips(waveforms, options)
        texts |= {i: transcript.text for i, transcript in zip(members, transcripts, strict=True)}
    del copy, engine
    trim_memory()
    hypotheses = [" ".join(texts[index].split()) for index in indices]
    total = score([clips.clips[index].text for index in indices], hypotheses, BASIC)
    return ValidationTranscripts(total.wer, total.cer, tuple(hypotheses))
