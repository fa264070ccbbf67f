"""Exports of datasets in the background."""

from dataclasses import dataclass
from datetime import UTC, datetime

from lab.dataset import Dataset
from lab.dataset.export import DatasetExport, export_dataset, exports_dir
from lab.jobs.queue import Job, JobHandle, JobQueue


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
