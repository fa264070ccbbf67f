"""Models: choosing one, and adding one from checkpoint files."""

import shutil
import tempfile
from pathlib import Path

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from lab.asr import checkpoints
from lab.asr.checkpoints import ModelInfo, list_models
from lab.core.errors import OptionsError
from lab.core.files import CHUNK_BYTES
from lab.core.workspace import Workspace
from lab.ui import formatting
from lab.ui.feedback import errors_shown
from lab.ui.server import DEFAULT_MODEL

# An upload is only ever stored under one of these names, never under its own.
_FOLDER_FILES = ("config.json", "model.safetensors", "pytorch_model.bin", "model.bin")


def choose_model(workspace: Workspace, *, key: str = "model", label: str = "Model") -> ModelInfo:
    """Choose one of OpenAI's models or one from the workspace.

    key: of the widget; pages that use the same key share the choice
    """
    models = {model.name: model for model in list_models(workspace.models_dir)}
    name = st.selectbox(
        label,
        list(models),
        index=0 if key in st.session_state else list(models).index(DEFAULT_MODEL),
        format_func=lambda name: _describe(models[name]),
        key=key,
        persist_state="session",
        help="Larger models make fewer mistakes but take longer.",
    )
    model = models[name]
    if not model.installed:
        size = f" ({formatting.size(model.size_bytes)})" if model.size_bytes else ""
        st.caption(
            f":material/download: This model will be downloaded{size} before its first use. "
            "That needs an internet connection."
        )
    return model


def _describe(model: ModelInfo) -> str:
    size = formatting.size(model.size_bytes) if model.size_bytes else ""
    installed = "ready" if model.installed else "not downloaded"
    state = "yours" if model.source == "workspace" else installed
    return " · ".join(filter(None, [model.name, size, state, model.note]))


def add_model(workspace: Workspace) -> None:
    """A form that checks an uploaded model and adds it to the workspace."""
    with (
        st.expander("Add your own model", icon=":material/add_circle:"),
        st.form("add_model", border=False),
    ):
        st.caption(
            "Either an openai-whisper checkpoint (.pt), or config.json and model.safetensors of a "
            "Hugging Face model. Files that could run code are rejected."
        )
        files = st.file_uploader(
            "Model files",
            type=["pt", "json", "safetensors", "bin"],
            accept_multiple_files=True,
            key="model_files",
        )
        name = st.text_input("Name", placeholder="albanian-small")
        if st.form_submit_button("Check and add", icon=":material/verified_user:"):
            with errors_shown():
                with st.spinner("Checking the model …"):
                    added = _add(workspace, name.strip(), files)
                st.success(f"{formatting.escape(added.name)} is now in the list of models.")


def _add(workspace: Workspace, name: str, files: list[UploadedFile]) -> ModelInfo:
    """Write the uploads to a temporary folder and add the model found in it."""
    if not files:
        raise OptionsError("No file was chosen. Choose the files of the model first.")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        is_checkpoint = len(files) == 1 and files[0].name.lower().endswith(".pt")
        for file in files:
            if not is_checkpoint and file.name not in _FOLDER_FILES:
                raise OptionsError(
                    f"{file.name} is not a model file. Choose one .pt file, or config.json and "
                    "model.safetensors."
                )
            target = source / ("model.pt" if is_checkpoint else file.name)
            with target.open("wb") as copy:
                shutil.copyfileobj(file, copy, CHUNK_BYTES)
        if is_checkpoint:
            source /= "model.pt"
        return checkpoints.add(source, name=name, models_dir=workspace.models_dir)
