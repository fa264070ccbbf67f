"""Export to a transformers folder, which can be uploaded to the Hugging Face Hub."""

import shutil
from pathlib import Path
from typing import Any

import torch
import whisper
from safetensors.torch import save_file
from whisper.audio import CHUNK_LENGTH, HOP_LENGTH, N_FFT, N_FRAMES, N_SAMPLES, SAMPLE_RATE
from whisper.model import Whisper

from lab.asr import huggingface, weights
from lab.core.workspace import write_json
from lab.export import tokens
from lab.export.tokens import BpeVocabulary


def write(model: Whisper, folder: Path, *, precision: str = "float32") -> None:
    """Write `model` to `folder` for transformers' `from_pretrained`; works offline."""
    vocabulary = tokens.build_vocabulary(model)
    dtype = getattr(torch, precision)
    state = {
        huggingface.to_hf_name(name): value.detach().to(dtype).clone().contiguous()
        for name, value in model.state_dict().items()
    }
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    write_json(folder / "config.json", _config(model, vocabulary, precision))
    write_json(folder / "generation_config.json", _generation_config(model, vocabulary))
    write_feature_extractor(model, folder)
    tokens.write_tokenizer(vocabulary, folder / "tokenizer.json")
    tokens.write_tokenizer_parts(vocabulary, folder)
    # Pairs of British and American spellings, for scoring English.
    spellings = Path(whisper.__file__).parent / "normalizers" / "english.json"
    shutil.copyfile(spellings, folder / "normalizer.json")


def write_feature_extractor(model: Whisper, folder: Path) -> None:
    """Write `preprocessor_config.json`, the parameters of the log-mel spectrogram."""
    write_json(
        folder / "preprocessor_config.json",
        {
            "chunk_length": CHUNK_LENGTH,
            "feature_extractor_type": "WhisperFeatureExtractor",
            "feature_size": model.dims.n_mels,
            "hop_length": HOP_LENGTH,
            "n_fft": N_FFT,
            "n_samples": N_SAMPLES,
            "nb_max_frames": N_FRAMES,
            "padding_side": "right",
            "padding_value": 0.0,
            "processor_class": "WhisperProcessor",
            "return_attention_mask": False,
            "sampling_rate": SAMPLE_RATE,
        },
    )


def suppress_tokens(vocabulary: BpeVocabulary) -> list[int]:
    """Tokens never sampled: those of openai-whisper's `SuppressTokens`, but no <|notimestamps|>."""
    tokenizer = vocabulary.tokenizer
    return sorted(
        {
            *tokenizer.non_speech_tokens,
            tokenizer.transcribe,
            tokenizer.translate,
            tokenizer.sot,
            tokenizer.sot_prev,
            tokenizer.sot_lm,
            tokenizer.no_speech,
        }
    )


def begin_suppress_tokens(vocabulary: BpeVocabulary) -> list[int]:
    """Tokens that cannot start a text: a space and end-of-text."""
    return [*vocabulary.tokenizer.encode(" "), vocabulary.tokenizer.eot]


def alignment_heads(model: Whisper) -> list[list[int]]:
    """(layer, head) of each cross-attention head used for word timestamps."""
    heads: list[list[int]] = model.alignment_heads.to_dense().nonzero().tolist()
    return heads


def _config(model: Whisper, vocabulary: BpeVocabulary, precision: str) -> dict[str, Any]:
    ffn_dim = 4 * model.dims.n_audio_state  # fixed in openai-whisper
    config: dict[str, Any] = {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "is_encoder_decoder": True,
        "encoder_ffn_dim": ffn_dim,
        "decoder_ffn_dim": ffn_dim,
        "num_hidden_layers": model.dims.n_audio_layer,
        "tie_word_embeddings": True,
        "use_cache": True,
        "dtype": precision,
        **huggingface.FIXED,
        "activation_function": weights.activation_of(model),
        **_boundary_tokens(vocabulary),
    }
    return config | {theirs: getattr(model.dims, ours) for ours, theirs in huggingface.DIMS.items()}


def _generation_config(model: Whisper, vocabulary: BpeVocabulary) -> dict[str, Any]:
    tokenizer = vocabulary.tokenizer
    config: dict[str, Any] = {
        **_boundary_tokens(vocabulary),
        "alignment_heads": alignment_heads(model),
        "begin_suppress_tokens": begin_suppress_tokens(vocabulary),
        "suppress_tokens": suppress_tokens(vocabulary),
        "is_multilingual": model.is_multilingual,
        "max_initial_timestamp_index": 50,
        "max_length": model.dims.n_text_ctx,
        "no_timestamps_token_id": tokenizer.no_timestamps,
        "prev_sot_token_id": tokenizer.sot_prev,
        "return_timestamps": False,
    }
    if model.is_multilingual:
        codes, numbers = tokenizer.all_language_codes, tokenizer.all_language_tokens
        config["lang_to_id"] = {f"<|{c}|>": n for c, n in zip(codes, numbers, strict=True)}
        config["task_to_id"] = {
            "transcribe": tokenizer.transcribe,
            "translate": tokenizer.translate,
        }
    return config


def _boundary_tokens(vocabulary: BpeVocabulary) -> dict[str, int]:
    ends = dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"), vocabulary.tokenizer.eot)
    return {**ends, "decoder_start_token_id": vocabulary.tokenizer.sot}
