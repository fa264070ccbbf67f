"""Splitting a transcribed recording into clips with texts, for a person to correct."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab import audio
from lab.audio import Waveform
from lab.transcripts import Segment, Transcript

# A model learns little from a single word, and Whisper's window is 30 s.
_MIN_S, _MAX_S = 2.0, 30.0
# Whisper's timestamps are a little tight; each side gets at most half of the pause.
_PADDING_S = 0.2


@dataclass(frozen=True)
class TranscriptClip:
    """A stretch of a recording, in seconds, and its text."""

    start_s: float
    end_s: float
    text: str

    @property
    def duration_s(self) -> float:
        return self.end_s - self.start_s


def split_into_clips(transcript: Transcript) -> list[TranscriptClip]:
    """One clip per segment; short segments are joined with the next, too long ones left out."""
    groups: list[list[Segment]] = []
    for segment in transcript.segments:
        if not segment.text.strip() or segment.end_s <= segment.start_s:
            continue
        if groups:
            start_s, end_s = groups[-1][0].start_s, groups[-1][-1].end_s
            if end_s - start_s < _MIN_S and segment.end_s - start_s <= _MAX_S - 1:
                groups[-1].append(segment)
                continue
        groups.append([segment])
    clips = []
    for i, group in enumerate(groups):
        previous_end_s = groups[i - 1][-1].end_s if i else 0.0
        next_start_s = groups[i + 1][0].start_s if i + 1 < len(groups) else transcript.duration_s
        start_s, end_s = group[0].start_s, group[-1].end_s
        clip = TranscriptClip(
            start_s - min(max(start_s - previous_end_s, 0.0) / 2, _PADDING_S),
            end_s + min(max(next_start_s - end_s, 0.0) / 2, _PADDING_S),
            " ".join(" ".join(segment.text for segment in group).split()),
        )
        if clip.duration_s <= _MAX_S:
            clips.append(clip)
    return clips


def cut_audio(
    waveform: Waveform, clips: Sequence[TranscriptClip], *, stem: str
) -> Iterator[tuple[str, bytes]]:
    """Yield a file name and the content of a 16-bit WAV file for each clip of a recording."""
    for number, clip in enumerate(clips, start=1):
        piece = waveform.slice(clip.start_s, clip.end_s)
        yield clip_name(stem, number), audio.encode_wav(piece)


def clip_name(stem: str, number: int) -> str:
    """The file name of the clip with this number, which starts at 1."""
    return f"{stem}-{number:04d}.wav"
