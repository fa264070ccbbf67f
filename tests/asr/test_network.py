"""Our cached decoding computes what openai-whisper's modules compute."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from whisper.model import Whisper

from lab.asr import audio_context, kernels
from lab.asr import network as networks
from lab.asr.cache import Cache
from lab.asr.devices import processor
from lab.asr.network import Network
from tests.support.precisions import needs_bfloat16
from tests.support.whispers import TINY, talking_model


@pytest.fixture(params=[True, False], ids=["processor", "gpu"], autouse=True)
def _kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The processor's own kernels, then torch's operations as they run on a GPU."""
    if not request.param:
        for module in (kernels, networks):
            monkeypatch.setattr(module, "uses_onednn", lambda _device: False)


@pytest.fixture
def network() -> Network:
    return Network(talking_model(), processor())


@pytest.fixture
def half() -> Network:
    return Network(talking_model(), processor(bfloat16=True))


@pytest.fixture(scope="module")
def openai() -> Whisper:
    """The same weights as `network` has, as they came."""
    return talking_model()


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


def random_features(windows: int, *, positions: int = 1500, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(windows, positions, TINY.n_audio_state, generator=generator)


def as_counted(features: Tensor) -> Tensor:
    """Features, (…, positions, state), with each position as often as it counts."""
    counts = audio_context.log_counts(features.shape[-2], TINY.n_audio_ctx)
    if counts is None:
        return features
    return features.repeat_interleave(counts.exp().round().long(), -2)


def random_tokens(rows: int, count: int, *, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(TINY.n_vocab, (rows, count), generator=generator)


def room(network: Network, *, capacity: int, positions: int, group: int) -> Cache:
    tokens = TINY.n_text_ctx
    return Cache(
        network.cache_spec, capacity=capacity, positions=positions, tokens=tokens, group=group
    )


def prefill(
    network: Network, features: Tensor, tokens: Tensor, *, group: int = 1
) -> tuple[Tensor, Cache]:
    """The logits after each of the first tokens, (windows, tokens), and a full cache."""
    cache = room(network, capacity=len(features), positions=features.shape[1], group=group)
    cross = network.cross(features)
    read = network.prefill(tokens, cross)
    cache.add(cross, read)
    return network.logits(read.hidden), cache


def assert_close(ours: Tensor, expected: Tensor) -> None:
    assert ours.dtype == torch.float32
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-4 * float(expected.abs().max()))


def test_encoding_is_openai_whisper_s(network: Network, openai: Whisper) -> None:
    mel = torch.randn(2, 80, 3000, generator=torch.Generator().manual_seed(0))
    assert_close(network.encode(mel), openai.encoder(mel))


@pytest.mark.parametrize(("windows", "near"), [(5, 600), (33, 100), (1, 1450)])
def test_silence_is_heard_as_if_all_of_it_were_where_the_drawn_positions_are(
    windows: int, near: int, network: Network, openai: Whisper
) -> None:
    mel = torch.randn(windows, 80, 2 * near, generator=torch.Generator().manual_seed(0))
    mel[:, :, -4:] = -1.0
    ours = network.encode(mel)
    whole = openai.encoder.positional_embedding
    places = torch.cat([torch.arange(near), audio_context.places_after(near, 1500)])
    openai.encoder.positional_embedding = as_counted(whole[places])
    expected = openai.encoder(F.pad(mel, (0, 3000 - 2 * near), value=-1.0))
    openai.encoder.positional_embedding = whole
    assert ours.shape == (windows, len(places), TINY.n_audio_state)
    # The very last position differs: what is after it is no silence, but nothing.
    torch.testing.assert_close(as_counted(ours)[:, :-1], expected[:, :-1], rtol=0, atol=2e-3)


@pytest.mark.parametrize("first", [1, 4, 11])
def test_step_by_step_gives_the_logits_of_all_tokens_at_once(
    first: int, network: Network, openai: Whisper
) -> None:
    features, tokens = random_features(3), random_tokens(3, 12)
    at_once, cache = prefill(network, features, tokens[:, :first])
    steps = [network.step(tokens[:, at], cache)[:, None] for at in range(first, 12)]
    assert_close(torch.cat([at_once, *steps], 1), openai.decoder(tokens, features))


def test_the_last_of_448_tokens_still_has_its_place(network: Network, openai: Whisper) -> None:
    features, tokens = random_features(1), random_tokens(1, TINY.n_text_ctx)
    _, cache = prefill(network, features, tokens[:, :-1])
    assert_close(network.step(tokens[:, -1], cache), openai.decoder(tokens, features)[:, -1])


def test_a_hypothesis_that_goes_on_twice_has_its_past_twice(
    network: Network, openai: Whisper
) -> None:
    features, first, more = random_features(2), random_tokens(2, 3), random_tokens(4, 3, seed=1)
    _, cache = prefill(network, features, first, group=2)
    network.step(more[:, 0], cache)
    rows = torch.tensor([1, 1, 3, 2])
    cache.reorder(rows)
    network.step(more[:, 1], cache)
    ours = network.step(more[:, 2], cache)
    tokens = torch.cat([first[[0, 0, 1, 1]], more[rows, :1], more[:, 1:]], 1)
    assert_close(ours, openai.decoder(tokens, features[[0, 0, 1, 1]])[:, -1])


@dataclass
class Under:
    """A window that is being decoded: its audio, and the tokens of each hypothesis."""

    features: Tensor
    rows: list[list[int]]


@pytest.mark.parametrize(
    ("group", "precision"),
    [(1, "network"), (3, "network"), pytest.param(2, "half", marks=needs_bfloat16)],
)
def test_windows_that_come_and_go_are_decoded_as_if_alone(
    group: int, precision: str, openai: Whisper, request: pytest.FixtureRequest
) -> None:
    """Of different lengths in audio and text, at random, in places that others have left."""
    chance = random.Random(group)
    network: Network = request.getfixturevalue(precision)
    exact = network.dtype == torch.float32
    cache = room(network, capacity=4, positions=1500, group=group)
    windows: list[Under] = []
    removed = 0
    for round_number in range(25):
        if windows and (len(windows) == 4 or chance.random() < 0.3):
            place = chance.randrange(len(windows))
            cache.remove(place)
            windows[place] = windows[-1]
            windows.pop()
            removed += 1
        count = chance.randint(0, 4 - len(windows))
        if count:
            positions = chance.choice([1500, 640, 120])
            features = random_features(count, positions=positions, seed=round_number)
            features = features.to(network.dtype)
            tokens = random_tokens(count, chance.choice([1, 4, 31, 60]), seed=round_number)
            cross = network.cross(features)
            cache.add(cross, network.prefill(tokens, cross))
            windows += [
                Under(one, [said] * group)
                for one, said in zip(features, tokens.tolist(), strict=True)
            ]
        if not windows:
            continue
        if group > 1:
            order = [chance.randrange(group) for _ in range(len(windows) * group)]
            cache.reorder(torch.tensor([row // group * group + of for row, of in enumerate(order)]))
            for number, window in enumerate(windows):
                of = order[number * group : (number + 1) * group]
                window.rows = [window.rows[row] for row in of]
        said = random_tokens(len(windows) * group, 1, seed=1000 + round_number)[:, 0]
        ours = torch.split(network.step(said, cache), group)
        for number, (window, logits) in enumerate(zip(windows, ours, strict=True)):
            new = said[number * group : (number + 1) * group].tolist()
            window.rows = [[*row, token] for row, token in zip(window.rows, new, strict=True)]
            together = as_counted(window.features.float()).expand(group, -1, -1)
            expected = openai.decoder(torch.tensor(window.rows), together)[:, -1]
            if exact:
                assert_close(logits, expected)
            else:
                assert (logits - expected).std() < 0.05 * expected.std()
    assert removed > 5


@needs_bfloat16
def test_bfloat16_is_close_to_float32_with_layer_norms_left_exact(
    network: Network, half: Network
) -> None:
    kinds = {parameter.dtype for parameter in half.model.parameters()}
    assert kinds == {torch.bfloat16, torch.float32}
    assert half.model.encoder.ln_post.weight.dtype == torch.float32
    mel = torch.randn(2, 80, 3000, generator=torch.Generator().manual_seed(0))
    tokens = random_tokens(2, 8)
    exact, rounded = (
        torch.cat([at_once, one.step(tokens[:, -1], cache)[:, None]], 1)
        for one in (network, half)
        for at_once, cache in [prefill(one, one.encode(mel), tokens[:, :-1])]
    )
    assert rounded.dtype == torch.float32
    # 8 bits of mantissa: about a percent after a few layers, here of logits of ± 5.
    assert (rounded - exact).std() < 0.03 * exact.std()
    assert (rounded - exact)[:, -1].std() < 0.03 * exact.std()
