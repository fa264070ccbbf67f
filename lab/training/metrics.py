"""The curves of a run: `metrics.csv`, a line for each step and each validation."""

import csv
import io
import math
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from lab.core.errors import WorkspaceError
from lab.core.workspace import atomic_write

FILE_NAME = "metrics.csv"


@dataclass(frozen=True)
class Row:
    """A line of the curves; None where there is nothing to say.

    step: batches so far
    epoch: times that each clip has been seen
    loss: of the batch, nats per token
    validation_loss, validation_wer, validation_cer: after this step
    clips_per_s: clips that were learned from in a second, lately
    seconds: of training so far, validations and earlier parts of a resumed run counted
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


_COLUMNS = [one.name for one in fields(Row)]


def read(run_dir: Path) -> list[Row]:
    """The lines of a run so far; a line that is just being written is left out."""
    try:
        text = (run_dir / FILE_NAME).read_text(encoding="utf-8")
    except OSError:
        return []
    lines = csv.reader(io.StringIO(text[: text.rfind("\n") + 1]))
    next(lines, None)
    rows = [_row(line) for line in lines if len(line) == len(_COLUMNS)]
    return [row for row in rows if row is not None]


def append(run_dir: Path, row: Row) -> None:
    """Add a line; raises WorkspaceError when the disk refuses."""
    path = run_dir / FILE_NAME
    try:
        with path.open("a", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            if file.tell() == 0:
                table.writerow(_COLUMNS)
            table.writerow(_line(row))
    except OSError as error:
        raise WorkspaceError(
            f"{path} cannot be written ({error.strerror or error}). "
            "Free some space and resume the run."
        ) from error


def cut(run_dir: Path, step: int) -> None:
    """Forget what came after a step, from which a run goes on; raises WorkspaceError."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(_COLUMNS)
    table.writerows(_line(row) for row in read(run_dir) if row.step <= step)
    with atomic_write(run_dir / FILE_NAME) as beside:
        beside.write_text(text.getvalue(), encoding="utf-8")


def _line(row: Row) -> list[str]:
    return ["" if value is None else f"{value:.8g}" for value in asdict(row).values()]


def _row(line: list[str]) -> Row | None:
    try:
        values = [float(value) if value else None for value in line]
    except ValueError:
        return None
    step, epoch, *others = values
    if step is None or epoch is None or not math.isfinite(step):
        return None
    return Row(int(step), epoch, *others)
