"""Audio quality: metrics of a clip, and a checklist for a set of clips."""

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from lab import audio
from lab.audio import AudioInfo, Samples
from lab.audio.levels import clipped_samples, loudness_lufs, peak_dbfs

# Frames shorter than a syllable, as in NIST's speech quality tools.
_FRAME_S = 0.025
# Less than 16-bit rounding noise (-101 dBFS) is not a quiet room, but a muted microphone.
_DIGITAL_SILENCE = 1e-10  # mean square
_NOISE_PERCENTILE = 10  # of frames; even fluent speech pauses for longer
_ACTIVE_OVER_NOISE = 2.0  # power ratio, 3 dB
_LOUD_PERCENTILE = 95
_SILENT_BELOW_LOUD_DB = 40.0  # speech spans about 30 dB


@dataclass(frozen=True)
class AudioMetrics:
    """Metrics of a clip.

    peak_dbfs: peak level; -inf for digital silence
    loudness_lufs: by ITU-R BS.1770-4; None below 0.4 s, -inf if all is below -70 LUFS
    snr_db: estimated signal-to-noise ratio; None if no frame stands out from the noise
    clipped_samples: number of samples in runs of three or more at full scale
    silent_share: share of 25 ms frames 40 dB or more below the loud ones, 0 to 1
    dc_offset: mean of the samples, ideally 0, as a fraction of full scale
    """

    duration_s: float
    peak_dbfs: float
    loudness_lufs: float | None
    snr_db: float | None
    clipped_samples: int
    silent_share: float
    dc_offset: float


@dataclass(frozen=True)
class MeasuredClip:
    """A clip with its headers and metrics. name: for display"""

    name: str
    info: AudioInfo
    metrics: AudioMetrics


QualityCheckKey = Literal["count", "format", "length", "rate", "noise", "distortion"]


@dataclass(frozen=True)
class QualityCheck:
    """A result of the checklist.

    key: identifies the check, whatever its title
    failing: names of the clips that fail; empty if the set as a whole does
    sentence: the result, and how to fix it if it failed
    """

    key: QualityCheckKey
    title: str
    passed: bool
    failing: tuple[str, ...]
    sentence: str


def measure(samples: Samples, sample_rate: int) -> AudioMetrics:
    """Compute the metrics of a clip.

    samples: float32, shape (n,) with n > 0, nominally in [-1, 1]
    sample_rate: Hz
    """
    powers = _frame_powers(samples, sample_rate)
    return AudioMetrics(
        duration_s=len(samples) / sample_rate,
        peak_dbfs=peak_dbfs(samples),
        loudness_lufs=loudness_lufs(samples, sample_rate=sample_rate),
        snr_db=_snr_db(powers),
        clipped_samples=clipped_samples(samples),
        silent_share=_silent_share(powers),
        dc_offset=float(samples.mean(dtype=np.float64)),
    )


def measure_file(path: str | os.PathLike[str], *, name: str = "") -> MeasuredClip:
    """Read and measure an audio file; several channels are averaged.

    Raises AudioError if it cannot be read.
    """
    info = audio.probe(path, name=name)
    waveform = audio.decode(path, name=name, sample_rate=info.sample_rate)
    metrics = measure(waveform.samples, waveform.sample_rate)
    return MeasuredClip(name or Path(path).name, info, metrics)


def check_quality(
    clips: Sequence[MeasuredClip],
    *,
    min_clips: int = 100,
    min_s: float = 1.0,
    max_s: float = 30.0,
    sample_rate: int = 22_050,
    min_snr_db: float = 20.0,
) -> tuple[QualityCheck, ...]:
    """Check whether a set of clips is fit for training.

    min_snr_db: below 20 dB the noise is clearly audible
    """
    # Key, title, whether a clip passes, and advice about those that do not.
    criteria: tuple[tuple[QualityCheckKey, str, Callable[[MeasuredClip], bool], str], ...] = (
        (
            "format",
            "16-bit mono PCM WAV",
            lambda clip: (
                (clip.info.container, clip.info.codec, clip.info.channels)
                == ("wav", "pcm_s16le", 1)
            ),
            "have another format. Prepare them with the steps “channel” and “bit depth” (16).",
        ),
        (
            "length",
            f"{min_s:g} to {max_s:g} seconds each",
            lambda clip: min_s <= clip.metrics.duration_s <= max_s,
            "are too short or too long. Prepare the recordings again with the step “split”.",
        ),
        (
            "rate",
            f"Sample rate {sample_rate} Hz",
            lambda clip: clip.info.sample_rate == sample_rate,
            f"have another sample rate. Prepare them with the step “resample” at {sample_rate} Hz.",
        ),
        (
            "noise",
            "Little noise",
            lambda clip: clip.metrics.snr_db is not None and clip.metrics.snr_db >= min_snr_db,
            f"have an estimated SNR below {min_snr_db:g} dB. Try the step “reduce noise”, or "
            "better, record closer to the microphone in a quieter room.",
        ),
        (
            "distortion",
            "No clipping",
            lambda clip: not clip.metrics.clipped_samples,
            "are clipped at full scale, which cannot be repaired: record again with less gain.",
        ),
    )
    n_clips, is_enough = len(clips), len(clips) >= min_clips
    count = f"There are {n_clips} clips"
    count += "." if is_enough else f"; {min_clips} are needed. Record or cut more."
    checks = [QualityCheck("count", "Enough clips", is_enough, (), count)]
    for key, title, passes, advice in criteria:
        failing = tuple(clip.name for clip in clips if not passes(clip))
        if failing:
            sentence = f"{len(failing)} of {n_clips} clips {advice}"
        else:
            sentence = f"All {n_clips} clips pass." if clips else "There are no clips to check."
        checks.append(QualityCheck(key, title, bool(clips) and not failing, failing, sentence))
    return tuple(checks)


def _frame_powers(samples: Samples, sample_rate: int) -> NDArray[np.float64]:
    """Mean square of each 25 ms without DC offset: shape (n_frames,), at least one."""
    length = min(max(round(_FRAME_S * sample_rate), 1), len(samples))
    centred = samples - samples.mean(dtype=np.float64).astype(np.float32)
    frames = centred[: len(samples) // length * length].reshape(-1, length)
    powers: NDArray[np.float64] = np.einsum("ij,ij->i", frames, frames).astype(np.float64) / length
    return powers


def _snr_db(powers: NDArray[np.float64]) -> float | None:
    """Estimate the signal-to-noise ratio in dB from the powers of frames.

    The noise is the 10th percentile, the signal the mean excess of the frames above the noise.
    (NIST's stnr takes the signal at the 95th percentile, which is about 5 dB more.) The SNR of
    speech without pauses is underestimated.
    """
    audible = powers[powers > _DIGITAL_SILENCE]
    if not len(audible):
        return None
    noise = float(np.percentile(audible, _NOISE_PERCENTILE))
    active = audible[audible > _ACTIVE_OVER_NOISE * noise]
    if not len(active):
        return None
    return 10 * math.log10((float(active.mean()) - noise) / noise)


def _silent_share(powers: NDArray[np.float64]) -> float:
    loud = float(np.percentile(powers, _LOUD_PERCENTILE))
    threshold = max(loud * 10 ** (-_SILENT_BELOW_LOUD_DB / 10), _DIGITAL_SILENCE)
    return float(np.mean(powers <= threshold))
