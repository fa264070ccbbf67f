"""Reading recordings as waveforms, writing WAV files, and measuring audio."""

from lab.audio.decoding import (
    MAX_DURATION_S,
    MAX_INPUT_RATE,
    MIN_INPUT_RATE,
    AudioInfo,
    decode,
    probe,
)
from lab.audio.waveform import SAMPLE_RATE, Samples, Waveform, encode_wav

__all__ = [
    "MAX_DURATION_S", "MAX_INPUT_RATE", "MIN_INPUT_RATE", "SAMPLE_RATE", "AudioInfo", "Samples",
    "Waveform", "decode", "encode_wav", "probe",
]  # fmt: skip
