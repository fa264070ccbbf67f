"""Our decoding gives the same tokens as `whisper.decode`."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch
from torch import Tensor
from whisper.decoding import DecodingOptions, DecodingResult
from whisper.decoding import decode as reference_decode
from whisper.model import Whisper
from whisper.tokenizer import Tokenizer, get_tokenizer

from lab.asr.decoding import DecodedWindow, Decoder
from lab.asr.devices import cpu_device
from lab.asr.logit_filters import LogitFilters
from lab.asr.network import Network
from tests.support.decodings import decode_all
from tests.support.whispers import BRIEF, talking_model

ENGLISH_ONLY = replace(BRIEF, n_vocab=51864)
# As many tokens as the prompt has room for, and more.
PROMPTS = {"no prompt": [], "a prompt": [*range(1000, 1009)], "a long prompt": [*range(900, 1000)]}


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module", params=[BRIEF, ENGLISH_ONLY], ids=["multilingual", "english"])
def model(request: pytest.FixtureRequest) -> Whisper:
    return talking_model(request.param, ends=4)


@pytest.fixture(scope="module")
def network(model: Whisper) -> Network:
    return Network(talking_model(model.dims, ends=4), cpu_device())


@pytest.fixture(scope="module")
def multilingual_model() -> Whisper:
    return talking_model(BRIEF, ends=4)


@pytest.fixture(scope="module")
def multilingual() -> Network:
    return Network(talking_model(BRIEF, ends=4), cpu_device())


def tokenizer_of(network: Network) -> Tokenizer:
    if not network.model.is_multilingual:
        return get_tokenizer(False)
    return get_tokenizer(True, num_languages=99, language="en", task="transcribe")


def random_features(windows: int, *, audio_ctx: int = BRIEF.n_audio_ctx, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(windows, audio_ctx, BRIEF.n_audio_state, generator=generator)


def reference(
    model: Whisper,
    features: Tensor,
    *,
    beam_size: int | None = None,
    prompt: list[int] | None = None,
) -> list[DecodingResult]:
    """openai-whisper's results, one window at a time: its beam search supports only one."""
    audio_ctx = features.shape[1]
    options = DecodingOptions(
        language="en",
        fp16=False,
        beam_size=beam_size,
        prompt=prompt,
        # The first timestamp is at most 1 s; openai-whisper divides 30 s by the audio context, and
        # our timestamps are always 0.02 s.
        max_initial_timestamp=50 * 30.0 / audio_ctx,
    )
    dims, model.dims = model.dims, replace(model.dims, n_audio_ctx=audio_ctx)
    try:
        return [reference_decode(model, window, options) for window in features]
    finally:
        model.dims = dims


def assert_same(ours: list[DecodedWindow], theirs: list[DecodingResult]) -> None:
    assert [list(one.tokens) for one in ours] == [one.tokens for one in theirs]
    for one, other in zip(ours, theirs, strict=True):
        # A random model may produce language tokens, which openai-whisper decodes to text.
        if "<|" not in other.text:
            assert one.text == other.text
            assert one.compression_ratio == other.compression_ratio
        assert one.avg_logprob == pytest.approx(other.avg_logprob, abs=1e-4)
        assert one.no_speech_prob == pytest.approx(other.no_speech_prob, rel=1e-3)


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_greedy_search_matches_openai_whisper(
    network: Network, model: Whisper, prompt: list[int]
) -> None:
    features = random_features(12)
    theirs = reference(model, features, prompt=prompt)
    # All at once, and joining as others finish.
    for capacity in (12, 3):
        ours = decode_all(
            network, tokenizer_of(network), features, capacity=capacity, prompt=prompt
        )
        assert_same(ours, theirs)
    # Only meaningful if texts are long and short, and contain timestamps.
    assert {one.finished for one in ours} == {True, False}
    begin = tokenizer_of(network).timestamp_begin
    assert sum(token >= begin for one in ours for token in one.tokens) > 20


@pytest.mark.parametrize(
    ("beam_size", "prompt"), [(5, []), (2, PROMPTS["a prompt"]), (3, PROMPTS["a long prompt"])]
)
def test_beam_search_matches_openai_whisper(
    multilingual: Network, multilingual_model: Whisper, beam_size: int, prompt: list[int]
) -> None:
    features = random_features(6, seed=1)
    theirs = reference(multilingual_model, features, beam_size=beam_size, prompt=prompt)
    for capacity in (6, 2):
        ours = decode_all(
            multilingual,
            tokenizer_of(multilingual),
            features,
            capacity=capacity,
            beam_size=beam_size,
            prompt=prompt,
        )
        assert_same(ours, theirs)


@pytest.mark.parametrize("beam_size", [1, 3])
def test_windows_of_different_lengths_share_a_batch(
    multilingual: Network, multilingual_model: Whisper, beam_size: int
) -> None:
    lengths = (50, 30, 50, 20, 40)
    features = [
        random_features(1, audio_ctx=audio_ctx, seed=seed) for seed, audio_ctx in enumerate(lengths)
    ]
    theirs = [
        reference(multilingual_model, one, beam_size=beam_size if beam_size > 1 else None)[0]
        for one in features
    ]
    ours = decode_all(
        multilingual,
        tokenizer_of(multilingual),
        [one[0] for one in features],
        capacity=2,
        beam_size=beam_size,
    )
    assert_same(ours, theirs)


@pytest.mark.parametrize("beam_size", [1, 3])
def test_windows_at_temperature_0_are_not_affected_by_sampled_ones(
    multilingual: Network, multilingual_model: Whisper, beam_size: int
) -> None:
    features = random_features(8, seed=3)
    decoder: Decoder[int] = Decoder(
        multilingual,
        tokenizer_of(multilingual),
        capacity=8,
        audio_ctx=50,
        beam_size=beam_size,
        generator=torch.Generator().manual_seed(0),
    )
    decoder.add(features, range(8), [0.0, 0.8] * 4)
    found: dict[int, DecodedWindow] = {}
    while decoder.tags:
        found |= decoder.step()
    assert [found[tag].temperature for tag in range(8)] == [0.0, 0.8] * 4
    theirs = reference(
        multilingual_model, features[::2], beam_size=beam_size if beam_size > 1 else None
    )
    assert_same([found[tag] for tag in range(0, 8, 2)], theirs)


@pytest.mark.parametrize(("beam_size", "temperature"), [(1, 0.0), (3, 0.0), (1, 0.7), (3, 0.7)])
def test_token_logprobs_match_the_tokens(
    multilingual: Network, multilingual_model: Whisper, beam_size: int, temperature: float
) -> None:
    tokenizer, features = tokenizer_of(multilingual), random_features(4)
    filters = LogitFilters(tokenizer, torch.device("cpu"))
    initial = [*tokenizer.sot_sequence]
    for window, one in zip(
        features,
        decode_all(multilingual, tokenizer, features, beam_size=beam_size, temperature=temperature),
        strict=True,
    ):
        tokens = torch.tensor([[*initial, *one.tokens]])
        logits = multilingual_model.decoder(tokens, window[None])[0, len(initial) - 1 : -1]
        filters.apply_to_first(logits[:1])
        filters.apply(logits[1:], [one.tokens[:end] for end in range(1, len(one.tokens))])
        expected = logits.log_softmax(-1)[range(len(one.tokens)), one.tokens]
        assert one.token_logprobs == pytest.approx(expected.tolist(), abs=1e-4)
        if not one.finished:
            assert one.avg_logprob * (len(one.tokens) + 1) == pytest.approx(sum(one.token_logprobs))


@pytest.mark.parametrize("beam_size", [1, 4])
def test_sampling_near_temperature_0_is_greedy(multilingual: Network, beam_size: int) -> None:
    features, tokenizer = random_features(6), tokenizer_of(multilingual)
    greedy = decode_all(multilingual, tokenizer, features)
    cold = decode_all(multilingual, tokenizer, features, beam_size=beam_size, temperature=1e-5)
    assert [one.tokens for one in cold] == [one.tokens for one in greedy]
    assert [one.avg_logprob for one in cold] == pytest.approx(
        [one.avg_logprob for one in greedy], abs=1e-4
    )


@pytest.mark.parametrize("beam_size", [1, 5])
def test_sampling_is_determined_by_the_seed(multilingual: Network, beam_size: int) -> None:
    def sampled(seed: int) -> list[tuple[int, ...]]:
        found = decode_all(
            multilingual,
            tokenizer_of(multilingual),
            features,
            temperature=1.0,
            beam_size=beam_size,
            generator=torch.Generator().manual_seed(seed),
        )
        assert {one.temperature for one in found} == {1.0}
        return [one.tokens for one in found]

    features = random_features(6)
    assert sampled(1) == sampled(1)
    assert sampled(1) != sampled(2)


@pytest.mark.parametrize("beam_size", [1, 3])
def test_a_text_without_an_end_is_cut_off_and_not_finished(beam_size: int) -> None:
    endless = Network(talking_model(BRIEF, ends=0), cpu_device())
    features = random_features(3)
    ours = decode_all(endless, tokenizer_of(endless), features, beam_size=beam_size)
    assert [len(one.tokens) for one in ours] == [32] * 3
    assert not any(one.finished for one in ours)
    theirs = reference(
        talking_model(BRIEF, ends=0), features, beam_size=beam_size if beam_size > 1 else None
    )
    assert_same(ours, theirs)


@pytest.mark.parametrize("beam_size", [1, 3])
def test_each_window_has_its_own_maximum_length_and_frees_its_slot(
    beam_size: int,
) -> None:
    endless = Network(talking_model(BRIEF, ends=0), cpu_device())
    features = random_features(3)
    decoder: Decoder[str] = Decoder(
        endless, tokenizer_of(endless), capacity=4, audio_ctx=50, beam_size=beam_size
    )
    assert (decoder.free_slots, decoder.tags, decoder.step()) == (4, [], [])
    decoder.add(features[:1], ["long"], [0.0])
    decoder.add(features[1:], ["short", "shorter"], [0.0, 0.0], max_tokens=5)
    assert (decoder.free_slots, sorted(decoder.tags)) == (1, ["long", "short", "shorter"])
    done = [decoder.step() for _ in range(4)]
    assert done[:3] == [[], [], []]
    assert {tag: len(one.tokens) for tag, one in done[3]} == {"short": 5, "shorter": 5}
    assert (decoder.free_slots, decoder.tags) == (3, ["long"])
    while decoder.tags:
        done.append(decoder.step())
    ((tag, last),) = done[-1]
    assert (tag, len(last.tokens), len(done)) == ("long", 32, 31)
