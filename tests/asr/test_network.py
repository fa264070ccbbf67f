"""Our cached decoding computes what openai-whisper's modules compute."""

import pytest
import torch
from torch import Tensor
from whispers import TINY, talking_model

from lab.asr.devices import processor
from lab.asr.engine import Engine
from lab.asr.network import Network


@pytest.fixture
def network(tiny_engine: Engine) -> Network:
    return tiny_engine.network


@pytest.fixture(autouse=True)
def no_gradients() -> object:
    with torch.inference_mode():
        yield


def random_features(windows: int, *, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(windows, TINY.n_audio_ctx, TINY.n_audio_state, generator=generator)


def random_tokens(rows: int, count: int, *, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(TINY.n_vocab, (rows, count), generator=generator)


def test_encoding_is_openai_whisper_s(network: Network) -> None:
    mel = torch.randn(2, 80, 3000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(network.encode(mel), network.model.encoder(mel))


@pytest.mark.parametrize("first", [1, 4, 11])
def test_step_by_step_gives_the_logits_of_all_tokens_at_once(network: Network, first: int) -> None:
    features, tokens = random_features(3), random_tokens(3, 12)
    expected = network.model.decoder(tokens, features)
    cache = network.start(features)
    logits = [network.step(tokens[:, :first], cache, last_only=False)]
    logits += [network.step(tokens[:, [at]], cache)[:, None] for at in range(first, 12)]
    torch.testing.assert_close(torch.cat(logits, 1), expected, rtol=0, atol=1e-4)


def test_the_last_of_448_tokens_still_has_its_place(network: Network) -> None:
    features, tokens = random_features(1), random_tokens(1, TINY.n_text_ctx)
    cache = network.start(features)
    network.step(tokens[:, :-1], cache)
    last = network.step(tokens[:, -1:], cache)
    expected = network.model.decoder(tokens, features)[:, -1]
    torch.testing.assert_close(last, expected, rtol=0, atol=1e-4)


def test_the_hypotheses_of_a_window_share_its_audio(network: Network) -> None:
    features, tokens = random_features(2), random_tokens(6, 5)
    cache = network.start(features, group=3)
    assert cache.cross_keys[0].shape[0] == 2
    ours = network.step(tokens, cache, last_only=False)
    expected = network.model.decoder(tokens, features.repeat_interleave(3, 0))
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-4)


def test_windows_that_are_dropped_or_reordered_take_their_past_along(network: Network) -> None:
    features, tokens = random_features(4), random_tokens(8, 6)
    cache = network.start(features, group=2)
    network.step(tokens[:, :5], cache)
    cache.keep_windows(torch.tensor([3, 0]))
    rows = [6, 7, 0, 1]
    ours = network.step(tokens[rows, 5:], cache)
    expected = network.model.decoder(tokens[rows], features[[3, 3, 0, 0]])[:, -1]
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-4)


def test_a_hypothesis_that_goes_on_twice_has_its_past_twice(network: Network) -> None:
    features, tokens = random_features(2), random_tokens(4, 6)
    cache = network.start(features, group=2)
    network.step(tokens[:, :4], cache)
    rows = torch.tensor([1, 1, 3, 2])
    cache.keep_rows(rows)
    tokens = torch.cat([tokens[rows, :4], tokens[:, 4:]], 1)
    network.step(tokens[:, [4]], cache)
    ours = network.step(tokens[:, [5]], cache)
    expected = network.model.decoder(tokens, features[[0, 0, 1, 1]])[:, -1]
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-4)


def test_bfloat16_is_close_to_float32_with_layer_norms_left_exact(network: Network) -> None:
    half = Network(talking_model(), processor(bfloat16=True))
    kinds = {parameter.dtype for parameter in half.model.parameters()}
    assert kinds == {torch.bfloat16, torch.float32}
    assert half.model.encoder.ln_post.weight.dtype == torch.float32
    mel = torch.randn(1, 80, 3000, generator=torch.Generator().manual_seed(0))
    tokens = random_tokens(1, 8)
    exact, rounded = (
        one.step(tokens, one.start(one.encode(mel)), last_only=False) for one in (network, half)
    )
    assert rounded.dtype == torch.float32
    # 8 bits of mantissa: about a percent after a few layers, here of logits of ± 5.
    assert (rounded - exact).std() < 0.03 * exact.std()
