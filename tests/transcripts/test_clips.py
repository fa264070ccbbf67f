"""Splitting a transcript into clips with texts."""

import numpy as np

from lab import audio
from lab.audio import Waveform
from lab.transcripts import Segment, Transcript
from lab.transcripts.clips import clip_name, cut_audio, split_into_clips


def transcript(*segments: tuple[float, float, str]) -> Transcript:
    return Transcript(tuple(Segment(*segment) for segment in segments), "sq", duration_s=100.0)


def test_short_segments_are_joined_and_clips_do_not_overlap() -> None:
    clips = split_into_clips(
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
    assert [clip.text for clip in clips] == ["Po. Mirë dita.", "Si jeni?", "Mirë, faleminderit."]
    assert [round(clip.start_s, 3) for clip in clips] == [0.025, 4.05, 19.8]
    assert [round(clip.end_s, 3) for clip in clips] == [4.05, 9.2, 25.0]


def test_the_audio_of_a_clip_matches_its_text() -> None:
    ramp = np.arange(32_000, dtype=np.float32) / 32_768
    (clip,) = split_into_clips(transcript((0.5, 1.5, " Po.")))
    ((name, content),) = cut_audio(Waveform(ramp, 16_000), [clip], stem="talk")
    assert name == clip_name("talk", 1) == "talk-0001.wav"
    decoded = audio.decode(content)
    start, end = round(16_000 * clip.start_s), round(16_000 * clip.end_s)
    np.testing.assert_array_equal(decoded.samples, ramp[start:end])
