"""Our decoding finds the tokens that `whisper.decode` finds."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from whisper.decoding import DecodingOptions, DecodingResult, DecodingTask
from whisper.decoding import decode as reference_decode
from whisper.model import ModelDimensions
from whisper.tokenizer import Tokenizer, get_tokenizer
from whispers import BRIEF, talking_model

from lab.asr.decoding import Decoded, Decoder, compression_ratio
from lab.asr.devices import processor
from lab.asr.network import Network
from lab.asr.rules import TimestampRules

ENGLISH_ONLY = ModelDimensions(**{**vars(BRIEF), "n_vocab": 51864})
# As many tokens as the prompt has room for, and more.
PROMPTS = {"no prompt": [], "a prompt": [*range(1000, 1009)], "a long prompt": [*range(900, 1000)]}


@pytest.fixture(autouse=True)
def no_gradients() -> Iterator[None]:
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module", params=[BRIEF, ENGLISH_ONLY], ids=["multilingual", "english"])
def network(request: pytest.FixtureRequest) -> Network:
    return Network(talking_model(request.param, ends=4), processor())


@pytest.fixture(scope="module")
def multilingual() -> Network:
    return Network(talking_model(BRIEF, ends=4), processor())


def tokenizer_of(network: Network) -> Tokenizer:
    if not network.model.is_multilingual:
        return get_tokenizer(False)
    return get_tokenizer(True, num_languages=99, language="en", task="transcribe")


def random_features(windows: int, *, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (windows, BRIEF.n_audio_ctx, BRIEF.n_audio_state)
    return 2 * torch.randn(shape, generator=generator)


def reference_options(**options: object) -> DecodingOptions:
    # The first timestamp is limited in seconds, by 1; a position of these models is 30 / 50 s and
    # ours are always 0.02 s.
    return DecodingOptions(language="en", fp16=False, max_initial_timestamp=30.0, **options)


def reference(network: Network, features: Tensor, **options: object) -> list[DecodingResult]:
    # One window at a time: openai-whisper's beam search cannot do with more.
    chosen = reference_options(**options)
    return [reference_decode(network.model, window, chosen) for window in features]


def assert_same(ours: list[Decoded], theirs: list[DecodingResult]) -> None:
    assert [list(one.tokens) for one in ours] == [one.tokens for one in theirs]
    for one, other in zip(ours, theirs, strict=True):
        # A random model may name languages inside a text, which openai-whisper then spells out.
        if "<|" not in other.text:
            assert one.text == other.text
            assert one.compression_ratio == other.compression_ratio
        assert one.avg_logprob == pytest.approx(other.avg_logprob, abs=1e-4)
        assert one.no_speech_prob == pytest.approx(other.no_speech_prob, abs=1e-4)


@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_greedy_search_finds_openai_whisper_s_tokens(network: Network, prompt: list[int]) -> None:
    features = random_features(20)
    ours = decode(network, tokenizer_of(network), features, search=Search(), prompt=prompt)
    theirs = reference(network, features, prompt=prompt)
    assert_same(ours, theirs)
    # That means something only if texts are long and short, and with timestamps inside.
    assert {one.finished for one in ours} == {True, False}
    begin = tokenizer_of(network).timestamp_begin
    assert sum(token >= begin for one in ours for token in one.tokens) > 30


@pytest.mark.parametrize("beam_size", [2, 3, 5])
@pytest.mark.parametrize("prompt", PROMPTS.values(), ids=PROMPTS)
def test_beam_search_finds_openai_whisper_s_tokens(
    multilingual: Network, beam_size: int, prompt: list[int]
) -> None:
    features = random_features(8, seed=1)
    search = Search(beam_size=beam_size)
    tokenizer = tokenizer_of(multilingual)
    ours = decode(multilingual, tokenizer, features, search=search, prompt=prompt)
    assert_same(ours, reference(multilingual, features, beam_size=beam_size, prompt=prompt))


def test_a_window_is_decoded_the_same_alone_and_in_a_batch(multilingual: Network) -> None:
    features = random_features(6, seed=2)
    tokenizer = tokenizer_of(multilingual)
    for search in (Search(), Search(beam_size=4)):
        together = decode(multilingual, tokenizer, features, search=search)
        alone = [decode(multilingual, tokenizer, one[None], search=search)[0] for one in features]
        assert [one.tokens for one in together] == [one.tokens for one in alone]


def test_token_log_probabilities_are_those_of_the_tokens(multilingual: Network) -> None:
    tokenizer = tokenizer_of(multilingual)
    for search in (Search(), Search(beam_size=3), Search(temperature=0.5)):
        for one in decode(multilingual, tokenizer, random_features(4), search=search):
            assert len(one.token_logprobs) == len(one.tokens)
            with_end = one.avg_logprob * (len(one.tokens) + 1)
            assert sum(one.token_logprobs) >= with_end - 1e-4
            if not one.finished:
                assert sum(one.token_logprobs) == pytest.approx(with_end, abs=1e-4)


def test_sampling_near_temperature_0_is_greedy_search(multilingual: Network) -> None:
    features, tokenizer = random_features(6), tokenizer_of(multilingual)
    greedy = decode(multilingual, tokenizer, features, search=Search())
    cold = decode(multilingual, tokenizer, features, search=Search(temperature=1e-5))
    assert [one.tokens for one in cold] == [one.tokens for one in greedy]


def test_sampling_follows_its_seed_and_differs_between_seeds(multilingual: Network) -> None:
    def sampled(seed: int) -> list[tuple[int, ...]]:
        generator = torch.Generator().manual_seed(seed)
        search = Search(temperature=1.0, beam_size=5)
        tokenizer = tokenizer_of(multilingual)
        found = decode(multilingual, tokenizer, features, search=search, generator=generator)
        assert {one.temperature for one in found} == {1.0}
        return [one.tokens for one in found]

    features = random_features(6)
    assert sampled(1) == sampled(1)
    assert sampled(1) != sampled(2)


@pytest.mark.parametrize("beam_size", [1, 3])
def test_a_text_that_never_ends_is_cut_off_and_says_so(beam_size: int) -> None:
    endless = Network(talking_model(BRIEF, ends=0), processor())
    features = random_features(3)
    ours = decode(endless, tokenizer_of(endless), features, search=Search(beam_size=beam_size))
    assert [len(one.tokens) for one in ours] == [32] * 3
    assert not any(one.finished for one in ours)
    theirs = reference(endless, features, beam_size=beam_size if beam_size > 1 else None)
    assert_same(ours, theirs)


@pytest.mark.parametrize("search", [Search(), Search(beam_size=2), Search(temperature=1.0)])
def test_each_token_reports_the_finished_windows_and_may_stop(
    multilingual: Network, search: Search
) -> None:
    features, tokenizer = random_features(5), tokenizer_of(multilingual)
    reports: list[int] = []
    decode(multilingual, tokenizer, features, search=search, on_step=reports.append)
    assert reports == sorted(reports)
    assert reports[-1] == 5
    assert len(reports) <= 32

    def stop(_finished: int) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        decode(multilingual, tokenizer, features, search=search, on_step=stop)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), timestamps=st.floats(-10, 10), end=st.floats(-5, 15))
def test_the_rules_allow_what_openai_whisper_s_filters_allow(
    seed: int, timestamps: float, end: float
) -> None:
    """Along texts of random tokens that were allowed, from few timestamps to nothing else."""
    model = talking_model(BRIEF)
    tokenizer = get_tokenizer(True, num_languages=99, language="en", task="transcribe")
    task = DecodingTask(model, DecodingOptions(language="en", max_initial_timestamp=30.0))
    rules = TimestampRules(tokenizer, torch.device("cpu"))
    generator = torch.Generator().manual_seed(seed)
    initial = torch.tensor([task.initial_tokens] * 4)
    said = initial[:, :0]
    for _ in range(25):
        logits = 3 * torch.randn(4, BRIEF.n_vocab, generator=generator)
        logits[:, tokenizer.timestamp_begin :] += timestamps
        logits[:, tokenizer.eot] += end
        expected = logits.clone()
        for logit_filter in task.logit_filters:
            logit_filter.apply(expected, torch.cat([initial, said], 1))
        ours = rules.apply(logits, said)
        assert torch.equal(ours, expected)
        # The end of a text is followed by nothing.
        expected[:, tokenizer.eot] = -torch.inf
        alive = expected.isfinite().any(1)
        if not alive.all():
            return
        said = torch.cat([said, expected.softmax(-1).multinomial(1, generator=generator)], 1)


def test_compression_ratio_is_openai_whisper_s_and_0_for_no_text() -> None:
    from whisper.utils import compression_ratio as reference_ratio

    for text in ("a", "ha " * 50, "Përshëndetje! Добро пожаловать"):
        assert compression_ratio(text) == reference_ratio(text)
    assert compression_ratio("") == 0.0
