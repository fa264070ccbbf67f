"""What the scripts that make the samples share: sound and tables, the same bytes each time."""

import csv
import io
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.frame import AudioFrame

from lab.audio import SAMPLE_RATE, Samples
from lab.core.workspace import atomic_write

FOLDER = Path(__file__).resolve().parent
DATASETS = FOLDER / "datasets"
FRAME_SAMPLES = SAMPLE_RATE // 50  # Opus works in frames of 20 ms
CLIP_BIT_RATE = 24_000  # bits a second; Whisper hears the same as before


@dataclass(frozen=True)
class SampleClip:
    """A clip of a sample dataset. name: of its file, without ending; samples: at 16 kHz."""

    name: str
    samples: Samples
    transcription: str
    split: str
    speaker: str


def write_dataset(folder: Path, clips: Iterable[SampleClip], *, language: str) -> None:
    """Write clips with their table as audiofolder has them, in place of those that were there."""
    shutil.rmtree(folder / "audio", ignore_errors=True)
    (folder / "audio").mkdir(parents=True)
    text = io.StringIO(newline="")
    table = csv.writer(text, lineterminator="\n")
    table.writerow(
        ["file_name", "transcription", "split", "speaker", "language", "status", "duration_s"]
    )
    seconds = 0.0
    for clip in clips:
        file_name = f"audio/{clip.name}.ogg"
        write_opus(folder / file_name, clip.samples, bit_rate=CLIP_BIT_RATE)
        duration_s = len(clip.samples) / SAMPLE_RATE
        seconds += duration_s
        table.writerow(
            [
                *(file_name, clip.transcription, clip.split, clip.speaker, language),
                *("new", f"{duration_s:.3f}"),
            ]
        )
    with atomic_write(folder / "metadata.csv") as beside:
        beside.write_text(text.getvalue(), encoding="utf-8", newline="")
    n_bytes = sum(path.stat().st_size for path in (folder / "audio").iterdir())
    print(f"{folder.name}: {seconds / 60:.1f} min, {n_bytes / 1e6:.1f} MB")


def write_opus(path: Path, samples: Samples, *, bit_rate: int) -> None:
    """Write mono samples at 16 kHz as Ogg Opus; the same samples always give the same bytes."""
    # Without "bitexact" the stream's serial number is random.
    with av.open(path, "w", format="ogg", options={"fflags": "bitexact"}) as container:
        stream = container.add_stream("libopus", rate=SAMPLE_RATE, layout="mono")
        stream.bit_rate = bit_rate
        for start in range(0, len(samples), FRAME_SAMPLES):
            frame = AudioFrame.from_ndarray(
                samples[np.newaxis, start : start + FRAME_SAMPLES], format="flt", layout="mono"
            )
            frame.sample_rate, frame.pts = SAMPLE_RATE, start
            frame.time_base = Fraction(1, SAMPLE_RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
