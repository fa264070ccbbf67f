"""Published corpora with layouts of their own."""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from lab.core.languages import LANGUAGES
from lab.importers.source import (
    CorpusFormat,
    CorpusRow,
    ProblemLog,
    audio_by_stem,
    audio_files,
    split_of,
    whisper_code,
)
from lab.importers.tables import first_line, first_value, read_delimited, read_tsv

# The tables of Common Voice. Clips that only the last one names have no split.
_COMMON_VOICE_TABLES = ("train", "dev", "test", "validated")
_COMMON_VOICE_COLUMNS = {"client_id", "path", "sentence"}
_SPEAKER_LENGTH = 10  # hexadecimal digits; Common Voice has 128, too many to read

# id, file name, text as written, normalised text, letters, number of samples, gender
_FLEURS_FIELDS = 7
_LONGEST_CODE = 3
# sq_al, cmn_hans_cn, es_419
_FLEURS_NAME = re.compile("[a-z]{2,3}(_[a-z]{4})?_([a-z]{2}|[0-9]{3})")


def _detect_common_voice(folder: Path) -> str | None:
    for split in _COMMON_VOICE_TABLES:
        header = first_line(folder / f"{split}.tsv").split("\t")
        if set(header) >= _COMMON_VOICE_COLUMNS:
            return f"“{split}.tsv” has the columns of Common Voice: client_id, path, sentence."
    return None


def _common_voice(folder: Path, problems: ProblemLog) -> Iterator[CorpusRow]:
    in_splits: set[str] = set()
    for table_name in _COMMON_VOICE_TABLES:
        path = folder / f"{table_name}.tsv"
        if not path.is_file():
            continue
        for row in read_tsv(path, problems):
            name = first_value(row, "path")
            if table_name != "validated":
                in_splits.add(name)
            elif name in in_splits:
                continue  # listed in a split already
            yield CorpusRow(
                # The first releases omit the extension.
                f"clips/{name}" if PurePosixPath(name).suffix else f"clips/{name}.mp3",
                first_value(row, "sentence"),
                split_of(table_name),
                _pseudonym(first_value(row, "client_id")),
                first_value(row, "locale"),
            )


def _pseudonym(speaker: str) -> str:
    """A short name for a speaker that cannot be traced back to their account."""
    return hashlib.sha256(speaker.encode()).hexdigest()[:_SPEAKER_LENGTH] if speaker else ""


def _detect_ljspeech(folder: Path) -> str | None:
    first = first_line(folder / "metadata.csv")
    if "|" in first and (folder / "wavs").is_dir():
        return (
            "“metadata.csv” has fields separated by |, and the audio is in “wavs”, as in LJSpeech."
        )
    return None


def _ljspeech(folder: Path, problems: ProblemLog) -> Iterator[CorpusRow]:
    names = audio_by_stem(folder / "wavs", problems)
    for row in read_delimited(folder / "metadata.csv", "|", 2, problems):
        name = unicodedata.normalize("NFC", row[0].strip())
        # In the third field numbers are spelled out, as they are spoken.
        text = row[2] if len(row) > 2 and row[2].strip() else row[1]
        yield CorpusRow(f"wavs/{names.get(name.removesuffix('.wav'), name)}", text)


def _detect_fleurs(folder: Path) -> str | None:
    for path in _fleurs_tables(folder):
        fields = first_line(path).split("\t")
        if len(fields) >= _FLEURS_FIELDS and fields[0].isdigit() and fields[1].endswith(".wav"):
            return f"“{path.name}” has a number, a WAV file and two texts a line, as in FLEURS."
    return None


def _fleurs(folder: Path, problems: ProblemLog) -> Iterator[CorpusRow]:
    for path in _fleurs_tables(folder):
        inside = f"audio/{path.stem}" if (folder / "audio" / path.stem).is_dir() else path.stem
        for row in read_delimited(path, "\t", _FLEURS_FIELDS, problems):
            language = whisper_code(folder.name) if _FLEURS_NAME.fullmatch(folder.name) else ""
            yield CorpusRow(f"{inside}/{row[1]}", row[2], split_of(path.stem), language=language)


def _fleurs_tables(folder: Path) -> list[Path]:
    paths = (folder / f"{split}.tsv" for split in ("train", "dev", "test"))
    return [path for path in paths if path.is_file()]


def _detect_voxlingua(folder: Path) -> str | None:
    codes = [
        whisper_code(path.name) if len(path.name) <= _LONGEST_CODE else ""
        for path in sorted(folder.iterdir())
        if path.is_dir()
    ]
    if codes and all(codes) and any(path.parent != folder for path in audio_files(folder)):
        names = ", ".join(LANGUAGES[code] for code in codes[:3])
        return f"Its folders are named by language codes ({names}), as in VoxLingua107."
    return None


def _voxlingua(folder: Path, _problems: ProblemLog) -> Iterator[CorpusRow]:
    for path in audio_files(folder):
        inside = path.relative_to(folder)
        if len(inside.parts) > 1:
            yield CorpusRow(inside.as_posix(), language=inside.parts[0])


COMMON_VOICE = CorpusFormat(
    "common-voice",
    "Mozilla Common Voice: validated.tsv, train.tsv, dev.tsv, test.tsv, and clips/",
    _detect_common_voice,
    _common_voice,
    lists_all_audio=False,  # the folder also holds rejected clips and those not validated yet
)
LJSPEECH = CorpusFormat(
    "ljspeech",
    "LJSpeech: metadata.csv with fields separated by |, and wavs/",
    _detect_ljspeech,
    _ljspeech,
)
FLEURS = CorpusFormat(
    "fleurs", "FLEURS: train.tsv, dev.tsv, test.tsv without a header", _detect_fleurs, _fleurs
)
VOXLINGUA = CorpusFormat(
    "voxlingua107",
    "VoxLingua107: a folder per language, named by its code; no texts",
    _detect_voxlingua,
    _voxlingua,
    has_texts=False,
)
