"""The audio that both models transcribe: clips, a long recording, silence, noise, languages."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lab import audio
from lab.audio import SAMPLE_RATE, Waveform
from lab.evaluation.reference_clips import ReferenceClip
from lab.recordings import samples

# Five windows of 30 s: enough for a defect of long-form decoding to show.
_LONG_S = 150.0
# A long recording has to be longer than one window.
_MIN_LONG_S = 45.0
_PAUSE_S = 0.7  # between two sentences
_QUIET_S = 10
_NOISE_DB, _HISS_DB = -30.0, -70.0  # dBFS: a loud street, a good microphone


@dataclass(frozen=True, eq=False)
class ProbeSet:
    """Audio to test a fine-tuned model on.

    clips: test clips in the language that the model was tuned for; may be empty
    language: that language, Whisper's code
    long: a few minutes without a break, concatenated from clips or else from a sample recording
    long_clips: the clips that make up `long`; empty if it is made from a sample recording
    silence, noise: audio without speech
    others: sample recordings in languages that the model was not tuned for
    """

    clips: Sequence[ReferenceClip]
    language: str
    long: ReferenceClip
    long_clips: Sequence[ReferenceClip]
    silence: Sequence[ReferenceClip]
    noise: Sequence[ReferenceClip]
    others: Sequence[ReferenceClip]


def build_probe_set(clips: Sequence[ReferenceClip]) -> ProbeSet:
    """Build the probe set for test clips; deterministic.

    clips: of a test split; if they are too few, the long recording is the English sample
    """
    languages = [clip.language for clip in clips]
    language = max(languages, key=languages.count) if languages else "en"
    sample_clips = [
        ReferenceClip(audio.decode(sample.audio_path), sample.text, sample.language)
        for sample in samples.list_samples()
    ]
    long_clips = _first_clips([clip for clip in clips if clip.language == language])
    # The same sample four times will do: what matters is whether the model reaches the end.
    parts = long_clips or [clip for clip in sample_clips if clip.language == "en"] * 4
    silence = np.zeros(_QUIET_S * SAMPLE_RATE)
    return ProbeSet(
        clips=clips,
        language=language,
        long=_concatenate(parts),
        long_clips=long_clips,
        silence=[_speechless(signal, language) for signal in (silence, _white_noise(_HISS_DB))],
        noise=[
            _speechless(signal, language)
            for signal in (_white_noise(_NOISE_DB), _traffic_noise(), _mains_hum())
        ],
        others=[clip for clip in sample_clips if not clips or clip.language != language],
    )


def _first_clips(clips: Sequence[ReferenceClip]) -> list[ReferenceClip]:
    """The first clips that add up to a long recording; none if all together are too short."""
    chosen: list[ReferenceClip] = []
    duration_s = 0.0
    for clip in clips:
        if duration_s < _LONG_S:
            chosen.append(clip)
            duration_s += clip.waveform.duration_s + _PAUSE_S
    return chosen if duration_s >= _MIN_LONG_S else []


def _concatenate(clips: Sequence[ReferenceClip]) -> ReferenceClip:
    pause = np.zeros(round(_PAUSE_S * SAMPLE_RATE), np.float32)
    pieces = [piece for clip in clips for piece in (clip.waveform.samples, pause)]
    # An installation without the sample recordings leaves nothing to concatenate.
    joined = np.concatenate(pieces) if pieces else np.zeros(SAMPLE_RATE, np.float32)
    return ReferenceClip(
        Waveform(joined, SAMPLE_RATE),
        " ".join(clip.text for clip in clips),
        clips[0].language if clips else "en",
    )


def _white_noise(level_db: float) -> NDArray[np.float64]:
    return _at_level(np.random.default_rng(0).normal(size=_QUIET_S * SAMPLE_RATE), level_db)


def _traffic_noise() -> NDArray[np.float64]:
    """Noise that falls by 6 dB per octave, like traffic heard through a window."""
    spectrum = np.fft.rfft(_white_noise(0.0))
    frequency_hz = np.fft.rfftfreq(_QUIET_S * SAMPLE_RATE, 1 / SAMPLE_RATE)
    noise = np.fft.irfft(spectrum / np.maximum(frequency_hz, 30.0))
    return _at_level(np.asarray(noise, np.float64), _NOISE_DB)


def _mains_hum() -> NDArray[np.float64]:
    """50 Hz and its harmonics."""
    time_s = np.arange(_QUIET_S * SAMPLE_RATE) / SAMPLE_RATE
    harmonics = [np.sin(2 * np.pi * 50 * order * time_s) / order for order in range(1, 9)]
    return _at_level(np.sum(harmonics, axis=0), _NOISE_DB)


def _at_level(signal: NDArray[np.float64], level_db: float) -> NDArray[np.float64]:
    """`signal` scaled to an RMS level in dBFS."""
    gain: float = 10 ** (level_db / 20) / np.sqrt(np.mean(signal**2))
    return signal * gain


def _speechless(signal: NDArray[np.float64], language: str) -> ReferenceClip:
    return ReferenceClip(Waveform(signal.astype(np.float32), SAMPLE_RATE), "", language)
