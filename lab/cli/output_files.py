"""Files that recordings become, without one overwriting another: transcripts, folders."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, count
from pathlib import Path

from lab.cli.shared import ALL, expand_choice
from lab.core.errors import OptionsError, disk_errors
from lab.core.workspace import atomic_write
from lab.transcripts import FORMATS, Transcript


def expand_format(choice: str, output_dir: Path | None) -> list[str]:
    """The transcript formats that a choice such as “srt” or “all” stands for.

    Raises OptionsError if there is no such format, or for several without a folder.
    """
    if choice == ALL and output_dir is None:
        raise OptionsError(f"--format {ALL} writes several files: add --output-dir DIR.")
    return expand_choice(choice, FORMATS, "--format")


def unique_stems(
    paths: Iterable[Path], outputs: Callable[[str], Iterable[Path]], *, taken: Iterable[Path] = ()
) -> dict[Path, str]:
    """File names without suffix for each path, with a number where several have the same.

    outputs: the paths that a stem leads to, none of which is shared or in `taken`
    """
    used, stems = {_key(path) for path in taken}, {}
    for path in paths:
        candidates = chain([path.stem], (f"{path.stem}-{number}" for number in count(2)))
        stem = next(stem for stem in candidates if used.isdisjoint(map(_key, outputs(stem))))
        used.update(map(_key, outputs(stem)))
        stems[path] = stem
    return stems


class TranscriptWriter:
    """Writes the transcripts of recordings to a folder, as STEM.FORMAT; overwrites no recording."""

    def __init__(self, recordings: Sequence[Path], formats: Sequence[str], folder: Path) -> None:
        """Create the folder at once, so that an error comes before the work."""
        with disk_errors(folder, "Choose another folder.", action="created"):
            folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._formats = folder, formats
        self._stems = unique_stems(recordings, self._paths, taken=recordings)

    def write(self, recording: Path, transcript: Transcript, *, complete: bool) -> Iterator[Path]:
        """Write the transcript in each format; “.partial” is in the names of an incomplete one."""
        stem = self._stems[recording] + ("" if complete else ".partial")
        for format_name, path in zip(self._formats, self._paths(stem), strict=True):
            text = FORMATS[format_name](transcript)
            with atomic_write(path) as temporary:
                temporary.write_text(text, encoding="utf-8", newline="\n")
            yield path

    def _paths(self, stem: str) -> list[Path]:
        return [self._folder / f"{stem}.{format_name}" for format_name in self._formats]


def _key(path: Path) -> str:
    # Some file systems do not distinguish case.
    return str(path.resolve()).casefold()
