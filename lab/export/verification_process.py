"""Subprocess in which a library loads an exported model and transcribes clips.

`python -m lab.export.verification_process FOLDER` reads FOLDER/request.json and FOLDER/0.npy,
1.npy …, and prints one line of JSON per clip. In a process of its own, the library frees its
memory and threads at the end, and a crash does not affect the lab.
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

# Maps float32 samples at 16 kHz, shape (n,), and Whisper's language code to a text.
Transcriber = Callable[[NDArray[np.float32], str], str]


def main(folder: Path) -> None:
    """Process the request in `folder` and print responses to stdout."""
    # Libraries may print to stdout: redirect them to stderr and keep stdout for the responses.
    responses = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def respond(**content: Any) -> None:
        responses.write(json.dumps(content) + "\n")
        responses.flush()

    request = json.loads((folder / REQUEST_NAME).read_text(encoding="utf-8"))
    try:
        version = importlib.metadata.version(request["library"])
    except importlib.metadata.PackageNotFoundError:
        respond(missing=request["library"])
        return
    respond(version=version)
    transcribe = _LOADERS[request["format"]](request["model"])
    for index, language in enumerate(request["languages"]):
        respond(text=transcribe(np.load(folder / f"{index}.npy", allow_pickle=False), language))


def _load_whisper(folder: str) -> Transcriber:
    import whisper

    model = whisper.load_model(str(Path(folder) / "model.pt"), device="cpu")

    def transcribe(samples: NDArray[np.float32], language: str) -> str:
        result = whisper.transcribe(
            model,
            samples,
            language=language,
            temperature=0.0,
            condition_on_previous_text=False,
            fp16=False,
        )
        return str(result["text"])

    return transcribe


def _load_transformers(folder: str) -> Transcriber:
    import torch
    from transformers import WhisperForConditionalGeneration, WhisperProcessor

    processor: Any = WhisperProcessor.from_pretrained(folder, local_files_only=True)
    model: Any = WhisperForConditionalGeneration.from_pretrained(
        folder, local_files_only=True, dtype=torch.float32
    )
    is_multilingual = model.generation_config.is_multilingual

    def transcribe(samples: NDArray[np.float32], language: str) -> str:
        inputs = processor(samples, sampling_rate=16_000, return_tensors="pt")
        options = {"language": language, "task": "transcribe"} if is_multilingual else {}
        tokens = model.generate(
            inputs.input_features, return_timestamps=True, do_sample=False, num_beams=1, **options
        )
        return str(processor.batch_decode(tokens, skip_special_tokens=True)[0])

    return transcribe


def _load_faster_whisper(folder: str) -> Transcriber:
    from faster_whisper import WhisperModel

    model = WhisperModel(folder, device="cpu", local_files_only=True)

    def transcribe(samples: NDArray[np.float32], language: str) -> str:
        segments, _ = model.transcribe(
            samples,
            language=language,
            beam_size=1,
            temperature=0.0,
            condition_on_previous_text=False,
        )
        return "".join(segment.text for segment in segments)

    return transcribe


_LOADERS: dict[str, Callable[[str], Transcriber]] = {
    "openai": _load_whisper,
    "huggingface": _load_transformers,
    "ctranslate2": _load_faster_whisper,
}

if __name__ == "__main__":
    main(Path(sys.argv[1]))
