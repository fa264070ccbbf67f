"""The clips of a preparation: a table, and one of them to hear, keep, drop, merge, and adjust."""

from collections.abc import Callable
from dataclasses import replace

import pandas as pd
import streamlit as st

from lab.audio import Waveform
from lab.core.errors import LabError
from lab.features.reduce import waveform_envelope
from lab.preprocess import clip_edits
from lab.preprocess.preparation_files import clip_wav
from lab.preprocess.preparations import ClipSpan, Preparation
from lab.ui import charts, words

_AROUND_S = 1.5
_PIECES = 900
_HISTORY = "clips_history"


def show_clips(preparation: Preparation, failed: dict[ClipSpan, list[str]]) -> None:
    """The table, and below it the clip that is chosen in it."""
    shown = st.segmented_control(
        "Show",
        ["All", "To look at", "Dropped"],
        default="All",
        required=True,
        key="clips_shown",
        label_visibility="collapsed",
    )
    clips = [
        clip
        for clip in preparation.clips
        if shown == "All"
        or (shown == "To look at" and clip.kept and failed[clip])
        or (shown == "Dropped" and not clip.kept)
    ]
    if not clips:
        st.caption("There is no such clip.")
        return
    event = st.dataframe(
        _table(preparation, clips, failed),
        hide_index=True,
        height=min(38 + 35 * len(clips), 330),
        on_select="rerun",
        selection_mode="single-row",
        key=f"clips_{preparation.id}_{shown}",
        column_config={
            "Keep": st.column_config.CheckboxColumn(width=50),
            "Start": st.column_config.TextColumn(width=70),
            "Length": st.column_config.NumberColumn(format="%.1f s", width=70),
            "Loudness": st.column_config.TextColumn(width=90),
            "Noise": st.column_config.TextColumn(
                width=70, help="Estimated signal-to-noise ratio; more is better"
            ),
            "Look at": st.column_config.TextColumn(help="Checks that this clip fails"),
        },
    )
    rows = event["selection"]["rows"]
    if rows and rows[0] < len(clips):
        _editor(preparation, clips[rows[0]])
    else:
        st.caption("Click the box before a line to hear a clip and to change it.")


def _table(
    preparation: Preparation, clips: list[ClipSpan], failed: dict[ClipSpan, list[str]]
) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "Keep": [clip.kept for clip in clips],
            "Recording": [preparation.wholes[clip.whole].name for clip in clips],
            "Start": [words.clock(preparation.times_s(clip)[0]) for clip in clips],
            "Length": [preparation.length_s(clip) for clip in clips],
            "Loudness": [words.decibels(clip.figures.loudness_lufs, "LUFS") for clip in clips],
            "Noise": [words.decibels(clip.figures.snr_db, "dB") for clip in clips],
            "Look at": [", ".join(failed[clip]) for clip in clips],
        }
    )


def _editor(preparation: Preparation, clip: ClipSpan) -> None:
    whole = preparation.wholes[clip.whole]
    start_s, end_s = preparation.times_s(clip)
    around = round(_AROUND_S * whole.sample_rate)
    first = max(clip.start - around, 0)
    try:
        samples = preparation.samples(clip.whole, first, clip.end + around)
        st.audio(clip_wav(preparation, clip), autoplay=True)
    except LabError as error:
        st.error(words.plain(str(error)), icon=":material/error:")
        return
    mono = Waveform(samples if samples.ndim == 1 else samples.mean(axis=0), whole.sample_rate)
    envelope = waveform_envelope(mono, width=_PIECES)
    envelope = replace(envelope, times=envelope.times + whole.start_s + first / whole.sample_rate)
    st.plotly_chart(
        charts.wave(
            envelope,
            spans_s=[(start_s, end_s)],
            highest=max(1.05 * float(abs(mono.samples).max(initial=0.0)), 0.05),
        ),
        config={"displayModeBar": False},
        key="clip_wave",
    )
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    identity = f"{preparation.id}_{clip.whole}_{clip.start}_{clip.end}"
    new_start_s = row.number_input(
        "From (s)", 0.0, None, round(start_s, 2), 0.05, width=140, key=f"from_{identity}"
    )
    new_end_s = row.number_input(
        "To (s)", 0.0, None, round(end_s, 2), 0.05, width=140, key=f"to_{identity}"
    )
    is_moved = (new_start_s, new_end_s) != (round(start_s, 2), round(end_s, 2))

    def button(
        label: str, icon: str, edit: Callable[[], Preparation], *, disabled: bool = False
    ) -> None:
        if row.button(label, icon=f":material/{icon}:", disabled=disabled):
            _edit(preparation, edit)

    button(
        "Move the borders",
        "width",
        lambda: clip_edits.move_borders(preparation, clip, new_start_s, new_end_s),
        disabled=not is_moved,
    )
    button("Merge with the next", "merge", lambda: clip_edits.merge_with_next(preparation, clip))
    button(
        "Drop" if clip.kept else "Keep",
        "delete" if clip.kept else "undo",
        lambda: clip_edits.keep(preparation, {clip}, kept=not clip.kept),
    )
    if problem := st.session_state.pop("clip_problem", None):
        st.error(words.plain(problem), icon=":material/error:")


def undo_button(preparation: Preparation) -> None:
    """Take back the last edit of this visit."""
    history: list[Preparation] = st.session_state.get(_HISTORY, [])
    if (
        history
        and history[-1].id == preparation.id
        and st.button("Undo", icon=":material/undo:", key="undo_clip")
    ):
        _edit(preparation, lambda: clip_edits.restore(history.pop()), remember=False)


def _edit(
    preparation: Preparation, edit: Callable[[], Preparation], *, remember: bool = True
) -> None:
    try:
        edit()
    except LabError as error:
        st.session_state["clip_problem"] = str(error)
    else:
        if remember:
            st.session_state.setdefault(_HISTORY, []).append(preparation)
    st.rerun()
