"""What is good and bad about clips: figures of one, and a checklist for a whole set."""

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

# Frames as short as a syllable's parts, as in the NIST's speech quality tools.
_FRAME_S = 0.025
# Less than the rounding of 16 bits (-101 dBFS) is no room, but a muted microphone or a cut.
_DIGITAL_SILENCE = 1e-10  # mean square
_NOISE_PERCENTILE = 10  # of the frames; even fluent speech pauses for more than that
_ACTIVE_OVER_NOISE = 2.0  # power; what is less than 3 dB over the noise is noise
_LOUD_PERCENTILE = 95
_SILENT_BELOW_LOUD_DB = 40.0  # speech itself spans about 30 dB


@dataclass(frozen=True)
class Figures:
    """What can be measured of a clip.

    peak_dbfs: -inf for digital silence
    loudness_lufs: by ITU-R BS.1770-4; None below 0.4 s, -inf where all is below -70 LUFS
    snr_db: estimated signal-to-noise ratio; None where nothing stands out of the rest
    clipped_samples: in runs of three or more at full scale
    silent_share: 0 to 1, of 25 ms frames that are 40 dB or more below the loud ones
    dc_offset: the mean, which should be 0, as a fraction of full scale
    """

    duration_s: float
    peak_dbfs: float
    loudness_lufs: float | None
    snr_db: float | None
    clipped_samples: int
    silent_share: float
    dc_offset: float


@dataclass(frozen=True)
class Examined:
    """A file of a set: its name, what its header says, and its figures."""

    name: str
    info: AudioInfo
    figures: Figures


CheckKey = Literal["count", "format", "length", "rate", "noise", "distortion"]


@dataclass(frozen=True)
class Check:
    """A line of the checklist.

    key: which one it is, whatever its title says
    failing: the clips that fail, by name; none where the set as a whole does
    sentence: what was found, and how to mend it where it failed
    """

    key: CheckKey
    title: str
    passed: bool
    failing: tuple[str, ...]
    sentence: str


def measure(samples: Samples, sample_rate: int) -> Figures:
    """Measure a clip.

    samples: float32, shape (n,) with n > 0, nominally within ±1
    sample_rate: Hz
    """
    powers = _frame_powers(samples, sample_rate)
    return Figures(
        duration_s=len(samples) / sample_rate,
        peak_dbfs=peak_dbfs(samples),
        loudness_lufs=loudness_lufs(samples, sample_rate=sample_rate),
        snr_db=_snr_db(powers),
        clipped_samples=clipped_samples(samples),
        silent_share=_silent_share(powers),
        dc_offset=float(samples.mean(dtype=np.float64)),
    )


def examine(path: str | os.PathLike[str], *, name: str = "") -> Examined:
    """Read a clip's header and measure its sound (the mix, if it has several channels).

    Raises AudioError if it cannot be read.
    """
    info = audio.probe(path, name=name)
    waveform = audio.decode(path, name=name, sample_rate=info.sample_rate)
    figures = measure(waveform.samples, waveform.sample_rate)
    return Examined(name or Path(path).name, info, figures)


def verdict(
    clips: Sequence[Examined],
    *,
    min_clips: int = 100,
    min_s: float = 1.0,
    max_s: float = 30.0,
    sample_rate: int = 22_050,
    min_snr_db: float = 20.0,
) -> tuple[Check, ...]:
    """The checklist for a set of clips that a model is to learn from.

    min_snr_db: below 20 dB the noise is plainly heard beside the voice
    """
    enough = len(clips) >= min_clips
    plenty = f"There are {len(clips)} clips."
    missing = f"{len(clips)} clips; {min_clips} are needed. Record or cut more."
    return (
        Check("count", "Enough clips", enough, (), plenty if enough else missing),
        _check(
            "format",
            "16-bit mono PCM WAV",
            clips,
            lambda clip: (
                (clip.info.codec, clip.info.channels) == ("pcm_s16le", 1)
                and clip.info.container == "wav"
            ),
            "are of another kind. Prepare them with the steps “channel” and “bit depth” (16).",
        ),
        _check(
            "length",
            f"{min_s:g} to {max_s:g} seconds each",
            clips,
            lambda clip: min_s <= clip.figures.duration_s <= max_s,
            "are too short or too long. Prepare the recordings again with the step “split”.",
        ),
        _check(
            "rate",
            f"{sample_rate} samples a second",
            clips,
            lambda clip: clip.info.sample_rate == sample_rate,
            f"have another sample rate. Prepare them with the step “resample” at {sample_rate} Hz.",
        ),
        _check(
            "noise",
            "Little noise",
            clips,
            lambda clip: clip.figures.snr_db is not None and clip.figures.snr_db >= min_snr_db,
            f"have less than about {min_snr_db:g} dB between voice and noise. Try the step “reduce "
            "noise”; better, record closer to the microphone in a quieter room.",
        ),
        _check(
            "distortion",
            "No distortion",
            clips,
            lambda clip: not clip.figures.clipped_samples,
            "are cut off at full scale. Nothing repairs that: record again with less gain.",
        ),
    )


def _check(
    key: CheckKey,
    title: str,
    clips: Sequence[Examined],
    passes: Callable[[Examined], bool],
    advice: str,
) -> Check:
    failing = tuple(clip.name for clip in clips if not passes(clip))
    if failing:
        sentence = f"{len(failing)} of {len(clips)} clips {advice}"
    else:
        sentence = f"All {len(clips)} clips pass." if clips else "There is no clip to check."
    return Check(key, title, bool(clips) and not failing, failing, sentence)


def _frame_powers(samples: Samples, sample_rate: int) -> NDArray[np.float64]:
    """The mean square of each 25 ms, without the offset: shape (n_frames,), at least one."""
    length = min(max(round(_FRAME_S * sample_rate), 1), len(samples))
    centred = samples - samples.mean(dtype=np.float64).astype(np.float32)
    frames = centred[: len(samples) // length * length].reshape(-1, length)
    powers: NDArray[np.float64] = np.einsum("ij,ij->i", frames, frames).astype(np.float64) / length
    return powers


def _snr_db(powers: NDArray[np.float64]) -> float | None:
    """Signal-to-noise ratio from the frames' energies, in dB.

    The noise is the 10th percentile of the frames, the signal what the frames that stand out of it
    have more on average. (The NIST's stnr reads both off the same histogram, the signal at its
    95th percentile, which is about 5 dB more.) Speech without any pause is underestimated.
    """
    sounding = powers[powers > _DIGITAL_SILENCE]
    if not len(sounding):
        return None
    noise = float(np.percentile(sounding, _NOISE_PERCENTILE))
    active = sounding[sounding > _ACTIVE_OVER_NOISE * noise]
    if not len(active):
        return None
    return 10 * math.log10((float(active.mean()) - noise) / noise)


def _silent_share(powers: NDArray[np.float64]) -> float:
    loud = float(np.percentile(powers, _LOUD_PERCENTILE))
    threshold = max(loud * 10 ** (-_SILENT_BELOW_LOUD_DB / 10), _DIGITAL_SILENCE)
    return float(np.mean(powers <= threshold))
