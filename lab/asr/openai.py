"""openai-whisper's `.pt` format: a zip written by `torch.save`, `dims` and `model_state_dict`.

Every other format is converted to its tensor names. Files are untrusted: none is ever unpickled as
code.
"""

import pickle
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from lab.core.errors import CheckpointError


@dataclass(frozen=True)
class Checkpoint:
    """Weights under openai-whisper's names, in the precision of their file, with dimensions.

    activation: between the linear layers of a block; other than "gelu" only in a custom
        architecture
    """

    dims: Mapping[str, int]
    state: Mapping[str, torch.Tensor]
    activation: str = "gelu"


def read(path: Path) -> Checkpoint:
    """Read an openai-whisper `.pt` file. Raises CheckpointError if it is something else."""
    loaded = load_pickle(path)
    if not (
        isinstance(loaded, dict)
        and isinstance(loaded.get("dims"), dict)
        and isinstance(loaded.get("model_state_dict"), dict)
    ):
        raise CheckpointError(
            f"{path.name} is a PyTorch file but not a Whisper checkpoint: “dims” and "
            "“model_state_dict” are missing. Use a file in openai-whisper's .pt format."
        )
    return Checkpoint(
        dims=loaded["dims"],
        state=loaded["model_state_dict"],
        activation=loaded.get("activation", "gelu"),
    )


def load_pickle(path: Path) -> Any:
    """Load tensors and plain containers written by `torch.save`, never code.

    Tensors may be memory-mapped: copy those to keep. Raises CheckpointError.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
        if any(entry.filename.endswith("/constants.pkl") for entry in entries):
            raise CheckpointError(
                f"{path.name} is a TorchScript program, which is not run here for security. "
                "Use the weights instead: an openai-whisper .pt file or a Hugging Face folder."
            )
        # torch.save does not compress: a compressed entry can only be a zip bomb.
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise CheckpointError(f"{path.name} is a compressed zip, which PyTorch never writes.")
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except zipfile.BadZipFile as error:
        raise CheckpointError(
            f"{path.name} is truncated, damaged or not a model file: it is not a zip archive, as "
            "PyTorch's .pt files are. Download or copy the file again, or use another one."
        ) from error
    except pickle.UnpicklingError as error:
        reason = "program code" if "GLOBAL" in str(error) else "something other than weights"
        raise CheckpointError(
            f"{path.name} contains {reason}, which was not run. Use a file with weights only."
        ) from error
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} does not exist. Check the path.") from error
    # What torch's readers raise on malformed bytes; a fuzzing test checks the list.
    except (
        RuntimeError,
        OSError,
        EOFError,
        ValueError,
        LookupError,
        AttributeError,
        TypeError,
        AssertionError,
        OverflowError,
        MemoryError,
    ) as error:
        raise CheckpointError(
            f"{path.name} is damaged and cannot be read as a PyTorch file. Copy it again."
        ) from error
