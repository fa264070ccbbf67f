"""`dataset stats`: hours, speakers, splits, letters and words of a dataset."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab.cli.shared import WorkspaceDir, mistakes_in_one_line
from lab.core.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

    from lab.dataset.statistics import Summary

_LETTERS_SHOWN, _WORDS_SHOWN = 60, 12


@mistakes_in_one_line()
def stats(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A dataset of the workspace.")],
    as_json: Annotated[
        bool, typer.Option("--json", help="All figures, for other programs.")
    ] = False,
    workspace: WorkspaceDir = None,
) -> None:
    """Say how much there is in a dataset: hours, speakers, splits, letters and words."""
    from lab import dataset
    from lab.dataset import predictions, statistics

    found = dataset.find(Workspace.default(workspace), name)
    table = statistics.frame(found.entries())
    kept = table[table["status"] != dataset.EXCLUDED]
    figures = statistics.summary(table)
    letters = statistics.alphabet(kept["text"])
    words = statistics.vocabulary(kept["text"])
    models = predictions.list_models(found)
    if as_json:
        content: dict[str, Any] = {
            "name": found.name,
            **asdict(figures),
            "lengths": asdict(statistics.histogram(kept["duration"])),
            "rates": asdict(statistics.histogram(kept["rate"])),
            "letters": [asdict(letter) for letter in letters],
            "words": [asdict(word) for word in words.words],
            "n_words": words.n_words,
            "n_once": words.n_once,
            "predictions_of": models,
        }
        typer.echo(json.dumps(content, ensure_ascii=False, indent=1))
        return
    seen = " ".join(one.character for one in letters if not one.character.isspace())
    lines = [
        *_summary_lines(figures),
        *_range_line("Length", kept["duration"], "s"),
        *_range_line("Rate", kept["rate"], "characters a second"),
        ("Letters", f"{len(letters):,}: {_cut(seen, 2 * _LETTERS_SHOWN)}"),
        (
            "Words",
            f"{words.n_words:,}, of these {len(words.words):,} different; "
            f"{words.n_once:,} occur once",
        ),
        ("Frequent", ", ".join(f"{one.word} {one.count:,}" for one in words.words[:_WORDS_SHOWN])),
        ("Heard by", ", ".join(models)),
    ]
    for label, text in lines:
        if text:
            # What stands in a table may hold orders for a terminal.
            shown = "".join(char if char.isprintable() else "�" for char in text)
            typer.echo(f"{label:10} {shown}")
    typer.echo(f"\n{'SPLIT':10} {'CLIPS':>8} {'WITH TEXT':>9} {'SPEAKERS':>8} {'HOURS':>8}")
    for split in figures.splits:
        typer.echo(
            f"{split.name or 'none':10} {split.n_clips:>8,} {split.n_with_text:>9,} "
            f"{split.n_speakers:>8,} {split.duration_s / 3600:>8.2f}"
        )


def _summary_lines(figures: "Summary") -> list[tuple[str, str]]:
    unknown = figures.n_without_length
    return [
        ("Clips", f"{figures.n_clips:,}, of these {figures.n_excluded:,} excluded"),
        (
            "Hours",
            f"{figures.hours:.2f}"
            + (f"; the length of {unknown:,} clips is not known" if unknown else ""),
        ),
        ("With text", f"{figures.n_with_text:,}, of these {figures.n_corrected:,} corrected"),
        ("Speakers", f"{figures.n_speakers:,}"),
    ]


def _range_line(label: str, values: "pd.Series[float]", unit: str) -> list[tuple[str, str]]:
    known = values.replace(float("inf"), float("nan")).dropna()
    if known.empty:
        return []
    low, middle, high = known.min(), known.median(), known.max()
    return [(label, f"{low:.1f} to {high:.1f} {unit}, half of the clips below {middle:.1f}")]


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}…"
