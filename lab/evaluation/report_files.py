"""Evaluation reports on disk: `evaluation.json` with scores, `predictions.csv` with every clip."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lab.core.errors import LabError, WorkspaceError
from lab.core.files import csv_text
from lab.core.renamed_keys import current_names
from lab.core.workspace import read_json, write_json, write_text
from lab.dataset import DatasetClip
from lab.evaluation import Hypotheses, Report, Result, build_report, matrix, summarize
from lab.importers import ImportProblem
from lab.scoring import Normalizer, confusions, word_accuracy

JSON_NAME, CSV_NAME, MATRIX_NAME = "evaluation.json", "predictions.csv", "matrix.csv"

_CLIP_COLUMNS = ("file_name", "duration_s", "speaker", "language", "transcription")
_MAX_ROWS = 100  # of confusions and of missed words


def write(report: Report, folder: Path) -> tuple[Path, Path]:
    """Write both files atomically; returns their paths. Raises WorkspaceError."""
    table, summary = folder / CSV_NAME, folder / JSON_NAME
    write_text(table, clips_csv(report))
    write_json(summary, as_dict(report))
    return summary, table


def read(folder: Path) -> Report:
    """Read the report from a folder; raises WorkspaceError if it is missing or damaged."""
    content = current_names(JSON_NAME, read_json(folder / JSON_NAME))
    path = folder / CSV_NAME
    try:
        rows = list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8"), newline="")))
        models = [one["model"] for one in content["models"]]
        return build_report(
            content["dataset"],
            content["split"],
            [_clip(row) for row in rows],
            [_hypotheses(model, rows) for model in models],
            custom=_normalizer(content["normalizers"]["custom"]),
            skipped=[ImportProblem(**one) for one in content["skipped"]],
            n_trained_on=int(content.get("n_trained_on", 0)),
            at=content["at"],
        )
    except (OSError, ValueError, KeyError, TypeError, csv.Error, LabError) as error:
        raise WorkspaceError(
            f"The evaluation in {folder} cannot be read ({error!r}). Run the evaluation again."
        ) from error


def clips_csv(report: Report) -> str:
    """CSV with one row per clip: its text, and each model's hypothesis, confidence, WER and CER."""
    rows: list[list[object]] = [[*_CLIP_COLUMNS]]
    rows[0] += [name for result in report.results for name in _columns(result.model)]
    for index, clip in enumerate(report.clips):
        cells: list[object] = [getattr(clip, name) for name in _CLIP_COLUMNS]
        for result in report.results:
            score = result.clip_scores["basic"][index]
            rates = (result.hypotheses.confidences[index], score.wer, score.cer)
            cells += [result.hypotheses.texts[index], *(f"{rate:.4f}" for rate in rates)]
        rows.append(cells)
    return csv_text(rows)


def matrix_csv(reports: Sequence[Report], *, normalizer: str = "basic") -> str:
    """CSV of error rates with one row per model and one column per dataset."""
    names = [report.dataset for report in reports]
    rows = [["model", *names]]
    for model, rates in matrix(reports, normalizer=normalizer).items():
        rows.append([model, *(f"{rates[name]:.4f}" for name in names)])
    return csv_text(rows)


def as_dict(report: Report) -> dict[str, Any]:
    """The content of `evaluation.json`; error rates are fractions."""
    return {
        "at": report.at,
        "dataset": report.dataset,
        "split": report.split,
        "n_clips": len(report.clips),
        "duration_s": round(report.duration_s, 3),
        "unit": report.unit,
        "sentences": summarize(report),
        "models": [_result(report, result) for result in report.results],
        "normalizers": {name: asdict(one) for name, one in report.normalizers.items()},
        "n_trained_on": report.n_trained_on,
        "skipped": [asdict(problem) for problem in report.skipped],
    }


def _result(report: Report, result: Result) -> dict[str, Any]:
    pairs = report.pairs(result)
    missed = [word for word in word_accuracy(pairs) if word.n_missed]
    return {
        "model": result.model,
        "scores": {
            name: {"wer": score.wer, "cer": score.cer, **asdict(score)}
            for name, score in result.scores.items()
        },
        "versus_baseline": {
            unit: {
                **asdict(comparison),
                "is_significant": comparison.is_significant,
                "sentence": comparison.sentence(unit),
            }
            for unit, comparison in result.versus_baseline.items()
        },
        "confusions": {
            "characters": _first(confusions(pairs, unit="character")),
            "words": _first(confusions(pairs, unit="word")),
        },
        "worst_words": _first(missed),
    }


def _first(items: Sequence[Any]) -> list[dict[str, Any]]:
    return [asdict(item) for item in items[:_MAX_ROWS]]


def _columns(model: str) -> tuple[str, str, str, str]:
    return f"{model} text", f"{model} confidence", f"{model} wer", f"{model} cer"


def _clip(row: Mapping[str, str]) -> DatasetClip:
    return DatasetClip(
        row["file_name"],
        row["transcription"],
        speaker=row["speaker"],
        language=row["language"],
        duration_s=float(row["duration_s"]) if row["duration_s"] else None,
    )


def _hypotheses(model: str, rows: Sequence[Mapping[str, str]]) -> Hypotheses:
    text, confidence, *_ = _columns(model)
    return Hypotheses(
        model,
        tuple(row[text] for row in rows),
        tuple(float(row[confidence]) for row in rows),
    )


def _normalizer(content: Mapping[str, Any]) -> Normalizer:
    pairs = tuple((spelling, same_as) for spelling, same_as in content["replacements"])
    return Normalizer(**{**content, "replacements": pairs})
