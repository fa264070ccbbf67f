"""A transcribed recording as clips with texts, for a person to correct."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from lab import audio
from lab.audio import Waveform
from lab.transcripts import Segment, Transcript

# A model learns little from a word alone, and Whisper hears 30 s at once.
SHORTEST_S, LONGEST_S = 2.0, 30.0
# Whisper's times are a little tight; half of a pause belongs to each side at most.
_PADDING_S = 0.2


@dataclass(frozen=True)
class Cut:
    """Where a clip begins and ends in its recording, in seconds, and what is said in it."""

    start_s: float
    end_s: float
    text: str

    @property
    def length_s(self) -> float:
        return self.end_s - self.start_s


def cuts(transcript: Transcript) -> list[Cut]:
    """A clip for each segment; short ones are joined with what follows, too long ones left out."""
    groups: list[list[Segment]] = []
    for segment in transcript.segments:
        if not segment.text.strip() or segment.end_s <= segment.start_s:
            continue
        if groups and _belongs(groups[-1], segment):
            groups[-1].append(segment)
        else:
            groups.append([segment])
    found = []
    for place, group in enumerate(groups):
        before_s = groups[place - 1][-1].end_s if place else 0.0
        after_s = groups[place + 1][0].start_s if place + 1 < len(groups) else transcript.duration_s
        start_s, end_s = group[0].start_s, group[-1].end_s
        cut = Cut(
            start_s - min(max(start_s - before_s, 0.0) / 2, _PADDING_S),
            end_s + min(max(after_s - end_s, 0.0) / 2, _PADDING_S),
            " ".join(" ".join(segment.text for segment in group).split()),
        )
        if cut.length_s <= LONGEST_S:
            found.append(cut)
    return found


def clips(waveform: Waveform, chosen: Sequence[Cut], *, stem: str) -> Iterator[tuple[str, bytes]]:
    """A name and the bytes of a 16-bit WAV file for each cut of a recording."""
    for number, cut in enumerate(chosen, start=1):
        piece = waveform.slice(cut.start_s, cut.end_s)
        yield clip_name(stem, number), audio.encode_wav(piece)


def clip_name(stem: str, number: int) -> str:
    """What the clip with this number, from 1, is called."""
    return f"{stem}-{number:04d}.wav"


def _belongs(group: Sequence[Segment], segment: Segment) -> bool:
    """Whether a segment is to be joined with those before it."""
    length_s = group[-1].end_s - group[0].start_s
    return length_s < SHORTEST_S and segment.end_s - group[0].start_s <= LONGEST_S - 1
