"""Recordings of the workspace, bundled samples, and sentences to read aloud."""

from lab.recordings.store import (
    Recording,
    SavedTranscript,
    add,
    delete,
    get,
    list_all,
    list_transcripts,
    save_transcript,
)

__all__ = [
    "Recording", "SavedTranscript", "add", "delete", "get", "list_all", "list_transcripts",
    "save_transcript",
]  # fmt: skip
