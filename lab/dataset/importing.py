"""Corpora that come into the workspace, from wherever they are, in the background of the app.

source = OnDisk(Path("cv-corpus-17.0.tar.gz"))
seen = look(workspace, source)                 # explained to the person, who confirms or corrects
bring(workspace, "albanian", source, kind=seen.kind, language="sq")
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

from lab import dataset
from lab.core.progress import Progress, ignore
from lab.core.workspace import Workspace
from lab.dataset import Dataset
from lab.dataset.adding import target_of
from lab.dataset.sources import Source, Uploaded, opened
from lab.importers import Kind, Problem, Reading, kind_named, place_of
from lab.importers.archives import UnpackLimits
from lab.importers.source import NOT_THERE
from lab.jobs.queue import Entry, Job, JobQueue


@dataclass(frozen=True)
class Brought:
    """What has come into a dataset.

    n_new, n_known: clips that were added, and that were there before with the same name and sound
    problems: what is wrong in the source, each once
    """

    dataset: dataset.Dataset
    n_new: int
    n_known: int
    problems: tuple[Problem, ...]


def bring(
    workspace: Workspace,
    name: str,
    source: Source,
    *,
    kind: Kind,
    language: str,
    limits: UnpackLimits | None = None,
    on_progress: Progress = ignore,
) -> Brought:
    """Import a source into the dataset `name`, which is made if there is none.

    language: Whisper's code, for clips that have none of their own
    limits: of archives
    on_progress: called with the steps that are done, and shares of them; raising `Cancelled` from
        it stops

    All clips are added or, whatever stops it, none. Raises LabError.
    """
    target_of(workspace, name, language)  # refused before anything is fetched
    with opened(workspace, source, limits, on_progress) as found:
        reading = Reading(place_of(kind, found.folder), kind)
        done = dataset.import_clips(
            workspace,
            name,
            reading,
            language=language,
            may_move=found.may_move,
            on_progress=found.on_progress,
        )
    missing = _without_known(reading.problems, found.problems)
    problems = dict.fromkeys([*found.problems, *missing, *done.refused])
    return Brought(done.dataset, done.n_new, done.n_known, tuple(problems))


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


def _without_known(problems: list[Problem], refused: list[Problem]) -> list[Problem]:
    """Problems but those about files that are missing since they were refused before."""
    known: set[PurePosixPath] = set()
    for one in refused:
        path = PurePosixPath(one.name)
        known |= {path, *(path.relative_to(parent) for parent in path.parents)}
    return [
        one for one in problems if one.reason != NOT_THERE or PurePosixPath(one.name) not in known
    ]


def _forget(source: Source) -> None:
    if isinstance(source, Uploaded):
        source.staging.remove()
