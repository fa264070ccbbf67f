"""Whisper networks with random weights, small enough to build, save and load in no time."""

import io
from dataclasses import asdict
from typing import Any

import torch
from whisper.model import ModelDimensions, Whisper
from whisper.tokenizer import get_tokenizer

# Everything but the vocabulary is small.
SMALL = ModelDimensions(80, 32, 16, 2, 2, 51865, 24, 16, 2, 2)
# With the audio and text contexts of official models: 30 s, up to 224 tokens.
TINY = ModelDimensions(80, 1500, 64, 2, 2, 51865, 448, 64, 2, 2)
# With contexts of 1 s and 32 tokens: decoding takes no time, even in openai-whisper.
BRIEF = ModelDimensions(80, 50, 64, 2, 1, 51865, 64, 64, 2, 2)


def random_model(dims: ModelDimensions = SMALL, *, seed: int = 0) -> Whisper:
    """A model whose weights depend only on `seed`."""
    torch.manual_seed(seed)
    model = Whisper(dims)
    with torch.no_grad():
        for parameter in model.parameters():  # openai-whisper leaves one uninitialized
            torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def talking_model(dims: ModelDimensions = TINY, *, ends: float = 3.0, seed: int = 0) -> Whisper:
    """A random model that decodes like a trained one: some tokens are far likelier than others, and
    the text ends sometimes (more often with greater `ends`, never with 0).
    """
    model = random_model(dims, seed=seed)
    with torch.no_grad():
        model.decoder.ln.weight.normal_(std=4.0)
        tokenizer = get_tokenizer(model.is_multilingual, num_languages=model.num_languages)
        model.decoder.token_embedding.weight[tokenizer.eot] *= ends
        model.decoder.token_embedding.weight[tokenizer.timestamp_begin :] *= 1.5
    return model


def outputs(model: Whisper) -> torch.Tensor:
    """Logits for a fixed spectrogram and tokens: equal for equal weights."""
    generator = torch.Generator().manual_seed(1)
    mel = torch.randn(1, model.dims.n_mels, 2 * model.dims.n_audio_ctx, generator=generator)
    with torch.no_grad():
        logits: torch.Tensor = model(mel, torch.tensor([[50258, 50259, 50359, 50363]]))
    return logits


def payload(model: Whisper) -> dict[str, Any]:
    """The content of an openai-whisper file of `model`."""
    return {"dims": asdict(model.dims), "model_state_dict": model.state_dict()}


def as_bytes(content: object) -> bytes:
    """`content` as written by `torch.save`."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()
