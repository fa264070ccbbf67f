"""Sound in memory: mono samples at one rate."""

import io
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lab.audio import wav
from lab.audio.wav import Samples as Samples

SAMPLE_RATE = 16_000  # Hz, the only rate that Whisper's mel filters are made for


@dataclass(frozen=True, eq=False)
class Waveform:
    """Sound as numbers.

    samples: float32, shape (n,), nominally in [-1, 1]; float files may reach beyond.
    sample_rate: Hz.
    missing_s: seconds that the file promises and that could not be read.
    """

    samples: Samples
    sample_rate: int
    missing_s: float = 0.0

    @property
    def duration_s(self) -> float:
        """Length of what was read, in seconds."""
        return len(self.samples) / self.sample_rate

    @property
    def warning(self) -> str | None:
        """A sentence for the person where a part is missing, else None."""
        if not self.missing_s:
            return None
        promised_s = self.duration_s + self.missing_s
        return (
            f"About {duration_in_words(self.missing_s)} of {duration_in_words(promised_s)} "
            "cannot be read: the recording breaks off or is damaged in places. "
            "What can be read is used."
        )

    def slice(self, start_s: float, end_s: float) -> "Waveform":
        """The part from `start_s` to `end_s` (seconds, clamped), sharing its samples with this."""
        start, end = (
            min(max(round(time_s * self.sample_rate), 0), len(self.samples))
            for time_s in (start_s, end_s)
        )
        return Waveform(self.samples[start:end], self.sample_rate)


def encode_wav(waveform: Waveform) -> bytes:
    """A 16-bit PCM WAV file, mono. Samples beyond ±1 are clipped.

    Decoding it gives back each sample that was a multiple of 1/32768, exactly.
    """
    buffer = io.BytesIO()
    wav.write(buffer, waveform.samples, sample_rate=waveform.sample_rate)
    return buffer.getvalue()


def gather(chunks: Iterable[Samples]) -> Samples:
    """All chunks, shape (n,), in one array, grown in place: memory peaks near the result's size."""
    gathered = np.empty(30 * SAMPLE_RATE, np.float32)
    n = 0
    for chunk in chunks:
        end = n + len(chunk)
        if end > len(gathered):
            gathered.resize(max(end, len(gathered) * 5 // 4), refcheck=False)
        gathered[n:end] = chunk
        n = end
    gathered.resize(n, refcheck=False)
    return gathered


def duration_in_words(duration_s: float) -> str:
    """A duration for people: its two largest units, "1 hour 20 minutes", "0.4 seconds"."""
    if duration_s < 10:
        number = f"{duration_s:.1f}".removesuffix(".0")
        return number + (" second" if number == "1" else " seconds")
    hours, rest = divmod(round(duration_s), 3600)
    minutes, seconds = divmod(rest, 60)
    parts = [(hours, "hour"), (minutes, "minute"), (seconds, "second")]
    words = [f"{n} {unit}" + ("s" if n > 1 else "") for n, unit in parts if n]
    return " ".join(words[:2])
