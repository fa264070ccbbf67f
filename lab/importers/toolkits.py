"""What other programs for training on speech read: NeMo's manifests and Kaldi's tables."""

import re
from collections.abc import Iterator
from pathlib import Path

from lab.importers.source import Kind, Problems, Row, split_of
from lab.importers.tables import beginning, json_lines, lines, nested, text_of


def _recognise_nemo(folder: Path) -> str | None:
    for path in _manifests(folder):
        return f"“{path.name}” has a JSON object with audio_filepath in each line, as NeMo."
    return None


def _nemo(folder: Path, problems: Problems) -> Iterator[Row]:
    for path in _manifests(folder):
        words = re.split(r"[^a-z]+", path.stem.lower())
        split = next(filter(None, map(split_of, words)), "")
        for number, row in enumerate(json_lines(path, problems), start=1):
            name = text_of(row, "audio_filepath")
            if not name:
                problems.add(f"{path.name}, object {number}", "has no audio_filepath")
            elif row.get("offset"):
                problems.add(name, "is to be used in part (offset); cut it into clips first")
            else:
                yield Row(
                    name,
                    text_of(row, "text", "transcript"),
                    split,
                    text_of(row, "speaker", "speaker_id"),
                    text_of(row, "lang", "language", "source_lang"),
                )


def _manifests(folder: Path) -> list[Path]:
    return [
        path
        for path in sorted((*folder.glob("*.json"), *folder.glob("*.jsonl")))
        if '"audio_filepath"' in (beginning(path) or [""])[0]
    ]


def _recognise_kaldi(folder: Path) -> str | None:
    for path in nested(folder, "wav.scp"):
        if (path.parent / "text").is_file():
            shown = path.relative_to(folder).as_posix()
            return f"“{shown}” lists recordings, with “text” beside it, as Kaldi."
    return None


def _kaldi(folder: Path, problems: Problems) -> Iterator[Row]:
    for path in nested(folder, "wav.scp"):
        inside = path.parent
        if (inside / "segments").exists():
            problems.add(
                (inside / "segments").relative_to(folder).as_posix(),
                "says which parts of the recordings are used; cut them into clips first",
            )
            continue
        texts = _by_utterance(inside / "text", problems)
        speakers = _by_utterance(inside / "utt2spk", problems)
        for utterance, name in _by_utterance(path, problems).items():
            text = texts.pop(utterance, "")
            if name.endswith("|"):
                problems.add(utterance, "is the output of a command; commands are never run here")
                continue
            yield Row(name, text, split_of(inside.name), speakers.get(utterance, ""))
        for utterance in texts:
            problems.add(utterance, "has a text and no line in wav.scp")


def _by_utterance(path: Path, problems: Problems) -> dict[str, str]:
    """What a table of Kaldi says of each utterance; nothing where there is no such table."""
    said: dict[str, str] = {}
    if path.is_file():
        for line in lines(path):
            utterance, *rest = line.split(maxsplit=1) or [""]
            if utterance in said:
                problems.add(utterance, f"has two lines in {path.name}; the first is used")
            elif utterance:
                said[utterance] = rest[0].strip() if rest else ""
    return said


NEMO = Kind(
    "nemo",
    "NVIDIA NeMo: a manifest with JSON in each line: audio_filepath, text, duration",
    _recognise_nemo,
    _nemo,
)
KALDI = Kind(
    "kaldi",
    "Kaldi: wav.scp, text and utt2spk, with paths below the folder",
    _recognise_kaldi,
    _kaldi,
)
