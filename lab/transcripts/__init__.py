"""Transcripts: words, segments, and the files that they become."""

from lab.transcripts.formats import FORMATS, to_json, to_srt, to_tsv, to_txt, to_vtt, to_zip
from lab.transcripts.serialization import as_dict, from_dict
from lab.transcripts.transcript import Segment, Transcript, Word

__all__ = [
    "FORMATS",
    "Segment",
    "Transcript",
    "Word",
    "as_dict",
    "from_dict",
    "to_json",
    "to_srt",
    "to_tsv",
    "to_txt",
    "to_vtt",
    "to_zip",
]
