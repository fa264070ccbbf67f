"""The folder that faster-whisper loads, written by CTranslate2's own classes."""

from pathlib import Path

import torch
from ctranslate2.specs import WhisperSpec
from ctranslate2.specs.model_spec import index_spec
from whisper.model import Whisper

from lab.asr import ctranslate2
from lab.export import huggingface, tokens

# Its names for the precisions. What is not rounded to 8 bits stays as exact as it was.
_QUANTIZATIONS = {"float32": "float32", "float16": "float16", "int8": "int8_float32"}


def write(model: Whisper, folder: Path, *, precision: str = "float32") -> None:
    """Write `model` into `folder`, for `faster_whisper.WhisperModel`, without a network."""
    vocabulary = tokens.vocabulary_of(model)
    dims = model.dims
    spec = WhisperSpec(dims.n_audio_layer, dims.n_audio_head, dims.n_text_layer, dims.n_text_head)
    # In the model they are views of one another's memory, and the classes write into theirs.
    state = {name: value.detach().clone() for name, value in model.state_dict().items()}
    variables = ctranslate2.written_variables(state)
    variables["decoder/projection/weight"] = variables["decoder/embeddings/weight"]
    for name, value in variables.items():
        scope, _, leaf = name.rpartition("/")
        setattr(index_spec(spec, scope), leaf, value.to(torch.float32).numpy())
    spec.register_vocabulary(vocabulary.texts)
    spec.config.suppress_ids = huggingface.suppressed(vocabulary)
    spec.config.suppress_ids_begin = huggingface.suppressed_at_first(vocabulary)
    spec.config.lang_ids = sorted(vocabulary.whisper.all_language_tokens)
    spec.config.alignment_heads = huggingface.alignment_heads(model)
    spec.validate()
    spec.optimize(quantization=_QUANTIZATIONS[precision])
    spec.save(str(folder))
    tokens.write_tokenizer(vocabulary, folder / "tokenizer.json")
    huggingface.write_feature_extractor(model, folder)
