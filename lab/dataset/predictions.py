"""What models make of the clips of a dataset, kept so that none hears a clip twice.

datasets/albanian/.predictions/base-3f2a9c1d07b4.csv   file_name, transcription, confidence,
                                                       language, model

The digits stand for the weights: a model that was trained again under the same name gets a file of
its own. The folder is hidden because readers of audiofolder take a file that is called after
`test` or `train` anywhere in a dataset for a split.
"""

import csv
import hashlib
import io
import operator
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING

from lab import audio
from lab.asr.options import TranscribeOptions
from lab.core.errors import LabError, WorkspaceError
from lab.core.languages import LANGUAGES
from lab.core.progress import Progress, ignore
from lab.core.workspace import slug
from lab.dataset.store import Dataset, locked
from lab.dataset.table import Entry
from lab.importers import Problem
from lab.transcripts import Transcript

if TYPE_CHECKING:
    from lab.asr.engine import Engine
    from lab.audio import Waveform

FOLDER_NAME = ".predictions"
LONGEST_S = 30.0  # what Whisper hears at once
_COLUMNS = ("file_name", "transcription", "confidence", "language", "model")
# Written down after so many clips, or so much sound: 20 s of work on two cores, 80 MB of memory.
_TOGETHER, _TOGETHER_S = 256, 1200.0


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model heard in a clip.

    confidence: mean probability of its tokens, 0 to 1; 0 where it heard nothing
    language: what it was told to listen for; "" where it was to find out
    """

    text: str
    confidence: float
    language: str


@dataclass(frozen=True)
class Predicted:
    """What `predict` has done.

    n_new, n_known: clips that were listened to now, and before
    skipped: clips that cannot be read, are too long, or in a language that the model does not know,
        with the reason
    """

    n_new: int
    n_known: int
    skipped: tuple[Problem, ...]


def predict(
    engine: "Engine",
    dataset: Dataset,
    entries: Iterable[Entry],
    *,
    language: str | None = None,
    on_progress: Progress = ignore,
) -> Predicted:
    """Have a model listen to clips that it has not heard yet, and keep what it makes of them.

    entries: clips of `dataset`
    language: Whisper's code of what is spoken; None takes each clip's own, and finds out where that
        is none of Whisper's; a model that knows English only is then asked for English
    on_progress: called with clips, at least once a token; raising `Cancelled` from it stops, and
        what was written down until then is kept

    Raises OptionsError if the model does not know the language, WorkspaceError if the disk refuses.
    """
    path = _path(dataset, engine)
    known = _read(path)
    skipped: list[Problem] = []
    asked: dict[Entry, str] = {}
    for entry in entries:
        if language is None and (reason := _why_not(engine, entry)):
            skipped.append(Problem(entry.file_name, reason))
        else:
            asked[entry] = _language(engine, entry) if language is None else language
    waiting = [
        entry
        for entry, wanted in asked.items()
        if entry.file_name not in known or known[entry.file_name].language != wanted
    ]
    # Alike in length stand together, so that a batch has no waste.
    waiting.sort(key=lambda entry: (asked[entry], entry.duration_s or LONGEST_S))
    _write_down(path, dataset, {}, engine.name)  # now it is the newest of this name
    n_done = n_new = 0
    for wanted, group in groupby(waiting, key=asked.__getitem__):
        options = TranscribeOptions(language=wanted or None)
        for batch in _batches(group):
            on_progress(n_done, len(waiting), "Reading clips")
            clips = _clips(dataset, batch, skipped)
            report = _from(on_progress, n_done, len(waiting))
            transcripts = engine.transcribe_clips([*clips.values()], options, on_progress=report)
            found = {
                entry.file_name: _prediction(transcript, wanted)
                for entry, transcript in zip(clips, transcripts, strict=True)
            }
            _write_down(path, dataset, found, engine.name)
            n_done, n_new = n_done + len(batch), n_new + len(found)
    return Predicted(n_new, len(asked) - len(waiting), tuple(skipped))


def load(dataset: Dataset, model: str) -> dict[str, Prediction]:
    """What a model heard, by the name of the file; of two with that name, what the last one heard.

    Empty if it has heard nothing. Raises WorkspaceError for a file that is damaged.
    """
    paths = [path for path in _paths(dataset) if _model(path) == model]
    return _read(paths[-1]) if paths else {}


def list_models(dataset: Dataset) -> list[str]:
    """The models that have heard clips of the dataset, the one that was asked last first."""
    names = [_model(path) for path in reversed(_paths(dataset))]
    return list(dict.fromkeys(name for name in names if name))


def heard_by(engine: "Engine", dataset: Dataset) -> dict[str, Prediction]:
    """What exactly this model heard, as `load`."""
    return _read(_path(dataset, engine))


def _language(engine: "Engine", entry: Entry) -> str:
    """What to listen for in a clip, "" to find out; what is none of Whisper's is no wish."""
    if not engine.is_multilingual:
        return "en"
    return entry.language if entry.language in LANGUAGES else ""


def _why_not(engine: "Engine", entry: Entry) -> str | None:
    language = _language(engine, entry)
    if not language or language in engine.languages:
        return None
    return f"The model {engine.name} does not know the language of the clip, {LANGUAGES[language]}."


def _path(dataset: Dataset, engine: "Engine") -> Path:
    # Two names can have the same slug.
    digest = hashlib.sha256(f"{engine.name}\n{engine.fingerprint}".encode()).hexdigest()[:12]
    name = "-".join(filter(None, [slug(engine.name), digest]))
    return dataset.folder / FOLDER_NAME / f"{name}.csv"


def _paths(dataset: Dataset) -> list[Path]:
    """The files of all models, the one that was written last at the end."""
    found = (dataset.folder / FOLDER_NAME).glob("*.csv")
    return sorted(found, key=lambda path: path.stat().st_mtime_ns)


def _batches(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Clips that are heard together: as many as are worth it and as fit into memory."""
    batch: list[Entry] = []
    seconds = 0.0
    for entry in entries:
        batch.append(entry)
        seconds += entry.duration_s or LONGEST_S
        if len(batch) == _TOGETHER or seconds >= _TOGETHER_S:
            yield batch
            batch, seconds = [], 0.0
    if batch:
        yield batch


def _clips(
    dataset: Dataset, entries: Sequence[Entry], skipped: list[Problem]
) -> dict[Entry, "Waveform"]:
    """The sound of the clips that can be heard; the others are added to `skipped`."""
    found = {}
    for entry in entries:
        try:
            waveform = audio.decode(dataset.audio_path(entry), max_duration_s=LONGEST_S)
            found[entry] = waveform.slice(0, LONGEST_S)  # a decoder may add some samples
        except LabError as error:
            skipped.append(Problem(entry.file_name, str(error)))
    return found


def _prediction(transcript: Transcript, language: str) -> Prediction:
    weights = [max(len(segment.tokens), 1) for segment in transcript.segments]
    sure = [segment.confidence for segment in transcript.segments]
    return Prediction(
        text=" ".join(transcript.text.split()),  # a line of the file is a clip
        confidence=sum(map(operator.mul, sure, weights)) / max(sum(weights), 1),
        language=language,
    )


def _from(on_progress: Progress, n_before: int, n_clips: int) -> Progress:
    def report(done: float, total: float, note: str = "") -> None:  # noqa: ARG001
        on_progress(n_before + done, n_clips, note)

    return report


def _write_down(path: Path, dataset: Dataset, found: Mapping[str, Prediction], model: str) -> None:
    """Add lines to a file; they are on the disk when this returns, or none of them is."""
    text = io.StringIO(newline="")
    lines = csv.writer(text, lineterminator="\n")
    try:
        with locked(dataset):
            path.parent.mkdir(exist_ok=True)
            path.touch()
            with path.open("rb+") as file:
                whole = len(_whole_lines(file.read()))
                if not whole:
                    lines.writerow(_COLUMNS)
                lines.writerows(
                    (file_name, one.text, f"{one.confidence:.4f}", one.language, model)
                    for file_name, one in found.items()
                )
                file.seek(whole)
                file.truncate()
                file.write(text.getvalue().encode())
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise WorkspaceError(
            f"{path} cannot be written ({error.strerror or error}). Free some space and try again; "
            "what was heard before is kept."
        ) from error


def _read(path: Path) -> dict[str, Prediction]:
    """The lines of a file, later ones over earlier ones; one that is cut off counts for nothing."""
    try:
        return {
            file_name: Prediction(text, float(confidence), language)
            for file_name, text, confidence, language, _ in _rows(path)
        }
    except ValueError as error:
        raise _damaged(path, error) from error


def _model(path: Path) -> str:
    """Whose predictions these are; "" where there are none."""
    row = next(iter(_rows(path)), None)
    return row[-1] if row else ""


def _rows(path: Path) -> Iterator[list[str]]:
    """All lines but the heading, none where there is no file; raises WorkspaceError."""
    try:
        content = _whole_lines(path.read_bytes()).decode()
        yield from islice(csv.reader(io.StringIO(content, newline="")), 1, None)
    except FileNotFoundError:
        return
    except (OSError, ValueError, csv.Error) as error:
        raise _damaged(path, error) from error


def _whole_lines(content: bytes) -> bytes:
    return content[: content.rfind(b"\n") + 1]


def _damaged(path: Path, error: Exception) -> WorkspaceError:
    return WorkspaceError(
        f"{path} cannot be read ({error}). Remove it; the clips are then heard again."
    )
