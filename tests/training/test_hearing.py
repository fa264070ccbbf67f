"""What a model in training hears."""

import numpy as np

from lab.asr.devices import processor
from lab.training.hearing import hear
from lab.training.intake import Clip, Clips
from tests.support.whispers import TINY, talking_model


def test_a_mark_in_what_was_said_ends_no_validation() -> None:
    clips = Clips((Clip("a.wav", "po <|0.50|>", "sq", 0.5, 0, 8_000),), np.zeros(8_000, np.int16))
    heard = hear(talking_model(TINY), clips, [0], device=processor())
    assert len(heard.texts) == 1
