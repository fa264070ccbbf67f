"""Adding a model: a checkpoint file or the files of a Hugging Face folder."""

import tempfile
from pathlib import Path

import streamlit as st

from lab.asr import checkpoints
from lab.core.errors import LabError, OptionsError
from lab.core.workspace import Workspace
from lab.ui import words

# What a model may consist of. The names are ours to choose from, never taken from an upload.
_FOLDER_FILES = ("config.json", "model.safetensors", "pytorch_model.bin", "model.bin")


def add_model(workspace: Workspace) -> None:
    """A form that checks a model which the person brings and keeps it in the workspace."""
    with (
        st.expander("Add a model of your own", icon=":material/add_circle:"),
        st.form("add_model", border=False),
    ):
        st.caption(
            "A checkpoint of openai-whisper (.pt), or config.json together with "
            "model.safetensors of a Hugging Face model. Files that could run code are refused."
        )
        files = st.file_uploader(
            "Files",
            type=["pt", "json", "safetensors", "bin"],
            accept_multiple_files=True,
            key="model_files",
        )
        name = st.text_input("Name", placeholder="albanian-small")
        if st.form_submit_button("Check and add", icon=":material/verified_user:"):
            try:
                with st.spinner("Checking the weights …"):
                    added = _add(workspace, name.strip(), files)
            except LabError as error:
                st.error(words.plain(str(error)), icon=":material/error:")
            else:
                st.success(f"{words.plain(added.name)} can be chosen under Model now.")


def _add(workspace: Workspace, name: str, files: list) -> checkpoints.ModelInfo:  # type: ignore[type-arg]
    """Lay the uploads out under names of ours and hand them to `checkpoints.add`."""
    if not files:
        raise OptionsError("No file was chosen. Choose the model's file or files first.")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        if len(files) == 1 and files[0].name.lower().endswith(".pt"):
            source /= "model.pt"
            source.write_bytes(files[0].getbuffer())
        else:
            for file in files:
                if file.name not in _FOLDER_FILES:
                    raise OptionsError(
                        f"{file.name} does not belong to a model. Choose one .pt file, or "
                        "config.json and model.safetensors."
                    )
                (source / file.name).write_bytes(file.getbuffer())
        return checkpoints.add(source, name=name, models_dir=workspace.models_dir)
