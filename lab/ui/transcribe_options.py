"""The options of a transcription: language, task, and the advanced decoding options."""

from dataclasses import replace
from functools import partial

import streamlit as st

from lab.asr.checkpoints import ModelInfo
from lab.asr.options import Task, TranscribeOptions
from lab.core.languages import LANGUAGES

_TASKS: dict[Task, str] = {"transcribe": "Transcribe", "translate": "Translate to English"}


def choose_options(model: ModelInfo) -> TranscribeOptions:
    """Choose all options but the model; raises OptionsError if they contradict each other."""
    by_name = sorted(LANGUAGES, key=LANGUAGES.__getitem__)
    language = st.selectbox(
        "Spoken language",
        ["auto", *by_name] if model.multilingual else ["en"],
        format_func=lambda code: LANGUAGES.get(code, "Detect automatically"),
        key="language" if model.multilingual else "language_english",
        persist_state="session",
    )
    task = st.segmented_control(
        "Task",
        list(_TASKS),
        default="transcribe",
        required=True,
        format_func=lambda task: _TASKS[task],
        key="task",
        persist_state="session",
        disabled=not model.multilingual,
        width="stretch",
        help="Transcribe writes the text in the language spoken. Translate to English writes "
        "English, whatever language is spoken.",
    )
    word_timestamps = st.toggle(
        "Word timestamps",
        key="word_timestamps",
        persist_state="session",
        help="Find the start and end of each word. Takes a little longer.",
    )
    with st.expander("Advanced", icon=":material/tune:"):
        advanced = _advanced_options()
    return replace(
        advanced,
        language=None if language == "auto" else language,
        task="translate" if task == "translate" and model.multilingual else "transcribe",
        word_timestamps=word_timestamps,
    )


def _advanced_options() -> TranscribeOptions:
    """The options that most people never need."""
    prompt = st.text_area(
        "Prompt",
        key="prompt",
        persist_state="session",
        max_chars=800,
        placeholder="Gjergj Fishta, Prizren, Rugova …",
        help="Text that could come right before the recording. The model picks up its names, "
        "spelling and punctuation.",
    )

    slider = partial(st.slider, persist_state="session")
    beam_size = slider(
        "Beam size", 1, 8, 1, 1, key="beam_size",
        help="How many candidate texts the decoder keeps at each step. A larger beam is slower and "
        "sometimes a little more accurate.",
    )  # fmt: skip
    speech_threshold = slider(
        "Speech threshold", 0.05, 0.95, 0.5, 0.05, key="speech_threshold",
        help="How certain the voice detector must be that someone is speaking. Lower it if quiet "
        "speech or singing is missed; raise it if noise is transcribed as text.",
    )  # fmt: skip
    fallback = st.toggle(
        "Temperature fallback",
        True,
        key="temperature_fallback",
        persist_state="session",
        help="If a passage is repetitive or improbable (see the two thresholds below), decode it "
        "again with more randomness.",
    )
    compression_ratio_threshold = slider(
        "Compression-ratio threshold", 1.5, 4.0, 2.4, 0.1, key="compression_ratio_threshold",
        help="A passage is repetitive if its text compresses by more than this factor.",
    )  # fmt: skip
    logprob_threshold = slider(
        "Log-probability threshold", -2.0, -0.2, -1.0, 0.1, key="logprob_threshold",
        help="A passage is improbable if the average log probability of its tokens is lower than "
        "this.",
    )  # fmt: skip
    no_speech_threshold = slider(
        "No-speech threshold", 0.1, 1.0, 0.6, 0.05, key="no_speech_threshold",
        help="An improbable passage is skipped as silence if the model's no-speech probability is "
        "higher than this.",
    )  # fmt: skip
    return TranscribeOptions(
        prompt=prompt or "",
        beam_size=beam_size,
        speech_threshold=speech_threshold,
        temperatures=TranscribeOptions.temperatures if fallback else (0.0,),
        compression_ratio_threshold=compression_ratio_threshold,
        logprob_threshold=logprob_threshold,
        no_speech_threshold=no_speech_threshold,
    )
