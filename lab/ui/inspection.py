"""What a model makes of an excerpt: languages, tokens with alternatives, words over time."""

from html import escape

import streamlit as st

from lab.asr.inspection import DecodedToken, Inspection, inspect
from lab.asr.speech import WINDOW_S
from lab.audio import SAMPLE_RATE, Waveform
from lab.core.workspace import Workspace
from lab.features import WHISPER, compute
from lab.features.reduce import max_pool, waveform_envelope
from lab.ui import charts
from lab.ui.excerpt import AudioSource
from lab.ui.feedback import errors_shown
from lab.ui.models import choose_model
from lab.ui.server import server
from lab.ui.tables import show_table

_RESULT = "inspection_result"


def show_inspection(
    workspace: Workspace, source: AudioSource, excerpt: Waveform, start_s: float
) -> None:
    """A button that runs a model on the excerpt, and the result.

    start_s: time of the excerpt's start in its recording
    """
    st.subheader("What the model hears")
    row = st.container(horizontal=True, vertical_alignment="bottom")
    with row:
        model = choose_model(workspace)
    identity = (source.id, round(start_s, 2), len(excerpt.samples), model.name)
    if row.button("Run the model", type="primary", icon=":material/hearing:"):
        with errors_shown(), st.spinner("Running the model …"):
            engine = server().engine_pool.get(model.name, models_dir=workspace.models_dir)
            window = _first_window(excerpt)
            st.session_state[_RESULT] = (identity, window, inspect(engine, window))
    if excerpt.duration_s > WINDOW_S:
        st.caption(
            f"A model hears {WINDOW_S} s at a time: this shows the first {WINDOW_S} s of the "
            "selection."
        )
    result = st.session_state.get(_RESULT)
    if result and result[0] == identity:
        _show(result[1], result[2], start_s)


def _first_window(excerpt: Waveform) -> Waveform:
    """The first 30 s of the excerpt, at 16 kHz."""
    import soxr  # type: ignore[import-untyped]

    window = excerpt.slice(0, WINDOW_S)
    samples = soxr.resample(window.samples, window.sample_rate, SAMPLE_RATE)
    return Waveform(samples[: WINDOW_S * SAMPLE_RATE], SAMPLE_RATE)


def _show(window: Waveform, inspection: Inspection, start_s: float) -> None:
    st.text(inspection.text or "(no words)")
    languages, tokens, timing = st.tabs(["Languages", "Tokens", "Word timing"])
    with languages:
        bars = charts.language_bars(inspection.language.probabilities)
        charts.show(bars, key="inspected_languages")
    with tokens:
        st.caption(
            "A model writes text in pieces called tokens. The fainter a token, the less certain "
            "the model was. Choose one below to see its alternatives."
        )
        st.html(_marked_tokens(inspection.tokens))
        if inspection.tokens:
            _show_alternatives(inspection.tokens)
    with timing:
        st.caption(
            "When each word was spoken, as measured from the decoder's cross-attention, over the "
            "log-mel spectrogram that the encoder receives."
        )
        _show_words(window, inspection, start_s)


def _marked_tokens(tokens: tuple[DecodedToken, ...]) -> str:
    """The text as HTML, escaped, each token as opaque as it is probable."""
    spans = []
    for token in tokens:
        opacity = 0.35 + 0.65 * token.chosen.probability
        style = f"opacity: {opacity:.2f}; border-bottom: 2px solid {charts.ACCENT}"
        if token.is_timestamp:
            style += "; font-size: 0.75em"
        spans.append(
            f'<span style="{style}; margin-right: 1px" title="{token.chosen.probability:.1%}">'
            f"{escape(token.chosen.text)}</span>"
        )
    return f'<div style="line-height: 2">{"".join(spans)}</div>'


def _show_alternatives(tokens: tuple[DecodedToken, ...]) -> None:
    index = st.selectbox(
        "Token",
        range(len(tokens)),
        format_func=lambda index: f"{index + 1}: {tokens[index].chosen.text}",
        key="inspected_token",
    )
    alternatives = tokens[index].alternatives
    show_table(
        {
            "Token": [candidate.text for candidate in alternatives],
            "Probability": [candidate.probability for candidate in alternatives],
        },
        width=420,
        column_config={
            "Probability": st.column_config.ProgressColumn(
                format="percent", min_value=0.0, max_value=1.0
            )
        },
        key="inspected_alternatives",
    )


def _show_words(window: Waveform, inspection: Inspection, start_s: float) -> None:
    log_mel = compute("whisper", window, WHISPER)
    figure = charts.feature_below_waveform(
        waveform_envelope(window, width=1500),
        max_pool(log_mel, max_columns=900, max_rows=80),
        start_s=start_s,
        scale=(float(log_mel.array.min()), float(log_mel.array.max())),
    )
    words = [
        (start_s + word.start_s, start_s + word.end_s, word.text.strip())
        for word in inspection.words
        if word.start_s is not None and word.end_s is not None
    ]
    st.plotly_chart(
        charts.add_words(figure, words), config={"displaylogo": False}, key="inspected_words"
    )
