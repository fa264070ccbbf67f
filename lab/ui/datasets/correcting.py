"""Correct: clip after clip is heard, and its text put right; each is on the disk at once."""

import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path

import streamlit as st

from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.dataset import Action, Dataset, Entry, predictions
from lab.dataset.correcting import ORDERS, Desks, Order, is_waiting, progress, queue
from lab.dataset.predictions import Prediction
from lab.dataset.sitting import Sitting
from lab.jobs.prediction import PredictionJob
from lab.ui import words
from lab.ui.datasets import corrector
from lab.ui.datasets.corrector import Offer
from lab.ui.datasets.history import show_history
from lab.ui.datasets.predicting import let_listen, show_listening
from lab.ui.datasets.shared import ask_person, entries, person

_SITTING, _ASKED, _TURN = "correct_sitting", "correct_asked", "correct_turn"
# The clip stands in the address, so that a reload comes back to it.
_CLIP, _CLIP_SET = "clip", "correct_clip"


def show_correct(workspace: Workspace, dataset: Dataset) -> None:
    """The room in which texts are corrected by ear; raises LabError where nothing can be read."""
    _room(dataset)
    sitting: Sitting | None = st.session_state.get(_SITTING)
    if sitting:
        _let_listen_first(workspace, sitting)


# A fragment: figures of the whole dataset elsewhere on the page need not be taken at each clip.
@st.fragment
def _room(dataset: Dataset) -> None:
    try:
        sitting = _sitting(dataset)
        st.session_state[_CLIP_SET] = sitting.entry.file_name if sitting.entry else ""
        st.query_params[_CLIP] = st.session_state[_CLIP_SET]
        _head(dataset)
        if sitting.entry is None:
            _end(sitting)
        else:
            _clip(sitting, sitting.entry)
            show_history(dataset, sitting.entry, on_undo=_undo)
    except LabError as error:
        st.error(words.plain(str(error)), icon=":material/error:")


def _sitting(dataset: Dataset) -> Sitting:
    """The sitting of this tab: a new one when the person asks for other clips."""
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    order: Order = row.selectbox(
        "Order",
        list(ORDERS),
        format_func=lambda one: ORDERS[one],
        key="correct_order",
        persist_state="session",
        width=320,
    )
    search = row.text_input(
        "Search",
        key="correct_search",
        placeholder="Text, name or speaker",
        persist_state="session",
        icon=":material/search:",
        width=240,
    )
    again = row.toggle(
        "Corrected ones again",
        key="correct_again",
        persist_state="session",
        help="Clips that were corrected before come once more.",
    )
    with row:
        ask_person()
    asked = (dataset.folder, order, search.strip(), again)
    clip = st.query_params.get(_CLIP, "")
    is_sent_here = clip != st.session_state.get(_CLIP_SET, "")
    if st.session_state.get(_ASKED) != asked or _SITTING not in st.session_state or is_sent_here:
        heard = _heard(dataset)
        names = queue(
            entries(dataset), order=order, heard=heard, search=search.strip(), again=again
        )
        first = clip if is_sent_here else ""
        st.session_state[_SITTING] = Sitting(dataset, names, _desks(), heard, again, first)
        st.session_state[_ASKED] = asked
    sitting: Sitting = st.session_state[_SITTING]
    return sitting


def _let_listen_first(workspace: Workspace, sitting: Sitting) -> None:
    """A way to have Whisper write a first text for the clips that have none."""
    clips = tuple(
        entry
        for entry in entries(sitting.dataset)
        if is_waiting(entry) and not entry.transcription and entry.file_name not in sitting.heard
    )
    if clips:
        with st.expander("Let Whisper listen first", icon=":material/hearing:"):
            st.markdown(
                f"{words.count(len(clips), 'clip has', 'clips have')} no text yet. Whisper writes "
                "a first one for each, which then stands in the field. It is no correction: that "
                "takes your ear."
            )
            let_listen(workspace, sitting.dataset, clips)
    show_listening(workspace, key="correct_listening", on_end=_take_up)


def _take_up(_: Sequence[PredictionJob]) -> None:
    """Offer what Whisper has heard meanwhile; the queue, and what is typed, stay as they are."""
    sitting: Sitting = st.session_state[_SITTING]
    sitting.heard = _heard(sitting.dataset)


def _heard(dataset: Dataset) -> Mapping[str, Prediction]:
    models = predictions.list_models(dataset)
    return predictions.load(dataset, models[0]) if models else {}


@st.cache_resource(show_spinner=False)
def _desks() -> Desks:
    return Desks()


def _head(dataset: Dataset) -> None:
    now = progress(entries(dataset))
    share = now.n_done / now.n_clips if now.n_clips else 0.0
    st.progress(share, f"{now.n_done} of {now.n_clips} corrected")


def _clip(sitting: Sitting, entry: Entry) -> None:
    sound = None
    try:
        sound = corrector.heard(sitting.dataset.audio_path(entry))
    except LabError as error:
        st.error(words.plain(str(error)), icon=":material/error:")
    corrector.show_corrector(
        entry.file_name,
        sound,
        text=sitting.text,
        page=sitting.page,
        turn=st.session_state.setdefault(_TURN, ""),
        language=entry.language,
        offers=_offers(sitting, entry),
        can=[
            "accept",
            "skip",
            "exclude",
            *(["back"] if sitting.can_go_back else []),
            *(["undo"] if sitting.done else []),
        ],
        on_done=_act,
    )
    st.caption(" · ".join(words.plain(fact) for fact in _facts(sitting, entry) if fact))
    if sitting.theirs:
        st.warning(
            "Somebody else has changed this clip meanwhile; nothing is lost. Compare both texts: "
            "**Accept** keeps what is in the field, **Skip** what they wrote.",
            icon=":material/group:",
        )
    if sitting.problem:
        st.error(words.plain(sitting.problem), icon=":material/error:")


def _facts(sitting: Sitting, entry: Entry) -> list[str]:
    heard = sitting.heard.get(entry.file_name)
    by_whisper = ""
    if heard and heard.text and not entry.transcription:
        by_whisper = f"the text is what Whisper hears, {heard.confidence:.0%} sure"
    return [
        by_whisper,
        Path(entry.file_name).name,
        f"speaker {entry.speaker}" if entry.speaker else "",
        f"split {entry.split}" if entry.split else "",
    ]


def _offers(sitting: Sitting, entry: Entry) -> list[Offer]:
    """Other texts than the one that the person began with."""
    heard = sitting.heard.get(entry.file_name)
    offers = []
    if sitting.theirs:
        offers.append(Offer("The other one wrote", sitting.theirs.transcription))
    if heard and heard.text and heard.text != sitting.text:
        offers.append(Offer(f"Whisper hears ({heard.confidence:.0%} sure)", heard.text))
    return offers


def _act() -> None:
    """Deal with what the person did, before the page is drawn again."""
    sitting: Sitting = st.session_state[_SITTING]
    done = corrector.done()
    st.session_state[_TURN] = secrets.token_hex(4)
    if done is None or sitting.entry is None or done.clip != sitting.entry.file_name:
        return
    try:
        match done.action:
            case "accept":
                sitting.accept(done.text, by=person())
            case "exclude":
                sitting.leave_out(by=person())
            case "undo":
                sitting.undo(by=person())
            case "back":
                sitting.back()
            case "skip":
                sitting.skip()
    except LabError as error:
        sitting.problem = str(error)


def _end(sitting: Sitting) -> None:
    if sitting.names:
        st.success("That was the last clip of this queue.", icon=":material/done_all:")
    else:
        st.info(
            "No clip waits here: all are corrected, left out, or do not match the search.",
            icon=":material/done_all:",
        )
    row = st.container(horizontal=True)
    row.button("Look for more", icon=":material/refresh:", on_click=_begin_again)
    if sitting.names:
        row.button("Back to the last clip", icon=":material/arrow_back:", on_click=sitting.back)
    if sitting.problem:
        st.error(words.plain(sitting.problem), icon=":material/error:")


def _begin_again() -> None:
    del st.session_state[_SITTING]


def _undo(action: Action) -> None:
    sitting: Sitting = st.session_state[_SITTING]
    try:
        sitting.undo(action, by=person())
    except LabError as error:
        sitting.problem = str(error)
