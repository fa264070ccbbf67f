"""`evaluate`: error rates of models, compared on the same clips."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from lab.cli.shared import WorkspaceDir, count, format_table, one_line_errors, option
from lab.cli.terminal import Terminal
from lab.core.progress import Progress
from lab.core.workspace import Workspace, write_text

if TYPE_CHECKING:
    from lab.asr.engine import Engine
    from lab.evaluation import Report


@one_line_errors()
def evaluate(
    models: Annotated[
        list[str],
        option(
            "NAME",
            "A model or a run; repeat the option to compare others with the first.",
            "--model",
        ),
    ],
    datasets: Annotated[
        list[str], option("NAME", "A dataset; repeat the option for more.", "--dataset")
    ],
    split: Annotated[str, option("SPLIT", "train, validation, test or all.")] = "test",
    language: Annotated[
        str | None, option("CODE", "Spoken language; by default that of each clip.")
    ] = None,
    normalizer: Annotated[
        str | None,
        option(
            "OPTIONS", "What the custom scores ignore, such as case,punctuation,hyphens=join,w>v."
        ),
    ] = None,
    output_dir: Annotated[
        Path | None, option("DIR", "Write evaluation.json and predictions.csv here.")
    ] = None,
    workspace: WorkspaceDir = None,
) -> None:
    """Compare models on the same clips by WER and CER.

    Predictions are kept with the dataset, and reused.
    """
    from lab import dataset, evaluation
    from lab.scoring.normalizer import parse_normalizer
    from lab.training.models import training_files_of

    place = Workspace.default(workspace)
    chosen = [dataset.find(place, name) for name in dict.fromkeys(datasets)]
    custom = evaluation.CUSTOM if normalizer is None else parse_normalizer(normalizer)
    with Terminal() as terminal:
        on_progress = terminal.progress("Evaluating")
        reports = evaluation.evaluate(
            _load(list(dict.fromkeys(models)), place, on_progress),
            chosen,
            split=split,
            language=language,
            trained_on=training_files_of(place, models),
            custom=custom,
            on_progress=on_progress,
        )
        terminal.write("\n\n".join(map(_format, reports)) + "\n")
        if len(reports) > 1:
            names = [report.dataset for report in reports]
            rows = [["MODEL", *names]] + [
                [model, *(f"{rates[name]:.1%}" for name in names)]
                for model, rates in evaluation.matrix(reports).items()
            ]
            terminal.write(f"\n{format_table(rows)}\n")
        for report in reports:
            if note := evaluation.exclusion_note(report):
                terminal.say(note)
            for problem in report.skipped:
                terminal.say(f"{report.dataset}: {problem.reason}")
        if output_dir:
            _write(reports, output_dir, terminal)


def _load(models: Sequence[str], workspace: Workspace, on_progress: Progress) -> Iterator["Engine"]:
    """Load the models lazily, so that only one is in memory at a time."""
    from lab.training.models import load_engine

    for model in models:
        yield load_engine(workspace, model, on_progress=on_progress)


def _format(report: "Report") -> str:
    from lab.evaluation import summarize

    names = list(report.normalizers)
    header = [f"{rate} {name}" for rate in ("WER", "CER") for name in names]
    rows = [["MODEL", *header, "INSERTIONS", "DELETIONS", "SUBSTITUTIONS"]]
    for result in report.results:
        scores, words = result.scores, result.scores["basic"].words
        rates = [scores[name].wer for name in names] + [scores[name].cer for name in names]
        counts = words.insertions, words.deletions, words.substitutions
        rows.append([result.model, *(f"{rate:.1%}" for rate in rates), *(f"{n:,}" for n in counts)])
    minutes = f", {report.duration_s / 60:.1f} min" if report.duration_s else ""
    title = f"{report.dataset}, {report.split}: {count(len(report.clips), 'clip')}{minutes}"
    return "\n".join([title, format_table(rows), *summarize(report)])


def _write(reports: Sequence["Report"], folder: Path, terminal: Terminal) -> None:
    from lab.evaluation import report_files

    several = len(reports) > 1
    for report in reports:
        for path in report_files.write(report, folder / report.dataset if several else folder):
            terminal.say(f"Wrote {path}")
    if several:
        path = folder / report_files.MATRIX_NAME
        write_text(path, report_files.matrix_csv(reports))
        terminal.say(f"Wrote {path}")
