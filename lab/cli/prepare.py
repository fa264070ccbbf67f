"""`prepare`: recordings in, clean clips out."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.shared import BAD_INPUT, mistakes_in_one_line, one_line
from lab.cli.terminal import Terminal
from lab.core.errors import OptionsError
from lab.core.progress import Progress, ignore

if TYPE_CHECKING:
    from lab.preprocess import AudioFile, BatchReport, Recipe
    from lab.preprocess.export import ManifestRow

# The only one that splits: without clips there is little to prepare for.
_USUAL = "source-lab"
_N_NAMED = 3  # clips that fail a check; the table of figures is the page's matter


@mistakes_in_one_line()
def prepare(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE", help="Recordings, folders of them, or zips.")
    ],
    output_dir: Annotated[
        Path, typer.Option(metavar="DIR", help="Where the clips go; a folder without clips.")
    ],
    preset: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="source-lab: 22.05 kHz, mono, 16 bits, in clips of 1 to 30 s (the usual one, for "
            "it makes clips). whisper: 16 kHz, mono, 16 bits, not cut. as-is: changes nothing.",
        ),
    ] = None,
    recipe_file: Annotated[
        Path | None,
        typer.Option("--recipe", metavar="FILE", help="A recipe.yaml, instead of a preset."),
    ] = None,
) -> None:
    """Make clean clips of recordings, and say how fit they are to train with.

    Beside the clips lie manifest.csv, which says where each comes from, and recipe.yaml, which says
    how they were made and can be given to --recipe. Ctrl+C keeps the recordings that are finished.
    """
    recipe = _recipe(preset, recipe_file)
    from lab.preprocess import prepare_files
    from lab.preprocess.export import MANIFEST_NAME

    with Terminal() as terminal:
        recordings = _Recordings(files, terminal)
        try:
            report = prepare_files(
                recordings.one_by_one(), recipe, output_dir, on_progress=recordings.on_progress
            )
        except KeyboardInterrupt:
            if (output_dir / MANIFEST_NAME).exists():
                terminal.say(f"The recordings that were finished are in {output_dir}.")
            raise
        _tell(report, terminal)
        if report.rows:
            seconds = sum(row.duration_s for row in report.rows)
            terminal.write(
                f"{len(report.rows)} clips, {seconds / 60:.1f} minutes in all, in {output_dir}\n"
            )
            _check(report.rows, recipe, output_dir, terminal)
        else:
            terminal.say("There are no clips.")
    if report.failed or recordings.n_refused:
        raise typer.Exit(BAD_INPUT)


class _Recordings:
    """What was named on the command line, one recording after the other, and how far each is."""

    def __init__(self, files: Sequence[Path], terminal: Terminal) -> None:
        """List folders now: later the clips may lie in one of them."""
        self.n_refused = 0
        self._terminal = terminal
        self._show: Progress = ignore
        self._paths: dict[Path, None] = {}  # each once
        for path in files:
            found = _inside(path) if path.is_dir() else [path]
            if not found:
                self._refuse(f"{path} holds no recordings.")
            self._paths |= dict.fromkeys(found)

    def one_by_one(self) -> Iterator["AudioFile"]:
        """Each recording, read out of its zip when its turn comes."""
        from lab.preprocess import AudioFile

        for path in self._paths:
            self._show = self._terminal.progress(path.name)
            if path.suffix.lower() == ".zip":
                yield from self._inside_zip(path)
            else:
                yield AudioFile(path)

    def on_progress(self, done: float, total: float, note: str = "") -> None:
        """Progress of `prepare_files`, whose total counts the recordings that were begun."""
        self._show(done - (total - 1), 1, note)

    def _inside_zip(self, path: Path) -> Iterator["AudioFile"]:
        from lab.core.archives import ArchiveError, MemberError
        from lab.preprocess import AudioFile
        from lab.recordings.archives import recordings_in

        try:
            for member in recordings_in(path):
                problem = member.problem
                try:
                    if not problem:
                        self._show = self._terminal.progress(member.name)
                        yield AudioFile(member.read(), member.name)
                except MemberError as error:
                    problem = str(error)
                if problem:
                    self._refuse(f"{path.name}: “{member.name}” is skipped: {problem}.")
        except ArchiveError as error:
            self._refuse(one_line(error))

    def _refuse(self, why: str) -> None:
        self._terminal.say(why)
        self.n_refused += 1


def _inside(folder: Path) -> list[Path]:
    """The recordings in a folder and those inside it; what is hidden is none."""
    from lab.core.files import has_audio_suffix

    return sorted(
        path
        for path in folder.rglob("*")
        if has_audio_suffix(path) and not path.name.startswith(".") and path.is_file()
    )


def _recipe(preset: str | None, recipe_file: Path | None) -> "Recipe":
    from lab.preprocess import PRESETS, Recipe

    if recipe_file is None:
        name = preset or _USUAL
        if name not in PRESETS:
            raise OptionsError(f'There is no preset "{name}". Choose {", ".join(PRESETS)}.')
        return PRESETS[name]
    if preset is not None:
        raise OptionsError("Give --preset or --recipe, not both: each says all that is done.")
    try:
        text = recipe_file.read_text(encoding="utf-8")
    except OSError as error:
        raise OptionsError(f"{recipe_file} cannot be read ({error.strerror}).") from error
    except UnicodeDecodeError as error:
        raise OptionsError(f"{recipe_file} is no text, so it is no recipe.") from error
    return Recipe.from_yaml(text)


def _tell(report: "BatchReport", terminal: Terminal) -> None:
    """Say what failed, and what is to be known of the others."""
    for failed in report.failed:
        reason = " ".join(failed.reason.splitlines())
        terminal.say(reason if failed.name in reason else f"{failed.name}: {reason}")
    for done in report.prepared:
        for warning in done.warnings:
            terminal.say(f"{done.name}: {warning}")


def _check(
    rows: Sequence["ManifestRow"], recipe: "Recipe", folder: Path, terminal: Terminal
) -> None:
    """Print the checklist for the clips, as they lie on the disk."""
    from lab.audio.quality import examine, verdict

    show = terminal.progress("Checking the clips")
    clips = []
    for number, row in enumerate(rows):
        show(number, len(rows))
        clips.append(examine(folder / row.file_name))
    resample = recipe.resample
    checks = verdict(clips, sample_rate=resample.sample_rate) if resample else verdict(clips)
    for check in checks:
        failing = ", ".join(check.failing[:_N_NAMED])
        if len(check.failing) > _N_NAMED:
            failing += ", …"
        terminal.write(
            f"{'✓' if check.passed else '✗'} {check.title}: {check.sentence}"
            + (f" ({failing})\n" if failing else "\n")
        )
