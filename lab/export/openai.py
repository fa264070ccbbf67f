"""Export to the checkpoint file that openai-whisper loads."""

from dataclasses import asdict
from pathlib import Path

import torch
from whisper.model import Whisper

from lab.asr import weights

FILE_NAME = "model.pt"


def write(model: Whisper, folder: Path, *, precision: str = "float32") -> None:
    """Write `model` to `folder` for `whisper.load_model(FOLDER/model.pt)`."""
    dtype = getattr(torch, precision)
    state = {name: value.to(dtype) for name, value in model.state_dict().items()}
    weights.save(weights.Checkpoint(asdict(model.dims), state), folder / FILE_NAME)
