"""Background jobs on datasets: import, analysis, language check, transcription and export."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from lab import dataset
from lab.core.archives import ArchiveLimits
from lab.core.errors import OptionsError
from lab.core.workspace import Workspace
from lab.dataset import EXCLUDED, Dataset, DatasetClip, language_check
from lab.dataset.audio_stats import analyse_clips
from lab.dataset.export import DatasetExport, export_dataset, exports_dir
from lab.dataset.importing import Source, UploadedSource, import_corpus
from lab.dataset.language_check import SAMPLE_SIZE, ClipLanguage, LanguageCheck
from lab.dataset.predictions import predict
from lab.importers import CorpusFormat, ImportProblem
from lab.jobs.queue import Job, JobHandle, JobQueue, ModelQueue


@dataclass(frozen=True)
class ImportJob(Job):
    """The state of an import.

    source: uploads are deleted when the job ends
    name: of the dataset to import into
    dataset, n_new, n_known, problems: the outcome, as in `lab.dataset.ImportResult`
    """

    source: Source
    name: str
    corpus_format: CorpusFormat
    language: str
    limits: ArchiveLimits | None = None
    dataset: str | None = None
    n_new: int = 0
    n_known: int = 0
    problems: tuple[ImportProblem, ...] = ()


class ImportQueue(JobQueue[ImportJob]):
    """Imports one source after the other; a stopped import leaves nothing behind."""

    unit = "import"
    memory_advice = "Split the corpus and import it in smaller parts."

    def __init__(self, on_import: Callable[[Workspace, Dataset], object] = lambda *_: None) -> None:
        """on_import: called with each dataset that new clips were imported into"""
        super().__init__()
        self._on_import = on_import

    def run(self, handle: JobHandle[ImportJob]) -> None:
        job = handle.job
        try:
            result = import_corpus(
                job.workspace,
                job.name,
                job.source,
                corpus_format=job.corpus_format,
                language=job.language,
                limits=job.limits,
                on_progress=self.progress(handle),
            )
        finally:
            _discard_uploads(job.source)
        self.update(
            handle,
            dataset=result.dataset.name,
            n_new=result.n_new,
            n_known=result.n_known,
            problems=result.problems,
        )
        if result.n_new:
            self._on_import(job.workspace, result.dataset)

    def stop(self, workspace: Workspace, job_id: int) -> None:
        """Stop an import; only a partial download is kept, to be resumed."""
        super().stop(workspace, job_id)
        for job in self.jobs(workspace):
            if job.id == job_id and job.is_finished:  # it never started
                _discard_uploads(job.source)


def _discard_uploads(source: Source) -> None:
    if isinstance(source, UploadedSource):
        source.staging.remove()


@dataclass(frozen=True)
class DatasetAnalysisJob(Job):
    """A snapshot of one analysis."""

    dataset: Dataset


@dataclass(frozen=True)
class LanguageCheckJob(Job):
    """A snapshot of one language check. n_clips: size of the sample; None checks all clips"""

    dataset: Dataset
    model: str = "base"
    n_clips: int | None = SAMPLE_SIZE


class DatasetAnalysisQueue(JobQueue[DatasetAnalysisJob]):
    """Measures the audio of all clips. Measurements made before a stop or failure are kept."""

    unit = "analysis"

    def run(self, handle: JobHandle[DatasetAnalysisJob]) -> None:
        """Measure the clips that have not been measured yet."""
        dataset = handle.job.dataset
        clips = [clip for clip in dataset.clips() if clip.status != EXCLUDED]
        analyse_clips(dataset, clips, on_progress=self.progress(handle))


class LanguageCheckQueue(ModelQueue[LanguageCheckJob]):
    """Detects which language the clips of a dataset are in."""

    unit = "language check"

    def run(self, handle: JobHandle[LanguageCheckJob]) -> None:
        """Detect languages. Results obtained before a stop or failure are kept."""
        job = handle.job
        clips = language_check.sample(job.dataset.clips(), job.n_clips)
        if not clips:
            raise OptionsError(
                "No clip has a language that Whisper knows, so there is nothing to check. Set the "
                "language of the clips first."
            )
        engine = self._load(handle, job.model)
        detected: list[ClipLanguage] = []
        try:
            for clip in language_check.detect_languages(
                engine, job.dataset, clips, on_progress=self.progress(handle)
            ):
                detected.append(clip)
        finally:
            if detected:
                language_check.save(job.dataset, LanguageCheck(job.model, tuple(detected)))


@dataclass(frozen=True)
class PredictionJob(Job):
    """A snapshot of one prediction job; its results are set when it is done.

    clips: clips to transcribe; those with a saved prediction are not transcribed again
    n_new, n_known: number of clips transcribed by this job and by earlier ones
    skipped: clips that could not be transcribed, with the reason
    language: Whisper's language code; None uses the language of each clip
    """

    dataset_name: str
    clips: tuple[DatasetClip, ...]
    model: str
    language: str | None = None
    n_new: int = 0
    n_known: int = 0
    skipped: tuple[ImportProblem, ...] = ()


class PredictionQueue(ModelQueue[PredictionJob]):
    """Transcribes the clips of datasets with the models of a pool."""

    unit = "transcription of clips"

    def run(self, handle: JobHandle[PredictionJob]) -> None:
        """Transcribe. Predictions saved before a stop or failure are kept."""
        job = handle.job
        result = predict(
            self._load(handle, job.model),
            dataset.find(job.workspace, job.dataset_name),
            job.clips,
            language=job.language,
            on_progress=self.progress(handle),
        )
        self.update(handle, n_new=result.n_new, n_known=result.n_known, skipped=result.skipped)


@dataclass(frozen=True)
class ExportJob(Job):
    """A snapshot of one export, with the options of `export_dataset`.

    exported: the result; None until it is done
    """

    dataset: Dataset
    layout: str
    only_corrected: bool = False
    file_names: frozenset[str] | None = None
    exported: DatasetExport | None = None


class ExportQueue(JobQueue[ExportJob]):
    """Writes dataset exports as zip files."""

    unit = "export"

    def run(self, handle: JobHandle[ExportJob]) -> None:
        """Write the zip; if stopped or failed, nothing is left behind."""
        job = handle.job
        name = f"{job.dataset.name}-{job.layout}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{job.id}.zip"
        exported = export_dataset(
            job.dataset,
            exports_dir(job.workspace, job.dataset) / name,
            layout=job.layout,
            only_corrected=job.only_corrected,
            file_names=job.file_names,
            on_progress=self.progress(handle),
        )
        self.update(handle, exported=exported)
