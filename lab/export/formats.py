"""The formats that a model can be written in, and writing one of them whole.

Importing this module is light: torch loads with the writer of a format.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.core.errors import CheckpointError, OptionsError, WorkspaceError
from lab.core.staging import Staging
from lab.training.provenance import write_origin

if TYPE_CHECKING:
    from whisper.model import Whisper

CARD_NAME = "README.md"  # where model hubs look for a model's card


@dataclass(frozen=True)
class Format:
    """A format of a model.

    library: the package of Python that reads it
    about: what it is for, a sentence
    usage: lines of Python that load it from FOLDER and transcribe a file in LANGUAGE
    """

    library: str
    about: str
    precisions: tuple[str, ...]
    usage: str

    def usage_of(self, folder: str, language: str | None) -> str:
        """`usage` for a folder and Whisper's code of a language; None lets the model find out."""
        known = "None" if language is None else f'"{language}"'
        return self.usage.replace('"LANGUAGE"', known).replace("FOLDER", folder)


# What a precision is good for.
PRECISIONS: Mapping[str, str] = {
    "float32": "exactly what was trained",
    "float16": "half the size, hardly any difference",
    "int8": "a quarter of the size and fast on processors; some texts differ, and it cannot be "
    "trained further",
}

FORMATS: Mapping[str, Format] = {
    "openai": Format(
        "openai-whisper",
        "One file for openai-whisper, where Whisper comes from, and programs built on it.",
        ("float32", "float16"),
        "import whisper\n"
        'model = whisper.load_model("FOLDER/model.pt")\n'
        'print(model.transcribe("talk.mp3", language="LANGUAGE")["text"])',
    ),
    "huggingface": Format(
        "transformers",
        "A folder for transformers, and for uploading to Hugging Face.",
        ("float32", "float16"),
        "from transformers import pipeline\n"
        'recognise = pipeline("automatic-speech-recognition", model="FOLDER")\n'
        'options = {"language": "LANGUAGE", "task": "transcribe"}\n'
        'print(recognise("talk.wav", return_timestamps=True, generate_kwargs=options)["text"])',
    ),
    "ctranslate2": Format(
        "faster-whisper",
        "A folder for faster-whisper and WhisperX: the fastest on machines without the lab.",
        ("float32", "float16", "int8"),
        "from faster_whisper import WhisperModel\n"
        'segments, _ = WhisperModel("FOLDER").transcribe("talk.mp3", language="LANGUAGE")\n'
        'print("".join(segment.text for segment in segments))',
    ),
}


def export(
    model: "Whisper",
    target: Path,
    *,
    file_format: str,
    precision: str = "float32",
    card: str = "",
    origin: str = "",
) -> None:
    """Write `model` into the folder `target`, all of its files or none.

    file_format: a key of `FORMATS`
    precision: of its weights, one that the format has
    card: the text of its model card, Markdown
    origin: the fingerprint of the file that `model` came from, to be kept with it

    Raises OptionsError for a format or precision that there is not, WorkspaceError if `target` is
    taken or the disk refuses, CheckpointError for a model that has no place in the format.
    """
    check(target, file_format=file_format, precision=precision)
    with Staging(target.absolute().parent) as staging:
        folder = staging / "model"
        try:
            folder.mkdir()
            _write(model, folder, file_format, precision)
            if card:
                (folder / CARD_NAME).write_text(card, encoding="utf-8")
            if origin:
                write_origin(folder, origin)
            if target.is_dir():
                target.rmdir()  # it is empty, or else this fails
            folder.rename(target)
        # A full disk is a RuntimeError of torch and of safetensors.
        except (OSError, RuntimeError) as error:
            raise WorkspaceError(
                f"The model cannot be written to {target} ({getattr(error, 'strerror', error)}). "
                "Free some space or choose another folder."
            ) from error


def check(target: Path, *, file_format: str, precision: str) -> None:
    """Refuse at once what `export` would refuse after it has loaded a model."""
    if file_format not in FORMATS:
        raise OptionsError(
            f"There is no format “{file_format}”. Choose one of {', '.join(FORMATS)}."
        )
    precisions = FORMATS[file_format].precisions
    if precision not in precisions:
        raise OptionsError(
            f"{file_format} cannot be written in {precision}: choose {' or '.join(precisions)}."
        )
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise WorkspaceError(
            f"{target} is there already, and nothing is overwritten. Choose another folder."
        )


def size_bytes(folder: Path) -> int:
    """Bytes of all files of an export."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def free_bytes(target: Path) -> int:
    """How much room there is where `target` would be."""
    nearest = next(folder for folder in target.absolute().parents if folder.exists())
    return shutil.disk_usage(nearest).free


def _write(model: "Whisper", folder: Path, file_format: str, precision: str) -> None:
    from lab.asr import weights
    from lab.export import ctranslate2, huggingface, openai

    activation = weights.activation_of(model)
    if activation != "gelu" and file_format != "huggingface":
        raise CheckpointError(
            f"This model computes with {activation}, as its architecture of its own asks for, and "
            f"{FORMATS[file_format].library} only knows Whisper's gelu. Choose huggingface."
        )
    write = {"openai": openai, "huggingface": huggingface, "ctranslate2": ctranslate2}
    write[file_format].write(model, folder, precision=precision)
