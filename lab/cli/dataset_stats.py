"""`dataset stats`: hours, speakers, splits, letters and words of a dataset."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lab.cli.shared import DatasetName, WorkspaceDir, format_table, one_line_errors
from lab.core.workspace import Workspace

if TYPE_CHECKING:
    import pandas as pd

_MAX_LETTERS, _MAX_WORDS = 60, 12


@one_line_errors()
def stats(
    name: DatasetName,
    as_json: Annotated[bool, typer.Option("--json", help="Print all statistics as JSON.")] = False,
    workspace: WorkspaceDir = None,
) -> None:
    """Show hours, speakers, splits, letters and words."""
    from lab import dataset
    from lab.dataset import predictions, statistics

    found = dataset.find(Workspace.default(workspace), name)
    table = statistics.frame(found.clips())
    included = table[table["status"] != dataset.EXCLUDED]
    total = statistics.summary(table)
    letters = statistics.alphabet(included["text"])
    words = statistics.vocabulary(included["text"])
    models = predictions.list_models(found)
    if as_json:
        content: dict[str, Any] = {
            "name": found.name,
            **asdict(total),
            "lengths": asdict(statistics.histogram(included["duration"])),
            "rates": asdict(statistics.histogram(included["rate"])),
            "letters": [asdict(letter) for letter in letters],
            "words": [asdict(word) for word in words.words],
            "n_words": words.n_words,
            "n_once": words.n_once,
            "predictions_of": models,
        }
        typer.echo(json.dumps(content, ensure_ascii=False, indent=1))
        return
    characters = " ".join(one.character for one in letters if not one.character.isspace())
    if len(characters) > 2 * _MAX_LETTERS:
        characters = f"{characters[: 2 * _MAX_LETTERS]}…"
    unknown = f" ({total.n_without_duration:,} clips of unknown length)"
    lines = {
        "Clips": f"{total.n_clips:,} ({total.n_excluded:,} excluded)",
        "Hours": f"{total.hours:.2f}{unknown if total.n_without_duration else ''}",
        "With text": f"{total.n_with_text:,} ({total.n_corrected:,} corrected)",
        "Speakers": f"{total.n_speakers:,}",
        "Length": _range(included["duration"], "s"),
        "Rate": _range(included["rate"], "characters per second"),
        "Letters": f"{len(letters):,}: {characters}",
        "Words": f"{words.n_words:,} ({len(words.words):,} different, {words.n_once:,} used once)",
        "Frequent": ", ".join(f"{one.word} {one.count:,}" for one in words.words[:_MAX_WORDS]),
        "Predictions": ", ".join(models),
    }
    for label, text in lines.items():
        if text:
            # Texts may contain control sequences for the terminal.
            printable = "".join(char if char.isprintable() else "�" for char in text)
            typer.echo(f"{label:12} {printable}")
    rows = [("SPLIT", "CLIPS", "WITH TEXT", "SPEAKERS", "HOURS")]
    for split in total.splits:
        clips, texts, speakers = split.n_clips, split.n_with_text, split.n_speakers
        hours = f"{split.duration_s / 3600:.2f}"
        rows.append((split.name or "none", f"{clips:,}", f"{texts:,}", f"{speakers:,}", hours))
    typer.echo(f"\n{format_table(rows)}")


def _range(values: "pd.Series[float]", unit: str) -> str:
    """Minimum, maximum and median; "" if there are no values."""
    finite = values.replace(float("inf"), float("nan")).dropna()
    if finite.empty:
        return ""
    low, median, high = finite.min(), finite.median(), finite.max()
    return f"{low:.1f} to {high:.1f} {unit}, median {median:.1f}"
