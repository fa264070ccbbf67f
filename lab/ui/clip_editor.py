"""The clips of a preparation: a table, and an editor for the selected clip."""

from collections.abc import Callable

import streamlit as st

from lab.audio import Waveform
from lab.features.reduce import waveform_envelope
from lab.preprocess import clip_edits
from lab.preprocess.preparation_export import clip_wav
from lab.preprocess.preparations import ClipSpan, Preparation
from lab.ui import charts, formatting
from lab.ui.controls import choose_view
from lab.ui.feedback import attempt, errors_shown, show_failure
from lab.ui.tables import select_row

# Shown before and after the selected clip.
_CONTEXT_S = 1.5
_ENVELOPE_WIDTH = 900
_HISTORY = "clip_history"


def show_clips(preparation: Preparation, failed: dict[ClipSpan, list[str]]) -> None:
    """Show the clips in a table, and the selected one below it.

    failed: titles of the checks that each clip fails
    """
    shown = choose_view("Show", ["All", "Needs review", "Dropped"], key="clips_shown")
    clips = [
        clip
        for clip in preparation.clips
        if shown == "All"
        or (shown == "Needs review" and clip.kept and failed[clip])
        or (shown == "Dropped" and not clip.kept)
    ]
    if not clips:
        st.caption("No clips match this filter.")
        return
    row = select_row(
        {
            "Keep": [clip.kept for clip in clips],
            "Recording": [preparation.recordings[clip.recording_index].name for clip in clips],
            "Start": [formatting.timestamp(preparation.times_s(clip)[0]) for clip in clips],
            "Duration": [preparation.duration_s(clip) for clip in clips],
            "Loudness": [formatting.decibels(clip.metrics.loudness_lufs, "LUFS") for clip in clips],
            "SNR": [formatting.decibels(clip.metrics.snr_db, "dB") for clip in clips],
            "Needs review": [", ".join(failed[clip]) for clip in clips],
        },
        max_height=330,
        key=f"clips_{preparation.id}_{shown}",
        column_config={
            "Keep": st.column_config.CheckboxColumn(width=50),
            "Start": st.column_config.TextColumn(width=70),
            "Duration": st.column_config.NumberColumn(format="%.1f s", width=70),
            "Loudness": st.column_config.TextColumn(width=90),
            "SNR": st.column_config.TextColumn(
                width=70, help="Estimated signal-to-noise ratio: higher means less noise"
            ),
            "Needs review": st.column_config.TextColumn(help="Checks that this clip fails"),
        },
    )
    if row is None:
        st.caption("Select a row to play and edit a clip.")
    else:
        with errors_shown():
            _show_editor(preparation, clips[row])


def _show_editor(preparation: Preparation, clip: ClipSpan) -> None:
    recording = preparation.recordings[clip.recording_index]
    start_s, end_s = preparation.times_s(clip)
    context = round(_CONTEXT_S * recording.sample_rate)
    first = max(clip.start - context, 0)
    samples = preparation.samples(clip.recording_index, first, clip.end + context)
    st.audio(clip_wav(preparation, clip), autoplay=True)
    mono = Waveform(samples if samples.ndim == 1 else samples.mean(axis=0), recording.sample_rate)
    figure = charts.waveform(
        waveform_envelope(mono, width=_ENVELOPE_WIDTH),
        start_s=recording.start_s + first / recording.sample_rate,
        spans_s=[(start_s, end_s)],
    )
    charts.show(figure, key="clip_waveform")
    row = st.container(horizontal=True, vertical_alignment="bottom", gap="small")
    identity = f"{preparation.id}_{clip.recording_index}_{clip.start}_{clip.end}"
    new_start_s = row.number_input(
        "Start (s)", 0.0, None, round(start_s, 2), 0.05, width=140, key=f"start_{identity}"
    )
    new_end_s = row.number_input(
        "End (s)", 0.0, None, round(end_s, 2), 0.05, width=140, key=f"end_{identity}"
    )
    is_changed = (new_start_s, new_end_s) != (round(start_s, 2), round(end_s, 2))

    def edit_and_remember(edit: Callable[[], Preparation]) -> None:
        edit()
        st.session_state.setdefault(_HISTORY, []).append(preparation)

    def button(
        label: str, icon: str, edit: Callable[[], Preparation], *, disabled: bool = False
    ) -> None:
        if row.button(label, icon=f":material/{icon}:", disabled=disabled):
            attempt(edit_and_remember, edit)
            st.rerun()

    button(
        "Change start and end",
        "width",
        lambda: clip_edits.move_boundaries(preparation, clip, new_start_s, new_end_s),
        disabled=not is_changed,
    )
    button("Merge with next", "merge", lambda: clip_edits.merge_with_next(preparation, clip))
    button(
        "Drop" if clip.kept else "Keep",
        "delete" if clip.kept else "undo",
        lambda: clip_edits.set_kept(preparation, {clip}, kept=not clip.kept),
    )
    show_failure()


def undo_button(preparation: Preparation) -> None:
    """A button that undoes the last edit of this session, if it was to this preparation."""
    history: list[Preparation] = st.session_state.get(_HISTORY, [])
    if (
        history
        and history[-1].id == preparation.id
        and st.button("Undo", icon=":material/undo:", key="undo_clip")
    ):
        attempt(clip_edits.restore, history.pop())
        st.rerun()
