"""Apply all steps of a recipe to a recording."""

import math
from dataclasses import dataclass
from itertools import count

import numpy as np

from lab.audio import Samples
from lab.audio.levels import loudness_lufs, peak_dbfs
from lab.core.progress import Progress, ignore, part
from lab.preprocess.filters import reduce_noise, remove_rumble_and_hum
from lab.preprocess.reading import read_signal
from lab.preprocess.recipe import Level, Recipe, Split, Trim
from lab.preprocess.source import AudioArray, AudioFile
from lab.preprocess.split import find_cuts

# -60 dBFS, below the noise of most microphones.
_AUDIBLE_OFFSET = 1e-3
# Defaults of `librosa.effects.trim`: 93 ms and 23 ms at 22.05 kHz.
_FRAME, _HOP = 2048, 512
# librosa needs four times the memory of its input.
_TRIM_BLOCK_S = 60
_ROUNDING_DB = 1e-6


@dataclass(frozen=True, eq=False)
class PreparedClip:
    """A clip that is ready for a model.

    start_s, end_s: position in the source recording
    samples: float32, shape (n,), or (channels, n) if the recipe keeps several channels
    """

    start_s: float
    end_s: float
    samples: Samples


@dataclass(frozen=True, eq=False)
class PreparedAudio:
    """A recording after all steps of a recipe.

    samples: the recording before splitting: float32, shape (n,), or (channels, n)
    sample_rate: Hz
    bits: bit depth for WAV files: that of the recipe, or of the source, but 16 or 24
    start_s: seconds trimmed from the beginning
    clips: in order; a single one with all samples if the recipe does not split
    warnings: sentences for the person
    """

    samples: Samples
    sample_rate: int
    bits: int
    start_s: float
    clips: tuple[PreparedClip, ...]
    warnings: tuple[str, ...]


def apply(
    recipe: Recipe, audio: AudioFile | AudioArray, *, on_progress: Progress = ignore
) -> PreparedAudio:
    """Apply a recipe to a recording, which is left unchanged.

    Parameters
    ----------
    recipe : Recipe
        Steps to apply.
    audio : AudioFile or AudioArray
        Recording in a file or in memory.
    on_progress : callable, optional
        Called with the number of finished steps, and fractions of them.

    Returns
    -------
    PreparedAudio
        The processed recording and its clips.

    Raises
    ------
    AudioError
        If the recording cannot be read, is too short, or a setting does not suit it.

    Examples
    --------
    >>> import numpy as np
    >>> from lab.preprocess import WHISPER, AudioArray, apply
    >>> stereo = AudioArray(np.zeros((2, 44_100), np.float32), sample_rate=44_100)
    >>> apply(WHISPER, stereo).samples.shape
    (16000,)
    """
    slow_steps = (
        recipe.high_pass or recipe.remove_hum,
        *(recipe.reduce_noise, recipe.trim, recipe.level, recipe.split),
    )
    n_stages = 1 + sum(step is not None for step in slow_steps)
    stages = (part(on_progress, number, n_stages) for number in count())
    signal = read_signal(
        audio, channel=recipe.channel, resample=recipe.resample, on_progress=next(stages)
    )
    samples, sample_rate = signal.samples, signal.sample_rate
    warnings = list(signal.warnings)
    if recipe.remove_dc_offset:
        warnings += _remove_dc_offset(samples)
    if recipe.high_pass or recipe.remove_hum:
        remove_rumble_and_hum(
            samples,
            sample_rate=sample_rate,
            high_pass=recipe.high_pass,
            remove_hum=recipe.remove_hum,
            on_progress=next(stages),
        )
    if recipe.reduce_noise:
        reduce_noise(
            samples, recipe.reduce_noise, sample_rate=sample_rate, on_progress=next(stages)
        )
    start = 0
    if recipe.trim:
        next(stages)(0, 1, "Trimming silence")
        start, end = _trim_range(samples, recipe.trim, sample_rate)
        samples = samples[..., start:end]
    if recipe.level:
        next(stages)(0, 1, "Normalising the level")
        warnings += normalize_level(samples, recipe.level, sample_rate=sample_rate)
    clips: tuple[PreparedClip, ...] = (
        PreparedClip(start / sample_rate, (start + samples.shape[-1]) / sample_rate, samples),
    )
    if recipe.split:
        clips, more = _split(samples, recipe.split, start, sample_rate, next(stages))
        warnings += more
    on_progress(n_stages, n_stages, "Prepared")
    if recipe.bit_depth:
        bits = recipe.bit_depth.bits
    else:
        bits = 24 if signal.bits is not None and signal.bits > 16 else 16
    return PreparedAudio(samples, sample_rate, bits, start / sample_rate, clips, tuple(warnings))


def _remove_dc_offset(samples: Samples) -> list[str]:
    """Centre `samples` in place; returns warnings."""
    offset = samples.mean(axis=-1, dtype=np.float64, keepdims=True)
    samples -= offset.astype(np.float32)
    largest = float(np.abs(offset).max())
    if largest < _AUDIBLE_OFFSET:
        return []
    return [f"A DC offset of {largest:.1%} of full scale was removed."]


def _trim_range(samples: Samples, step: Trim, sample_rate: int) -> tuple[int, int]:
    """The range of samples to keep: from the first to the last sound, with `keep_s` around."""
    import librosa

    n = samples.shape[-1]
    block = max(_TRIM_BLOCK_S * sample_rate // _HOP, 1) * _HOP
    starts = range(0, n, block)

    def block_at(start: int) -> Samples:
        return samples[..., start : start + block]

    loudest = max(
        float(librosa.feature.rms(y=block_at(start), frame_length=_FRAME, hop_length=_HOP).max())
        for start in starts
    )
    if not loudest:
        return 0, n

    def sound_range(start: int) -> tuple[int, int]:
        _, (first, last) = librosa.effects.trim(
            block_at(start), top_db=step.top_db, ref=loudest, frame_length=_FRAME, hop_length=_HOP
        )
        return start + int(first), start + int(last)

    first = next(first for first, last in map(sound_range, starts) if last > first)
    last = next(last for first, last in map(sound_range, reversed(starts)) if last > first)
    margin = round(step.keep_s * sample_rate)
    return max(first - margin, 0), min(last + margin, n)


def normalize_level(samples: Samples, step: Level, *, sample_rate: int) -> list[str]:
    """Normalise `samples`, float32, shape (..., n), in place; returns warnings."""
    peak = peak_dbfs(samples)
    if peak == -math.inf:
        return []  # silent; reading it has already warned
    if step.measure == "peak":
        current_db, unit = peak, "dBFS"
    else:
        loudness, unit = loudness_lufs(samples, sample_rate=sample_rate), "LUFS"
        if loudness is None or loudness == -math.inf:
            reason = "too quiet" if loudness else "too short, or has too many channels,"
            return [
                f"The level was left unchanged: the recording is {reason} for its loudness to be "
                "measured."
            ]
        current_db = loudness
    warnings = []
    gain_db = step.target_db - current_db
    if peak + gain_db > step.ceiling_dbfs + _ROUNDING_DB:
        gain_db = step.ceiling_dbfs - peak
        warnings.append(
            f"The level is {current_db + gain_db:.1f} {unit} instead of {step.target_db:g}: more "
            f"gain would push the peak above {step.ceiling_dbfs:g} dBFS and distort it."
        )
    samples *= np.float32(10 ** (gain_db / 20))
    return warnings


def _split(
    samples: Samples, step: Split, start: int, sample_rate: int, on_progress: Progress
) -> tuple[tuple[PreparedClip, ...], list[str]]:
    cuts = find_cuts(samples, step, sample_rate=sample_rate, on_progress=on_progress)
    clips = tuple(
        PreparedClip(
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
            f"{len(cuts.too_short)} segments ({seconds:.1f} seconds in total) are shorter than "
            f"{step.min_s:g} seconds and were dropped. Allow shorter clips to keep them."
        )
    elif not clips:
        what = "speech" if step.by == "speech" else f"sound above {step.silence_dbfs:g} dBFS"
        warnings.append(f"No {what} was found, so there are no clips. Listen to the recording.")
    return clips, warnings
