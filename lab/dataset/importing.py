"""Corpora that come into the workspace, from wherever they are, in the background of the app.

source = OnDisk(Path("cv-corpus-17.0.tar.gz"))
seen = look(workspace, source)                 # explained to the person, who confirms or corrects
bring(workspace, "albanian", source, kind=seen.kind, language="sq")
"""

from dataclasses import dataclass
from pathlib import PurePosixPath

from lab import dataset
from lab.core.progress import Progress, ignore
from lab.core.workspace import Workspace
from lab.dataset.adding import target_of
from lab.dataset.sources import Source, opened
from lab.importers import Kind, Problem, Reading, place_of
from lab.importers.archives import UnpackLimits
from lab.importers.source import NOT_THERE


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


def _without_known(problems: list[Problem], refused: list[Problem]) -> list[Problem]:
    """Problems but those about files that are missing since they were refused before."""
    known: set[PurePosixPath] = set()
    for one in refused:
        path = PurePosixPath(one.name)
        known |= {path, *(path.relative_to(parent) for parent in path.parents)}
    return [
        one for one in problems if one.reason != NOT_THERE or PurePosixPath(one.name) not in known
    ]
