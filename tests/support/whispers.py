"""Whisper networks with random weights, small enough to be built, stored and read in no time."""

import io
from dataclasses import asdict
from typing import Any

import torch
from whisper.model import ModelDimensions, Whisper
from whisper.tokenizer import get_tokenizer

# Everything but the vocabulary is small.
SMALL = ModelDimensions(80, 32, 16, 2, 2, 51865, 24, 16, 2, 2)
# Hears 30 s and writes up to 224 tokens, as every official model does.
TINY = ModelDimensions(80, 1500, 64, 2, 2, 51865, 448, 64, 2, 2)
# Hears 1 s and writes up to 32 tokens: decoding takes no time, in openai-whisper neither.
BRIEF = ModelDimensions(80, 50, 64, 2, 1, 51865, 64, 64, 2, 2)


def random_model(dims: ModelDimensions = SMALL, *, seed: int = 0) -> Whisper:
    """A model whose weights all depend on `seed` alone."""
    torch.manual_seed(seed)
    model = Whisper(dims)
    with torch.no_grad():
        for parameter in model.parameters():  # openai-whisper leaves one without content
            torch.nn.init.normal_(parameter, std=0.2)
    return model.eval()


def talking_model(dims: ModelDimensions = TINY, *, ends: float = 3.0, seed: int = 0) -> Whisper:
    """A random model that decodes as a trained one does: some tokens are far likelier than others,
    and the text ends sometimes (more often with greater `ends`, never with 0).
    """
    model = random_model(dims, seed=seed)
    with torch.no_grad():
        model.decoder.ln.weight.normal_(std=4.0)
        tokenizer = get_tokenizer(model.is_multilingual, num_languages=model.num_languages)
        model.decoder.token_embedding.weight[tokenizer.eot] *= ends
        model.decoder.token_embedding.weight[tokenizer.timestamp_begin :] *= 1.5
    return model


def outputs(model: Whisper) -> torch.Tensor:
    """Logits for some fixed sound and tokens: equal for equal weights."""
    generator = torch.Generator().manual_seed(1)
    mel = torch.randn(1, model.dims.n_mels, 2 * model.dims.n_audio_ctx, generator=generator)
    with torch.no_grad():
        logits: torch.Tensor = model(mel, torch.tensor([[50258, 50259, 50359, 50363]]))
    return logits


def payload(model: Whisper) -> dict[str, Any]:
    """What an openai-whisper file of `model` holds."""
    return {"dims": asdict(model.dims), "model_state_dict": model.state_dict()}


def as_bytes(content: object) -> bytes:
    """`content` as `torch.save` writes it."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()
