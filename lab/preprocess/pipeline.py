"""All steps of a recipe, one after the other, on one recording."""

from dataclasses import dataclass

import numpy as np

from lab.audio import Samples
from lab.core.progress import Progress, ignore, part
from lab.preprocess.filters import reduce_noise, remove_low_and_hum
from lab.preprocess.level import set_level
from lab.preprocess.reading import Signal, read_signal
from lab.preprocess.recipe import BitDepth, Recipe, Split, Trim
from lab.preprocess.source import AudioFile, Sound
from lab.preprocess.split import find_cuts

# -60 dBFS: less than the noise of most microphones.
_AUDIBLE_OFFSET = 1e-3
# librosa's own, 93 ms and 23 ms at 22.05 kHz.
_FRAME, _HOP = 2048, 512
# librosa needs four times the memory of what it looks at.
_TRIM_BLOCK_S = 60


@dataclass(frozen=True, eq=False)
class Clip:
    """A piece that is ready for a model.

    start_s, end_s: in the original recording
    samples: float32, shape (n,), or (channels, n) where the recipe keeps several
    """

    start_s: float
    end_s: float
    samples: Samples


@dataclass(frozen=True, eq=False)
class Prepared:
    """What a recipe made of a recording.

    samples: the whole, before it was split: float32, shape (n,), or (channels, n)
    sample_rate: Hz
    bits: of each sample when it is written
    start_s: what was cut off at the beginning, seconds
    clips: in order; the whole as the only one if the recipe does not split
    warnings: a sentence each for the person
    """

    samples: Samples
    sample_rate: int
    bits: int
    start_s: float
    clips: tuple[Clip, ...]
    warnings: tuple[str, ...]


def apply(recipe: Recipe, audio: AudioFile | Sound, *, on_progress: Progress = ignore) -> Prepared:
    """Prepare a recording; what is handed in stays as it is.

    on_progress: called with the steps that are done, and shares of them

    Raises AudioError if it cannot be read, is too short, or a setting does not fit it.
    """
    stages = _Stages(recipe, on_progress)
    signal = read_signal(
        audio, channel=recipe.channel, resample=recipe.resample, on_progress=stages.next()
    )
    samples, sample_rate = signal.samples, signal.sample_rate
    warnings = list(signal.warnings)
    if recipe.remove_dc_offset:
        warnings += _remove_offset(samples)
    if recipe.high_pass or recipe.remove_hum:
        remove_low_and_hum(
            samples,
            sample_rate=sample_rate,
            high_pass=recipe.high_pass,
            remove_hum=recipe.remove_hum,
            on_progress=stages.next(),
        )
    if recipe.reduce_noise:
        reduce_noise(
            samples, recipe.reduce_noise, sample_rate=sample_rate, on_progress=stages.next()
        )
    start = 0
    if recipe.trim:
        stages.next()(0, 1, "Trimming silence")
        start, end = _sounding(samples, recipe.trim, sample_rate)
        samples = samples[..., start:end]
    if recipe.level:
        stages.next()(0, 1, "Setting the level")
        warnings += set_level(samples, recipe.level, sample_rate=sample_rate)
    clips: tuple[Clip, ...] = (
        Clip(start / sample_rate, (start + samples.shape[-1]) / sample_rate, samples),
    )
    if recipe.split:
        clips, more = _split(samples, recipe.split, start, sample_rate, stages.next())
        warnings += more
    stages.finish()
    return Prepared(
        samples,
        sample_rate,
        _bits(recipe.bit_depth, signal),
        start / sample_rate,
        clips,
        tuple(warnings),
    )


class _Stages:
    """Progress of the steps that take time, each of them counted as one."""

    def __init__(self, recipe: Recipe, on_progress: Progress) -> None:
        slow = (
            recipe.high_pass or recipe.remove_hum,
            recipe.reduce_noise,
            recipe.trim,
            recipe.level,
            recipe.split,
        )
        self._total = 1 + sum(step is not None for step in slow)
        self._begun = 0
        self._on_progress = on_progress

    def next(self) -> Progress:
        self._begun += 1
        return part(self._on_progress, self._begun - 1, self._total)

    def finish(self) -> None:
        self._on_progress(self._total, self._total, "Prepared")


def _remove_offset(samples: Samples) -> list[str]:
    offset = samples.mean(axis=-1, dtype=np.float64, keepdims=True)
    samples -= offset.astype(np.float32)
    largest = float(np.abs(offset).max())
    if largest < _AUDIBLE_OFFSET:
        return []
    return [f"The wave was shifted by {largest:.1%} of full scale (DC offset) and is centred now."]


def _sounding(samples: Samples, step: Trim, sample_rate: int) -> tuple[int, int]:
    """Where the first sound begins and the last one ends, in samples, what is kept counted."""
    import librosa

    n = samples.shape[-1]
    block = max(_TRIM_BLOCK_S * sample_rate // _HOP, 1) * _HOP
    starts = range(0, n, block)

    def piece(start: int) -> Samples:
        return samples[..., start : start + block]

    loudest = max(
        float(librosa.feature.rms(y=piece(start), frame_length=_FRAME, hop_length=_HOP).max())
        for start in starts
    )
    if not loudest:
        return 0, n

    def sound(start: int) -> tuple[int, int]:
        _, (first, last) = librosa.effects.trim(
            piece(start), top_db=step.top_db, ref=loudest, frame_length=_FRAME, hop_length=_HOP
        )
        return start + int(first), start + int(last)

    first = next(first for first, last in map(sound, starts) if last > first)
    last = next(last for first, last in map(sound, reversed(starts)) if last > first)
    kept = round(step.keep_s * sample_rate)
    return max(first - kept, 0), min(last + kept, n)


def _split(
    samples: Samples, step: Split, start: int, sample_rate: int, on_progress: Progress
) -> tuple[tuple[Clip, ...], list[str]]:
    cuts = find_cuts(samples, step, sample_rate=sample_rate, on_progress=on_progress)
    clips = tuple(
        Clip(
            (start + span.start) / sample_rate,
            (start + span.end) / sample_rate,
            samples[..., span.start : span.end],
        )
        for span in cuts.spans
    )
    warnings = []
    if cuts.too_short:
        seconds = sum(map(len, cuts.too_short)) / sample_rate
        warnings.append(
            f"{len(cuts.too_short)} pieces ({seconds:.1f} seconds in all) are shorter than "
            f"{step.min_s:g} seconds and were left out. Allow shorter clips to keep them."
        )
    elif not clips:
        what = "speech" if step.by == "speech" else f"sound above {step.silence_dbfs:g} dBFS"
        warnings.append(f"No {what} was found, so there is no clip. Listen to the recording.")
    return clips, warnings


def _bits(step: BitDepth | None, signal: Signal) -> int:
    """What the clips are written with: as in the source, as far as 16 or 24 bits go."""
    if step is not None:
        return step.bits
    return 24 if signal.bits is not None and signal.bits > 16 else 16
