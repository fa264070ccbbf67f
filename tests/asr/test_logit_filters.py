"""Our logit filters allow the same tokens as openai-whisper's."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from whisper.decoding import DecodingOptions, DecodingTask
from whisper.tokenizer import get_tokenizer

from lab.asr.logit_filters import LogitFilters
from tests.support.whispers import BRIEF, random_model

TOKENIZER = get_tokenizer(True, num_languages=99, language="en", task="transcribe")
# The first timestamp is at most 1 s; a timestamp of this model is 30 / 50 s, and ours are always
# 0.02 s.
TASK = DecodingTask(random_model(BRIEF), DecodingOptions(language="en", max_initial_timestamp=30.0))


def filtered(logits: torch.Tensor, tokens: list[int]) -> torch.Tensor:
    """The logits of one row after openai-whisper's filters."""
    result = logits[None].clone()
    for logit_filter in TASK.logit_filters:
        logit_filter.apply(result, torch.tensor([[*TASK.initial_tokens, *tokens]]))
    return result[0]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), timestamps=st.floats(-10, 10), end=st.floats(-5, 15))
def test_the_filters_match_openai_whisper(seed: int, timestamps: float, end: float) -> None:
    """For random texts of allowed tokens, with few to only timestamps, at different positions."""
    filters = LogitFilters(TOKENIZER, torch.device("cpu"))
    generator = torch.Generator().manual_seed(seed)
    rows: list[list[int]] = [[], [], [], []]
    for step in range(25):
        logits = 3 * torch.randn(len(rows), BRIEF.n_vocab, generator=generator)
        logits[:, TOKENIZER.timestamp_begin :] += timestamps
        logits[:, TOKENIZER.eot] += end
        expected = torch.stack([filtered(*row) for row in zip(logits, rows, strict=True)])
        started = [row for row, tokens in enumerate(rows) if tokens]
        new = [row for row, tokens in enumerate(rows) if not tokens]
        assert torch.equal(filters.apply_to_first(logits[new]), expected[new])
        if started:
            ours = filters.apply(logits[started], [rows[row] for row in started])
            assert torch.equal(ours, expected[started])
        chosen = expected.softmax(-1).multinomial(1, generator=generator)[:, 0].tolist()
        # Where a text ends, another one starts; the last rows start later than the first.
        for row, token in enumerate(chosen[: step + 1]):
            rows[row] = [] if token == TOKENIZER.eot else [*rows[row], token]
