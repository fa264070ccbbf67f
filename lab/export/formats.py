"""Export formats for models, and writing a model in one of them.

torch is imported only when a model is written.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lab.core.errors import CheckpointError, OptionsError, WorkspaceError, check_choice
from lab.core.staging import Staging
from lab.training.provenance import write_exported_weights

if TYPE_CHECKING:
    from whisper.model import Whisper

CARD_NAME = "README.md"  # where model hubs look for the model card


@dataclass(frozen=True)
class ExportFormat:
    """A file format for models.

    library: the Python package that reads it
    about: one sentence on what it is for
    usage: Python code that loads the model from FOLDER and transcribes a file in LANGUAGE
    """

    library: str
    about: str
    precisions: tuple[str, ...]
    usage: str

    def usage_of(self, folder: str, language: str | None) -> str:
        """`usage` for a folder and a language code; None lets the model detect the language."""
        code = "None" if language is None else f'"{language}"'
        return self.usage.replace('"LANGUAGE"', code).replace("FOLDER", folder)


# Precision of the weights: a description.
PRECISIONS: Mapping[str, str] = {
    "float32": "the weights exactly as trained",
    "float16": "half the size, hardly any difference",
    "int8": "a quarter of the size and fast on CPUs; some transcripts differ, and the model cannot "
    "be trained further",
}

FORMATS: Mapping[str, ExportFormat] = {
    "openai": ExportFormat(
        "openai-whisper",
        "One file for openai-whisper, the original implementation, and programs built on it.",
        ("float32", "float16"),
        "import whisper\n"
        'model = whisper.load_model("FOLDER/model.pt")\n'
        'print(model.transcribe("talk.mp3", language="LANGUAGE")["text"])',
    ),
    "huggingface": ExportFormat(
        "transformers",
        "A folder for transformers, ready to upload to Hugging Face.",
        ("float32", "float16"),
        "from transformers import pipeline\n"
        'transcribe = pipeline("automatic-speech-recognition", model="FOLDER")\n'
        'options = {"language": "LANGUAGE", "task": "transcribe"}\n'
        'print(transcribe("talk.wav", return_timestamps=True, generate_kwargs=options)["text"])',
    ),
    "ctranslate2": ExportFormat(
        "faster-whisper",
        "A folder for faster-whisper and WhisperX, the fastest outside this app.",
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
    weights_fingerprint: str = "",
) -> None:
    """Export `model` to the folder `target`: all files, or none if that fails.

    file_format: a key of `FORMATS`
    precision: of the weights, one of the format's precisions
    card: model card in Markdown; "" for none
    weights_fingerprint: of the file that `model` was loaded from, saved with the export

    Raises OptionsError for an unknown format or precision, WorkspaceError if `target` exists or
    cannot be written, CheckpointError for a model that the format cannot represent.
    """
    check_target(target, file_format=file_format, precision=precision)
    with Staging(target.absolute().parent) as staging:
        folder = staging / "model"
        try:
            folder.mkdir()
            _write(model, folder, file_format, precision)
            if card:
                (folder / CARD_NAME).write_text(card, encoding="utf-8")
            if weights_fingerprint:
                write_exported_weights(folder, weights_fingerprint)
            if target.is_dir():
                target.rmdir()  # fails unless it is empty
            folder.rename(target)
        # torch and safetensors raise RuntimeError if the disk is full.
        except (OSError, RuntimeError) as error:
            raise WorkspaceError(
                f"The model could not be written to {target} ({getattr(error, 'strerror', error)})."
                " Free some disk space or choose another folder."
            ) from error


def check_target(target: Path, *, file_format: str, precision: str) -> None:
    """Raise the errors of `export` that can be detected before a model is loaded."""
    check_choice("export format", file_format, FORMATS)
    precisions = FORMATS[file_format].precisions
    if precision not in precisions:
        raise OptionsError(
            f"{file_format} does not support {precision}. Choose {' or '.join(precisions)}."
        )
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise WorkspaceError(
            f"{target} already exists and will not be overwritten. Choose another folder."
        )


def _write(model: "Whisper", folder: Path, file_format: str, precision: str) -> None:
    from lab.asr import weights
    from lab.export import ctranslate2, huggingface, openai

    activation = weights.activation_of(model)
    if activation != "gelu" and file_format != "huggingface":
        raise CheckpointError(
            f"This model uses the activation function {activation}, but "
            f"{FORMATS[file_format].library} supports only Whisper's gelu. Choose huggingface."
        )
    write = {"openai": openai, "huggingface": huggingface, "ctranslate2": ctranslate2}
    write[file_format].write(model, folder, precision=precision)
