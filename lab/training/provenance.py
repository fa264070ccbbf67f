"""Where a model comes from: the clips a run was trained on, and a fingerprint of its weights."""

import hashlib
import platform
import zipfile
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.core.errors import WorkspaceError
from lab.core.renamed_keys import current_names
from lab.core.workspace import read_json, write_json
from lab.training.config import Config
from lab.training.examples import Examples
from lab.training.run import DATASET, Run

if TYPE_CHECKING:  # a module that loads torch
    from lab.training.prepared_examples import PreparedExamples

_LIBRARIES = ("torch", "openai-whisper", "pytorch-lightning", "numpy")
_ORIGIN = "origin.json"


def write_provenance(
    run: Run, config: Config, examples: Examples, prepared: "PreparedExamples"
) -> None:
    """Record the clips of a run and the versions on this machine, so that it can be repeated.

    prepared: those of the examples that could be read

    Raises WorkspaceError if writing fails.
    """
    train, validation = prepared.train.clips, prepared.validation.clips
    content = {
        "name": config.dataset,
        "fingerprint": examples.fingerprint(),
        "audio_sha256": prepared.fingerprint(),
        "n_train": len(train),
        "n_validation": len(validation),
        "left_out": [*examples.left_out, *prepared.left_out],
        "languages": sorted({clip.language for clip in (*train, *validation)}),
        "train_s": round(sum(clip.duration_s for clip in train), 1),
        "training_files": sorted(clip.file_name for clip in (*train, *validation)),
        "seed": config.seed,
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in _LIBRARIES},
        },
    }
    write_json(run.provenance_path, content)


def read_provenance(run: Run) -> dict[str, Any]:
    """What `write_provenance` recorded; empty if there is nothing or it cannot be read."""
    try:
        return current_names(DATASET, read_json(run.provenance_path))
    except WorkspaceError:
        return {}


def training_files(run: Run) -> frozenset[str]:
    """The files that a run was trained or validated on; empty if unknown."""
    return frozenset(read_provenance(run).get("training_files", ()))


def weights_fingerprint(model_path: Path) -> str:
    """Identify the weights in a `.pt` file, instantly and without torch; "" for other files.

    A digest of the checksums (CRC-32) that the file stores for each tensor.
    """
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(model_path) as archive:
            for member in archive.infolist():
                _, _, name = member.filename.partition("/")  # the first part is the file's own name
                if name.startswith("data"):
                    digest.update(f"{name} {member.CRC} {member.file_size}\n".encode())
    except (OSError, zipfile.BadZipFile, ValueError, RuntimeError):
        return ""
    return digest.hexdigest()


def write_exported_weights(folder: Path, fingerprint: str) -> None:
    """Record in the folder of an export which weights it was made from; raises WorkspaceError."""
    write_json(folder / _ORIGIN, {"weights": fingerprint})


def read_exported_weights(folder: Path) -> str:
    """The fingerprint recorded by `write_exported_weights`, "" if there is none."""
    try:
        return str(read_json(folder / _ORIGIN).get("weights", ""))
    except WorkspaceError:
        return ""
