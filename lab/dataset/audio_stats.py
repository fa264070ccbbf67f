"""Audio statistics of the clips of a dataset; each clip is analysed once.

`.sounds.jsonl` in the dataset's folder has a line per clip, appended as clips are analysed, so an
interrupted analysis keeps its results. The audio of a clip never changes, since its file name
contains part of its hash.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from lab import audio
from lab.audio.quality import measure
from lab.core.errors import LabError, disk_errors
from lab.core.progress import Progress, ignore
from lab.dataset import append_only
from lab.dataset.audio_fingerprint import N_BYTES, Fingerprint, fingerprint
from lab.dataset.store import Dataset, locked
from lab.dataset.table import DatasetClip

AUDIO_STATS_NAME = ".sounds.jsonl"
# Decoding more would take the memory of many clips.
MAX_DECODED_S = 1800.0

_BATCH_SIZE = 32  # clips; at most so many are analysed again after a crash


@dataclass(frozen=True)
class AudioStats:
    """Statistics of a clip's audio.

    duration_s: of the decoded audio
    snr_db: estimated signal-to-noise ratio; None if no speech stands out
    clipped_share: ratio of samples clipped at full scale, 0 to 1
    silent_share: ratio of silent time, 0 to 1
    fingerprint: hexadecimal; "" if there is too little audio
    problem: why it cannot be decoded, or only partly; "" if it can
    """

    file_name: str
    duration_s: float = 0.0
    snr_db: float | None = None
    clipped_share: float = 0.0
    silent_share: float = 0.0
    fingerprint: str = ""
    problem: str = ""

    def fingerprint_bytes(self) -> Fingerprint | None:
        """The fingerprint as an array; None if there is none."""
        data = bytes.fromhex(self.fingerprint)
        return np.frombuffer(data, np.uint8) if len(data) == N_BYTES else None


def load_audio_stats(dataset: Dataset) -> dict[str, AudioStats]:
    """Read the statistics so far, by file name; raises WorkspaceError if that fails."""
    path = dataset.folder / AUDIO_STATS_NAME
    with disk_errors(path, "", action="read"):
        lines = path.read_bytes().splitlines() if path.exists() else []
    stats = {}
    for line in lines:
        try:
            measured = AudioStats(**json.loads(line))
        except (ValueError, TypeError):  # cut off or of another version: analysed again
            continue
        stats[measured.file_name] = measured
    return stats


def analyse_clips(
    dataset: Dataset, clips: Sequence[DatasetClip], *, on_progress: Progress = ignore
) -> int:
    """Analyse the clips that have not been analysed before; returns their number.

    Keeps the results so far when stopped. Raises WorkspaceError if they cannot be written.
    """
    known = load_audio_stats(dataset)
    waiting = [clip for clip in clips if clip.file_name not in known]
    for start in range(0, len(waiting), _BATCH_SIZE):
        on_progress(start, len(waiting), "Analysing the audio")
        # Not in threads: most of the work holds Python's lock, so two are no faster than one.
        batch = [analyse_clip(dataset, clip) for clip in waiting[start : start + _BATCH_SIZE]]
        _append(dataset, batch)
    if waiting:
        on_progress(len(waiting), len(waiting), "Analysing the audio")
    return len(waiting)


def analyse_clip(dataset: Dataset, clip: DatasetClip) -> AudioStats:
    """Analyse a clip. If it cannot be decoded, `problem` says why."""
    try:
        path = dataset.audio_path(clip)
        rate = audio.probe(path).sample_rate  # resampling would hide clipping
        waveform = audio.decode(path, sample_rate=rate, max_duration_s=MAX_DECODED_S)
    except LabError as error:
        return AudioStats(clip.file_name, problem=str(error))
    quality = measure(waveform.samples, rate)
    bits = fingerprint(waveform.samples, rate)
    return AudioStats(
        clip.file_name,
        duration_s=round(quality.duration_s, 3),
        snr_db=None if quality.snr_db is None else round(quality.snr_db, 1),
        clipped_share=round(quality.clipped_samples / len(waveform.samples), 6),
        silent_share=round(quality.silent_share, 3),
        fingerprint="" if bits is None else bits.tobytes().hex(),
        problem=waveform.warning or "",
    )


def _append(dataset: Dataset, batch: Sequence[AudioStats]) -> None:
    path = dataset.folder / AUDIO_STATS_NAME
    lines = "".join(json.dumps(asdict(stats), ensure_ascii=False) + "\n" for stats in batch)
    with disk_errors(path, "Free some space and try again."), locked(dataset):
        append_only.append(path, lines.encode())
