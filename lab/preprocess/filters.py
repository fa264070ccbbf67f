"""Remove rumble, hum and noise.

Everything works in place and block by block, so an hour needs little more memory than its samples.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from lab.audio import Samples
from lab.core.errors import AudioError
from lab.core.progress import Progress, ignore
from lab.preprocess.recipe import HighPass, ReduceNoise, RemoveHum

_BLOCK_S = 30.0
# The slowest filter, a notch 1.7 Hz wide, decays to 1/e in 0.2 s: after 4 s it is 170 dB down.
# noisereduce tracks changing noise with a time constant of 2 s.
_MARGIN_S = 4.0

_HIGH_PASS_ORDER = 4  # 24 dB per octave, applied forwards and backwards
_NOTCH_Q = 30.0  # width = frequency / 30: 1.7 Hz at 50 Hz, inaudible in a voice

# Windows of 32 to 64 ms: at least two periods of the lowest voice, and shorter than a syllable.
_MIN_WINDOW_S = 0.032
# Smoothing of the noise mask over frequency. The default of noisereduce, 500 Hz, is wider than the
# spacing of a voice's harmonics and removes 2 to 4 dB of the voice along with the noise.
_SMOOTHING_HZ = 125
# How far above its running mean a frequency must be, in means, to count as voice. The default of
# noisereduce, 2, takes much of fluent speech for noise. Both were tuned for the
# signal-to-distortion ratio of the bundled English sample with white noise 15 dB down:
# 17 → 20 dB (steady), 10 → 14 dB (changing).
_ABOVE_MEAN = 1
# Digital silence (a muted microphone, a cut) says nothing about the noise elsewhere.
_DIGITAL_SILENCE = 10 ** (-90 / 20)
_QUIET_S = 0.5


def remove_rumble_and_hum(
    samples: Samples,
    *,
    sample_rate: int,
    high_pass: HighPass | None = None,
    remove_hum: RemoveHum | None = None,
    on_progress: Progress = ignore,
) -> None:
    """Filter `samples` in place with zero phase (forwards and backwards).

    samples: float32, shape (..., n)
    """
    from scipy.signal import sosfiltfilt  # type: ignore[import-untyped]

    sections = filter_sections(sample_rate=sample_rate, high_pass=high_pass, remove_hum=remove_hum)
    if len(sections):
        _in_blocks(
            samples,
            lambda block: sosfiltfilt(sections, block, padlen=0),
            sample_rate=sample_rate,
            note="Removing rumble and hum",
            on_progress=on_progress,
        )


def filter_sections(
    *, sample_rate: int, high_pass: HighPass | None = None, remove_hum: RemoveHum | None = None
) -> NDArray[np.float64]:
    """Return the filters as second-order sections, shape (n, 6); zero phase applies them twice.

    A Butterworth high-pass with −3 dB at its cutoff, and a notch at each harmonic of the hum below
    0.45 times the sample rate.
    """
    from scipy.signal import butter, iirnotch, tf2sos

    sections = [np.empty((0, 6))]
    if high_pass is not None:
        cutoff_hz = min(high_pass.cutoff_hz, 0.45 * sample_rate)
        sections.append(
            butter(_HIGH_PASS_ORDER, cutoff_hz, "highpass", fs=sample_rate, output="sos")
        )
    if remove_hum is not None:
        for harmonic_hz in np.arange(1, remove_hum.harmonics + 1) * remove_hum.mains_hz:
            if harmonic_hz < 0.45 * sample_rate:
                sections.append(tf2sos(*iirnotch(harmonic_hz, _NOTCH_Q, fs=sample_rate)))
    return np.concatenate(sections)


def reduce_noise(
    samples: Samples, step: ReduceNoise, *, sample_rate: int, on_progress: Progress = ignore
) -> None:
    """Reduce noise in `samples` in place with noisereduce's spectral gating.

    samples: float32, shape (..., n)
    Raises AudioError if the noise sample exceeds the recording.
    """
    import noisereduce  # type: ignore[import-untyped]

    window = 2 ** int(np.ceil(np.log2(_MIN_WINDOW_S * sample_rate)))
    is_steady = step.kind == "steady"
    # A copy, since the blocks are overwritten one by one.
    noise = _noise_sample(samples, step, sample_rate).copy() if is_steady else None
    if noise is not None and not noise.any():
        return  # the recording is digital silence

    def reduced(block: Samples) -> Samples:
        if not block.any():
            return block  # noisereduce would divide by its mean level
        return np.asarray(
            noisereduce.reduce_noise(
                y=block,
                sr=sample_rate,
                stationary=is_steady,
                y_noise=noise,
                prop_decrease=step.strength,
                n_fft=window,
                freq_mask_smooth_hz=_SMOOTHING_HZ,
                thresh_n_mult_nonstationary=_ABOVE_MEAN,
                chunk_size=None,  # our own blocks report progress
                padding=window,
            )
        )

    _in_blocks(
        samples, reduced, sample_rate=sample_rate, note="Reducing noise", on_progress=on_progress
    )


def _noise_sample(samples: Samples, step: ReduceNoise, sample_rate: int) -> Samples:
    """The passage from which steady noise is estimated: float32, shape (n,)."""
    mono = samples if samples.ndim == 1 else samples.mean(axis=0)
    if step.noise_start_s is None or step.noise_end_s is None:
        return _quietest(mono, round(_QUIET_S * sample_rate))
    duration_s = len(mono) / sample_rate
    if step.noise_end_s > duration_s:
        raise AudioError(
            f"The noise sample is set to {step.noise_start_s:g} to {step.noise_end_s:g} seconds, "
            f"but the recording lasts {duration_s:.4g} seconds. Choose a passage within it."
        )
    return mono[round(step.noise_start_s * sample_rate) : round(step.noise_end_s * sample_rate)]


def _quietest(mono: Samples, n: int) -> Samples:
    """The quietest passage of about `n` samples that is not digital silence."""
    if len(mono) <= n:
        return mono
    starts = range(0, len(mono) - n + 1, n // 2)
    levels = np.array([np.sqrt(np.mean(np.square(mono[start : start + n]))) for start in starts])
    levels[levels < _DIGITAL_SILENCE] = np.inf
    start = starts[int(np.argmin(levels))]
    return mono[start : start + n]


def _in_blocks(
    samples: Samples,
    function: Callable[[Samples], Samples],
    *,
    sample_rate: int,
    note: str,
    on_progress: Progress,
) -> None:
    """Apply `function` to `samples`, shape (..., n), in place and block by block.

    It receives each block with 4 s of context on both sides, mirrored at the ends.
    """
    n = samples.shape[-1]
    block, margin = round(_BLOCK_S * sample_rate), round(_MARGIN_S * sample_rate)
    edges = [(0, 0)] * (samples.ndim - 1)
    before = samples[..., :0]
    for start in range(0, n, block):
        on_progress(start, n, note)
        end = min(start + block, n)
        piece = np.concatenate([before, samples[..., start : end + margin]], axis=-1)
        # A copy of the original samples, which the next block needs as context.
        before = samples[..., max(end - margin, 0) : end].copy()
        left = margin if start == 0 else 0
        right = margin - (min(end + margin, n) - end)
        padded = np.pad(piece, [*edges, (left, right)], mode="reflect")
        samples[..., start:end] = function(padded)[..., margin : margin + end - start]
    on_progress(n, n, note)
