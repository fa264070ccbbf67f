import hashlib
import re
import struct
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ctranslate2  # type: ignore[import-untyped]
import numpy as np
import pytest
import torch
import whisper
from ctranslate2.converters.utils import fuse_linear  # type: ignore[import-untyped]
from ctranslate2.specs import WhisperSpec  # type: ignore[import-untyped]
from ctranslate2.specs.common_spec import LinearSpec  # type: ignore[import-untyped]
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from whisper.model import ModelDimensions, Whisper, sinusoids

from lab.asr import checkpoints, weights
from lab.asr import ctranslate2 as reader
from lab.core.errors import CheckpointError
from tests.support.whispers import random_model

DIMS = ModelDimensions(80, 32, 16, 2, 3, 51865, 24, 16, 2, 2)


def write(model: Whisper, folder: Path, *, quantization: str | None = None) -> Path:
    """Write `model` in CTranslate2's format, with CTranslate2 itself."""
    dims = model.dims
    spec = WhisperSpec(dims.n_audio_layer, dims.n_audio_head, dims.n_text_layer, dims.n_text_head)

    def array(tensor: torch.Tensor) -> np.ndarray:
        return tensor.detach().numpy().copy()

    def fill(target: Any, module: Any) -> None:
        weight, bias = ("gamma", "beta") if hasattr(target, "gamma") else ("weight", "bias")
        setattr(target, weight, array(module.weight))
        if module.bias is not None:
            setattr(target, bias, array(module.bias))

    def fused(target: LinearSpec, *modules: Any) -> None:
        parts = [LinearSpec() for _ in modules]
        for part, module in zip(parts, modules, strict=True):
            fill(part, module)
        fuse_linear(target, parts)

    def attention(target: Any, module: Any, norm: Any, *, is_self: bool) -> None:
        fill(target.layer_norm, norm)
        if is_self:
            fused(target.linear[0], module.query, module.key, module.value)
        else:
            fill(target.linear[0], module.query)
            fused(target.linear[1], module.key, module.value)
        fill(target.linear[-1], module.out)

    for half, network in ((spec.encoder, model.encoder), (spec.decoder, model.decoder)):
        half.position_encodings.encodings = array(network.positional_embedding)
        for target, block in zip(half.layer, network.blocks, strict=True):
            attention(target.self_attention, block.attn, block.attn_ln, is_self=True)
            if block.cross_attn is not None:
                attention(target.attention, block.cross_attn, block.cross_attn_ln, is_self=False)
            fill(target.ffn.layer_norm, block.mlp_ln)
            fill(target.ffn.linear_0, block.mlp[0])
            fill(target.ffn.linear_1, block.mlp[2])
    fill(spec.encoder.conv1, model.encoder.conv1)
    fill(spec.encoder.conv2, model.encoder.conv2)
    fill(spec.encoder.layer_norm, model.encoder.ln_post)
    fill(spec.decoder.layer_norm, model.decoder.ln)
    spec.decoder.embeddings.weight = array(model.decoder.token_embedding.weight)
    spec.decoder.projection.weight = array(model.decoder.token_embedding.weight)
    spec.register_vocabulary([f"<{index}>" for index in range(dims.n_vocab)])
    spec.validate()
    spec.optimize(quantization=quantization)
    folder.mkdir(exist_ok=True)
    spec.save(str(folder))
    return folder / "model.bin"


@pytest.fixture(scope="module")
def tiny() -> Whisper:
    return random_model(DIMS)


@pytest.fixture(scope="module")
def written(tiny: Whisper, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write(tiny, tmp_path_factory.mktemp("ct2")).read_bytes()


def test_a_file_of_ctranslate2_is_read_bit_for_bit(tiny: Whisper, written: bytes) -> None:
    checkpoint = reader.read(written, label="model.bin")
    assert checkpoint.dims == asdict(DIMS)
    expected = tiny.state_dict()
    assert checkpoint.state.keys() == expected.keys()
    for key, value in expected.items():
        assert torch.equal(checkpoint.state[key], value), key


@pytest.mark.parametrize("quantization", ["float16", "bfloat16"])
def test_half_precision_is_kept_when_read_and_built_as_float32(
    quantization: str, tiny: Whisper, tmp_path: Path
) -> None:
    dtype = getattr(torch, quantization)
    path = write(tiny, tmp_path, quantization=quantization)
    checkpoint = weights.read(path)
    assert checkpoint.state["encoder.conv1.weight"].dtype == dtype
    model = weights.build(checkpoint, label="model.bin")
    for key, value in tiny.state_dict().items():
        assert torch.equal(model.state_dict()[key], value.to(dtype).float()), key


def test_equal_tensors_that_ctranslate2_stores_once_are_read(tmp_path: Path) -> None:
    fresh = Whisper(DIMS)  # every LayerNorm begins with the same ones and zeros
    torch.nn.init.normal_(fresh.decoder.positional_embedding)
    checkpoint = weights.read(write(fresh, tmp_path))
    model = weights.build(checkpoint, label="model.bin")
    for key, value in fresh.state_dict().items():
        assert torch.equal(model.state_dict()[key], value), key


def test_the_model_computes_the_same_as_ctranslate2(tiny: Whisper, tmp_path: Path) -> None:
    folder = write(tiny, tmp_path / "model").parent
    checkpoints.add(folder, name="mine", models_dir=tmp_path / "models")
    ours = checkpoints.load("mine", models_dir=tmp_path / "models")
    theirs = ctranslate2.models.Whisper(str(folder), device="cpu", intra_threads=1)
    mel = np.random.default_rng(0).normal(size=(1, 80, 64)).astype(np.float32)
    encoded = np.array(theirs.encode(ctranslate2.StorageView.from_array(mel)))
    with torch.no_grad():
        np.testing.assert_allclose(ours.encoder(torch.from_numpy(mel)), encoded, atol=1e-3)


def test_a_quantized_model_is_refused_with_the_reason(tiny: Whisper, tmp_path: Path) -> None:
    path = write(tiny, tmp_path, quantization="int8")
    with pytest.raises(CheckpointError, match="quantized to int8 or int16"):
        checkpoints.add(path, name="mine", models_dir=tmp_path / "models")


def test_a_file_is_recognized_by_its_content(written: bytes) -> None:
    assert reader.is_model_file(written[:64])
    assert not reader.is_model_file(b"")
    assert not reader.is_model_file(b"PK\x03\x04" + bytes(60))


def replaced(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data
    return data.replace(old, new, 1)


def after_name(data: bytes, name: str, *, skip: int, new: bytes) -> bytes:
    """`data` with `new` written `skip` bytes after the first variable called `name`."""
    at = data.index(name.encode() + b"\0") + len(name) + 1 + skip
    return data[:at] + new + data[at + len(new) :]


WEIGHT = "encoder/layer_norm/gamma"  # rank 1: uint8 rank, uint32 size, uint8 type, uint32 bytes
HOSTILE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda d: d[:0], "ends unexpectedly after 0 bytes"),
    "only a header": (lambda d: d[:20], "ends unexpectedly after 20 bytes"),
    "half": (lambda d: d[: len(d) // 2], "ends unexpectedly"),
    "a byte too few": (lambda d: d[:-1], "ends unexpectedly"),
    "a byte too many": (lambda d: d + b"\0", "1 unexpected bytes"),
    "old version": (lambda d: b"\5\0\0\0" + d[4:], "format 5 with WhisperSpec"),
    "another model": (
        lambda d: replaced(d, b"WhisperSpec\0", b"GarblerSpec\0"),
        "GarblerSpec",
    ),
    "billions of parts": (lambda d: d[:22] + b"\xff" * 4 + d[26:], "damaged"),
    "a thousand axes": (lambda d: after_name(d, WEIGHT, skip=0, new=b"\xff"), "255 dimensions"),
    "huge axis": (lambda d: after_name(d, WEIGHT, skip=1, new=b"\xff" * 4), "for shape"),
    "no axis": (lambda d: after_name(d, WEIGHT, skip=1, new=bytes(4)), "for shape"),
    "unknown type": (lambda d: after_name(d, WEIGHT, skip=5, new=b"\x09"), "unknown type 9"),
    "other type": (lambda d: after_name(d, WEIGHT, skip=5, new=b"\4"), "for shape (16,)"),
    "huge data": (lambda d: after_name(d, WEIGHT, skip=6, new=b"\xff" * 4), "for shape"),
    "renamed part": (lambda d: replaced(d, b"layer_norm/gamma", b"layer_norm/gnome"), "gnome"),
    "twice": (
        lambda d: replaced(d, b"encoder/conv2/bias", b"encoder/conv1/bias"),
        "duplicate",
    ),
    "no text": (lambda d: replaced(d, b"encoder/conv1", b"encoder/c\xffnv1"), "expected a name"),
    "alias of nothing": (lambda d: d[:-10] + b"?" + d[-9:], "invalid alias"),
    "another activation": (
        lambda d: after_name(d, "decoder/activation", skip=6, new=b"\0"),
        "decoder/activation differs",
    ),
    "no heads": (lambda d: replaced(d, b"encoder/num_heads", b"encoder/num_hands"), "num_heads"),
    "negative heads": (
        lambda d: after_name(d, "encoder/num_heads", skip=6, new=b"\xff\xff"),
        "n_audio_head is -1",
    ),
    "a gap in the layers": (
        lambda d: d.replace(b"decoder/layer_1/", b"decoder/layer_7/"),
        "decoder.blocks.1",
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_damaged_or_hostile_file_is_refused_with_the_reason(kind: str, written: bytes) -> None:
    change, reason = HOSTILE[kind]
    with pytest.raises(CheckpointError, match=re.escape(reason)):
        weights.build(reader.read(change(written), label="model.bin"), label="model.bin")


def test_a_damaged_file_on_disk_is_refused_as_well(written: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(written[: len(written) // 2])
    with pytest.raises(CheckpointError, match=r"model\.bin is truncated"):
        weights.read(path)


@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(cut=st.floats(0, 1), at=st.floats(0, 1), noise=st.binary(min_size=1, max_size=12))
def test_noise_is_refused_or_read_but_never_crashes(
    cut: float, at: float, noise: bytes, written: bytes
) -> None:
    # The large embedding would get most of the changes; the structure is around it.
    reach = written.index(b"decoder/embeddings/weight")
    place = int(at * reach)
    data = written[:place] + noise + written[place + len(noise) :]
    data = data[: int(cut * 2 * len(data))]
    try:
        weights.build(reader.read(data, label="model.bin"), label="model.bin")
    except CheckpointError:
        return


# --- the real weights ---


@pytest.fixture(scope="module")
def base_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Whisper base in a folder for CTranslate2's runtime, from the packaged parts."""
    parts = checkpoints.packaged_parts()
    if not parts:
        pytest.skip("the packaged weights are not installed")
    folder = tmp_path_factory.mktemp("base")
    for name in ("config.json", "tokenizer.json", "vocabulary.txt"):
        (folder / name).write_bytes((parts[0].parent / name).read_bytes())
    (folder / "model.bin").write_bytes(b"".join(part.read_bytes() for part in parts))
    return folder


@pytest.fixture(scope="module")
def base(base_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Whisper:
    assert base_folder.is_dir()
    return checkpoints.load("base", cache_dir=tmp_path_factory.mktemp("no-cache"))


def vowels() -> torch.Tensor:
    """The log-mel spectrogram of two seconds of three vowels: a 120 Hz buzz with formants."""
    time_s = np.arange(32_000) / 16_000
    sound = np.zeros_like(time_s)
    for begin_s, formants_hz in ((0.2, (700, 1200)), (0.8, (300, 2300)), (1.4, (350, 800))):
        envelope = np.clip(1 - ((time_s - begin_s - 0.25) / 0.25) ** 2, 0, None)
        for harmonic_hz in range(120, 4000, 120):
            gain = sum(1 / (1 + ((harmonic_hz - formant) / 90) ** 2) for formant in formants_hz)
            sound += envelope * gain * np.sin(2 * np.pi * harmonic_hz * time_s)
    audio = whisper.pad_or_trim((0.1 * sound / np.abs(sound).max()).astype(np.float32))
    mel: torch.Tensor = whisper.log_mel_spectrogram(audio)
    return mel


@pytest.mark.real
def test_the_packaged_weights_match_their_sha256(base_folder: Path) -> None:
    data = (base_folder / "model.bin").read_bytes()
    assert hashlib.sha256(data).hexdigest() == checkpoints._PACKAGED_SHA256
    (version,) = struct.unpack("<I", data[:4])
    assert version == 6


@pytest.mark.real
def test_the_built_base_has_its_dimensions_and_constants(base: Whisper) -> None:
    assert base.dims == ModelDimensions(80, 1500, 512, 8, 6, 51865, 448, 512, 8, 6)
    assert torch.allclose(base.encoder.positional_embedding, sinusoids(1500, 512), atol=1e-3)
    assert base.is_multilingual
    assert base.alignment_heads.to_dense().sum() == 8


@pytest.mark.real
def test_the_built_base_gives_the_same_result_as_ctranslate2(
    base: Whisper, base_folder: Path
) -> None:
    runtime = ctranslate2.models.Whisper(
        str(base_folder), device="cpu", compute_type="float32", intra_threads=2
    )
    mel = vowels()[None]
    encoded = runtime.encode(ctranslate2.StorageView.from_array(mel.numpy()))
    prompt = [50258, 50259, 50359, 50363]  # transcript, English, transcribe, no timestamps
    n_new = 12
    theirs = runtime.generate(
        encoded,
        [prompt],
        beam_size=1,
        max_length=len(prompt) + n_new,
        suppress_blank=False,
        suppress_tokens=[],
    )[0].sequences_ids[0]
    with torch.no_grad():
        features = base.encoder(mel)
        tokens = list(prompt)
        while len(tokens) < len(prompt) + n_new and tokens[-1] != 50257:
            logits = base.decoder(torch.tensor([tokens]), features)[0, -1]
            tokens.append(int(logits.argmax()))
        _, probabilities = whisper.detect_language(base, mel[0])

    np.testing.assert_allclose(features.numpy(), np.array(encoded), atol=5e-3)
    ours = [token for token in tokens[len(prompt) :] if token != 50257]
    assert ours == theirs[: len(ours)]
    assert len(ours) > 0
    for language, probability in runtime.detect_language(encoded)[0][:5]:
        assert probabilities[language.strip("<|>")] == pytest.approx(probability, abs=1e-3)
