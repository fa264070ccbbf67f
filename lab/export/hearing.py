"""A program of its own: a library loads an exported model and transcribes clips with it.

`python -m lab.export.hearing FOLDER` reads FOLDER/request.json and FOLDER/0.npy, 1.npy …, and
prints a line of JSON for each clip. Apart from the lab, because the library's memory and threads
are then gone afterwards, and a library that crashes takes nothing with it.
"""

import importlib.metadata
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

REQUEST_NAME = "request.json"

# The text of a clip: float32 samples at 16 kHz, and Whisper's code of the language.
Listener = Callable[[NDArray[np.float32], str], str]


def main(folder: Path) -> None:
    """Do what the request in `folder` asks for; each line says what came of it."""
    # Libraries print what they like: that goes to stderr, and the lines of JSON to where it went.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def answer(**content: Any) -> None:
        answers.write(json.dumps(content) + "\n")
        answers.flush()

    request = json.loads((folder / REQUEST_NAME).read_text(encoding="utf-8"))
    try:
        version = importlib.metadata.version(request["library"])
    except importlib.metadata.PackageNotFoundError:
        answer(missing=request["library"])
        return
    answer(version=version)
    listen = _LISTENERS[request["format"]](request["model"])
    for number, language in enumerate(request["languages"]):
        answer(text=listen(np.load(folder / f"{number}.npy", allow_pickle=False), language))


def _whisper(folder: str) -> Listener:
    import whisper

    model = whisper.load_model(str(Path(folder) / "model.pt"), device="cpu")

    def listen(samples: NDArray[np.float32], language: str) -> str:
        result = whisper.transcribe(
            model,
            samples,
            language=language,
            temperature=0.0,
            condition_on_previous_text=False,
            fp16=False,
        )
        return str(result["text"])

    return listen


def _transformers(folder: str) -> Listener:
    import torch
    from transformers import WhisperForConditionalGeneration, WhisperProcessor

    processor: Any = WhisperProcessor.from_pretrained(folder, local_files_only=True)
    model: Any = WhisperForConditionalGeneration.from_pretrained(
        folder, local_files_only=True, dtype=torch.float32
    )
    many_languages = model.generation_config.is_multilingual

    def listen(samples: NDArray[np.float32], language: str) -> str:
        heard = processor(samples, sampling_rate=16_000, return_tensors="pt")
        spoken = {"language": language, "task": "transcribe"} if many_languages else {}
        tokens = model.generate(
            heard.input_features, return_timestamps=True, do_sample=False, num_beams=1, **spoken
        )
        return str(processor.batch_decode(tokens, skip_special_tokens=True)[0])

    return listen


def _faster_whisper(folder: str) -> Listener:
    from faster_whisper import WhisperModel

    model = WhisperModel(folder, device="cpu", local_files_only=True)

    def listen(samples: NDArray[np.float32], language: str) -> str:
        segments, _ = model.transcribe(
            samples,
            language=language,
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
        )
        return "".join(segment.text for segment in segments)

    return listen


_LISTENERS: dict[str, Callable[[str], Listener]] = {
    "openai": _whisper,
    "huggingface": _transformers,
    "ctranslate2": _faster_whisper,
}

if __name__ == "__main__":
    main(Path(sys.argv[1]))
