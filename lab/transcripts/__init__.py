"""Transcripts: words, segments, and the file formats they are exported to."""

from lab.transcripts.formats import FORMATS, to_json, to_srt, to_tsv, to_txt, to_vtt, to_zip
from lab.transcripts.serialization import from_dict, to_dict
from lab.transcripts.transcript import Segment, Transcript, Word

__all__ = [
    "FORMATS", "Segment", "Transcript", "Word", "from_dict", "to_dict", "to_json", "to_srt",
    "to_tsv", "to_txt", "to_vtt", "to_zip",
]  # fmt: skip
