"""The settings of a transcription."""

from dataclasses import replace

import streamlit as st

from lab.asr.checkpoints import ModelInfo, list_models
from lab.asr.options import Task, TranscribeOptions
from lab.core.languages import LANGUAGES
from lab.core.workspace import Workspace
from lab.ui import words
from lab.ui.state import DEFAULT_MODEL

_TASKS: dict[Task, str] = {"transcribe": "As spoken", "translate": "In English"}


def choose_model(workspace: Workspace, *, key: str = "model", label: str = "Model") -> ModelInfo:
    """Pick one of Whisper's models or of the workspace's own.

    key: where the choice is kept; pages with the same one share it
    """
    models = {model.name: model for model in list_models(workspace.models_dir)}
    name = st.selectbox(
        label,
        list(models),
        index=0 if key in st.session_state else list(models).index(DEFAULT_MODEL),
        format_func=lambda name: _describe(models[name]),
        key=key,
        persist_state="session",
        help="Larger models make fewer mistakes and take longer.",
    )
    model = models[name]
    if not model.installed:
        size = f"{words.size(model.size_bytes)} " if model.size_bytes else ""
        st.caption(f":material/download: {size}will be downloaded first; that needs the internet.")
    return model


def choose_options(model: ModelInfo) -> TranscribeOptions:
    """Everything else; raises `OptionsError` for what cannot go together."""
    by_name = sorted(LANGUAGES, key=LANGUAGES.__getitem__)
    language = st.selectbox(
        "Spoken language",
        ["auto", *by_name] if model.multilingual else ["en"],
        format_func=lambda code: LANGUAGES.get(code, "Detect automatically"),
        key="language" if model.multilingual else "language_english",
        persist_state="session",
    )
    task = st.segmented_control(
        "Write the text",
        list(_TASKS),
        default="transcribe",
        required=True,
        format_func=lambda task: _TASKS[task],
        key="task",
        persist_state="session",
        disabled=not model.multilingual,
        width="stretch",
        help="In English: Whisper translates whatever is spoken (the task translate).",
    )
    word_timestamps = st.toggle(
        "Word times",
        key="word_timestamps",
        persist_state="session",
        help="Find out when each word was said. Takes a little longer.",
    )
    with st.expander("Advanced", icon=":material/tune:"):
        advanced = _advanced()
    return replace(
        advanced,
        language=None if language == "auto" else language,
        task="translate" if task == "translate" and model.multilingual else "transcribe",
        word_timestamps=word_timestamps,
    )


def _advanced() -> TranscribeOptions:
    """The settings that most people never need, each with a sentence."""
    prompt = st.text_area(
        "Prompt",
        key="prompt",
        persist_state="session",
        max_chars=800,
        placeholder="Gjergj Fishta, Prizren, Rugova …",
        help="Text as it could stand before the recording. The model follows its names, spelling "
        "and punctuation.",
    )
    beam_size = st.slider(
        "Beam size",
        1,
        8,
        1,
        key="beam_size",
        persist_state="session",
        help="How many versions of the text are followed side by side. More is slower and at "
        "times a little better.",
    )
    speech_threshold = st.slider(
        "Speech threshold",
        0.05,
        0.95,
        0.5,
        0.05,
        key="speech_threshold",
        persist_state="session",
        help="How sure the detector has to be that somebody speaks. Lower it where soft speech or "
        "singing is missed; raise it where noise becomes text.",
    )
    retry = st.toggle(
        "Try doubtful passages again",
        True,
        key="retry",
        persist_state="session",
        help="Where the text repeats itself or is unlikely, decode again with more freedom.",
    )
    compression_ratio_threshold = st.slider(
        "Repetition limit",
        1.5,
        4.0,
        2.4,
        0.1,
        key="compression_ratio_threshold",
        persist_state="session",
        help="A passage counts as repeating itself if it can be compressed more than this.",
    )
    logprob_threshold = st.slider(
        "Likelihood limit",
        -2.0,
        -0.2,
        -1.0,
        0.1,
        key="logprob_threshold",
        persist_state="session",
        help="A passage counts as unlikely if the mean log probability of its tokens is below.",
    )
    no_speech_threshold = st.slider(
        "Silence limit",
        0.1,
        1.0,
        0.6,
        0.05,
        key="no_speech_threshold",
        persist_state="session",
        help="An unlikely passage is left out if the model takes it for silence with more than "
        "this probability.",
    )
    return TranscribeOptions(
        prompt=prompt or "",
        beam_size=beam_size,
        speech_threshold=speech_threshold,
        temperatures=TranscribeOptions.temperatures if retry else (0.0,),
        compression_ratio_threshold=compression_ratio_threshold,
        logprob_threshold=logprob_threshold,
        no_speech_threshold=no_speech_threshold,
    )


def _describe(model: ModelInfo) -> str:
    size = words.size(model.size_bytes) if model.size_bytes else ""
    state = {"workspace": "yours"}.get(model.source, "ready" if model.installed else "download")
    return " · ".join(filter(None, [model.name, size, state, model.note]))
