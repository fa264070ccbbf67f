"""`evaluate`: how many words models get right, side by side on the same clips."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.shared import WorkspaceDir, mistakes_in_one_line
from lab.cli.terminal import Terminal
from lab.core.progress import Progress
from lab.core.workspace import Workspace, atomic_write

if TYPE_CHECKING:
    from lab.asr.engine import Engine
    from lab.evaluation import Report


@mistakes_in_one_line()
def evaluate(
    models: Annotated[
        list[str],
        typer.Option(
            "--model",
            metavar="NAME",
            help="A model or a run: the baseline, and again for each that it is beside.",
        ),
    ],
    datasets: Annotated[
        list[str], typer.Option("--dataset", metavar="NAME", help="One or, given again, several.")
    ],
    split: Annotated[
        str, typer.Option(metavar="SPLIT", help="train, validation, test, or all.")
    ] = "test",
    language: Annotated[
        str | None,
        typer.Option(metavar="CODE", help="What is spoken; else what the clips say of themselves."),
    ] = None,
    same: Annotated[
        str | None,
        typer.Option(
            metavar="WORDS",
            help="What the custom rates take for the same: case,punctuation,hyphens=join,w>v.",
        ),
    ] = None,
    output_dir: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write evaluation.json and predictions.csv here."),
    ] = None,
    workspace: WorkspaceDir = None,
) -> None:
    """Let models transcribe the clips of a split, and count their errors.

    Each clip is transcribed once by each model, and what was heard stays with the dataset.
    """
    from lab import dataset, evaluation
    from lab.scoring.normalise import from_words
    from lab.training.models import learned_by

    place = Workspace.default(workspace)
    chosen = [dataset.find(place, name) for name in dict.fromkeys(datasets)]
    custom = from_words(same) if same is not None else evaluation.CUSTOM
    with Terminal() as terminal:
        on_progress = terminal.progress("Evaluating")
        reports = evaluation.evaluate(
            _loaded(list(dict.fromkeys(models)), place, on_progress),
            chosen,
            split=split,
            language=language,
            without=learned_by(place, models),
            custom=custom,
            on_progress=on_progress,
        )
        terminal.write("\n\n".join(map(_shown, reports)) + "\n")
        if len(reports) > 1:
            terminal.write(f"\n{_matrix(reports)}\n")
        for report in reports:
            if sentence := evaluation.left_out(report):
                terminal.say(sentence)
            for problem in report.skipped:
                terminal.say(f"{report.dataset}: {problem.reason}")
        if output_dir:
            _write(reports, output_dir, terminal)


def _loaded(
    models: Sequence[str], workspace: Workspace, on_progress: Progress
) -> Iterator["Engine"]:
    """The models one by one, so that memory holds one of them."""
    from lab.training.models import load_engine

    for model in models:
        yield load_engine(workspace, model, on_progress=on_progress)


def _shown(report: "Report") -> str:
    from lab.evaluation import sentences

    minutes = sum(clip.duration_s or 0.0 for clip in report.clips) / 60
    width = max(len("MODEL"), *(len(result.model) for result in report.results))
    names = list(report.normalisers)
    lines = [
        f"{report.dataset}, {report.split}: {len(report.clips):,} clips"
        + (f", {minutes:.1f} min" if minutes else ""),
        f"{'MODEL':{width}} "
        + " ".join(f"{'WER ' + name:>10}" for name in names)
        + " "
        + " ".join(f"{'CER ' + name:>10}" for name in names)
        + "   INSERTED  LEFT OUT  REPLACED",
    ]
    for result in report.results:
        scores, words = result.scores, result.scores["basic"].words
        lines.append(
            f"{result.model:{width}} "
            + " ".join(f"{scores[name].wer:>10.1%}" for name in names)
            + " "
            + " ".join(f"{scores[name].cer:>10.1%}" for name in names)
            + f" {words.insertions:>10,} {words.deletions:>9,} {words.substitutions:>9,}"
        )
    return "\n".join([*lines, *sentences(report)])


def _matrix(reports: Sequence["Report"]) -> str:
    from lab.evaluation import matrix

    names = [report.dataset for report in reports]
    rates = matrix(reports)
    width = max(len("MODEL"), *map(len, rates))
    widths = [max(len(name), 7) for name in names]

    def line(first: str, cells: Sequence[str]) -> str:
        row = zip(cells, widths, strict=True)
        return f"{first:{width}}  " + "  ".join(f"{cell:>{wide}}" for cell, wide in row)

    rows = [line(model, [f"{of[name]:.1%}" for name in names]) for model, of in rates.items()]
    return "\n".join([line("MODEL", names), *rows])


def _write(reports: Sequence["Report"], folder: Path, terminal: Terminal) -> None:
    from lab.evaluation import report_files

    several = len(reports) > 1
    for report in reports:
        target = folder / report.dataset if several else folder
        for path in report_files.write(report, target):
            terminal.say(f"Wrote {path}")
    if several:
        path = folder / report_files.MATRIX_NAME
        with atomic_write(path) as beside:
            beside.write_bytes(report_files.matrix_csv(reports).encode())
        terminal.say(f"Wrote {path}")
