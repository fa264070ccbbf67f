"""Validation transcripts."""

import numpy as np

from lab.asr.devices import cpu_device
from lab.training.prepared_examples import TrainingClip, TrainingClips
from lab.training.validation import transcribe_validation
from tests.support.whispers import TINY, talking_model


def test_a_reference_that_spells_a_special_token_does_not_break_validation() -> None:
    clip = TrainingClip("a.wav", "po <|0.50|>", "sq", 0.5, 0, 8_000)
    clips = TrainingClips((clip,), np.zeros(8_000, np.int16))
    transcripts = transcribe_validation(talking_model(TINY), clips, [0], device=cpu_device())
    assert len(transcripts.texts) == 1
