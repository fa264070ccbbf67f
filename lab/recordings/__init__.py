"""Recordings of a workspace, the samples that ship with the app, and sentences to read aloud."""

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
    "Recording",
    "SavedTranscript",
    "add",
    "delete",
    "get",
    "list_all",
    "list_transcripts",
    "save_transcript",
]
