"""Export to a CTranslate2 folder, which faster-whisper loads."""

from pathlib import Path

import torch
from ctranslate2.specs import WhisperSpec
from ctranslate2.specs.model_spec import index_spec
from whisper.model import Whisper

from lab.asr import ctranslate2
from lab.export import huggingface, tokens

# CTranslate2's names of the precisions; int8 keeps the other weights in float32.
_QUANTIZATIONS = {"float32": "float32", "float16": "float16", "int8": "int8_float32"}


def write(model: Whisper, folder: Path, *, precision: str = "float32") -> None:
    """Write `model` to `folder` for `faster_whisper.WhisperModel`; works offline."""
    vocabulary = tokens.build_vocabulary(model)
    dims = model.dims
    spec = WhisperSpec(dims.n_audio_layer, dims.n_audio_head, dims.n_text_layer, dims.n_text_head)
    # Copies, because tensors of the model share memory and the spec modifies its own in place.
    state = {name: value.detach().clone() for name, value in model.state_dict().items()}
    variables = ctranslate2.to_ctranslate2(state)
    variables["decoder/projection/weight"] = variables["decoder/embeddings/weight"]
    for name, value in variables.items():
        scope, _, leaf = name.rpartition("/")
        setattr(index_spec(spec, scope), leaf, value.to(torch.float32).numpy())
    spec.register_vocabulary(vocabulary.tokens)
    spec.config.suppress_ids = huggingface.suppress_tokens(vocabulary)
    spec.config.suppress_ids_begin = huggingface.begin_suppress_tokens(vocabulary)
    spec.config.lang_ids = sorted(vocabulary.tokenizer.all_language_tokens)
    spec.config.alignment_heads = huggingface.alignment_heads(model)
    spec.validate()
    spec.optimize(quantization=_QUANTIZATIONS[precision])
    spec.save(str(folder))
    tokens.write_tokenizer(vocabulary, folder / "tokenizer.json")
    huggingface.write_feature_extractor(model, folder)
