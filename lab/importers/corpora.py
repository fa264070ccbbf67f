"""Corpora that are published in a layout of their own."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from lab.core.languages import LANGUAGES
from lab.importers.source import (
    Kind,
    Problems,
    Row,
    audio_files,
    by_stem,
    split_of,
    whisper_code,
)
from lab.importers.tables import beginning, split_lines, tab_separated, text_of

# The tables of Common Voice. What is in none of the first three has no split.
_COMMON_VOICE_TABLES = ("train", "dev", "test", "validated")
_COMMON_VOICE_COLUMNS = {"client_id", "path", "sentence"}
_SPEAKER_LENGTH = 10  # of 128 hexadecimal digits, for which there is no room in a table

# id, file name, text as written, normalised text, letters, number of samples, gender
_FLEURS_FIELDS = 7
_LONGEST_CODE = 3
_FLEURS_NAME = re.compile(
    "[a-z]{2,3}(_[a-z]{4})?_([a-z]{2}|[0-9]{3})"
)  # sq_al, cmn_hans_cn, es_419


def _recognise_common_voice(folder: Path) -> str | None:
    for split in _COMMON_VOICE_TABLES:
        header = (beginning(folder / f"{split}.tsv") or [""])[0].split("\t")
        if set(header) >= _COMMON_VOICE_COLUMNS:
            return f"“{split}.tsv” has the columns client_id, path and sentence, as Common Voice."
    return None


def _common_voice(folder: Path, problems: Problems) -> Iterator[Row]:
    in_splits: set[str] = set()
    for table_name in _COMMON_VOICE_TABLES:
        path = folder / f"{table_name}.tsv"
        if not path.is_file():
            continue
        for row in tab_separated(path, problems):
            name = text_of(row, "path")
            if table_name != "validated":
                in_splits.add(name)
            elif name in in_splits:
                continue  # it names what is in the splits once more
            yield Row(
                # The first releases left the ending out.
                f"clips/{name}" if PurePosixPath(name).suffix else f"clips/{name}.mp3",
                text_of(row, "sentence"),
                split_of(table_name),
                _short(text_of(row, "client_id")),
                text_of(row, "locale"),
            )


def _short(speaker: str) -> str:
    """A name for a speaker that tells them apart, and does not lead back to their account."""
    return hashlib.sha256(speaker.encode()).hexdigest()[:_SPEAKER_LENGTH] if speaker else ""


def _recognise_ljspeech(folder: Path) -> str | None:
    first = (beginning(folder / "metadata.csv") or [""])[0]
    if "|" in first and (folder / "wavs").is_dir():
        return "“metadata.csv” has fields between |, and the sound is in “wavs”, as LJSpeech."
    return None


def _ljspeech(folder: Path, problems: Problems) -> Iterator[Row]:
    names = by_stem(folder / "wavs", problems)
    for row in split_lines(folder / "metadata.csv", "|", 2, problems):
        name = unicodedata.normalize("NFC", row[0].strip())
        # The third field has the numbers written out, as they are spoken.
        text = row[2] if len(row) > 2 and row[2].strip() else row[1]
        yield Row(f"wavs/{names.get(name.removesuffix('.wav'), name)}", text)


def _recognise_fleurs(folder: Path) -> str | None:
    for path in _fleurs_tables(folder):
        fields = (beginning(path) or [""])[0].split("\t")
        if len(fields) >= _FLEURS_FIELDS and fields[0].isdigit() and fields[1].endswith(".wav"):
            return f"“{path.name}” has a number, a WAV file and two texts in each line, as FLEURS."
    return None


def _fleurs(folder: Path, problems: Problems) -> Iterator[Row]:
    for path in _fleurs_tables(folder):
        inside = f"audio/{path.stem}" if (folder / "audio" / path.stem).is_dir() else path.stem
        for row in split_lines(path, "\t", _FLEURS_FIELDS, problems):
            # Unless somebody has given the folder another name.
            language = whisper_code(folder.name) if _FLEURS_NAME.fullmatch(folder.name) else ""
            yield Row(f"{inside}/{row[1]}", row[2], split_of(path.stem), language=language)


def _fleurs_tables(folder: Path) -> list[Path]:
    paths = (folder / f"{split}.tsv" for split in ("train", "dev", "test"))
    return [path for path in paths if path.is_file()]


def _recognise_voxlingua(folder: Path) -> str | None:
    codes = [
        whisper_code(path.name) if len(path.name) <= _LONGEST_CODE else ""
        for path in sorted(folder.iterdir())
        if path.is_dir()
    ]
    if codes and all(codes) and any(path.parent != folder for path in audio_files(folder)):
        shown = ", ".join(LANGUAGES[code] for code in codes[:3])
        return f"Its folders are named by codes of languages ({shown}), as VoxLingua107."
    return None


def _voxlingua(folder: Path, _problems: Problems) -> Iterator[Row]:
    for path in audio_files(folder):
        inside = path.relative_to(folder)
        if len(inside.parts) > 1:
            yield Row(inside.as_posix(), language=inside.parts[0])


COMMON_VOICE = Kind(
    "common-voice",
    "Mozilla Common Voice: validated.tsv, train.tsv, dev.tsv, test.tsv, and clips/",
    _recognise_common_voice,
    _common_voice,
    names_all=False,  # clips that nobody has validated, or that were rejected, lie there as well
)
LJSPEECH = Kind(
    "ljspeech",
    "LJSpeech: metadata.csv with | between fields, and wavs/",
    _recognise_ljspeech,
    _ljspeech,
)
FLEURS = Kind(
    "fleurs", "FLEURS: train.tsv, dev.tsv, test.tsv without a header", _recognise_fleurs, _fleurs
)
VOXLINGUA = Kind(
    "voxlingua107",
    "VoxLingua107: a folder for each language, named by its code; no texts",
    _recognise_voxlingua,
    _voxlingua,
    has_texts=False,
)
