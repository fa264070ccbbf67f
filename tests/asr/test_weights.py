"""A checkpoint of any format becomes a complete Whisper, or is refused with a reason, never run."""

import io
import pickle
import resource
import warnings
import zipfile
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
import whisper
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from whisper.model import ModelDimensions, Whisper

from lab.asr import weights
from lab.core.errors import CheckpointError
from tests.support.whispers import SMALL, as_bytes, outputs, payload, random_model


@pytest.fixture(scope="module")
def tiny() -> Whisper:
    return random_model()


@pytest.fixture(scope="module")
def tiny_bytes(tiny: Whisper) -> bytes:
    return as_bytes(payload(tiny))


def loaded(path: Path) -> Whisper:
    return weights.build(weights.read(path), label=path.name)


# --- reading and building ---


def test_a_loaded_model_matches_openai_whisper(tmp_path: Path, tiny_bytes: bytes) -> None:
    (tmp_path / "mine.pt").write_bytes(tiny_bytes)
    ours = loaded(tmp_path / "mine.pt")
    theirs = whisper.load_model(str(tmp_path / "mine.pt"), device="cpu").eval()
    assert ours.dims == theirs.dims
    assert torch.equal(outputs(ours), outputs(theirs))
    assert torch.equal(ours.alignment_heads.to_dense(), theirs.alignment_heads.to_dense())
    ours_buffers, theirs_buffers = dict(ours.named_buffers()), dict(theirs.named_buffers())
    assert ours_buffers.keys() == theirs_buffers.keys()
    assert torch.equal(ours_buffers["decoder.mask"], theirs_buffers["decoder.mask"])
    assert not any(parameter.is_meta for parameter in ours.parameters())
    assert not ours.training


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_float_precision_becomes_float32(
    tmp_path: Path, tiny: Whisper, dtype: torch.dtype
) -> None:
    content = payload(tiny)
    content["model_state_dict"] = {
        key: value.to(dtype) for key, value in content["model_state_dict"].items()
    }
    (tmp_path / "mine.pt").write_bytes(as_bytes(content))
    model = loaded(tmp_path / "mine.pt")
    assert {value.dtype for value in model.state_dict().values()} == {torch.float32}
    for key, value in model.state_dict().items():
        assert torch.equal(value, content["model_state_dict"][key].float())


def test_two_loads_share_nothing(tmp_path: Path, tiny_bytes: bytes) -> None:
    (tmp_path / "mine.pt").write_bytes(tiny_bytes)
    first = loaded(tmp_path / "mine.pt")
    second = loaded(tmp_path / "mine.pt")
    before = outputs(second)
    with torch.no_grad():
        for parameter in first.parameters():
            parameter.zero_()
    assert torch.equal(outputs(second), before)
    assert torch.equal(outputs(loaded(tmp_path / "mine.pt")), before)


def test_a_loaded_model_survives_the_loss_of_its_file(tmp_path: Path, tiny_bytes: bytes) -> None:
    path = tmp_path / "mine.pt"
    path.write_bytes(tiny_bytes)
    model = loaded(tmp_path / "mine.pt")
    path.write_bytes(b"")
    assert torch.isfinite(outputs(model)).all()


def test_a_model_fine_tuned_from_base_keeps_its_alignment_heads(tmp_path: Path) -> None:
    like_base = random_model(ModelDimensions(80, 8, 16, 8, 1, 51865, 8, 16, 8, 6))
    (tmp_path / "mine.pt").write_bytes(as_bytes(payload(like_base)))
    tuned = loaded(tmp_path / "mine.pt")
    like_base.set_alignment_heads(whisper._ALIGNMENT_HEADS["base"])
    assert torch.equal(tuned.alignment_heads.to_dense(), like_base.alignment_heads.to_dense())


# --- saving ---


def test_saving_a_view_does_not_save_its_whole_storage(tmp_path: Path, tiny: Whisper) -> None:
    views = {}
    for key, value in tiny.state_dict().items():
        around = torch.zeros(4, *value.shape)
        around[1] = value
        views[key] = around[1]
    checkpoint = weights.Checkpoint(dims=asdict(SMALL), state=views)
    weights.save(checkpoint, tmp_path / "view.pt")
    n_bytes = sum(value.numel() * 4 for value in views.values())
    assert (tmp_path / "view.pt").stat().st_size < 1.1 * n_bytes


def test_a_file_that_cannot_be_written_is_reported_and_leaves_no_files(
    tmp_path: Path, tiny: Whisper
) -> None:
    (tmp_path / "file").write_text("in the way")
    checkpoint = weights.Checkpoint(dims=asdict(SMALL), state=tiny.state_dict())
    with pytest.raises(CheckpointError, match=r"mine\.pt could not be written"):
        weights.save(checkpoint, tmp_path / "file" / "mine.pt")


def test_a_full_disk_keeps_the_previous_model(tmp_path: Path, tiny: Whisper) -> None:
    (tmp_path / "mine.pt").write_bytes(b"the old one")
    checkpoint = weights.Checkpoint(dims=asdict(SMALL), state=tiny.state_dict())
    unlimited = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, unlimited[1]))
    try:
        with pytest.raises(CheckpointError, match="could not be written"):
            weights.save(checkpoint, tmp_path / "mine.pt")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, unlimited)
    assert (tmp_path / "mine.pt").read_bytes() == b"the old one"
    assert [path.name for path in tmp_path.iterdir()] == ["mine.pt"]


# --- damaged and hostile files ---


class Bomb:
    """Unpickled as code, it creates the file named by the environment variable BOMB."""

    def __reduce__(self) -> tuple[Any, ...]:
        return (exec, ("import os; open(os.environ['BOMB'], 'w').close()",))


@pytest.fixture
def crater(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("BOMB", str(tmp_path / "crater"))
    return tmp_path / "crater"


def changed(model: Whisper, **changes: Any) -> dict[str, Any]:
    content = payload(model)
    content["dims"] |= changes
    return content


def with_tensor(model: Whisper, key: str, value: Any) -> dict[str, Any]:
    content = payload(model)
    content["model_state_dict"] = {**content["model_state_dict"], key: value}
    return content


def zipped(entries: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def torchscript() -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
        traced = torch.jit.trace(  # type: ignore[no-untyped-call]
            torch.nn.Linear(2, 2), torch.zeros(1, 2)
        )
        torch.jit.save(traced, buffer)
    return buffer.getvalue()


@cache
def damaged() -> dict[str, tuple[bytes, str]]:
    """Files that are not valid models, with a part of the message about each."""
    model = random_model()
    good = as_bytes(payload(model))
    weight = model.decoder.ln.weight.detach().clone()
    without = payload(model)
    without["model_state_dict"] = {
        k: v for k, v in without["model_state_dict"].items() if k != "decoder.ln.weight"
    }
    nan, infinite = weight.clone(), weight.clone()
    nan[3], infinite[3] = torch.nan, -torch.inf
    return {
        "empty": (b"", "truncated, damaged or not a model file"),
        "text": (b"<html>please log in</html>", "not a model file"),
        "cut off": (good[: len(good) // 2], "truncated"),
        "without its last byte": (good[:-1], "truncated"),
        "another zip": (zipped({"a.txt": b"hello"}), "damaged"),
        "compressed": (zipped({"x/data.pkl": b"0" * 9}, zipfile.ZIP_DEFLATED), "compressed"),
        "torchscript": (torchscript(), "TorchScript"),
        "ggml": (b"lmgg" + bytes(100), "whisper.cpp"),
        "gguf": (b"GGUF" + bytes(100), "whisper.cpp"),
        "only weights": (as_bytes(model.state_dict()), "“dims” and"),
        "a list": (as_bytes([1, 2]), "“dims” and"),
        "pickle bomb": (as_bytes({"dims": Bomb()}), "program code, which was not run"),
        "bare pickle bomb": (pickle.dumps(Bomb()), "not a model file"),
        "legacy pickle bomb": (legacy(Bomb()), "not a model file"),
        "whole module": (as_bytes(model), "program code, which was not run"),
        "a dimension too few": (
            as_bytes({**payload(model), "dims": {"n_mels": 80}}),
            "unknown dimensions: n_audio_ctx",
        ),
        "a dimension too many": (as_bytes(changed(model, n_ears=2)), "unknown dimensions: n_ears"),
        "a terabyte": (as_bytes(changed(model, n_text_ctx=10**9)), "n_text_ctx is 1000000000"),
        "negative": (as_bytes(changed(model, n_audio_layer=-1)), "n_audio_layer is -1"),
        "text for a number": (as_bytes(changed(model, n_mels="80")), "n_mels is '80'"),
        "true for a number": (as_bytes(changed(model, n_text_head=True)), "n_text_head is True"),
        "fraction": (as_bytes(changed(model, n_text_head=2.0)), "n_text_head is 2.0"),
        "heads that do not divide": (as_bytes(changed(model, n_text_head=3)), "divisible by"),
        "states that differ": (as_bytes(changed(model, n_audio_state=32)), "differ"),
        "odd mel bands": (as_bytes(changed(model, n_mels=100)), "expected 80 or 128"),
        "too many layers": (as_bytes(changed(model, n_text_layer=3)), "decoder.blocks.2"),
        "large for its content": (
            as_bytes(changed(model, n_audio_state=4096, n_text_state=4096)),
            "expected",
        ),
        "missing": (as_bytes(without), "decoder.ln.weight is missing"),
        "unknown": (as_bytes(with_tensor(model, "extra", weight)), "extra is unknown"),
        "misshapen": (
            as_bytes(with_tensor(model, "decoder.ln.weight", weight[:3])),
            "has shape (3,), expected (16,)",
        ),
        "expanded": (
            as_bytes(with_tensor(model, "decoder.ln.weight", weight[:1].expand(10**12, 1))),
            "has shape (1000000000000, 1)",
        ),
        "integers": (
            as_bytes(with_tensor(model, "decoder.ln.weight", weight.int())),
            "not a dense floating-point tensor",
        ),
        "sparse": (
            as_bytes(with_tensor(model, "decoder.ln.weight", weight.to_sparse())),
            "not a dense floating-point tensor",
        ),
        "not a tensor": (
            as_bytes(with_tensor(model, "decoder.ln.weight", [1.0])),
            "not a dense floating-point tensor",
        ),
        "NaN": (as_bytes(with_tensor(model, "decoder.ln.weight", nan)), "NaN or infinite"),
        "infinity": (
            as_bytes(with_tensor(model, "decoder.ln.weight", infinite)),
            "NaN or infinite",
        ),
    }


def legacy(content: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", list(damaged()))
def test_an_invalid_file_is_refused_with_the_reason_and_its_code_not_run(
    kind: str, tmp_path: Path, crater: Path
) -> None:
    content, reason = damaged()[kind]
    source = tmp_path / "added.pt"
    source.write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        loaded(source)
    assert reason in str(caught.value)
    assert "added.pt" in str(caught.value)
    assert not crater.exists()


def test_the_bomb_of_these_tests_works(crater: Path) -> None:
    pickle.loads(pickle.dumps(Bomb()))
    assert crater.exists()


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"nothing\.pt"):
        weights.read(tmp_path / "nothing.pt")


def test_a_folder_without_a_model_is_refused_with_the_expected_files(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"expected config\.json with"):
        weights.read(tmp_path)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    position=st.floats(0, 1),
    change=st.binary(min_size=1, max_size=24),
    near_an_end=st.booleans(),
)
def test_a_file_with_changed_bytes_loads_or_is_refused_but_never_crashes(
    position: float, change: bytes, near_an_end: bool, tmp_path: Path, tiny_bytes: bytes
) -> None:
    # The structure is in the first and last few kilobytes, with weights in between.
    reach = 12_000
    at = int(position * (2 * reach if near_an_end else len(tiny_bytes) - len(change)))
    at = len(tiny_bytes) - 2 * reach + at if near_an_end and at > reach else at
    data = bytearray(tiny_bytes)
    data[at : at + len(change)] = change
    path = tmp_path / "fuzzed.pt"
    path.write_bytes(data)
    try:
        model = loaded(path)
    except CheckpointError:
        return
    assert all(torch.isfinite(parameter).all() for parameter in model.parameters())
