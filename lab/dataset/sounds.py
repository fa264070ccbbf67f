"""What is known of a dataset's sound: each clip is listened to once, and the figures are kept.

`.sounds.jsonl` in the dataset's folder has a line for each clip. Lines are added as clips are
measured, so whatever stops that, what was measured stays. The sound of a clip never changes, for
its name holds a piece of its hash; a line that is cut off is measured again.
"""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from lab import audio
from lab.audio.quality import measure
from lab.core.errors import LabError, WorkspaceError
from lab.core.progress import Progress, ignore
from lab.dataset.fingerprint import N_BYTES, Fingerprint, fingerprint
from lab.dataset.store import Dataset
from lab.dataset.table import Entry

SOUNDS_NAME = ".sounds.jsonl"
# Longer ones are no clips; reading them would take the memory of many.
MAX_READ_S = 1800.0

_TOGETHER = 32  # clips; what is lost at most when the machine stops


@dataclass(frozen=True)
class Sound:
    """What listening to a clip has told.

    duration_s: of what could be read
    snr_db: estimated signal-to-noise ratio; None where nothing stands out of the rest
    clipped_share: 0 to 1, of the samples that were cut off at full scale
    silent_share: 0 to 1, of the time
    fingerprint: hexadecimal; "" where there is too little sound
    problem: why it cannot be read, or not as a whole; "" where it can
    """

    file_name: str
    duration_s: float = 0.0
    snr_db: float | None = None
    clipped_share: float = 0.0
    silent_share: float = 0.0
    fingerprint: str = ""
    problem: str = ""

    def bits(self) -> Fingerprint | None:
        """The fingerprint to compare by; None where there is none."""
        data = bytes.fromhex(self.fingerprint)
        return np.frombuffer(data, np.uint8) if len(data) == N_BYTES else None


def known_sounds(dataset: Dataset) -> dict[str, Sound]:
    """What was measured until now, by file name; raises WorkspaceError if it cannot be read."""
    path = dataset.folder / SOUNDS_NAME
    try:
        lines = path.read_bytes().splitlines() if path.exists() else []
    except OSError as error:
        raise WorkspaceError(f"{path} cannot be read ({error.strerror or error}).") from error
    sounds = {}
    for line in lines:
        try:
            sound = Sound(**json.loads(line))
        except (ValueError, TypeError):  # cut off, or of another version: it is measured again
            continue
        sounds[sound.file_name] = sound
    return sounds


def unheard(dataset: Dataset, entries: Sequence[Entry]) -> list[Entry]:
    """The clips that nobody has measured yet."""
    known = known_sounds(dataset)
    return [entry for entry in entries if entry.file_name not in known]


def measure_sounds(
    dataset: Dataset, entries: Sequence[Entry], *, on_progress: Progress = ignore
) -> int:
    """Listen to those clips that were not measured before; gives how many it were.

    on_progress: called with clips; raising `Cancelled` from it stops, and what was measured stays

    Raises WorkspaceError when the disk refuses.
    """
    waiting = unheard(dataset, entries)
    n_done = 0
    for start in range(0, len(waiting), _TOGETHER):
        on_progress(n_done, len(waiting), "Listening to the clips")
        together = waiting[start : start + _TOGETHER]
        # Not in threads: they wait for each other in Python, and two are no faster than one.
        sounds = [listen_to(dataset, entry) for entry in together]
        _append(dataset.folder / SOUNDS_NAME, sounds)
        n_done += len(together)
    if waiting:
        on_progress(n_done, len(waiting), "Listening to the clips")
    return n_done


def listen_to(dataset: Dataset, entry: Entry) -> Sound:
    """Measure a clip. Never raises for what is wrong with it."""
    try:
        path = dataset.audio_path(entry)
        rate = audio.probe(path).sample_rate  # clipping is lost at another rate
        waveform = audio.decode(path, sample_rate=rate, max_duration_s=MAX_READ_S)
    except LabError as error:
        return Sound(entry.file_name, problem=str(error))
    figures = measure(waveform.samples, rate)
    bits = fingerprint(waveform.samples, rate)
    return Sound(
        entry.file_name,
        duration_s=round(figures.duration_s, 3),
        snr_db=None if figures.snr_db is None else round(figures.snr_db, 1),
        clipped_share=round(figures.clipped_samples / len(waveform.samples), 6),
        silent_share=round(figures.silent_share, 3),
        fingerprint="" if bits is None else bits.tobytes().hex(),
        problem=waveform.warning or "",
    )


def _append(path: Path, sounds: Sequence[Sound]) -> None:
    text = "".join(json.dumps(asdict(sound), ensure_ascii=False) + "\n" for sound in sounds)
    try:
        with path.open("ab+") as file:
            if end := file.seek(0, os.SEEK_END):
                file.seek(end - 1)
                if file.read(1) != b"\n":  # the line before was cut off; it must not take ours
                    text = "\n" + text
            file.write(text.encode())
    except OSError as error:
        raise WorkspaceError(
            f"{path} cannot be written ({error.strerror or error}). Free some space."
        ) from error
