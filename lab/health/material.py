"""What both models hear: clips with their texts, a long recording, silence, noise, languages."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lab import audio
from lab.audio import SAMPLE_RATE, Samples, Waveform
from lab.evaluation.reference_clips import Spoken
from lab.recordings import samples

# Long enough for five windows of 30 s, so that one of them has to go wrong if any does.
_LONG_S = 150.0
# Less speech than this in all clips together is no long recording: more than one window.
_MIN_LONG_S = 45.0
_PAUSE_S = 0.7  # between two sentences
_QUIET_S = 10
_NOISE_DB, _HISS_DB = -30.0, -70.0  # below full scale: a loud street, a good microphone


@dataclass(frozen=True, eq=False)
class Material:
    """What is heard.

    clips: of the language that the model was tuned for; there may be none
    language: that language, Whisper's code
    long: some minutes without a break, of the clips or else of a sample
    long_clips: the clips that `long` is made of; none where it is made of a sample
    silence, noise: sounds in which nobody speaks
    others: recordings in languages that the model was not tuned for
    """

    clips: Sequence[Spoken]
    language: str
    long: Spoken
    long_clips: Sequence[Spoken]
    silence: Sequence[Spoken]
    noise: Sequence[Spoken]
    others: Sequence[Spoken]


def material(clips: Sequence[Spoken]) -> Material:
    """What to try a model on; the same clips give the same.

    clips: of a test split; without any, or with few, the long recording is the English sample
    """
    languages = [clip.language for clip in clips]
    language = max(languages, key=languages.count) if languages else "en"
    alike = [clip for clip in clips if clip.language == language]
    spoken = [
        Spoken(audio.decode(sample.audio_path), sample.text, sample.language)
        for sample in samples.list_samples()
    ]
    long_clips = _enough(alike)
    # Four times the same: what is looked for is whether the model gets through.
    parts = long_clips or [one for one in spoken if one.language == "en"] * 4
    silence = np.zeros(_QUIET_S * SAMPLE_RATE)
    return Material(
        clips=clips,
        language=language,
        long=_joined(parts),
        long_clips=long_clips,
        silence=[_unspoken(sound, language) for sound in (silence, _white(_HISS_DB))],
        noise=[_unspoken(sound, language) for sound in (_white(_NOISE_DB), _rumble(), _hum())],
        others=[one for one in spoken if not clips or one.language != language],
    )


def _enough(clips: Sequence[Spoken]) -> list[Spoken]:
    """The first clips up to a long recording; none where all are too short for one."""
    chosen: list[Spoken] = []
    length_s = 0.0
    for clip in clips:
        if length_s < _LONG_S:
            chosen.append(clip)
            length_s += clip.waveform.duration_s + _PAUSE_S
    return chosen if length_s >= _MIN_LONG_S else []


def _joined(parts: Sequence[Spoken]) -> Spoken:
    pause = np.zeros(round(_PAUSE_S * SAMPLE_RATE), np.float32)
    pieces = [piece for part in parts for piece in (part.waveform.samples, pause)]
    # A folder without the samples leaves nothing to join; then nobody speaks.
    samples_ = np.concatenate(pieces) if pieces else np.zeros(SAMPLE_RATE, np.float32)
    return Spoken(
        Waveform(samples_, SAMPLE_RATE),
        " ".join(part.text for part in parts),
        parts[0].language if parts else "en",
    )


def _white(level_db: float) -> NDArray[np.float64]:
    return _at(np.random.default_rng(0).normal(size=_QUIET_S * SAMPLE_RATE), level_db)


def _rumble() -> NDArray[np.float64]:
    """Noise that falls by 6 dB an octave, as traffic behind a window."""
    spectrum = np.fft.rfft(_white(0.0))
    frequency_hz = np.fft.rfftfreq(_QUIET_S * SAMPLE_RATE, 1 / SAMPLE_RATE)
    falling = np.fft.irfft(spectrum / np.maximum(frequency_hz, 30.0))
    return _at(np.asarray(falling, np.float64), _NOISE_DB)


def _hum() -> NDArray[np.float64]:
    """The mains and its harmonics."""
    time_s = np.arange(_QUIET_S * SAMPLE_RATE) / SAMPLE_RATE
    harmonics = [np.sin(2 * np.pi * 50 * order * time_s) / order for order in range(1, 9)]
    return _at(np.sum(harmonics, axis=0), _NOISE_DB)


def _at(sound: NDArray[np.float64], level_db: float) -> NDArray[np.float64]:
    gain: float = 10 ** (level_db / 20) / np.sqrt(np.mean(sound**2))
    return sound * gain


def _unspoken(sound: NDArray[np.float64], language: str) -> Spoken:
    as_stored: Samples = sound.astype(np.float32)
    return Spoken(Waveform(as_stored, SAMPLE_RATE), "", language)
