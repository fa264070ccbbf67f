"""The folder that transformers loads, and that Hugging Face's hub takes as it is."""

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
from lab.export.tokens import Vocabulary


def write(model: Whisper, folder: Path, *, precision: str = "float32") -> None:
    """Write `model` into `folder`, for `from_pretrained` of transformers, without a network."""
    vocabulary = tokens.vocabulary_of(model)
    dtype = getattr(torch, precision)
    state = {
        huggingface.written_name(name): value.detach().to(dtype).clone().contiguous()
        for name, value in model.state_dict().items()
    }
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    write_json(folder / "config.json", _config(model, vocabulary, precision))
    write_json(folder / "generation_config.json", _generation_config(model, vocabulary))
    write_feature_extractor(model, folder)
    tokens.write_tokenizer(vocabulary, folder / "tokenizer.json")
    tokens.write_tokenizer_parts(vocabulary, folder)
    # How American and British spellings go together, for scores of English.
    spellings = Path(whisper.__file__).parent / "normalizers" / "english.json"
    shutil.copyfile(spellings, folder / "normalizer.json")


def write_feature_extractor(model: Whisper, folder: Path) -> None:
    """Write `preprocessor_config.json`: how sound becomes a log-mel spectrogram."""
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


def suppressed(vocabulary: Vocabulary) -> list[int]:
    """What is never said, as in openai-whisper's `SuppressTokens`, but for “no timestamps”."""
    tokenizer = vocabulary.whisper
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


def suppressed_at_first(vocabulary: Vocabulary) -> list[int]:
    """What no text begins with: a space, or its end."""
    return [*vocabulary.whisper.encode(" "), vocabulary.whisper.eot]


def alignment_heads(model: Whisper) -> list[list[int]]:
    """Layer and head of each attention that gives word times."""
    heads: list[list[int]] = model.alignment_heads.to_dense().nonzero().tolist()
    return heads


def _config(model: Whisper, vocabulary: Vocabulary, precision: str) -> dict[str, Any]:
    width = 4 * model.dims.n_audio_state  # of the middle of a block, in openai-whisper always
    config: dict[str, Any] = {
        "architectures": ["WhisperForConditionalGeneration"],
        "model_type": "whisper",
        "is_encoder_decoder": True,
        "encoder_ffn_dim": width,
        "decoder_ffn_dim": width,
        "num_hidden_layers": model.dims.n_audio_layer,
        "tie_word_embeddings": True,
        "use_cache": True,
        "dtype": precision,
        **huggingface.FIXED,
        "activation_function": weights.activation_of(model),
        **_ends(vocabulary),
    }
    return config | {theirs: getattr(model.dims, ours) for ours, theirs in huggingface.DIMS.items()}


def _generation_config(model: Whisper, vocabulary: Vocabulary) -> dict[str, Any]:
    tokenizer = vocabulary.whisper
    config: dict[str, Any] = {
        **_ends(vocabulary),
        "alignment_heads": alignment_heads(model),
        "begin_suppress_tokens": suppressed_at_first(vocabulary),
        "suppress_tokens": suppressed(vocabulary),
        "is_multilingual": model.is_multilingual,
        "max_initial_timestamp_index": 50,
        "max_length": model.dims.n_text_ctx,
        "no_timestamps_token_id": tokenizer.no_timestamps,
        "prev_sot_token_id": tokenizer.sot_prev,
        "return_timestamps": False,
    }
    if model.is_multilingual:
        config["lang_to_id"] = {
            f"<|{code}|>": number
            for code, number in zip(
                tokenizer.all_language_codes, tokenizer.all_language_tokens, strict=True
            )
        }
        config["task_to_id"] = {
            "transcribe": tokenizer.transcribe,
            "translate": tokenizer.translate,
        }
    return config


def _ends(vocabulary: Vocabulary) -> dict[str, int]:
    end = vocabulary.whisper.eot
    return {
        "bos_token_id": end,
        "eos_token_id": end,
        "pad_token_id": end,
        "decoder_start_token_id": vocabulary.whisper.sot,
    }
