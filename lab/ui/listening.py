"""What Whisper makes of a stretch: languages, tokens with their alternatives, words in time."""

from html import escape

import pandas as pd
import streamlit as st

from lab.asr.inspection import HeardToken, Inspection, inspect
from lab.asr.speech import WINDOW_S
from lab.audio import SAMPLE_RATE, Waveform
from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.features import WHISPER, compute
from lab.features.reduce import pooled, waveform_envelope
from lab.recordings import Recording
from lab.ui import charts, words
from lab.ui.settings import choose_model
from lab.ui.state import engine_pool

_HEARD = "heard"


def show_listening(
    workspace: Workspace, recording: Recording, stretch: Waveform, start_s: float
) -> None:
    """A button that lets the model listen, and what it made of the stretch."""
    st.subheader("What Whisper makes of it")
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        model = choose_model(workspace)
    identity = (recording.id, round(start_s, 2), len(stretch.samples), model.name)
    if row.button("Let it listen", type="primary", icon=":material/hearing:"):
        try:
            with st.spinner("Whisper listens …"):
                engine = engine_pool().get(model.name, models_dir=workspace.models_dir)
                piece = _for_whisper(stretch)
                st.session_state[_HEARD] = (identity, piece, inspect(engine, piece))
        except LabError as error:
            st.error(words.plain(str(error)), icon=":material/error:")
            return
    if stretch.duration_s > WINDOW_S:
        st.caption(f"It hears {WINDOW_S} s at once: the first ones of the stretch.")
    heard = st.session_state.get(_HEARD)
    if heard and heard[0] == identity:
        _show(heard[1], heard[2], start_s)


def _for_whisper(stretch: Waveform) -> Waveform:
    """The first 30 s of a stretch, at 16 kHz."""
    import soxr  # type: ignore[import-untyped]

    piece = stretch.slice(0, WINDOW_S)
    samples = soxr.resample(piece.samples, piece.sample_rate, SAMPLE_RATE)
    return Waveform(samples[: WINDOW_S * SAMPLE_RATE], SAMPLE_RATE)


def _show(piece: Waveform, found: Inspection, start_s: float) -> None:
    st.text(found.text or "(no words)")
    languages, tokens, moments = st.tabs(["Languages", "Token by token", "Words in time"])
    with languages:
        st.plotly_chart(
            charts.language_bars(found.language.probabilities),
            config={"displayModeBar": False},
            key="heard_languages",
        )
    with tokens:
        st.caption(
            "Each piece of text is a token; the fainter, the less sure the model was. Choose one "
            "to see what else it could have been."
        )
        st.html(_marked(found.tokens))
        if found.tokens:
            _alternatives(found.tokens)
    with moments:
        st.caption(
            "Where the decoder looks while it writes a word (cross-attention), over the log-mel "
            "spectrogram as it enters the encoder."
        )
        _words(piece, found, start_s)


def _marked(tokens: tuple[HeardToken, ...]) -> str:
    """The text, each token with its probability. Everything that was said is escaped."""
    pieces = []
    for token in tokens:
        opacity = 0.35 + 0.65 * token.guess.probability
        style = f"opacity: {opacity:.2f}; border-bottom: 2px solid {charts.ACCENT}"
        if token.is_timestamp:
            style += "; font-size: 0.75em"
        pieces.append(
            f'<span style="{style}; margin-right: 1px" title="{token.guess.probability:.1%}">'
            f"{escape(token.guess.text)}</span>"
        )
    return f'<div style="line-height: 2">{"".join(pieces)}</div>'


def _alternatives(tokens: tuple[HeardToken, ...]) -> None:
    at = st.selectbox(
        "Token",
        range(len(tokens)),
        format_func=lambda number: f"{number + 1}: {tokens[number].guess.text}",
        key="heard_token",
    )
    token = tokens[at]
    st.dataframe(
        pd.DataFrame(
            {
                "Token": [guess.text for guess in token.alternatives],
                "Probability": [guess.probability for guess in token.alternatives],
            }
        ),
        hide_index=True,
        width=420,
        column_config={
            "Probability": st.column_config.ProgressColumn(
                format="percent", min_value=0.0, max_value=1.0
            )
        },
        key="heard_alternatives",
    )


def _words(piece: Waveform, found: Inspection, start_s: float) -> None:
    log_mel = compute("whisper", piece, WHISPER)
    wave = charts.moved(waveform_envelope(piece, width=1500), start_s)
    figure = charts.below_wave(
        wave,
        pooled(log_mel, max_columns=900, max_rows=80),
        start_s,
        colour_map="magma",
        scale=(float(log_mel.array.min()), float(log_mel.array.max())),
    )
    spoken = [
        (start_s + word.start_s, start_s + word.end_s, word.text.strip())
        for word in found.words
        if word.start_s is not None and word.end_s is not None
    ]
    st.plotly_chart(
        charts.with_words(figure, spoken), config={"displaylogo": False}, key="heard_words"
    )
