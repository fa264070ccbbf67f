"""openai-whisper's own `.pt`: a zip written by `torch.save` with `dims` and `model_state_dict`.

Every other format is read into this one's names. A file is material of strangers: it is never
unpickled as code.
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
    """Weights under openai-whisper's names, in the precision they came in, with dimensions.

    activation: what is between the linear layers of a block; "gelu" in every Whisper but those of
        an architecture of one's own
    """

    dims: Mapping[str, int]
    state: Mapping[str, torch.Tensor]
    activation: str = "gelu"


def read(path: Path) -> Checkpoint:
    """The checkpoint in an openai-whisper `.pt`. Raises CheckpointError if it is something else."""
    loaded = load_pickle(path)
    if not (
        isinstance(loaded, dict)
        and isinstance(loaded.get("dims"), dict)
        and isinstance(loaded.get("model_state_dict"), dict)
    ):
        raise CheckpointError(
            f"{path.name} is a PyTorch file but not a Whisper checkpoint: “dims” and "
            "“model_state_dict” are missing. Bring a file in openai-whisper's .pt format."
        )
    return Checkpoint(
        dims=loaded["dims"],
        state=loaded["model_state_dict"],
        activation=loaded.get("activation", "gelu"),
    )


def load_pickle(path: Path) -> Any:
    """What `torch.save` wrote into `path`; only tensors and plain containers, never code.

    Tensors may be views of the file: copy what is kept. Raises CheckpointError.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = archive.infolist()
        if any(entry.filename.endswith("/constants.pkl") for entry in entries):
            raise CheckpointError(
                f"{path.name} is a TorchScript program, and a stranger's program is not run here. "
                "Bring the weights: an openai-whisper .pt file or a Hugging Face folder."
            )
        # torch.save stores; a compressed entry can only be there to burst the memory.
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise CheckpointError(f"{path.name} is a compressed zip, which PyTorch never writes.")
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except zipfile.BadZipFile as error:
        raise CheckpointError(
            f"{path.name} is cut off, damaged or not a model file: PyTorch's .pt files are zips, "
            "this is none. Get the file again, or bring another one."
        ) from error
    except pickle.UnpicklingError as error:
        reason = "program code" if "GLOBAL" in str(error) else "something other than weights"
        raise CheckpointError(
            f"{path.name} contains {reason}, which was not run. Bring a file with weights only."
        ) from error
    except FileNotFoundError as error:
        raise CheckpointError(f"{path} is not there. Check the path.") from error
    # What torch's readers raise on hostile bytes; a fuzzing test guards the list.
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
            f"{path.name} is damaged and cannot be read as a PyTorch file. Get the file again."
        ) from error
