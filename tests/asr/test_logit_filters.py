"""The rules allow the tokens that openai-whisper's logit filters allow."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from whisper.decoding import DecodingOptions, DecodingTask
from whisper.tokenizer import get_tokenizer

from lab.asr.logit_filters import LogitFilters
from tests.support.whispers import BRIEF, random_model

TOKENIZER = get_tokenizer(True, num_languages=99, language="en", task="transcribe")
# The first timestamp is limited in seconds, by 1; a position of this model is 30 / 50 s and ours
# are always 0.02 s.
TASK = DecodingTask(random_model(BRIEF), DecodingOptions(language="en", max_initial_timestamp=30.0))


def filtered(logits: torch.Tensor, said: list[int]) -> torch.Tensor:
    """What openai-whisper leaves of the logits of one row."""
    left = logits[None].clone()
    for logit_filter in TASK.logit_filters:
        logit_filter.apply(left, torch.tensor([[*TASK.initial_tokens, *said]]))
    return left[0]


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), timestamps=st.floats(-10, 10), end=st.floats(-5, 15))
def test_the_rules_allow_what_openai_whisper_s_filters_allow(
    seed: int, timestamps: float, end: float
) -> None:
    """Along texts of random tokens that were allowed, from few timestamps to nothing else.

    The rows of the batch are at different places of their texts.
    """
    rules = LogitFilters(TOKENIZER, torch.device("cpu"))
    generator = torch.Generator().manual_seed(seed)
    rows: list[list[int]] = [[], [], [], []]
    for step in range(25):
        logits = 3 * torch.randn(len(rows), BRIEF.n_vocab, generator=generator)
        logits[:, TOKENIZER.timestamp_begin :] += timestamps
        logits[:, TOKENIZER.eot] += end
        expected = torch.stack([filtered(*row) for row in zip(logits, rows, strict=True)])
        begun = [row for row, said in enumerate(rows) if said]
        new = [row for row, said in enumerate(rows) if not said]
        assert torch.equal(rules.apply_to_first(logits[new]), expected[new])
        if begun:
            ours = rules.apply(logits[begun], [rows[row] for row in begun])
            assert torch.equal(ours, expected[begun])
        chosen = expected.softmax(-1).multinomial(1, generator=generator)[:, 0].tolist()
        # Where a text ends, another one begins; the last ones begin later than the first.
        for row, token in enumerate(chosen[: step + 1]):
            rows[row] = [] if token == TOKENIZER.eot else [*rows[row], token]
