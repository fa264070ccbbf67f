"""Listening to a dataset in the background: to its sound, and to the language that is spoken."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from lab.core.languages import LANGUAGES
from lab.core.workspace import Workspace
from lab.dataset import Dataset, Entry, guard
from lab.dataset.guard import SAMPLE_SIZE, Verdict
from lab.ui import words
from lab.ui.queue import show_queue
from lab.ui.settings import choose_model
from lab.ui.state import examine_queue, guard_queue

# Measured on clips of 3 s: 120 a second of mp3, 70 of Ogg. Unknown lengths are taken for 5 s.
_TIMES_REAL_TIME = 250
_USUAL_S = 5.0
_SOME, _ALL = f"{SAMPLE_SIZE} clips", "All clips"


def show_sound(
    workspace: Workspace, dataset: Dataset, clips: Sequence[Entry], *, n_heard: int
) -> None:
    """How many clips were listened to, a button for the others, and how far that is."""
    queue = examine_queue()
    left = len(clips) - n_heard
    is_running = any(job.dataset == dataset and not job.is_over for job in queue.jobs(workspace))
    if left:
        st.markdown(
            f"{n_heard:,} of {len(clips):,} clips were listened to. Noise, silence, distortion, "
            "damaged files and the same sound in two files show only then; each clip is listened "
            "to once."
        )
        mean_s = sum(one.duration_s or _USUAL_S for one in clips) / len(clips)
        about = words.roughly(left * mean_s / _TIMES_REAL_TIME)
        which = "all clips" if not n_heard else f"the other {words.count(left, 'clip')}"
        if st.button(
            f"Listen to {which} (about {about})",
            icon=":material/graphic_eq:",
            disabled=is_running,
            key="listen",
        ):
            queue.submit(workspace, dataset)
            st.rerun()
    else:
        st.markdown(f":green[:material/check_circle:] All {len(clips):,} clips were listened to.")
    show_queue(
        workspace,
        queue,
        key="examining",
        title=lambda job: f"Sound of {words.plain(job.dataset.name)}",
        details=lambda _: None,
        on_end=lambda _: None,
    )


def warn_of_language(dataset: Dataset, clips: Sequence[Entry]) -> None:
    """Says at the top of a room that the clips sound like another language, where they do."""
    listened = guard.load(dataset)
    for verdict in guard.verdicts(guard.of_now(listened, clips)) if listened else ():
        if verdict.state == "other":
            st.error(words.plain(verdict.sentence), icon=":material/error:")


def show_guard(workspace: Workspace, dataset: Dataset, clips: Sequence[Entry]) -> None:
    """What Whisper takes the language for, and a button to let it listen."""
    st.markdown("##### Is it the right language?")
    listened = guard.load(dataset)
    heard = guard.of_now(listened, clips) if listened else ()
    if listened and heard:
        for verdict in guard.verdicts(heard):
            _verdict(verdict, listened.model, clips)
    else:
        st.markdown(
            "Whisper listens to some clips and says what they sound like. That finds a corpus "
            "that was filed under the wrong code, such as Serbian (sr) for Albanian (sq)."
        )
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        model = choose_model(workspace)
    size = row.segmented_control(
        "How many",
        [_SOME, _ALL],
        default=_SOME,
        required=True,
        key="guard_size",
        label_visibility="collapsed",
    )
    queue = guard_queue()
    is_running = any(job.dataset == dataset and not job.is_over for job in queue.jobs(workspace))
    if row.button(
        "Let Whisper listen",
        icon=":material/hearing:",
        disabled=is_running or not model.multilingual,
        help=None if model.multilingual else "This model knows English only. Choose another.",
        key="guard",
    ):
        n_clips = SAMPLE_SIZE if size == _SOME else None
        queue.submit(workspace, dataset, model.name, n_clips=n_clips)
        st.rerun()
    show_queue(
        workspace,
        queue,
        key="guarding",
        title=lambda job: f"Language of {words.plain(job.dataset.name)}",
        details=lambda _: None,
        on_end=lambda _: None,
    )


def _verdict(verdict: Verdict, model: str, clips: Sequence[Entry]) -> None:
    said = words.plain(verdict.sentence)
    by = f" :gray[{words.plain(model)} listened to {words.count(verdict.n, 'clip')}.]"
    if verdict.state == "other":
        st.error(said + by, icon=":material/error:")
    elif verdict.state == "unsure":
        st.warning(said + by, icon=":material/help:")
    else:
        st.success(said + by, icon=":material/check_circle:")
    if not verdict.odd:
        return
    odd = sorted(verdict.odd, key=lambda one: -one.probability)
    st.markdown(
        f"{words.count(len(odd), 'clip')} to listen to, for Whisper hears another language:"
    )
    texts = {one.file_name: one.transcription for one in clips}
    st.dataframe(
        pd.DataFrame(
            {
                "Sounds like": [LANGUAGES.get(one.language, one.language) for one in odd],
                "Probability": [one.probability for one in odd],
                "Text": [texts.get(one.file_name, "") for one in odd],
                "Clip": [Path(one.file_name).name for one in odd],
            }
        ),
        hide_index=True,
        column_config={"Probability": st.column_config.NumberColumn(format="percent")},
        key=f"odd_{verdict.expected}",
    )
