"""The recordings of a workspace: one folder each, with the original file and the transcripts.

recordings/interview-in-prizren-3f2a9c1d07/
    audio.m4a            the original file, unchanged
    recording.json       its name, size, sha256, date
    transcripts/20261123-101500-123456-base.json
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import BinaryIO

from lab import transcripts
from lab.core.errors import WorkspaceError
from lab.core.files import hashed_copy
from lab.core.workspace import (
    Workspace,
    id_time,
    item_path,
    new_id,
    read_json,
    remove,
    slug,
    write_json,
)
from lab.transcripts import Transcript

_SUFFIX = re.compile(r"\.[a-z0-9]{1,5}")
_TRANSCRIPT_ID = re.compile(r"\d{8}-\d{6}-\d{6}-[a-z0-9-]+")  # time in UTC and model


@dataclass(frozen=True)
class Recording:
    """A recording in the workspace.

    name: original file name, for display, never used as a path
    prompt: the sentence that was read aloud, "" if there was none
    """

    id: str
    name: str
    audio_path: Path
    size_bytes: int
    added_at: datetime
    prompt: str = ""

    @property
    def stem(self) -> str:
        """A safe stem for the names of files derived from this recording."""
        return slug(PurePath(self.name).stem) or self.id


@dataclass(frozen=True)
class SavedTranscript:
    """A transcript stored in the workspace."""

    id: str
    recording: Recording
    path: Path

    @property
    def saved_at(self) -> datetime:
        return id_time(self.id)

    def load(self) -> Transcript:
        """Read the transcript; raises WorkspaceError if the file is damaged."""
        return transcripts.from_dict(read_json(self.path))


def add(
    workspace: Workspace, name: str, source: bytes | BinaryIO, *, prompt: str = ""
) -> Recording:
    """Store a file as a recording.

    name: shown to people; its extension is kept
    source: content of the file, or a stream that is copied chunk by chunk
    prompt: the sentence that was read aloud

    The id is made of the name and a hash of the content: adding the same file again returns the
    existing recording, and different files of one name get different ids.
    """
    # File names on some disks hold unpaired surrogates, which JSON in UTF-8 cannot.
    name = name.encode("utf-8", "replace").decode("utf-8")
    with hashed_copy(source, workspace.recordings_dir) as copy:
        recording_id = "-".join(filter(None, [slug(PurePath(name).stem), copy.sha256[:10]]))
        folder = item_path(workspace.recordings_dir, recording_id)
        if not (folder / "recording.json").exists():
            suffix = PurePath(name).suffix.lower()
            audio_name = "audio" + (suffix if _SUFFIX.fullmatch(suffix) else "")
            folder.mkdir(exist_ok=True)
            copy.path.replace(folder / audio_name)
            # Last, because a folder without it is not a recording: interrupted uploads never show.
            write_json(
                folder / "recording.json",
                {
                    "name": name,
                    "audio": audio_name,
                    "size_bytes": copy.size_bytes,
                    "sha256": copy.sha256,
                    "added_at": datetime.now(UTC).isoformat(),
                    "prompt": prompt,
                },
            )
    return get(workspace, recording_id)


def get(workspace: Workspace, recording_id: str) -> Recording:
    """Return the recording with this id; raises WorkspaceError if it does not exist."""
    folder = item_path(workspace.recordings_dir, recording_id)
    if not (folder / "recording.json").exists():
        raise WorkspaceError(
            f"There is no recording {recording_id} in this workspace; it may have been deleted."
        )
    content = read_json(folder / "recording.json")
    try:
        return Recording(
            id=recording_id,
            name=str(content["name"]),
            audio_path=folder / PurePath(str(content["audio"])).name,
            size_bytes=int(content["size_bytes"]),
            added_at=datetime.fromisoformat(content["added_at"]).astimezone(UTC),
            prompt=str(content.get("prompt", "")),  # missing in earlier versions
        )
    except (KeyError, TypeError, ValueError) as error:
        raise WorkspaceError(f"{folder / 'recording.json'} is damaged: {error!r}.") from error


def list_all(workspace: Workspace) -> list[Recording]:
    """List all readable recordings, newest first."""
    found = []
    for file in workspace.recordings_dir.glob("*/recording.json"):
        with suppress(WorkspaceError):  # a damaged recording must not hide the rest
            found.append(get(workspace, file.parent.name))
    return sorted(found, key=lambda recording: recording.added_at, reverse=True)


def delete(workspace: Workspace, recording_id: str) -> None:
    """Remove a recording and its transcripts; raises WorkspaceError if that fails."""
    remove(get(workspace, recording_id).audio_path.parent)


def save_transcript(recording: Recording, transcript: Transcript) -> SavedTranscript:
    """Store a transcript with its recording, in addition to earlier ones.

    Raises WorkspaceError if the recording has been deleted or writing fails.
    """
    if not recording.audio_path.exists():
        raise WorkspaceError(f"The recording {recording.name} has been deleted.")
    transcript_id = f"{new_id()}-{slug(transcript.model) or 'model'}"
    path = recording.audio_path.parent / "transcripts" / f"{transcript_id}.json"
    write_json(path, transcripts.to_dict(transcript))
    return SavedTranscript(transcript_id, recording, path)


def list_transcripts(workspace: Workspace) -> list[SavedTranscript]:
    """List all transcripts of all recordings, newest first."""
    found = [
        SavedTranscript(path.stem, recording, path)
        for recording in list_all(workspace)
        for path in (recording.audio_path.parent / "transcripts").glob("*.json")
        if _TRANSCRIPT_ID.fullmatch(path.stem)  # people may keep other files there
    ]
    return sorted(found, key=lambda saved: saved.id, reverse=True)
