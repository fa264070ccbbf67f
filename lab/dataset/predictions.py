"""Transcriptions of a dataset's clips by models, saved so that no clip is transcribed twice.

datasets/albanian/.predictions/base-3f2a9c1d07b4.csv   file_name, transcription, confidence,
                                                       language, model

The digits identify the weights: a model that is trained again under the same name gets a new file.
The folder is hidden because audiofolder readers take any file with `test` or `train` in its name
for a split.
"""

import csv
import hashlib
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path
from typing import TYPE_CHECKING

from lab import audio
from lab.asr.options import TranscribeOptions
from lab.core.errors import LabError, WorkspaceError, disk_errors
from lab.core.files import csv_text
from lab.core.languages import LANGUAGES
from lab.core.progress import Progress, ignore, part
from lab.core.workspace import slug
from lab.dataset import append_only
from lab.dataset.store import Dataset, locked
from lab.dataset.table import MAX_CLIP_S, DatasetClip
from lab.importers import ImportProblem
from lab.transcripts import Transcript

if TYPE_CHECKING:
    from lab.asr.engine import Engine
    from lab.audio import Waveform

FOLDER_NAME = ".predictions"
_COLUMNS = ("file_name", "transcription", "confidence", "language", "model")
# A batch is saved after so many clips or so much audio: 20 s of work on two cores, 80 MB of memory.
_BATCH_SIZE, _MAX_BATCH_S = 256, 1200.0


@dataclass(frozen=True, slots=True)
class Prediction:
    """A model's transcription of a clip.

    confidence: mean probability of its tokens, 0 to 1; 0 for an empty text
    language: the language requested; "" if it was to be detected
    """

    text: str
    confidence: float
    language: str


@dataclass(frozen=True)
class PredictionSummary:
    """The outcome of `predict`.

    n_new, n_known: clips transcribed now, and before
    skipped: clips that cannot be decoded, are too long, or whose language the model does not
        support, with the reason
    """

    n_new: int
    n_known: int
    skipped: tuple[ImportProblem, ...]


def predict(
    engine: "Engine",
    dataset: Dataset,
    clips: Iterable[DatasetClip],
    *,
    language: str | None = None,
    on_progress: Progress = ignore,
) -> PredictionSummary:
    """Transcribe those clips that the model has not transcribed yet, and save the results.

    clips: of `dataset`
    language: Whisper's code; None for each clip's own, which is detected if Whisper does not know
        it; English for a model that supports English only
    on_progress: called at least once per token; when stopped, the results so far are kept

    Raises OptionsError if the model does not support the language, WorkspaceError if the results
    cannot be saved.
    """
    path = _path(dataset, engine)
    known = _read(path)
    skipped: list[ImportProblem] = []
    languages: dict[DatasetClip, str] = {}
    for clip in clips:
        wanted = _language(engine, clip) if language is None else language
        if language is None and wanted and wanted not in engine.languages:
            reason = f"does not support the clip's language, {LANGUAGES[wanted]}"
            skipped.append(ImportProblem(clip.file_name, f"The model {engine.name} {reason}."))
        else:
            languages[clip] = wanted
    waiting = [
        clip
        for clip, wanted in languages.items()
        if clip.file_name not in known or known[clip.file_name].language != wanted
    ]
    # Clips of similar duration are batched, so that little time is spent on padding.
    waiting.sort(key=lambda clip: (languages[clip], clip.duration_s or MAX_CLIP_S))
    _append(path, dataset, {}, engine.name)  # `load` now reads the file of these weights
    n_done = n_new = 0
    for wanted, group in groupby(waiting, key=languages.__getitem__):
        options = TranscribeOptions(language=wanted or None)
        for batch in _batches(group):
            on_progress(n_done, len(waiting), "Reading clips")
            waveforms = _decode(dataset, batch, skipped)
            transcripts = engine.transcribe_clips(
                [*waveforms.values()],
                options,
                on_progress=part(on_progress, n_done, len(waiting), len(waveforms)),
            )
            predictions = {
                clip.file_name: _prediction(transcript, wanted)
                for clip, transcript in zip(waveforms, transcripts, strict=True)
            }
            _append(path, dataset, predictions, engine.name)
            n_done, n_new = n_done + len(batch), n_new + len(predictions)
    return PredictionSummary(n_new, len(languages) - len(waiting), tuple(skipped))


def load(dataset: Dataset, model: str) -> dict[str, Prediction]:
    """Read the predictions of a model by file name, of its latest weights.

    Empty if there are none. Raises WorkspaceError for a damaged file.
    """
    paths = [path for path in _paths(dataset) if _model(path) == model]
    return _read(paths[-1]) if paths else {}


def list_models(dataset: Dataset) -> list[str]:
    """Names of the models that have transcribed clips of the dataset, most recent first."""
    names = [_model(path) for path in reversed(_paths(dataset))]
    return list(dict.fromkeys(name for name in names if name))


def load_for_engine(engine: "Engine", dataset: Dataset) -> dict[str, Prediction]:
    """Read the predictions by file name of exactly this engine's weights."""
    return _read(_path(dataset, engine))


def _language(engine: "Engine", clip: DatasetClip) -> str:
    """The language to request for a clip; "" to detect it."""
    if not engine.is_multilingual:
        return "en"
    return clip.language if clip.language in LANGUAGES else ""


def _path(dataset: Dataset, engine: "Engine") -> Path:
    # Two names can have the same slug.
    digest = hashlib.sha256(f"{engine.name}\n{engine.fingerprint}".encode()).hexdigest()[:12]
    name = "-".join(filter(None, [slug(engine.name), digest]))
    return dataset.folder / FOLDER_NAME / f"{name}.csv"


def _paths(dataset: Dataset) -> list[Path]:
    """The files of all models, the last one written at the end."""
    paths = (dataset.folder / FOLDER_NAME).glob("*.csv")
    return sorted(paths, key=lambda path: path.stat().st_mtime_ns)


def _batches(clips: Iterable[DatasetClip]) -> Iterator[list[DatasetClip]]:
    """Split clips into batches that are worth saving and fit into memory."""
    batch: list[DatasetClip] = []
    seconds = 0.0
    for clip in clips:
        batch.append(clip)
        seconds += clip.duration_s or MAX_CLIP_S
        if len(batch) == _BATCH_SIZE or seconds >= _MAX_BATCH_S:
            yield batch
            batch, seconds = [], 0.0
    if batch:
        yield batch


def _decode(
    dataset: Dataset, clips: Sequence[DatasetClip], skipped: list[ImportProblem]
) -> dict[DatasetClip, "Waveform"]:
    """Decode clips; adds those that cannot be decoded to `skipped`."""
    waveforms = {}
    for clip in clips:
        try:
            waveform = audio.decode(dataset.audio_path(clip), max_duration_s=MAX_CLIP_S)
            waveforms[clip] = waveform.slice(0, MAX_CLIP_S)  # a decoder may add a few samples
        except LabError as error:
            skipped.append(ImportProblem(clip.file_name, str(error)))
    return waveforms


def _prediction(transcript: Transcript, language: str) -> Prediction:
    weights = [max(len(segment.tokens), 1) for segment in transcript.segments]
    total = sum(
        segment.confidence * weight
        for segment, weight in zip(transcript.segments, weights, strict=True)
    )
    return Prediction(
        text=" ".join(transcript.text.split()),  # a clip takes exactly one line of the file
        confidence=total / max(sum(weights), 1),
        language=language,
    )


def _append(
    path: Path, dataset: Dataset, predictions: Mapping[str, Prediction], model: str
) -> None:
    rows = [
        (file_name, prediction.text, f"{prediction.confidence:.4f}", prediction.language, model)
        for file_name, prediction in predictions.items()
    ]
    header = csv_text([_COLUMNS], line_end="\n").encode()
    lines = csv_text(rows, line_end="\n").encode()
    advice = "Free some space and try again; the results so far are kept."
    with disk_errors(path, advice), locked(dataset):
        path.parent.mkdir(exist_ok=True)
        path.touch()  # it becomes the newest file of the model's name even without rows
        append_only.append(path, lines, header=header)


def _read(path: Path) -> dict[str, Prediction]:
    """Read the predictions of a file; later lines override earlier ones."""
    try:
        return {
            file_name: Prediction(text, float(confidence), language)
            for file_name, text, confidence, language, _ in _rows(path)
        }
    except ValueError as error:
        raise _damaged(path, error) from error


def _model(path: Path) -> str:
    """The name of the model that a file is of; "" if the file has no predictions."""
    row = next(iter(_rows(path)), None)
    return row[-1] if row else ""


def _rows(path: Path) -> Iterator[list[str]]:
    """The rows of a file without the header, none if it does not exist; raises WorkspaceError."""
    try:
        content = append_only.complete_lines(path.read_bytes()).decode()
        yield from islice(csv.reader(io.StringIO(content, newline="")), 1, None)
    except FileNotFoundError:
        return
    except (OSError, ValueError, csv.Error) as error:
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> WorkspaceError:
    return WorkspaceError(
        f"{path} cannot be read ({error}). Delete it to transcribe the clips again."
    )
