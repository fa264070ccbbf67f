"""Mono audio in memory."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lab.audio import wav
from lab.audio.wav import Samples as Samples

SAMPLE_RATE = 16_000  # Hz, the rate of Whisper's mel filters


@dataclass(frozen=True, eq=False)
class Waveform:
    """Mono audio.

    Attributes
    ----------
    samples
        float32, shape (n,), nominally in [-1, 1]; those of float files may exceed it.
    sample_rate
        Hz.
    missing_s
        Seconds of the file that could not be read.

    Examples
    --------
    >>> import numpy as np
    >>> waveform = Waveform(np.zeros(32_000, np.float32), 16_000)
    >>> waveform.duration_s, waveform.slice(0.5, 1.0).duration_s
    (2.0, 0.5)
    """

    samples: Samples
    sample_rate: int
    missing_s: float = 0.0

    @property
    def duration_s(self) -> float:
        return len(self.samples) / self.sample_rate

    @property
    def warning(self) -> str | None:
        """A sentence for the person if a part is missing, else None."""
        if not self.missing_s:
            return None
        stated_s = self.duration_s + self.missing_s
        return (
            f"About {duration_in_words(self.missing_s)} of {duration_in_words(stated_s)} "
            "cannot be read: the recording is truncated or damaged. The rest is used."
        )

    def slice(self, start_s: float, end_s: float) -> "Waveform":
        """The part from `start_s` to `end_s` (clamped), as a view of the same samples."""
        start, end = (
            min(max(round(time_s * self.sample_rate), 0), len(self.samples))
            for time_s in (start_s, end_s)
        )
        return Waveform(self.samples[start:end], self.sample_rate)


def encode_wav(waveform: Waveform) -> bytes:
    """Encode a mono 16-bit PCM WAV file; samples beyond ±1 are clipped.

    Samples that are multiples of 1/32768 are stored exactly.
    """
    return wav.encode(waveform.samples, sample_rate=waveform.sample_rate)


def concat_chunks(chunks: Iterable[Samples]) -> Samples:
    """Concatenate chunks, shape (n,), in place: memory peaks near the size of the result."""
    result = np.empty(30 * SAMPLE_RATE, np.float32)
    n = 0
    for chunk in chunks:
        end = n + len(chunk)
        if end > len(result):
            result.resize(max(end, len(result) * 5 // 4), refcheck=False)
        result[n:end] = chunk
        n = end
    result.resize(n, refcheck=False)
    return result


def duration_in_words(duration_s: float) -> str:
    """A duration in its two largest units: "1 hour 20 minutes", "0.4 seconds"."""
    if duration_s < 10:
        number = f"{duration_s:.1f}".removesuffix(".0")
        return number + (" second" if number == "1" else " seconds")
    hours, rest = divmod(round(duration_s), 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [(hours, "hour"), (minutes, "minute"), (seconds, "second")]
    words = [f"{n} {unit}" + ("s" if n > 1 else "") for n, unit in parts if n]
    return " ".join(words[:2])
