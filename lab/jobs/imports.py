"""Corpora that are imported in the background of the app."""

from collections.abc import Callable
from dataclasses import dataclass

from lab.core.workspace import Workspace
from lab.dataset import Dataset
from lab.dataset.importing import bring
from lab.dataset.sources import Source, Uploaded
from lab.importers import Kind, Problem, kind_named
from lab.importers.archives import UnpackLimits
from lab.jobs.queue import Entry, Job, JobQueue


@dataclass(frozen=True)
class ImportJob(Job):
    """What is known of an import at this moment.

    kind: the name of one
    dataset, n_new, n_known, problems: what came of it, as in `Brought`
    """

    source: Source
    name: str
    kind: str
    language: str
    limits: UnpackLimits | None = None
    dataset: str | None = None
    n_new: int = 0
    n_known: int = 0
    problems: tuple[Problem, ...] = ()


class ImportQueue(JobQueue[ImportJob]):
    """Imports one source after the other; one that is stopped leaves nothing."""

    def __init__(self, then: Callable[[Workspace, Dataset], object] = lambda *_: None) -> None:
        """then: called with each dataset that new clips have come into"""
        super().__init__()
        self._then = then

    def submit(
        self,
        workspace: Workspace,
        name: str,
        source: Source,
        *,
        kind: Kind,
        language: str,
        limits: UnpackLimits | None = None,
    ) -> int:
        """Line up an import; returns the number of its job. What was uploaded is the job's now."""
        return self.line_up(
            lambda number: ImportJob(number, workspace, source, name, kind.name, language, limits)
        )

    def work_on(self, entry: Entry[ImportJob]) -> None:
        job = entry.job
        try:
            done = bring(
                job.workspace,
                job.name,
                job.source,
                kind=kind_named(job.kind),
                language=job.language,
                limits=job.limits,
                on_progress=self.watch(entry),
            )
        finally:
            _forget(job.source)
        self.update(
            entry,
            dataset=done.dataset.name,
            n_new=done.n_new,
            n_known=done.n_known,
            problems=done.problems,
        )
        if done.n_new:
            self._then(job.workspace, done.dataset)

    def stop(self, workspace: Workspace, number: int) -> None:
        """Stop an import; nothing of it stays but what was downloaded, to go on from."""
        super().stop(workspace, number)
        for job in self.jobs(workspace):
            if job.id == number and job.is_over:  # it had not begun, and never will
                _forget(job.source)


def _forget(source: Source) -> None:
    if isinstance(source, Uploaded):
        source.staging.remove()
