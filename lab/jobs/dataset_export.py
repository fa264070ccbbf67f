"""Exports that are packed in the background of the app, into the workspace."""

from dataclasses import dataclass
from datetime import UTC, datetime

from lab.core.workspace import Workspace
from lab.dataset.exporting import Exported, export, exports_dir
from lab.dataset.store import Dataset
from lab.jobs.queue import Entry, Job, JobQueue


@dataclass(frozen=True)
class ExportJob(Job):
    """What is known of one export at this moment. exported: None before it is finished."""

    dataset: Dataset
    layout: str
    only_corrected: bool
    file_names: frozenset[str] | None = None
    exported: Exported | None = None


class ExportQueue(JobQueue[ExportJob]):
    """Packs zips one after the other."""

    def submit(
        self,
        workspace: Workspace,
        dataset: Dataset,
        *,
        layout: str,
        only_corrected: bool = False,
        file_names: frozenset[str] | None = None,
    ) -> int:
        """Line up an export with the choices of `lab.dataset.exporting`; returns its number."""
        return self.line_up(
            lambda number: ExportJob(number, workspace, dataset, layout, only_corrected, file_names)
        )

    def work_on(self, entry: Entry[ExportJob]) -> None:
        """Pack a zip; stopped or failed, it leaves nothing."""
        job = entry.job
        name = f"{job.dataset.name}-{job.layout}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{job.id}.zip"
        exported = export(
            job.dataset,
            exports_dir(job.workspace, job.dataset) / name,
            layout=job.layout,
            only_corrected=job.only_corrected,
            file_names=job.file_names,
            on_progress=self.watch(entry),
        )
        self.update(entry, exported=exported)
