"""`prepare`: clips for training from recordings."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.shared import (
    BAD_INPUT,
    count,
    one_line,
    one_line_errors,
    option,
    preset_named,
    read_settings,
)
from lab.cli.terminal import Terminal
from lab.core.errors import OptionsError
from lab.core.progress import Progress, ignore

if TYPE_CHECKING:
    from lab.preprocess import AudioFile, BatchReport, Recipe
    from lab.preprocess.export import ManifestRow

# The only preset that splits recordings into clips.
_DEFAULT_PRESET = "source-lab"
_MAX_FAILING = 3  # clips named for each check


@one_line_errors()
def prepare(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Recordings, folders or zips of them.")
    ],
    output_dir: Annotated[Path, option("DIR", "Folder for the clips, without clips so far.")],
    preset: Annotated[
        str | None,
        option(
            "NAME",
            "source-lab (default): 22.05 kHz, mono, 16 bits, split into clips of 1 to 30 s. "
            "whisper: 16 kHz, mono, 16 bits, not split. as-is: no changes.",
        ),
    ] = None,
    recipe_file: Annotated[
        Path | None, option("FILE", "A recipe.yaml, instead of a preset.", "--recipe")
    ] = None,
) -> None:
    """Prepare clips for training from recordings.

    Then checks whether the clips are ready for training. DIR also gets manifest.csv, the source of
    each clip, and recipe.yaml, the settings, which --recipe accepts. Ctrl+C keeps the recordings
    that are finished.
    """
    from lab.preprocess import PRESETS, Recipe, prepare_files
    from lab.preprocess.export import MANIFEST_NAME

    if recipe_file is None:
        recipe = preset_named(preset or _DEFAULT_PRESET, PRESETS)
    elif preset is None:
        recipe = read_settings(Recipe, recipe_file)
    else:
        raise OptionsError("Give --preset or --recipe, not both.")
    with Terminal() as terminal:
        recordings = _Recordings(files, terminal)
        try:
            report = prepare_files(
                recordings.sources(), recipe, output_dir, on_progress=recordings.on_progress
            )
        except KeyboardInterrupt:
            if (output_dir / MANIFEST_NAME).exists():
                terminal.say(f"The finished recordings are in {output_dir}.")
            raise
        _report_problems(report, terminal)
        if report.rows:
            minutes = sum(row.duration_s for row in report.rows) / 60
            clips = count(len(report.rows), "clip")
            terminal.write(f"{clips}, {minutes:.1f} minutes in total, in {output_dir}\n")
            _check(report.rows, recipe, output_dir, terminal)
        else:
            terminal.say("There are no clips.")
    if report.failed or recordings.n_skipped:
        raise typer.Exit(BAD_INPUT)


class _Recordings:
    """The recordings named on the command line, with their progress; some may be in folders."""

    def __init__(self, files: Sequence[Path], terminal: Terminal) -> None:
        """List the folders now: the clips may be written to one of them."""
        self.n_skipped = 0
        self._terminal = terminal
        self._show: Progress = ignore
        self._paths: dict[Path, None] = {}  # without duplicates
        for path in files:
            paths = _recordings_below(path) if path.is_dir() else [path]
            if not paths:
                self._skip(f"{path} contains no recordings.")
            self._paths |= dict.fromkeys(paths)

    def sources(self) -> Iterator["AudioFile"]:
        """Yield the recordings; those in a zip are read one by one."""
        from lab.preprocess import AudioFile

        for path in self._paths:
            self._show = self._terminal.progress(path.name)
            if path.suffix.lower() == ".zip":
                yield from self._in_zip(path)
            else:
                yield AudioFile(path)

    def on_progress(self, done: float, total: float, note: str = "") -> None:
        """Progress of `prepare_files`, whose total counts the recordings started so far."""
        self._show(done - (total - 1), 1, note)

    def _in_zip(self, path: Path) -> Iterator["AudioFile"]:
        from lab.core.archives import ArchiveError, MemberError
        from lab.preprocess import AudioFile
        from lab.recordings.archives import recordings_in

        try:
            for member in recordings_in(path):
                problem = member.problem
                try:
                    if not problem:
                        self._show = self._terminal.progress(member.name)
                        # As bytes, because decoding seeks and this stream cannot; the limits of
                        # `recordings_in` bound their size.
                        yield AudioFile(member.read(), member.name)
                except MemberError as error:
                    problem = str(error)
                if problem:
                    self._skip(f"{path.name}: “{member.name}” was skipped: {problem}.")
        except ArchiveError as error:
            self._skip(one_line(error))

    def _skip(self, message: str) -> None:
        self._terminal.say(message)
        self.n_skipped += 1


def _recordings_below(folder: Path) -> list[Path]:
    """The recordings in a folder and its subfolders, except hidden files."""
    from lab.core.files import has_audio_suffix

    return sorted(
        path
        for path in folder.rglob("*")
        if has_audio_suffix(path) and not path.name.startswith(".") and path.is_file()
    )


def _report_problems(report: "BatchReport", terminal: Terminal) -> None:
    for failed in report.failed:
        reason = " ".join(failed.reason.splitlines())
        terminal.say(reason if failed.name in reason else f"{failed.name}: {reason}")
    for prepared in report.prepared:
        for warning in prepared.warnings:
            terminal.say(f"{prepared.name}: {warning}")


def _check(
    rows: Sequence["ManifestRow"], recipe: "Recipe", folder: Path, terminal: Terminal
) -> None:
    """Write which quality checks the clip files pass."""
    from lab.audio.quality import check_quality, measure_file

    on_progress = terminal.progress("Checking the clips")
    clips = []
    for number, row in enumerate(rows):
        on_progress(number, len(rows))
        clips.append(measure_file(folder / row.file_name))
    rate = {"sample_rate": recipe.resample.sample_rate} if recipe.resample else {}
    for check in check_quality(clips, **rate):
        mark = "✓" if check.passed else "✗"
        more = ["…"] if len(check.failing) > _MAX_FAILING else []
        failing = f" ({', '.join([*check.failing[:_MAX_FAILING], *more])})" if check.failing else ""
        terminal.write(f"{mark} {check.title}: {check.sentence}{failing}\n")
