import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from whisper.model import ModelDimensions, Whisper

from lab.asr import checkpoints, huggingface, weights
from lab.core.errors import CheckpointError
from tests.support.whispers import outputs, random_model

DIMS = ModelDimensions(80, 32, 16, 2, 3, 51865, 24, 16, 4, 2)
CONFIG = {
    "architectures": ["WhisperForConditionalGeneration"],
    "model_type": "whisper",
    "activation_function": "gelu",
    "scale_embedding": False,
    "d_model": 16,
    "encoder_attention_heads": 2,
    "encoder_layers": 3,
    "decoder_attention_heads": 4,
    "decoder_layers": 2,
    "max_source_positions": 32,
    "max_target_positions": 24,
    "num_mel_bins": 80,
    "vocab_size": 51865,
}

# The other way round from the code under test: the list of replacements, in this order, with which
# transformers' `convert_openai_to_hf.py` makes its names.
TO_HUGGING_FACE = {
    "blocks": "layers",
    "mlp.0": "fc1",
    "mlp.2": "fc2",
    "mlp_ln": "final_layer_norm",
    ".attn.query": ".self_attn.q_proj",
    ".attn.key": ".self_attn.k_proj",
    ".attn.value": ".self_attn.v_proj",
    ".attn_ln": ".self_attn_layer_norm",
    ".attn.out": ".self_attn.out_proj",
    ".cross_attn.query": ".encoder_attn.q_proj",
    ".cross_attn.key": ".encoder_attn.k_proj",
    ".cross_attn.value": ".encoder_attn.v_proj",
    ".cross_attn_ln": ".encoder_attn_layer_norm",
    ".cross_attn.out": ".encoder_attn.out_proj",
    "decoder.ln.": "decoder.layer_norm.",
    "encoder.ln_post.": "encoder.layer_norm.",
    "token_embedding": "embed_tokens",
    "encoder.positional_embedding": "encoder.embed_positions.weight",
    "decoder.positional_embedding": "decoder.embed_positions.weight",
}


def hugging_face_state(model: Whisper, *, prefix: str = "model.") -> dict[str, torch.Tensor]:
    state = {}
    for name, value in model.state_dict().items():
        for ours, theirs in TO_HUGGING_FACE.items():
            name = name.replace(ours, theirs)
        state[prefix + name] = value.clone()
    return state


@pytest.fixture(scope="module")
def tiny() -> Whisper:
    return random_model(DIMS)


@pytest.fixture
def folder(tmp_path: Path, tiny: Whisper) -> Path:
    (tmp_path / "whisper-mine").mkdir()
    save_file(hugging_face_state(tiny), tmp_path / "whisper-mine" / "model.safetensors")
    (tmp_path / "whisper-mine" / "config.json").write_text(json.dumps(CONFIG))
    return tmp_path / "whisper-mine"


def built(path: Path) -> Whisper:
    return weights.build(weights.read(path), label=path.name)


def test_a_hugging_face_folder_becomes_the_same_model(folder: Path, tiny: Whisper) -> None:
    checkpoint = huggingface.read(folder)
    assert checkpoint.dims == asdict(DIMS)
    model = built(folder)
    assert torch.equal(outputs(model), outputs(tiny))
    for key, value in tiny.state_dict().items():
        assert torch.equal(model.state_dict()[key], value), key


def test_an_added_hugging_face_model_is_loaded_by_its_name(
    folder: Path, tmp_path: Path, tiny: Whisper
) -> None:
    models_dir = tmp_path / "models"
    checkpoints.add(folder, name="mine", models_dir=models_dir)
    assert torch.equal(outputs(checkpoints.load("mine", models_dir=models_dir)), outputs(tiny))
    assert [path.name for path in models_dir.iterdir()] == ["mine.pt"]


def test_the_safetensors_file_of_a_folder_can_be_given(folder: Path, tiny: Whisper) -> None:
    picked = (folder / "model.safetensors").rename(folder / "model.fp32.safetensors")
    assert torch.equal(outputs(built(picked)), outputs(tiny))


def test_a_folder_of_the_bare_model_without_output_layer_is_read(
    folder: Path, tiny: Whisper
) -> None:
    save_file(hugging_face_state(tiny, prefix=""), folder / "model.safetensors")
    assert torch.equal(outputs(built(folder)), outputs(tiny))


def test_sharded_weights_are_joined(folder: Path, tiny: Whisper) -> None:
    (folder / "model.safetensors").unlink()
    names = sorted(state := hugging_face_state(tiny))
    weight_map: dict[str, str] = {}
    for number, part in enumerate((names[::2], names[1::2]), start=1):
        file = f"model-{number:05d}-of-00002.safetensors"
        save_file({name: state[name] for name in part}, folder / file)
        weight_map |= dict.fromkeys(part, file)
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))
    assert torch.equal(outputs(built(folder)), outputs(tiny))

    (folder / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model-00002-of-00002\.safetensors is missing"):
        built(folder)


def test_a_pytorch_bin_is_read(folder: Path, tiny: Whisper) -> None:
    (folder / "model.safetensors").unlink()
    torch.save(hugging_face_state(tiny), folder / "pytorch_model.bin")
    assert torch.equal(outputs(built(folder)), outputs(tiny))
    assert torch.equal(outputs(built(folder / "pytorch_model.bin")), outputs(tiny))


def test_a_pytorch_bin_with_code_is_refused_and_the_code_does_not_run(folder: Path) -> None:
    crater = folder / "crater"

    class Bomb:
        def __reduce__(self) -> tuple[Any, ...]:
            return (os.mkdir, (str(crater),))

    (folder / "model.safetensors").unlink()
    torch.save({"model.encoder.conv1.weight": Bomb()}, folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="program code, which was not run"):
        built(folder)
    assert not crater.exists()


def test_safetensors_are_preferred_to_a_pickle(folder: Path, tiny: Whisper) -> None:
    (folder / "pytorch_model.bin").write_bytes(b"not even looked at")
    assert torch.equal(outputs(built(folder)), outputs(tiny))


def test_half_precision_is_kept_on_disk_and_built_as_float32(
    folder: Path, tmp_path: Path, tiny: Whisper
) -> None:
    half = {key: value.half() for key, value in hugging_face_state(tiny).items()}
    save_file(half, folder / "model.safetensors")
    checkpoints.add(folder, name="mine", models_dir=tmp_path / "models")
    stored = torch.load(tmp_path / "models" / "mine.pt", weights_only=True)["model_state_dict"]
    assert {value.dtype for value in stored.values()} == {torch.float16}
    model = checkpoints.load("mine", models_dir=tmp_path / "models")
    assert {value.dtype for value in model.state_dict().values()} == {torch.float32}


@pytest.mark.parametrize("same", [True, False])
def test_an_output_layer_is_dropped_only_if_it_is_the_embedding(
    same: bool, folder: Path, tiny: Whisper
) -> None:
    state = hugging_face_state(tiny)
    state["proj_out.weight"] = tiny.decoder.token_embedding.weight.detach().clone()
    if same:
        save_file(state, folder / "model.safetensors")
        assert torch.equal(outputs(built(folder)), outputs(tiny))
    else:
        state["proj_out.weight"][7, 3] += 1
        save_file(state, folder / "model.safetensors")
        with pytest.raises(CheckpointError, match="output layer"):
            built(folder)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model_type": "wav2vec2"}, "'wav2vec2'"),
        ({"model_type": None}, "not a Whisper"),
        ({"activation_function": "relu"}, "activation_function is 'relu'"),
        ({"scale_embedding": True}, "scale_embedding is True"),
        ({"encoder_layers": 10**9}, "n_audio_layer is 1000000000"),
        ({"encoder_layers": "3"}, "n_audio_layer is '3'"),
        ({"encoder_layers": 2}, r"encoder\.blocks\.2\S* is unknown"),
        ({"decoder_layers": 3}, r"decoder\.blocks\.2\S* is missing"),
        ({"vocab_size": 51864}, "has shape"),
    ],
)
def test_an_unsupported_config_is_refused_with_the_reason(
    changes: dict[str, Any], reason: str, folder: Path
) -> None:
    (folder / "config.json").write_text(json.dumps(CONFIG | changes))
    with pytest.raises(CheckpointError, match=reason):
        built(folder)


def test_a_missing_setting_is_named(folder: Path) -> None:
    config = {key: value for key, value in CONFIG.items() if key != "d_model"}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="d_model is missing"):
        built(folder)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"\xff\xfe", b"[" * 100_000], ids=lambda c: repr(c[:4])
)
def test_a_damaged_config_is_refused(content: bytes, folder: Path) -> None:
    (folder / "config.json").write_bytes(content)
    with pytest.raises(CheckpointError, match=r"config\.json is damaged"):
        built(folder)


def test_a_missing_config_is_named(folder: Path) -> None:
    (folder / "config.json").unlink()
    with pytest.raises(CheckpointError, match="Use the whole Hugging Face folder"):
        built(folder / "model.safetensors")


@pytest.mark.parametrize("keep", [0, 4, 100, 5_000])
def test_truncated_safetensors_are_refused(keep: int, folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CheckpointError, match=r"model\.safetensors is truncated or damaged"):
        built(folder)


@pytest.mark.parametrize("file", ["../secret.safetensors", "/etc/passwd", "..\\secret", ".."])
def test_an_index_cannot_refer_outside_its_folder(file: str, folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    index = folder / "model.safetensors.index.json"
    index.write_text(json.dumps({"weight_map": {"model.encoder.conv1.weight": file}}))
    with pytest.raises(CheckpointError, match=r"outside its folder|is missing in"):
        built(folder)


@pytest.mark.parametrize("content", [{}, {"weight_map": []}, {"weight_map": {"a": 1}}])
def test_a_damaged_index_is_refused(content: dict[str, Any], folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors.index.json").write_text(json.dumps(content))
    with pytest.raises(CheckpointError, match="no valid weight_map"):
        built(folder)


def test_an_adapter_is_refused_with_what_to_do(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    (folder / "adapter_config.json").write_text("{}")
    with pytest.raises(CheckpointError, match="Merge it into its base model"):
        built(folder)
