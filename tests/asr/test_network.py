"""Decoding with our cache computes the same as openai-whisper's modules."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from whisper.model import Whisper

from lab.asr import audio_context, kernels
from lab.asr import network as network_module
from lab.asr.cache import Cache
from lab.asr.devices import cpu_device
from lab.asr.network import Network
from tests.support.precisions import needs_bfloat16
from tests.support.whispers import TINY, talking_model


@pytest.fixture(params=[True, False], ids=["cpu", "gpu"], autouse=True)
def _kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Our kernels for CPUs, then torch's operations as they run on a GPU."""
    if not request.param:
        for module in (kernels, network_module):
            monkeypatch.setattr(module, "uses_onednn", lambda _device: False)


@pytest.fixture
def network() -> Network:
    return Network(talking_model(), cpu_device())


@pytest.fixture
def half() -> Network:
    return Network(talking_model(), cpu_device(bfloat16=True))


@pytest.fixture(scope="module")
def openai() -> Whisper:
    """An unmodified model with the weights of `network`."""
    return talking_model()


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


def random_features(windows: int, *, n_frames: int = 1500, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(windows, n_frames, TINY.n_audio_state, generator=generator)


def expanded(features: Tensor) -> Tensor:
    """Features, (…, encoder frames, state), with each frame repeated for all that it represents."""
    attn_bias = audio_context.attn_bias(features.shape[-2], TINY.n_audio_ctx)
    if attn_bias is None:
        return features
    return features.repeat_interleave(attn_bias.exp().round().long(), -2)


def random_tokens(rows: int, count: int, *, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(TINY.n_vocab, (rows, count), generator=generator)


def empty_cache(network: Network, *, capacity: int, audio_ctx: int, beam_size: int) -> Cache:
    return Cache(
        network.cache_spec,
        capacity=capacity,
        audio_ctx=audio_ctx,
        text_ctx=TINY.n_text_ctx,
        beam_size=beam_size,
    )


def prefill(
    network: Network, features: Tensor, tokens: Tensor, *, beam_size: int = 1
) -> tuple[Tensor, Cache]:
    """The logits after each of the first tokens, (windows, tokens), and a full cache."""
    cache = empty_cache(
        network, capacity=len(features), audio_ctx=features.shape[1], beam_size=beam_size
    )
    cross = network.cross(features)
    result = network.prefill(tokens, cross)
    cache.add(cross, result)
    return network.logits(result.hidden), cache


def assert_close(ours: Tensor, expected: Tensor) -> None:
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-4 * float(expected.abs().max()))


def test_encode_matches_openai_whisper(network: Network, openai: Whisper) -> None:
    mel = torch.randn(2, 80, 3000, generator=torch.Generator().manual_seed(0))
    assert_close(network.encode(mel), openai.encoder(mel))


@pytest.mark.parametrize(("windows", "audio_ctx"), [(5, 600), (33, 100), (1, 1450)])
def test_silence_is_encoded_as_if_all_its_frames_were_at_the_sampled_ones(
    windows: int, audio_ctx: int, network: Network, openai: Whisper
) -> None:
    mel = torch.randn(windows, 80, 2 * audio_ctx, generator=torch.Generator().manual_seed(0))
    mel[:, :, -4:] = -1.0
    ours = network.encode(mel)
    original = openai.encoder.positional_embedding
    silence = audio_context.silence_indices(audio_ctx, 1500)
    indices = torch.cat([torch.arange(audio_ctx), silence])
    openai.encoder.positional_embedding = expanded(original[indices])
    expected = openai.encoder(F.pad(mel, (0, 3000 - 2 * audio_ctx), value=-1.0))
    openai.encoder.positional_embedding = original
    assert ours.shape == (windows, len(indices), TINY.n_audio_state)
    # The last frame differs: it is followed by zero padding instead of silence.
    torch.testing.assert_close(expanded(ours)[:, :-1], expected[:, :-1], rtol=0, atol=2e-3)


@pytest.mark.parametrize("first", [1, 4, 11])
def test_decoding_step_by_step_matches_all_tokens_at_once(
    first: int, network: Network, openai: Whisper
) -> None:
    features, tokens = random_features(3), random_tokens(3, 12)
    at_once, cache = prefill(network, features, tokens[:, :first])
    steps = [network.step(tokens[:, index], cache)[:, None] for index in range(first, 12)]
    assert_close(torch.cat([at_once, *steps], 1), openai.decoder(tokens, features))


def test_the_448_token_context_can_be_filled(network: Network, openai: Whisper) -> None:
    features, tokens = random_features(1), random_tokens(1, TINY.n_text_ctx)
    _, cache = prefill(network, features, tokens[:, :-1])
    assert_close(network.step(tokens[:, -1], cache), openai.decoder(tokens, features)[:, -1])


def test_a_hypothesis_extended_twice_has_its_past_twice(network: Network, openai: Whisper) -> None:
    features, first, more = random_features(2), random_tokens(2, 3), random_tokens(4, 3, seed=1)
    _, cache = prefill(network, features, first, beam_size=2)
    network.step(more[:, 0], cache)
    rows = torch.tensor([1, 1, 3, 2])
    cache.reorder(rows)
    network.step(more[:, 1], cache)
    ours = network.step(more[:, 2], cache)
    tokens = torch.cat([first[[0, 0, 1, 1]], more[rows, :1], more[:, 1:]], 1)
    assert_close(ours, openai.decoder(tokens, features[[0, 0, 1, 1]])[:, -1])


@dataclass
class Decoding:
    """A window being decoded: its features, and the tokens of each hypothesis."""

    features: Tensor
    rows: list[list[int]]


@pytest.mark.parametrize(
    ("beam_size", "precision"),
    [(1, "network"), (3, "network"), pytest.param(2, "half", marks=needs_bfloat16)],
)
def test_windows_that_join_and_leave_are_decoded_as_if_alone(
    beam_size: int, precision: str, openai: Whisper, request: pytest.FixtureRequest
) -> None:
    """With random lengths of audio and text, in slots that others have left."""
    rng = random.Random(beam_size)
    network: Network = request.getfixturevalue(precision)
    exact = network.dtype == torch.float32
    cache = empty_cache(network, capacity=4, audio_ctx=1500, beam_size=beam_size)
    windows: list[Decoding] = []
    removed = 0
    for round_number in range(25):
        if windows and (len(windows) == 4 or rng.random() < 0.3):
            index = rng.randrange(len(windows))
            cache.remove(index)
            windows[index] = windows[-1]
            windows.pop()
            removed += 1
        count = rng.randint(0, 4 - len(windows))
        if count:
            n_frames = rng.choice([1500, 640, 120])
            features = random_features(count, n_frames=n_frames, seed=round_number)
            features = features.to(network.dtype)
            tokens = random_tokens(count, rng.choice([1, 4, 31, 60]), seed=round_number)
            cross = network.cross(features)
            cache.add(cross, network.prefill(tokens, cross))
            windows += [
                Decoding(window, [row] * beam_size)
                for window, row in zip(features, tokens.tolist(), strict=True)
            ]
        if not windows:
            continue
        size = beam_size
        if size > 1:
            order = [rng.randrange(size) for _ in range(len(windows) * size)]
            rows = [row // size * size + origin for row, origin in enumerate(order)]
            cache.reorder(torch.tensor(rows))
            for number, window in enumerate(windows):
                origins = order[number * size : (number + 1) * size]
                window.rows = [window.rows[row] for row in origins]
        new_tokens = random_tokens(len(windows) * size, 1, seed=1000 + round_number)[:, 0]
        ours = torch.split(network.step(new_tokens, cache), size)
        for number, (window, logits) in enumerate(zip(windows, ours, strict=True)):
            new = new_tokens[number * size : (number + 1) * size].tolist()
            window.rows = [[*row, token] for row, token in zip(window.rows, new, strict=True)]
            audio = expanded(window.features.float()).expand(size, -1, -1)
            expected = openai.decoder(torch.tensor(window.rows), audio)[:, -1]
            if exact:
                assert_close(logits, expected)
            else:
                assert (logits - expected).std() < 0.05 * expected.std()
    assert removed > 5


@needs_bfloat16
def test_bfloat16_is_close_to_float32_with_layer_norms_in_float32(
    network: Network, half: Network
) -> None:
    dtypes = {parameter.dtype for parameter in half.model.parameters()}
    assert dtypes == {torch.bfloat16, torch.float32}
    assert half.model.encoder.ln_post.weight.dtype == torch.float32
    mel = torch.randn(2, 80, 3000, generator=torch.Generator().manual_seed(0))
    tokens = random_tokens(2, 8)
    exact, rounded = (
        torch.cat([logits, net.step(tokens[:, -1], cache)[:, None]], 1)
        for net in (network, half)
        for logits, cache in [prefill(net, net.encode(mel), tokens[:, :-1])]
    )
    assert rounded.dtype == torch.float32
    # 8 bits of mantissa: about a percent after a few layers, here of logits of ± 5.
    assert (rounded - exact).std() < 0.03 * exact.std()
    assert (rounded - exact)[:, -1].std() < 0.03 * exact.std()
