"""Exports, loaded by the libraries they are for."""

import json
from pathlib import Path

import ctranslate2  # type: ignore[import-untyped]
import numpy as np
import pytest
import torch
import whisper
from torch import nn
from whisper.model import ModelDimensions, Whisper

from lab.asr import weights
from lab.core.errors import CheckpointError, OptionsError, WorkspaceError
from lab.export import FORMATS, export
from lab.export.formats import CARD_NAME
from tests.support.whispers import BRIEF, outputs, random_model

# Heads, layers and hidden sizes differ wherever possible, so that a mix-up shows.
DIMS = ModelDimensions(80, 32, 16, 2, 3, 51865, 24, 16, 4, 2)


@pytest.fixture(scope="module")
def tiny() -> Whisper:
    return random_model(DIMS)


def read_back(folder: Path) -> Whisper:
    return weights.build(weights.read(folder), label=folder.name)


@pytest.mark.parametrize("file_format", FORMATS)
def test_what_is_exported_is_read_back_bit_for_bit(
    file_format: str, tiny: Whisper, tmp_path: Path
) -> None:
    export(tiny, tmp_path / "mine", file_format=file_format, card="# Mine\n")
    again = read_back(tmp_path / "mine")
    for name, value in tiny.state_dict().items():
        assert torch.equal(again.state_dict()[name], value), name
    assert torch.equal(outputs(again), outputs(tiny))
    assert (tmp_path / "mine" / CARD_NAME).read_text() == "# Mine\n"
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.parametrize("file_format", FORMATS)
def test_float16_exports_are_the_rounded_weights(
    file_format: str, tiny: Whisper, tmp_path: Path
) -> None:
    export(tiny, tmp_path / "half", file_format=file_format, precision="float16")
    again = read_back(tmp_path / "half")
    for name, value in tiny.state_dict().items():
        assert torch.equal(again.state_dict()[name], value.half().float()), name


def test_openai_whisper_loads_the_export(tiny: Whisper, tmp_path: Path) -> None:
    export(tiny, tmp_path / "o", file_format="openai")
    loaded = whisper.load_model(str(tmp_path / "o" / "model.pt"), device="cpu")
    assert loaded.dims == DIMS
    assert torch.equal(outputs(loaded), outputs(tiny))


def test_transformers_computes_the_same_logits(tiny: Whisper, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    export(tiny, tmp_path / "hf", file_format="huggingface")
    loaded = transformers.WhisperForConditionalGeneration.from_pretrained(tmp_path / "hf")
    mel = torch.randn(1, 80, 64, generator=torch.Generator().manual_seed(0))
    tokens = torch.tensor([[50258, 50259, 50359, 50363]])
    with torch.no_grad():
        theirs = loaded(input_features=mel, decoder_input_ids=tokens).logits
        torch.testing.assert_close(theirs, tiny(mel, tokens), rtol=1e-4, atol=1e-4)


def test_transformers_reads_tokenizer_and_feature_extractor(tiny: Whisper, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    export(tiny, tmp_path / "hf", file_format="huggingface")
    processor = transformers.WhisperProcessor.from_pretrained(
        tmp_path / "hf", language="albanian", task="transcribe"
    )
    ours = whisper.tokenizer.get_tokenizer(True, language="sq", task="transcribe")
    text = "Çfarë është kjo? 😀"
    tokens = processor.tokenizer(text).input_ids
    assert tokens == [*ours.sot_sequence_including_notimestamps, *ours.encode(text), ours.eot]
    assert processor.tokenizer.decode(tokens, skip_special_tokens=True) == text
    timestamps = [ours.timestamp_begin, *ours.encode("po"), ours.timestamp_begin + 50]
    shown = processor.tokenizer.decode(timestamps, decode_with_timestamps=True)
    assert shown == "<|0.00|>po<|1.00|>"
    samples = np.random.default_rng(0).normal(size=480_000).astype(np.float32)
    features = processor(samples, sampling_rate=16_000, return_tensors="pt").input_features[0]
    torch.testing.assert_close(features, whisper.log_mel_spectrogram(samples), rtol=0, atol=1e-3)


@pytest.mark.parametrize("precision", ["float32", "int8"])
def test_ctranslate2_computes_the_same_encoder_output(precision: str, tmp_path: Path) -> None:
    model = random_model(BRIEF)
    export(model, tmp_path / "ct2", file_format="ctranslate2", precision=precision)
    loaded = ctranslate2.models.Whisper(str(tmp_path / "ct2"), device="cpu")
    assert loaded.is_multilingual
    mel = torch.randn(1, 80, 100, generator=torch.Generator().manual_seed(0))
    theirs = np.array(loaded.encode(ctranslate2.StorageView.from_array(mel.numpy())))
    with torch.no_grad():
        ours = model.encoder(mel).numpy()
    # int8 rounds by up to half a per cent of the largest value of a row, in three layers.
    tolerance = 1e-3 if precision == "float32" else 0.1 * np.abs(ours).max()
    np.testing.assert_allclose(theirs, ours, atol=tolerance)


def test_ctranslate2_gets_the_alignment_heads(tmp_path: Path) -> None:
    model = random_model(ModelDimensions(80, 50, 64, 2, 1, 51865, 64, 64, 2, 1))
    heads = torch.tensor([[False, True]])
    model.register_buffer("alignment_heads", heads.to_sparse(), persistent=False)
    export(model, tmp_path / "ct2", file_format="ctranslate2")
    config = json.loads((tmp_path / "ct2" / "config.json").read_text())
    assert config["alignment_heads"] == [[0, 1]]


def test_an_existing_folder_is_not_overwritten(tiny: Whisper, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(WorkspaceError, match="will not be overwritten"):
        export(tiny, tmp_path / "mine", file_format="openai")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["thesis.txt"]


def test_a_full_disk_leaves_nothing_behind(
    tiny: Whisper, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("lab.export.huggingface.save_file", full)
    with pytest.raises(WorkspaceError, match="No space left on device"):
        export(tiny, tmp_path / "mine", file_format="huggingface")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("file_format", "precision", "reason"),
    [("onnx", "float32", "Choose one of openai"), ("openai", "int8", "float32 or float16")],
)
def test_unknown_formats_and_precisions_are_refused(
    file_format: str, precision: str, reason: str, tiny: Whisper, tmp_path: Path
) -> None:
    with pytest.raises(OptionsError, match=reason):
        export(tiny, tmp_path / "mine", file_format=file_format, precision=precision)


def test_an_activation_that_a_format_cannot_represent_is_refused(tmp_path: Path) -> None:
    model = random_model(DIMS)
    for block in (*model.encoder.blocks, *model.decoder.blocks):
        block.mlp[1] = nn.ReLU()
    for file_format in ("openai", "ctranslate2"):
        with pytest.raises(CheckpointError, match="activation function relu"):
            export(model, tmp_path / "mine", file_format=file_format)
    transformers = pytest.importorskip("transformers")
    export(model, tmp_path / "mine", file_format="huggingface")
    loaded = transformers.WhisperForConditionalGeneration.from_pretrained(tmp_path / "mine")
    mel, tokens = torch.zeros(1, 80, 64), torch.tensor([[50258, 50259]])
    with torch.no_grad():
        theirs = loaded(input_features=mel, decoder_input_ids=tokens).logits
        torch.testing.assert_close(theirs, model(mel, tokens), rtol=1e-4, atol=1e-4)
