"""Transcripts as files of a folder that a person names: STEM.FORMAT for each recording."""

from collections.abc import Iterator, Sequence
from itertools import chain, count
from pathlib import Path

from lab.core.errors import OptionsError, WorkspaceError
from lab.core.workspace import atomic_write
from lab.transcripts import FORMATS, Transcript

ALL = "all"


def formats_of(choice: str, folder: Path | None) -> list[str]:
    """The formats that "srt", say, or "all" stands for; raises `OptionsError` if there is none.

    Without a folder there has to be a single one.
    """
    if choice == ALL and folder is None:
        raise OptionsError(f"--format {ALL} makes several files: say where with --output-dir DIR.")
    if choice != ALL and choice not in FORMATS:
        raise OptionsError(f'There is no format "{choice}". Choose {", ".join(FORMATS)} or {ALL}.')
    return list(FORMATS) if choice == ALL else [choice]


class FileTarget:
    """The folder, and which names in it belong to which recording.

    Recordings of the same stem get different names, and none has that of a recording: what is
    written never takes the place of something that came with the same call.
    """

    def __init__(self, recordings: Sequence[Path], formats: Sequence[str], folder: Path) -> None:
        """Make the folder now: after the work, a refusal would cost an hour."""
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkspaceError(
                f"The folder {folder} cannot be made ({error.strerror}). Choose another one."
            ) from error
        self._folder, self._formats = folder, formats
        self._stems: dict[Path, str] = {}
        taken = {_key(path) for path in recordings}
        for path in recordings:
            stem = next(
                stem
                for stem in chain([path.stem], (f"{path.stem}-{number}" for number in count(2)))
                if taken.isdisjoint(map(_key, self._paths(stem)))
            )
            taken.update(map(_key, self._paths(stem)))
            self._stems[path] = stem

    def write(self, recording: Path, transcript: Transcript, *, complete: bool) -> Iterator[Path]:
        """Write each format, whole or not at all; a transcript that breaks off is called so."""
        stem = self._stems[recording] + ("" if complete else ".partial")
        for format_name, path in zip(self._formats, self._paths(stem), strict=True):
            text = FORMATS[format_name](transcript)
            with atomic_write(path) as beside:
                beside.write_text(text, encoding="utf-8", newline="\n")
            yield path

    def _paths(self, stem: str) -> list[Path]:
        return [self._folder / f"{stem}.{format_name}" for format_name in self._formats]


def _key(path: Path) -> str:
    # Without case, for some file systems do not tell "A" from "a".
    return str(path.resolve()).casefold()
