"""Choosing what to work on: uploads, the microphone, the workspace, the samples.

Everything that is brought lies in the workspace at once; the page remembers ids only.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from lab import audio, dataset, recordings
from lab.core.errors import LabError, WorkspaceError
from lab.core.languages import LANGUAGES
from lab.core.workspace import Workspace
from lab.preprocess.archive import BESIDE_NAMES, read_zip
from lab.recordings import Recording
from lab.recordings.samples import Sample, list_samples
from lab.ui import words
from lab.ui.prompts import choose_sentence

_CHOSEN = "chosen_recordings"
_TAKEN = "taken_uploads"
_ROUND = "upload_round"
_ROWS_SHOWN, _PROBLEMS_SHOWN = 8, 4


def choose_recordings(workspace: Workspace) -> list[Recording]:
    """Let the person choose recordings; returns what they have chosen so far, in order."""
    upload, record, kept = st.tabs(
        [":material/upload: Upload", ":material/mic: Record", ":material/folder_open: Workspace"]
    )
    with upload:
        whole_folder = st.toggle(
            "A whole folder", key="whole_folder", help="All recordings in it and below it."
        )
        uploads = st.file_uploader(
            "A folder of recordings" if whole_folder else "Audio or video files, or a zip of them",
            accept_multiple_files="directory" if whole_folder else True,
            key=f"upload_{whole_folder}_{st.session_state.get(_ROUND, 0)}",
            help="Wav, mp3, m4a, ogg, opus, flac, webm, mp4 and most others; up to 4 hours each.",
        )
        _tell([problem for uploaded in uploads for problem in _take(workspace, uploaded)])
    with record:
        sentence = choose_sentence()
        spoken = st.audio_input(
            "Speak, then stop", sample_rate=audio.SAMPLE_RATE, key=f"microphone_{sentence}"
        )
        if spoken:
            said = sentence or f"Microphone {datetime.now():%Y-%m-%d %H.%M.%S}"
            _tell(_take(workspace, spoken, f"{said}.wav", prompt=sentence))
    with kept:
        _choose_kept(workspace)
    return _chosen(workspace)


def show_chosen(chosen: list[Recording]) -> None:
    """The chosen recordings, each with a button that takes it off the list."""
    for recording in chosen[:_ROWS_SHOWN]:
        row = st.container(horizontal=True, vertical_alignment="center", gap="small")
        row.markdown(
            f":material/audio_file: {words.plain(recording.name)} "
            f":gray[{words.size(recording.size_bytes)}]",
            width="stretch",
        )
        row.button(
            "Remove",
            key=f"remove_{recording.id}",
            icon=":material/close:",
            type="tertiary",
            help="Take it off this list; it stays in the workspace.",
            on_click=_unchoose,
            args=(recording.id,),
        )
    if len(chosen) > _ROWS_SHOWN:
        row = st.container(horizontal=True, vertical_alignment="center", gap="small")
        size = words.size(sum(recording.size_bytes for recording in chosen))
        row.markdown(f"and {len(chosen) - _ROWS_SHOWN} more :gray[{size} in all]", width="stretch")
        row.button("Remove all", type="tertiary", icon=":material/close:", on_click=forget_chosen)


def forget_chosen() -> None:
    """Empty the list and the upload field, after the recordings were lined up."""
    st.session_state[_CHOSEN] = []
    st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def sample_buttons(workspace: Workspace, start: Callable[[Recording], None]) -> None:
    """A button a sample; a click brings it into the workspace and hands it to `start`."""
    samples = list_samples()
    if not samples:
        return
    st.caption("Or try half a minute of real speech that comes with the app:")
    row = st.container(horizontal=True, gap="xsmall")
    for sample in samples:
        about = words.plain(f"{sample.name}. {sample.credit}")
        if row.button(LANGUAGES[sample.language], key=f"sample_{sample.language}", help=about):
            start(_bring_sample(workspace, sample))


def bring(workspace: Workspace, name: str, data: bytes, *, prompt: str = "") -> Recording:
    """Keep an upload, after a look at whether it is audio at all.

    Raises `AudioError` if it is not; nothing of it stays then.
    """
    recording = recordings.add(workspace, name, data, prompt=prompt)
    try:
        audio.probe(recording.audio_path, name=name)
    except LabError:
        recordings.delete(workspace, recording.id)
        raise
    return recording


def _bring_sample(workspace: Workspace, sample: Sample) -> Recording:
    return recordings.add(workspace, sample.audio_path.name, Path(sample.audio_path).read_bytes())


def _take(
    workspace: Workspace, uploaded: UploadedFile, name: str = "", *, prompt: str = ""
) -> list[str]:
    """Bring an upload once; a rerun of the page hands in the same ones again.

    prompt: the sentence that is read in it

    Returns what could not be brought, a sentence each.
    """
    taken: dict[str, list[str]] = st.session_state.setdefault(_TAKEN, {})
    if uploaded.file_id not in taken:
        name = name or uploaded.name
        with st.spinner(f"Bringing {words.plain(name)} …"):
            problems = taken[uploaded.file_id] = []
            try:
                for part_name, data, problem in _parts(uploaded, name):
                    if problem:
                        problems.append(f"“{part_name}” in “{name}” was left out: {problem}.")
                    else:
                        _bring_to_list(workspace, part_name, data, problems, prompt)
            except LabError as error:
                problems.append(str(error))
    return taken[uploaded.file_id]


def _parts(uploaded: UploadedFile, name: str) -> Iterator[tuple[str, bytes, str | None]]:
    """Name, content and problem of each recording in an upload: the members of a zip, or itself."""
    if name.lower().endswith(".zip"):
        for member in read_zip(uploaded, name=name):
            yield PurePosixPath(member.name).name, member.content, member.problem
    elif PurePosixPath(name).name not in BESIDE_NAMES:
        yield PurePosixPath(name).name, uploaded.getvalue(), None


def _bring_to_list(
    workspace: Workspace, name: str, data: bytes, problems: list[str], prompt: str
) -> None:
    try:
        _choose(bring(workspace, name, data, prompt=prompt).id)
    except LabError as error:
        problems.append(str(error))


def _tell(problems: list[str]) -> None:
    for problem in problems[:_PROBLEMS_SHOWN]:
        st.error(words.plain(problem), icon=":material/error:")
    if len(problems) > _PROBLEMS_SHOWN:
        with st.expander(f"{len(problems) - _PROBLEMS_SHOWN} more could not be read"):
            st.text("\n".join(problems[_PROBLEMS_SHOWN:]))


def _choose_kept(workspace: Workspace) -> None:
    everything = {recording.id: recording for recording in recordings.list_all(workspace)}
    if not everything:
        st.caption("No recordings yet: what you upload or record is kept here.")
        return
    picked = st.selectbox(
        "Recordings in this workspace",
        list(everything),
        index=None,
        format_func=lambda recording_id: (
            f"{everything[recording_id].name} "
            f"({words.size(everything[recording_id].size_bytes)}, "
            f"{everything[recording_id].added_at:%d %b %Y})"
        ),
        placeholder="Choose one",
        key="kept_recording",
    )
    row = st.container(horizontal=True, gap="small")
    if row.button("Add to the list", disabled=picked is None, icon=":material/add:") and picked:
        _choose(picked)
    if row.button("Add all", icon=":material/playlist_add:"):
        for recording_id in everything:
            _choose(recording_id)
    with row.popover("Delete", disabled=picked is None, icon=":material/delete:"):
        st.markdown("This removes the recording **and its transcripts** from the disk.")
        if picked:
            st.button("Delete for good", on_click=_delete, args=(workspace, picked), type="primary")


def _delete(workspace: Workspace, recording_id: str) -> None:
    try:
        recordings.delete(workspace, recording_id)
    except LabError as error:
        st.toast(words.plain(str(error)), icon=":material/error:")


def choose_one(chosen: list[Recording], label: str, *, key: str) -> Recording:
    """One of those that are on the list; there is at least one."""
    if len(chosen) == 1:
        return chosen[0]
    return st.selectbox(label, chosen, format_func=lambda one: one.name, key=key)


def choose_clip(workspace: Workspace) -> Recording | None:
    """A clip of a dataset, to be looked at like a recording; None if the person wants none."""
    datasets = dataset.list_all(workspace)
    if not datasets:
        return None
    row = st.container(horizontal=True)
    one = row.selectbox(
        "Or a clip of a dataset",
        datasets,
        index=None,
        format_func=lambda one: one.name,
        placeholder="Dataset",
        key="clip_dataset",
    )
    if one is None:
        return None
    try:
        entry = row.selectbox(
            "Clip",
            one.entries(),
            index=None,
            format_func=lambda entry: entry.transcription or PurePosixPath(entry.file_name).name,
            placeholder="Choose one",
            key=f"clip_of_{one.name}",
        )
        if entry is None:
            return None
        path = one.audio_path(entry)
        return Recording(
            id=f"{one.name}-{path.stem}",
            name=path.name,
            audio_path=path,
            size_bytes=path.stat().st_size,
            added_at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
        )
    except (LabError, OSError) as error:
        st.error(words.plain(str(error)), icon=":material/error:")
        return None


def is_any_chosen() -> bool:
    """Whether there is something on the list."""
    return bool(st.session_state.get(_CHOSEN))


def choose(recording: Recording) -> None:
    """Put a recording on the list of what is chosen."""
    _choose(recording.id)


def _choose(recording_id: str) -> None:
    chosen = st.session_state.setdefault(_CHOSEN, [])
    if recording_id not in chosen:
        chosen.append(recording_id)


def _unchoose(recording_id: str) -> None:
    st.session_state[_CHOSEN].remove(recording_id)


def _chosen(workspace: Workspace) -> list[Recording]:
    found = []
    for recording_id in st.session_state.get(_CHOSEN, []):
        try:
            found.append(recordings.get(workspace, recording_id))
        except WorkspaceError:
            continue  # deleted in another tab or in the file manager
    return found
