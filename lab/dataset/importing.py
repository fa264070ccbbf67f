"""Importing a corpus from any source into a dataset.

source = LocalSource(Path("cv-corpus-17.0.tar.gz"))
info = inspect_source(workspace, source)      # shown to the person, who confirms or corrects it
import_corpus(workspace, "albanian", source, corpus_format=info.format, language="sq")
"""

from dataclasses import replace
from pathlib import PurePosixPath

from lab.core.archives import ArchiveLimits
from lab.core.progress import Progress, ignore
from lab.core.workspace import Workspace
from lab.dataset.adding import ImportResult, import_clips, import_target
from lab.dataset.sources import Source, open_source
from lab.importers import CorpusFormat, CorpusReader, ImportProblem, find_corpus
from lab.importers.source import MISSING_FILE


def import_corpus(
    workspace: Workspace,
    name: str,
    source: Source,
    *,
    corpus_format: CorpusFormat,
    language: str,
    limits: ArchiveLimits | None = None,
    on_progress: Progress = ignore,
) -> ImportResult:
    """Import a source into the dataset `name`, which is created if it does not exist.

    language: Whisper's code, for clips without a language of their own
    limits: of archives

    Either all clips are added or none. Raises LabError.
    """
    import_target(workspace, name, language)  # fails before anything is downloaded
    with open_source(workspace, source, limits, on_progress) as opened:
        reader = CorpusReader(find_corpus(corpus_format, opened.folder), corpus_format)
        result = import_clips(
            workspace,
            name,
            reader,
            language=language,
            may_move=opened.may_move,
            on_progress=opened.on_progress,
        )
    unexplained = _not_refused(reader.problems, opened.problems)
    problems = dict.fromkeys([*opened.problems, *unexplained, *result.problems])
    return replace(result, problems=tuple(problems))


def _not_refused(
    problems: list[ImportProblem], refused: list[ImportProblem]
) -> list[ImportProblem]:
    """The problems except files that are missing because they were refused on unpacking."""
    names: set[PurePosixPath] = set()
    for problem in refused:
        path = PurePosixPath(problem.name)
        names |= {path, *(path.relative_to(parent) for parent in path.parents)}
    return [
        problem
        for problem in problems
        if problem.reason != MISSING_FILE or PurePosixPath(problem.name) not in names
    ]
