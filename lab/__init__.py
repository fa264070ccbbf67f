"""Whisper AI Lab: from recordings in an under-served language to a Whisper model that knows it.

The names below are what a notebook needs. Importing `lab` is light: torch, whisper and librosa load
when a name that needs them is first used.

>>> from lab import decode
>>> waveform = decode("samples/english.ogg")
>>> waveform.sample_rate
16000
"""

import importlib
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lab.asr.checkpoints import list_models
    from lab.asr.engine import Engine
    from lab.asr.options import TranscribeOptions
    from lab.audio.decoding import decode
    from lab.audio.waveform import Waveform
    from lab.core.workspace import Workspace
    from lab.dataset.store import Dataset
    from lab.evaluation.evaluator import evaluate
    from lab.jobs.training_process import train
    from lab.preprocess.pipeline import apply
    from lab.preprocess.recipe import Recipe
    from lab.training.config import Config
    from lab.transcripts.transcript import Transcript

__version__ = "0.2.0"

# No library reports what is done here. onnxruntime, which runs the speech detector, keeps a device
# id and a session id (a file `.ses`) and sends events to Microsoft unless told not to before it is
# loaded; Hugging Face's libraries report their versions and more with each request. Lightning sends
# nothing. Streamlit is told in `.streamlit/config.toml`: it has started before this is read.
os.environ.update(ORT_DISABLE_TELEMETRY="1", HF_HUB_DISABLE_TELEMETRY="1", DO_NOT_TRACK="1")

# Read by OpenMP when torch loads it. Its threads wait by spinning, which on a CPU shared with
# anything else (a browser, a neighbour on the same host) makes decoding's many small operations
# several times slower. Sleeping instead costs nothing that could be measured on an idle machine.
os.environ.setdefault("GOMP_SPINCOUNT", "3000")

# Public name: the module that defines it.
_PUBLIC = {
    "Config": "lab.training.config",
    "Dataset": "lab.dataset.store",
    "Engine": "lab.asr.engine",
    "Recipe": "lab.preprocess.recipe",
    "TranscribeOptions": "lab.asr.options",
    "Transcript": "lab.transcripts.transcript",
    "Waveform": "lab.audio.waveform",
    "Workspace": "lab.core.workspace",
    "apply": "lab.preprocess.pipeline",
    "decode": "lab.audio.decoding",
    "evaluate": "lab.evaluation.evaluator",
    "list_models": "lab.asr.checkpoints",
    "train": "lab.jobs.training_process",
}
__all__ = [
    "Config",
    "Dataset",
    "Engine",
    "Recipe",
    "TranscribeOptions",
    "Transcript",
    "Waveform",
    "Workspace",
    "apply",
    "decode",
    "evaluate",
    "list_models",
    "train",
]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_PUBLIC[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})
