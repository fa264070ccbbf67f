"""An evaluation on the disk: `evaluation.json` for programs, `predictions.csv` with every clip."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from lab.core.errors import LabError, WorkspaceError
from lab.core.workspace import atomic_write, read_json, write_json
from lab.dataset import Entry
from lab.evaluation import Heard, Report, Result, matrix, report, sentences
from lab.importers import Problem
from lab.scoring import Comparison, Normaliser, Score, confusions, word_accuracy

JSON_NAME, CSV_NAME, MATRIX_NAME = "evaluation.json", "predictions.csv", "matrix.csv"

_CLIP_COLUMNS = ("file_name", "duration_s", "speaker", "language", "transcription")
_MOST_CONFUSIONS = 100


def write(of: Report, folder: Path) -> tuple[Path, Path]:
    """Write both files, each whole or not at all; returns their paths; raises WorkspaceError."""
    table, summary = folder / CSV_NAME, folder / JSON_NAME
    with atomic_write(table) as beside:
        beside.write_bytes(clips_csv(of).encode())
    write_json(summary, as_dict(of))
    return summary, table


def read(folder: Path) -> Report:
    """The report that was written to a folder; raises WorkspaceError where there is none."""
    content = read_json(folder / JSON_NAME)
    path = folder / CSV_NAME
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
        models = [one["model"] for one in content["models"]]
        written = report(
            content["dataset"],
            content["split"],
            [_entry(row) for row in rows],
            [_heard(model, rows) for model in models],
            custom=_normaliser(content["normalisers"]["custom"]),
            skipped=[Problem(**one) for one in content["skipped"]],
            at=content["at"],
        )
        return replace(written, n_learned=int(content.get("n_learned", 0)))
    except (OSError, ValueError, KeyError, TypeError, csv.Error, LabError) as error:
        raise WorkspaceError(
            f"The evaluation in {folder} cannot be read ({error!r}). Evaluate once more."
        ) from error


def clips_csv(of: Report) -> str:
    """A line for each clip: what was said, and what each model heard, with its error rates."""
    text = io.StringIO(newline="")
    table = csv.writer(text)
    columns = (name for result in of.results for name in _columns(result.model))
    table.writerow([*_CLIP_COLUMNS, *columns])
    for place, clip in enumerate(of.clips):
        cells: list[object] = [getattr(clip, name) for name in _CLIP_COLUMNS]
        for result in of.results:
            score = result.each["basic"][place]
            confidence = result.heard.confidences[place]
            cells += [result.heard.texts[place], f"{confidence:.4f}"]
            cells += [f"{score.wer:.4f}", f"{score.cer:.4f}"]
        table.writerow(cells)
    return text.getvalue()


def matrix_csv(reports: Sequence[Report], *, normaliser: str = "basic") -> str:
    """Error rates, a line for each model and a column for each dataset."""
    names = [one.dataset for one in reports]
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(["model", *names])
    for model, rates in matrix(reports, normaliser=normaliser).items():
        table.writerow([model, *(f"{rates[name]:.4f}" for name in names)])
    return text.getvalue()


def as_dict(of: Report) -> dict[str, Any]:
    """The figures of a report as JSON has them; error rates are fractions."""
    return {
        "at": of.at,
        "dataset": of.dataset,
        "split": of.split,
        "n_clips": len(of.clips),
        "duration_s": round(sum(clip.duration_s or 0.0 for clip in of.clips), 3),
        "unit": of.unit,
        "sentences": sentences(of),
        "models": [_result(of, result) for result in of.results],
        "normalisers": {name: asdict(one) for name, one in of.normalisers.items()},
        "n_learned": of.n_learned,
        "skipped": [asdict(problem) for problem in of.skipped],
    }


def _result(of: Report, result: Result) -> dict[str, Any]:
    pairs = of.pairs(result)
    missed = [one for one in word_accuracy(pairs) if one.missed]
    return {
        "model": result.model,
        "scores": {name: _score(one) for name, one in result.scores.items()},
        "versus_first": {unit: _comparison(one, unit) for unit, one in result.versus_first.items()},
        "confusions": {
            "characters": _first(confusions(pairs, unit="character")),
            "words": _first(confusions(pairs, unit="word")),
        },
        "worst_words": _first(missed),
    }


def _score(score: Score) -> dict[str, Any]:
    return {
        "wer": score.wer,
        "cer": score.cer,
        "words": asdict(score.words),
        "characters": asdict(score.characters),
    }


def _comparison(comparison: Comparison, unit: str) -> dict[str, Any]:
    sentence = comparison.sentence(unit)
    return {**asdict(comparison), "is_luck": comparison.is_luck, "sentence": sentence}


def _first(found: Sequence[Any]) -> list[dict[str, Any]]:
    return [asdict(one) for one in found[:_MOST_CONFUSIONS]]


def _columns(model: str) -> tuple[str, str, str, str]:
    return f"{model} text", f"{model} confidence", f"{model} wer", f"{model} cer"


def _entry(row: Mapping[str, str]) -> Entry:
    return Entry(
        row["file_name"],
        row["transcription"],
        speaker=row["speaker"],
        language=row["language"],
        duration_s=float(row["duration_s"]) if row["duration_s"] else None,
    )


def _heard(model: str, rows: Sequence[Mapping[str, str]]) -> Heard:
    text, confidence, *_ = _columns(model)
    return Heard(
        model,
        tuple(row[text] for row in rows),
        tuple(float(row[confidence]) for row in rows),
    )


def _normaliser(content: Mapping[str, Any]) -> Normaliser:
    pairs = tuple((spelling, same_as) for spelling, same_as in content["replacements"])
    return Normaliser(**{**content, "replacements": pairs})
