"""Where a model comes from: the clips that a run learned from, and a fingerprint of its weights."""

import hashlib
import platform
import zipfile
from importlib import metadata
from pathlib import Path

from lab.core.errors import WorkspaceError
from lab.core.workspace import read_json, write_json
from lab.dataset import Dataset
from lab.training import runs
from lab.training.config import Config
from lab.training.examples import Examples
from lab.training.intake import Intake
from lab.training.runs import Run


def fingerprint(model_path: Path) -> str:
    """Tells the weights in a `.pt` from others, in no time and without torch; "" if it is no `.pt`.

    A digest of the checksums (CRC-32) that the file keeps of each of its tensors.
    """
    digest = hashlib.sha256()
    try:
        with zipfile.ZipFile(model_path) as archive:
            for member in archive.infolist():
                _, _, name = member.filename.partition("/")  # the first part is called by the file
                if name.startswith("data"):
                    digest.update(f"{name} {member.CRC} {member.file_size}\n".encode())
    except (OSError, zipfile.BadZipFile, ValueError, RuntimeError):
        return ""
    return digest.hexdigest()


_LIBRARIES = ("torch", "openai-whisper", "pytorch-lightning", "numpy")


def papers(
    dataset: Dataset, examples: Examples, taken_in: "Intake", config: Config
) -> dict[str, object]:
    """What a run notes of its clips and of this machine, so that it can be repeated.

    taken_in: those of the examples that could be read
    """
    train, validation = taken_in.train.clips, taken_in.validation.clips
    return {
        "name": dataset.name,
        "fingerprint": examples.fingerprint(),
        "sound": taken_in.fingerprint(),
        "n_train": len(train),
        "n_validation": len(validation),
        "left_out": [*examples.left_out, *taken_in.left_out],
        "languages": sorted({clip.language for clip in (*train, *validation)}),
        "train_s": round(sum(clip.duration_s for clip in train), 1),
        "learned": sorted(clip.file_name for clip in (*train, *validation)),
        "seed": config.seed,
        "versions": {
            "python": platform.python_version(),
            **{name: metadata.version(name) for name in _LIBRARIES},
        },
    }


def learned(run: Run) -> frozenset[str]:
    """The files that a run has learned from or chosen its best state by; none if nobody knows."""
    try:
        return frozenset(read_json(run.folder / runs.DATASET).get("learned", ()))
    except WorkspaceError:
        return frozenset()


_ORIGIN = "origin.json"


def write_origin(folder: Path, origin: str) -> None:
    """Keep the fingerprint `origin` with an export; raises WorkspaceError."""
    write_json(folder / _ORIGIN, {"weights": origin})


def read_origin(folder: Path) -> str:
    """The fingerprint that was kept with an export, "" where there is none."""
    try:
        return str(read_json(folder / _ORIGIN).get("weights", ""))
    except WorkspaceError:
        return ""
