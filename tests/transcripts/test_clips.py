"""Clips with texts out of a transcript."""

import numpy as np

from lab import audio
from lab.audio import Waveform
from lab.transcripts import Segment, Transcript
from lab.transcripts.clips import clip_name, clips, cuts


def transcript(*segments: tuple[float, float, str]) -> Transcript:
    return Transcript(tuple(Segment(*one) for one in segments), "sq", duration_s=100.0)


def test_short_segments_are_joined_and_no_clip_reaches_into_its_neighbour() -> None:
    found = cuts(
        transcript(
            (0.05, 0.9, " Po."),
            (1.0, 4.0, " Mirë dita."),
            (4.1, 9.0, " Si jeni?"),
            (9.0, 12.0, "  "),
            (12.0, 12.0, " Asgjë."),
            (20.0, 25.0, " Mirë,\nfaleminderit."),
            (25.0, 58.0, " Pa fund."),
        )
    )
    assert [cut.text for cut in found] == ["Po. Mirë dita.", "Si jeni?", "Mirë, faleminderit."]
    assert [round(cut.start_s, 3) for cut in found] == [0.025, 4.05, 19.8]
    assert [round(cut.end_s, 3) for cut in found] == [4.05, 9.2, 25.0]


def test_the_sound_of_a_clip_is_that_of_its_text() -> None:
    ramp = np.arange(32_000, dtype=np.float32) / 32_768
    (cut,) = cuts(transcript((0.5, 1.5, " Po.")))
    ((name, content),) = clips(Waveform(ramp, 16_000), [cut], stem="talk")
    assert name == clip_name("talk", 1) == "talk-0001.wav"
    decoded = audio.decode(content)
    start, end = round(16_000 * cut.start_s), round(16_000 * cut.end_s)
    np.testing.assert_array_equal(decoded.samples, ramp[start:end])
