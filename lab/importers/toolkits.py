"""Inputs of training toolkits: Hugging Face's audiofolder, NeMo's manifests, Kaldi's tables.

An audiofolder has metadata next to the audio, in one folder or one per split.
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from lab.importers.source import CorpusFormat, CorpusRow, ProblemLog, split_of
from lab.importers.tables import (
    find_tables,
    first_line,
    first_value,
    read_csv,
    read_json_lines,
    read_lines,
)

_METADATA_NAMES = ("metadata.csv", "metadata.jsonl")


def _detect_audiofolder(folder: Path) -> str | None:
    for path in find_tables(folder, *_METADATA_NAMES):
        if "file_name" in first_line(path):
            name = path.relative_to(folder).as_posix()
            return f"“{name}” has the column file_name, as in Hugging Face's audiofolder."
    return None


def _audiofolder(folder: Path, problems: ProblemLog) -> Iterator[CorpusRow]:
    for path in find_tables(folder, *_METADATA_NAMES):
        inside = PurePosixPath(path.parent.relative_to(folder).as_posix())
        rows: Iterator[dict[str, Any]] = (
            read_csv(path, problems) if path.suffix == ".csv" else read_json_lines(path, problems)
        )
        for number, row in enumerate(rows, start=1):
            name = first_value(row, "file_name")
            if not name:
                problems.add(f"{path.name}, row {number}", "has no file_name")
                continue
            yield CorpusRow(
                # An absolute path stays absolute and is checked like any other name.
                str(inside / name),
                first_value(row, "transcription", "text", "sentence"),
                split_of(first_value(row, "split")) or split_of(path.parent.name),
                first_value(row, "speaker", "speaker_id"),
                first_value(row, "language", "lang", "locale"),
                first_value(row, "status"),
            )


def _detect_nemo(folder: Path) -> str | None:
    if not (paths := _manifests(folder)):
        return None
    return f"“{paths[0].name}” has a JSON object with audio_filepath on each line, as in NeMo."


def _nemo(folder: Path, problems: ProblemLog) -> Iterator[CorpusRow]:
    for path in _manifests(folder):
        words = re.split(r"[^a-z]+", path.stem.lower())
        split = next(filter(None, map(split_of, words)), "")
        for number, row in enumerate(read_json_lines(path, problems), start=1):
            name = first_value(row, "audio_filepath")
            if not name:
                problems.add(f"{path.name}, object {number}", "has no audio_filepath")
            elif row.get("offset"):
                problems.add(name, "is used only in part (offset); cut it into clips first")
            else:
                yield CorpusRow(
                    name,
                    first_value(row, "text", "transcript"),
                    split,
                    first_value(row, "speaker", "speaker_id"),
                    first_value(row, "lang", "language", "source_lang"),
                )


def _manifests(folder: Path) -> list[Path]:
    return [
        path
        for path in sorted((*folder.glob("*.json"), *folder.glob("*.jsonl")))
        if '"audio_filepath"' in first_line(path)
    ]


def _detect_kaldi(folder: Path) -> str | None:
    for path in find_tables(folder, "wav.scp"):
        if (path.parent / "text").is_file():
            name = path.relative_to(folder).as_posix()
            return f"“{name}” lists recordings, next to “text”, as in Kaldi."
    return None


def _kaldi(folder: Path, problems: ProblemLog) -> Iterator[CorpusRow]:
    for path in find_tables(folder, "wav.scp"):
        inside = path.parent
        if (inside / "segments").exists():
            problems.add(
                (inside / "segments").relative_to(folder).as_posix(),
                "selects parts of the recordings; cut them into clips first",
            )
            continue
        texts = _by_utterance(inside / "text", problems)
        speakers = _by_utterance(inside / "utt2spk", problems)
        for utterance, name in _by_utterance(path, problems).items():
            text = texts.pop(utterance, "")
            if name.endswith("|"):
                problems.add(utterance, "is the output of a command, which is never run here")
                continue
            yield CorpusRow(name, text, split_of(inside.name), speakers.get(utterance, ""))
        for utterance in texts:
            problems.add(utterance, "has a text but no line in wav.scp")


def _by_utterance(path: Path, problems: ProblemLog) -> dict[str, str]:
    """A table of Kaldi as a dictionary by utterance; empty if there is no such file."""
    values: dict[str, str] = {}
    if path.is_file():
        for line in read_lines(path):
            utterance, *rest = line.split(maxsplit=1) or [""]
            if utterance in values:
                problems.add(utterance, f"has two lines in {path.name}; the first is used")
            elif utterance:
                values[utterance] = rest[0].strip() if rest else ""
    return values


AUDIOFOLDER = CorpusFormat(
    "audiofolder",
    "metadata.csv or metadata.jsonl with file_name and transcription (or text, or sentence)",
    _detect_audiofolder,
    _audiofolder,
)
NEMO = CorpusFormat(
    "nemo",
    "NVIDIA NeMo: a manifest with JSON on each line: audio_filepath, text, duration",
    _detect_nemo,
    _nemo,
)
KALDI = CorpusFormat(
    "kaldi", "Kaldi: wav.scp, text and utt2spk, with paths inside the folder", _detect_kaldi, _kaldi
)
