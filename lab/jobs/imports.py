"""Imports into datasets in the background."""

from collections.abc import Callable
from dataclasses import dataclass

from lab.core.archives import ArchiveLimits
from lab.core.workspace import Workspace
from lab.dataset import Dataset
from lab.dataset.importing import Source, UploadedSource, import_corpus
from lab.importers import CorpusFormat, ImportProblem
from lab.jobs.queue import Job, JobHandle, JobQueue


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
