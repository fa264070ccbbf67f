"""Choose recordings to work on: uploads, the microphone, the workspace, built-in samples.

Everything uploaded or recorded is saved in the workspace at once; the page keeps only its ids.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import PurePosixPath
from typing import BinaryIO, TypeVar

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from lab import audio, recordings
from lab.core.archives import MemberError
from lab.core.errors import LabError, WorkspaceError
from lab.core.files import SYSTEM_FILES
from lab.core.languages import LANGUAGES
from lab.core.workspace import Workspace
from lab.recordings import Recording
from lab.recordings.archives import recordings_in
from lab.recordings.samples import list_samples
from lab.ui import formatting
from lab.ui.excerpt import AudioSource
from lab.ui.feedback import delete_popover, show_error, show_failure
from lab.ui.prompts import choose_sentence

S = TypeVar("S", bound=AudioSource)

# Keys of the session state: chosen recording ids; problems of each upload by its file id; a number
# that changes to empty the upload field.
_CHOSEN, _UPLOAD_PROBLEMS, _UPLOADER = "chosen_recordings", "upload_problems", "uploader"
_ROWS_SHOWN, _PROBLEMS_SHOWN = 8, 4


def choose_recordings(workspace: Workspace) -> list[Recording]:
    """Let the person choose recordings; returns all chosen so far, in order."""
    upload, record, kept = st.tabs(
        [":material/upload: Upload", ":material/mic: Record", ":material/folder_open: Workspace"]
    )
    with upload:
        is_folder = st.toggle(
            "Upload a folder", key="upload_folder", help="Including all its subfolders."
        )
        uploads = st.file_uploader(
            "Folder of recordings" if is_folder else "Audio or video files, or a zip of them",
            accept_multiple_files="directory" if is_folder else True,
            key=f"upload_{is_folder}_{st.session_state.get(_UPLOADER, 0)}",
            help="WAV, MP3, M4A, OGG, Opus, FLAC, WebM, MP4 and most other formats, up to 4 hours "
            "each.",
        )
        _show_problems([problem for file in uploads for problem in _save_upload(workspace, file)])
    with record:
        sentence = choose_sentence()
        speech = st.audio_input(
            "Record your voice", sample_rate=audio.SAMPLE_RATE, key=f"microphone_{sentence}"
        )
        if speech:
            name = sentence or f"Microphone {datetime.now():%Y-%m-%d %H.%M.%S}"
            _show_problems(_save_upload(workspace, speech, f"{name}.wav", prompt=sentence))
    with kept:
        _choose_from_workspace(workspace)
    show_failure()
    return _chosen(workspace)


def show_chosen(chosen: list[Recording]) -> None:
    """List the chosen recordings, each with a button that takes it off the list."""
    for recording in chosen[:_ROWS_SHOWN]:
        row = st.container(horizontal=True, vertical_alignment="center", gap="small")
        row.markdown(
            f":material/audio_file: {formatting.escape(recording.name)} "
            f":gray[{formatting.size(recording.size_bytes)}]",
            width="stretch",
        )
        row.button(
            "Remove",
            key=f"remove_{recording.id}",
            icon=":material/close:",
            type="tertiary",
            help="Removes it from this list only; it stays in the workspace.",
            on_click=lambda recording_id: st.session_state[_CHOSEN].remove(recording_id),
            args=(recording.id,),
        )
    if len(chosen) > _ROWS_SHOWN:
        row = st.container(horizontal=True, vertical_alignment="center", gap="small")
        size = formatting.size(sum(recording.size_bytes for recording in chosen))
        row.markdown(f"and {len(chosen) - _ROWS_SHOWN} more :gray[{size} in all]", width="stretch")
        row.button("Remove all", type="tertiary", icon=":material/close:", on_click=clear_chosen)


def clear_chosen() -> None:
    """Empty the list and the upload field, once the recordings have been submitted."""
    st.session_state[_CHOSEN] = []
    st.session_state[_UPLOADER] = st.session_state.get(_UPLOADER, 0) + 1


def is_any_chosen() -> bool:
    """Whether the list has at least one recording."""
    return bool(st.session_state.get(_CHOSEN))


def choose_one(chosen: Sequence[S], label: str, *, key: str) -> S:
    """Let the person select one of the chosen sources, of which there is at least one."""
    if len(chosen) == 1:
        return chosen[0]
    return st.selectbox(label, chosen, format_func=lambda source: source.name, key=key)


def sample_buttons(
    workspace: Workspace, on_click: Callable[[Recording], None] | None = None
) -> None:
    """A button for each sample, which saves it in the workspace.

    on_click: called with the new recording; by default it is added to the list
    """
    samples = list_samples()
    if not samples:
        return
    st.caption("Or try a sample, half a minute of real speech:")
    row = st.container(horizontal=True, gap="xsmall")
    for sample in samples:
        about = formatting.escape(f"{sample.name}. {sample.credit}")
        if row.button(LANGUAGES[sample.language], key=f"sample_{sample.language}", help=about):
            with sample.audio_path.open("rb") as file:
                recording = recordings.add(workspace, sample.audio_path.name, file)
            if on_click:
                on_click(recording)
            else:
                _choose(recording.id)
                st.rerun()


def _save_upload(
    workspace: Workspace, upload: UploadedFile, name: str = "", *, prompt: str = ""
) -> list[str]:
    """Save and choose the recordings of an upload; does nothing when a rerun passes it again.

    name: of the recording, by default that of the file
    prompt: the sentence that was read aloud, if any

    Returns the problems, a sentence each.
    """
    known: dict[str, list[str]] = st.session_state.setdefault(_UPLOAD_PROBLEMS, {})
    if upload.file_id not in known:
        problems = known[upload.file_id] = []
        name = name or upload.name
        with st.spinner(f"Saving {formatting.escape(name)} …"):
            try:
                for file_name, open_file, problem in _files(upload, name):
                    try:
                        if not problem:
                            recording = _save(workspace, file_name, open_file(), prompt=prompt)
                            _choose(recording.id)
                    except MemberError as error:
                        problem = str(error)
                    except LabError as error:
                        problems.append(str(error))
                    if problem:
                        problems.append(f"“{file_name}” in “{name}” was skipped: {problem}.")
            except LabError as error:
                problems.append(str(error))
    return known[upload.file_id]


def _files(
    upload: UploadedFile, name: str
) -> Iterator[tuple[str, Callable[[], BinaryIO], str | None]]:
    """Name, content and problem of each file in an upload: the members of a zip, or the upload."""
    if name.lower().endswith(".zip"):
        for member in recordings_in(upload, name=name):
            yield PurePosixPath(member.name).name, member.open, member.problem
    elif PurePosixPath(name).name not in SYSTEM_FILES:
        yield PurePosixPath(name).name, lambda: upload, None


def _save(workspace: Workspace, name: str, content: BinaryIO, *, prompt: str) -> Recording:
    """Save a recording; raises AudioError, and keeps nothing, if it is not audio."""
    recording = recordings.add(workspace, name, content, prompt=prompt)
    try:
        audio.probe(recording.audio_path, name=name)
    except LabError:
        recordings.delete(workspace, recording.id)
        raise
    return recording


def _show_problems(problems: list[str]) -> None:
    for problem in problems[:_PROBLEMS_SHOWN]:
        show_error(problem)
    if len(problems) > _PROBLEMS_SHOWN:
        with st.expander(f"{len(problems) - _PROBLEMS_SHOWN} more files could not be read"):
            st.text("\n".join(problems[_PROBLEMS_SHOWN:]))


def _choose_from_workspace(workspace: Workspace) -> None:
    kept = {recording.id: recording for recording in recordings.list_all(workspace)}
    if not kept:
        st.caption("No recordings yet. Everything you upload or record is kept here.")
        return
    selected = st.selectbox(
        "Recordings in this workspace",
        list(kept),
        index=None,
        format_func=lambda recording_id: (
            f"{kept[recording_id].name} ({formatting.size(kept[recording_id].size_bytes)}, "
            f"{kept[recording_id].added_at:%d %b %Y})"
        ),
        placeholder="Choose a recording",
        key="kept_recording",
    )
    row = st.container(horizontal=True, gap="small")
    row.button(
        "Add to list",
        icon=":material/add:",
        disabled=selected is None,
        on_click=_choose,
        args=(selected,),
    )
    row.button("Add all", icon=":material/playlist_add:", on_click=_choose, args=tuple(kept))
    with row:
        delete_popover(
            "This permanently deletes the recording **and its transcripts**.",
            recordings.delete,
            workspace,
            selected,
            disabled=selected is None,
        )


def _choose(*recording_ids: str) -> None:
    """Add recordings to the list, except those already in it."""
    chosen = st.session_state.get(_CHOSEN, [])
    st.session_state[_CHOSEN] = list(dict.fromkeys([*chosen, *recording_ids]))


def _chosen(workspace: Workspace) -> list[Recording]:
    chosen = []
    for recording_id in st.session_state.get(_CHOSEN, []):
        with suppress(WorkspaceError):  # deleted in another tab or in a file manager
            chosen.append(recordings.get(workspace, recording_id))
    return chosen
