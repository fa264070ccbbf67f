"""Correct: listen to one clip after another and correct its text; each is saved at once."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import streamlit as st

from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.dataset import Action, Dataset, DatasetClip, predictions
from lab.dataset.correction_queue import (
    ORDERS,
    Order,
    correction_progress,
    correction_queue,
    needs_correction,
)
from lab.dataset.predictions import Prediction
from lab.jobs.prediction import PredictionJob
from lab.ui import formatting
from lab.ui.datasets import text_editor
from lab.ui.datasets.correction_session import CorrectionSession
from lab.ui.datasets.history import show_history
from lab.ui.datasets.navigation import requested_clip, set_clip
from lab.ui.datasets.predictions import predict_button, show_prediction_jobs
from lab.ui.datasets.shared import ask_editor_name, editor_name, load_clips
from lab.ui.datasets.text_editor import Suggestion
from lab.ui.feedback import errors_shown, show_error
from lab.ui.server import server

_SESSION, _CHOICES, _REPLY = "correction_session", "correction_choices", "correction_reply"
_CLIP_SET = "correction_clip"


def show_correct(workspace: Workspace, dataset: Dataset) -> None:
    """Let the person correct texts while listening; raises LabError if they cannot be read."""
    _show_session(dataset)
    session: CorrectionSession | None = st.session_state.get(_SESSION)
    if session:
        _show_prefill(workspace, session)


# A fragment, so that the next clip does not wait for the rest of the page.
@st.fragment
def _show_session(dataset: Dataset) -> None:
    with errors_shown():
        session = _get_session(dataset)
        st.session_state[_CLIP_SET] = session.clip.file_name if session.clip else ""
        set_clip(st.session_state[_CLIP_SET])
        progress = correction_progress(load_clips(dataset))
        st.progress(
            progress.n_done / progress.n_clips if progress.n_clips else 0.0,
            f"{progress.n_done} of {progress.n_clips} corrected",
        )
        if session.clip is None:
            _show_end(session)
        else:
            _show_clip(session, session.clip)
        if session.error:
            show_error(session.error)
        if session.clip:
            show_history(dataset, session.clip, on_undo=_undo)


def _get_session(dataset: Dataset) -> CorrectionSession:
    """The session of this browser tab; a new one if the person asks for other clips."""
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    order: Order = row.selectbox(
        "Order",
        list(ORDERS),
        format_func=lambda order: ORDERS[order],
        key="correct_order",
        persist_state="session",
        width=320,
    )
    search = row.text_input(
        "Search",
        key="correct_search",
        placeholder="Text, file name or speaker",
        persist_state="session",
        icon=":material/search:",
        width=240,
    ).strip()
    include_corrected = row.toggle(
        "Include corrected clips",
        key="correct_include_corrected",
        persist_state="session",
        help="Also shows clips that have been corrected before.",
    )
    with row:
        ask_editor_name()
    choices = (dataset.folder, order, search, include_corrected)
    clip = requested_clip()
    is_link = clip != st.session_state.get(_CLIP_SET, "")
    if is_link or _SESSION not in st.session_state or st.session_state.get(_CHOICES) != choices:
        predictions = _latest_predictions(dataset)
        names = correction_queue(
            load_clips(dataset),
            order=order,
            predictions=predictions,
            search=search,
            include_corrected=include_corrected,
        )
        st.session_state[_SESSION] = CorrectionSession(
            dataset,
            names,
            server().reservations,
            predictions,
            include_corrected,
            clip if is_link else "",
        )
        st.session_state[_CHOICES] = choices
    session: CorrectionSession = st.session_state[_SESSION]
    return session


def _show_prefill(workspace: Workspace, session: CorrectionSession) -> None:
    """Offer to transcribe the clips that have neither a text nor a prediction."""
    clips = tuple(
        clip
        for clip in load_clips(session.dataset)
        if needs_correction(clip)
        and not clip.transcription
        and clip.file_name not in session.predictions
    )
    if clips:
        with st.expander("Pre-fill texts with Whisper", icon=":material/hearing:"):
            st.markdown(
                f"{formatting.count(len(clips), 'clip has', 'clips have')} no text yet. Whisper "
                "can transcribe them, so that you only correct its mistakes. The clips count as "
                "corrected once you accept their texts."
            )
            predict_button(workspace, session.dataset, clips)
    show_prediction_jobs(workspace, key="correct_predictions", on_end=_use_new_predictions)


def _use_new_predictions(_: Sequence[PredictionJob]) -> None:
    """Show new predictions, without changing the queue or a text being edited."""
    session: CorrectionSession = st.session_state[_SESSION]
    session.predictions = _latest_predictions(session.dataset)


def _latest_predictions(dataset: Dataset) -> Mapping[str, Prediction]:
    models = predictions.list_models(dataset)
    return predictions.load(dataset, models[0]) if models else {}


def _show_clip(session: CorrectionSession, clip: DatasetClip) -> None:
    clip_audio = None
    with errors_shown():
        clip_audio = text_editor.load_audio(session.dataset.audio_path(clip))
    text_editor.show_text_editor(
        clip.file_name,
        clip_audio,
        text=session.text,
        version=session.version,
        reply=st.session_state.setdefault(_REPLY, ""),
        language=clip.language,
        suggestions=_suggestions(session, clip),
        actions=[
            "accept",
            "skip",
            "exclude",
            *(["back"] if session.can_go_back else []),
            *(["undo"] if session.actions else []),
        ],
        on_action=_handle_action,
    )
    st.caption(" · ".join(formatting.escape(part) for part in _metadata(session, clip) if part))
    if session.conflict:
        st.warning(
            "Someone else changed this clip in the meantime. Compare both texts, then **Accept** "
            "to save yours or **Skip** to keep theirs.",
            icon=":material/group:",
        )


def _metadata(session: CorrectionSession, clip: DatasetClip) -> list[str]:
    prediction = session.predictions.get(clip.file_name)
    origin = ""
    if prediction and prediction.text and not clip.transcription:
        origin = f"pre-filled by Whisper, confidence {prediction.confidence:.0%}"
    return [
        origin,
        Path(clip.file_name).name,
        f"speaker {clip.speaker}" if clip.speaker else "",
        f"split {clip.split}" if clip.split else "",
    ]


def _suggestions(session: CorrectionSession, clip: DatasetClip) -> list[Suggestion]:
    """Texts other than the initial one."""
    prediction = session.predictions.get(clip.file_name)
    suggestions = []
    if session.conflict:
        suggestions.append(Suggestion("Other editor's text", session.conflict.transcription))
    if prediction and prediction.text and prediction.text != session.text:
        label = f"Whisper's text (confidence {prediction.confidence:.0%})"
        suggestions.append(Suggestion(label, prediction.text))
    return suggestions


def _handle_action() -> None:
    session: CorrectionSession = st.session_state[_SESSION]
    action = text_editor.last_action()
    st.session_state[_REPLY] = secrets.token_hex(4)
    if action is None or session.clip is None or action.clip != session.clip.file_name:
        return
    actions: dict[str, Callable[[], None]] = {
        "accept": partial(session.accept, action.text, by=editor_name()),
        "exclude": partial(session.exclude, by=editor_name()),
        "undo": partial(session.undo, by=editor_name()),
        "back": session.back,
        "skip": session.skip,
    }
    _attempt(session, actions[action.kind])


def _show_end(session: CorrectionSession) -> None:
    if session.queue:
        st.success("You have reached the end of the queue.", icon=":material/done_all:")
    else:
        st.info(
            "Nothing left to correct: all clips are corrected or excluded, or do not match the "
            "search.",
            icon=":material/done_all:",
        )
    row = st.container(horizontal=True)
    row.button("Reload the queue", icon=":material/refresh:", on_click=_restart)
    if session.queue:
        row.button("Back to the last clip", icon=":material/arrow_back:", on_click=session.back)


def _restart() -> None:
    del st.session_state[_SESSION]


def _undo(action: Action) -> None:
    session: CorrectionSession = st.session_state[_SESSION]
    _attempt(session, partial(session.undo, action, by=editor_name()))


def _attempt(session: CorrectionSession, action: Callable[[], None]) -> None:
    try:
        action()
    except LabError as error:
        session.error = str(error)
