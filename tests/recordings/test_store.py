"""Recordings are stored unchanged, separately, and found again."""

import io
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab import recordings
from lab.core.archives import MemberError
from lab.core.errors import WorkspaceError
from lab.core.workspace import Workspace
from lab.transcripts import Segment, Transcript

TRANSCRIPT = Transcript(
    (Segment(0.0, 1.0, " Mirë se erdhët."),), "sq", duration_s=1.0, model="base"
)


def test_a_recording_is_stored_unchanged(workspace: Workspace) -> None:
    added = recordings.add(workspace, "Intervistë.M4A", b"sound")
    assert recordings.get(workspace, added.id) == added
    assert recordings.list_all(workspace) == [added]
    assert added.name == "Intervistë.M4A"
    assert added.audio_path.read_bytes() == b"sound"
    assert added.audio_path.name == "audio.m4a"
    assert added.size_bytes == 5
    assert added.id.startswith("interviste-")


def test_a_stream_is_copied_in_chunks(workspace: Workspace) -> None:
    class Upload(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            assert size is not None
            assert 0 < size <= 1 << 20
            return super().read(size)

    content = bytes(3_000_000)
    added = recordings.add(workspace, "voice.wav", Upload(content))
    assert added.audio_path.read_bytes() == content
    assert added == recordings.add(workspace, "voice.wav", content)
    assert [path.name for path in workspace.recordings_dir.iterdir()] == [added.id]


def test_a_stream_that_fails_leaves_nothing_behind(workspace: Workspace) -> None:
    class Damaged(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:  # noqa: ARG002
            raise MemberError("it is damaged")

    with pytest.raises(MemberError):
        recordings.add(workspace, "voice.wav", Damaged())
    assert not any(workspace.recordings_dir.iterdir())


def test_two_recordings_of_one_name_are_stored_separately(workspace: Workspace) -> None:
    one = recordings.add(workspace, "voice.wav", b"one")
    other = recordings.add(workspace, "voice.wav", b"other")
    assert one.id != other.id
    assert one.audio_path.read_bytes() == b"one"
    assert recordings.list_all(workspace) == [other, one]


def test_the_same_file_twice_is_one_recording_with_its_transcripts(workspace: Workspace) -> None:
    first = recordings.add(workspace, "voice.wav", b"one")
    saved = recordings.save_transcript(first, TRANSCRIPT)
    assert recordings.add(workspace, "voice.wav", b"one") == first
    assert recordings.list_transcripts(workspace) == [saved]


@settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    name=st.text(st.characters(exclude_categories=["Cs"])) | st.from_regex(r"[a./\\\0-]*\.[a./\\]*")
)
def test_no_name_leads_outside_the_workspace(name: str, workspace: Workspace) -> None:
    added = recordings.add(workspace, name, name.encode())
    assert added.name == name
    assert added.audio_path.is_file()
    assert added.audio_path.parent.parent == workspace.recordings_dir
    assert added.audio_path.resolve().is_relative_to(workspace.recordings_dir.resolve())
    assert added.stem
    assert Path(added.stem).name == added.stem
    assert {path.name for path in workspace.root.parent.iterdir()} == {"workspace"}


def test_unpaired_surrogates_in_a_name_are_replaced(workspace: Workspace) -> None:
    name_on_disk = os.fsdecode(b"voice-\xff.wav")
    added = recordings.add(workspace, name_on_disk, b"sound")
    assert added.name == "voice-?.wav"
    assert recordings.list_all(workspace) == [added]


@pytest.mark.parametrize("name", ["", "запис.mp3", ".wav", "???", "x" * 500 + ".wav", "noending"])
def test_an_unusual_name_is_kept_and_found(name: str, workspace: Workspace) -> None:
    added = recordings.add(workspace, name, b"sound")
    assert recordings.get(workspace, added.id).name == name


@pytest.mark.parametrize("hostile", ["../recordings", "..", "", "/etc", "a/b"])
def test_an_id_from_outside_is_never_a_path(hostile: str, workspace: Workspace) -> None:
    recordings.add(workspace, "voice.wav", b"one")
    for act in (recordings.get, recordings.delete):
        with pytest.raises(WorkspaceError):
            act(workspace, hostile)
    assert len(recordings.list_all(workspace)) == 1


def test_an_interrupted_upload_is_not_listed_and_can_be_repeated(workspace: Workspace) -> None:
    added = recordings.add(workspace, "voice.wav", b"one")
    (added.audio_path.parent / "recording.json").unlink()
    added.audio_path.write_bytes(b"o")
    assert recordings.list_all(workspace) == []
    with pytest.raises(WorkspaceError, match="There is no recording"):
        recordings.get(workspace, added.id)
    again = recordings.add(workspace, "voice.wav", b"one")
    assert again.audio_path.read_bytes() == b"one"


@pytest.mark.parametrize(
    "content",
    [
        *("", "{", "[]", "{}", '{"name": "a"}'),
        '{"name": "a", "audio": "audio.wav", "size_bytes": "x", "added_at": "2026-01-01"}',
        '{"name": "a", "audio": "audio.wav", "size_bytes": 1, "added_at": "yesterday"}',
        '{"name": "a", "audio": "audio.wav", "size_bytes": 1, "added_at": 5}',
    ],
)
def test_a_damaged_recording_hides_only_itself(content: str, workspace: Workspace) -> None:
    good = recordings.add(workspace, "good.wav", b"good")
    bad = recordings.add(workspace, "bad.wav", b"bad")
    (bad.audio_path.parent / "recording.json").write_text(content)
    (workspace.recordings_dir / "Holiday pictures").mkdir()
    (workspace.recordings_dir / "Holiday pictures" / "recording.json").write_text("{}")
    assert recordings.list_all(workspace) == [good]
    with pytest.raises(WorkspaceError, match=r"recording\.json"):
        recordings.get(workspace, bad.id)


def test_dates_with_and_without_a_time_zone_are_listed_together(workspace: Workspace) -> None:
    recordings.add(workspace, "one.wav", b"one")
    other = recordings.add(workspace, "other.wav", b"other")
    file = other.audio_path.parent / "recording.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"added_at": "2020-01-01T10:00:00"}))
    assert [recording.name for recording in recordings.list_all(workspace)] == [
        "one.wav",
        "other.wav",
    ]


def test_a_recording_that_names_another_path_stays_inside(workspace: Workspace) -> None:
    added = recordings.add(workspace, "voice.wav", b"one")
    file = added.audio_path.parent / "recording.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"audio": "../../../secret.wav"}))
    assert recordings.get(workspace, added.id).audio_path.parent == added.audio_path.parent


def test_an_empty_workspace_lists_nothing(workspace: Workspace) -> None:
    assert recordings.list_all(workspace) == []
    assert recordings.list_transcripts(workspace) == []
    assert not workspace.root.exists()


def test_transcripts_are_never_replaced_and_listed_newest_first(workspace: Workspace) -> None:
    recording = recordings.add(workspace, "voice.wav", b"one")
    other = recordings.add(workspace, "other.wav", b"other")
    saved = [
        recordings.save_transcript(one, replace(TRANSCRIPT, model=model))
        for one in (recording, other)
        for model in ("base", "../large-v3", "base", "")
    ]
    assert recordings.list_transcripts(workspace) == saved[::-1]
    assert [one.load().model for one in saved[:3]] == ["base", "../large-v3", "base"]
    assert saved[0].load() == TRANSCRIPT


def test_another_file_among_the_transcripts_is_ignored(workspace: Workspace) -> None:
    recording = recordings.add(workspace, "voice.wav", b"one")
    saved = recordings.save_transcript(recording, TRANSCRIPT)
    for name in ("notes.json", f".{saved.path.name}.12ab.json", "20260101.json"):
        (saved.path.parent / name).write_text("{}")
    assert recordings.list_transcripts(workspace) == [saved]
    assert saved.saved_at.tzinfo is not None


def test_a_damaged_transcript_is_named(workspace: Workspace) -> None:
    recording = recordings.add(workspace, "voice.wav", b"one")
    saved = recordings.save_transcript(recording, TRANSCRIPT)
    for content in ("", "[]", "{}", '{"segments": [{}], "language": "en"}'):
        saved.path.write_text(content)
        with pytest.raises(WorkspaceError):
            saved.load()


def test_a_deleted_recording_is_gone_with_its_transcripts(workspace: Workspace) -> None:
    kept = recordings.add(workspace, "kept.wav", b"kept")
    gone = recordings.add(workspace, "gone.wav", b"gone")
    recordings.save_transcript(gone, TRANSCRIPT)
    recordings.delete(workspace, gone.id)
    assert recordings.list_all(workspace) == [kept]
    assert recordings.list_transcripts(workspace) == []
    with pytest.raises(WorkspaceError, match="There is no recording"):
        recordings.delete(workspace, gone.id)
