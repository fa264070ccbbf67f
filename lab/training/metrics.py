"""The training curves of a run: `metrics.csv`, with a row per step and per validation."""

import csv
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from lab.core.errors import disk_errors
from lab.core.files import csv_text
from lab.core.workspace import write_text

FILE_NAME = "metrics.csv"


@dataclass(frozen=True)
class Row:
    """Figures of a step or of a validation after it; None for those of the other kind.

    step: number of batches so far
    epoch: number of passes over the clips so far
    loss, validation_loss: nats per token
    clips_per_s: average over the last steps
    seconds: elapsed training time, with validations, across resumptions
    """

    step: int
    epoch: float
    loss: float | None = None
    learning_rate: float | None = None
    validation_loss: float | None = None
    validation_wer: float | None = None
    validation_cer: float | None = None
    clips_per_s: float | None = None
    seconds: float | None = None


_COLUMNS = [field.name for field in fields(Row)]


def read(run_dir: Path) -> list[Row]:
    """The rows of a run so far, without one that is being written."""
    try:
        text = (run_dir / FILE_NAME).read_text(encoding="utf-8")
    except OSError:
        return []
    lines = csv.reader(text[: text.rfind("\n") + 1].splitlines())
    return [row for cells in lines if (row := _row(cells))]


def append(run_dir: Path, row: Row) -> None:
    """Append a row; raises WorkspaceError if writing fails."""
    path = run_dir / FILE_NAME
    with (
        disk_errors(path, "Free some space and resume the run."),
        path.open("a", encoding="utf-8", newline="") as file,
    ):
        header = [] if file.tell() else [_COLUMNS]
        file.write(csv_text([*header, _cells(row)], line_end="\n"))


def truncate(run_dir: Path, step: int) -> None:
    """Remove the rows after a step from which a run resumes; raises WorkspaceError."""
    rows = [_cells(row) for row in read(run_dir) if row.step <= step]
    write_text(run_dir / FILE_NAME, csv_text([_COLUMNS, *rows], line_end="\n"))


def _cells(row: Row) -> list[str]:
    return ["" if value is None else f"{value:.8g}" for value in asdict(row).values()]


def _row(cells: list[str]) -> Row | None:
    """The row in a line; None for the header and for damaged lines."""
    if len(cells) != len(_COLUMNS):
        return None
    try:
        others = [float(cell) if cell else None for cell in cells[2:]]
        return Row(int(float(cells[0])), float(cells[1]), *others)
    except (ValueError, OverflowError):  # int() refuses infinity
        return None
