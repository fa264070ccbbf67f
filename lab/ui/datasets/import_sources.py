"""Where an import comes from: a sample, an upload, a folder, or VoxLingua107."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from lab.core.staging import Staging
from lab.core.workspace import Workspace, slug
from lab.dataset.importing import (
    LocalSource,
    Source,
    SourceInfo,
    UploadedSource,
    VoxLinguaSource,
    inspect_source,
)
from lab.dataset.store import datasets_dir
from lab.importers import ImportProblem, UnknownCorpusError
from lab.importers.archives import ENDINGS
from lab.importers.uploads import save_uploads
from lab.importers.voxlingua import languages
from lab.recordings.samples import SampleDataset, list_sample_datasets
from lab.ui import formatting
from lab.ui.datasets.problem_table import show_problems
from lab.ui.visitors import is_public

# On a public server, visitors share its disk and memory.
_PUBLIC_UPLOAD_MB = 200
_INSPECTED, _UPLOADED, _UPLOAD_ROUND = "import_inspected", "import_uploaded", "import_round"


@dataclass(frozen=True)
class ImportChoice:
    """What the person chose to import.

    name: suggested name of the dataset
    info: the detected format, or why it was not detected
    """

    source: Source
    name: str
    info: SourceInfo | UnknownCorpusError


def choose_source(workspace: Workspace) -> ImportChoice | None:
    """Let the person choose what to import; None until they have.

    Raises LabError if the source cannot be read.
    """
    kinds = ["Sample dataset"] if list_sample_datasets() else []
    kinds.append("Upload")
    # A public server offers neither its folders nor downloads of gigabytes.
    if not is_public():
        kinds += ["Folder on this computer", "VoxLingua107"]
    kind = st.segmented_control(
        "Import from",
        kinds,
        default=kinds[0],
        required=True,
        format_func=lambda name: f"{_KINDS[name][0]} {name}",
        key="import_source",
        persist_state="session",
    )
    return _KINDS[kind][1](workspace)


def clear_upload() -> None:
    """Forget the uploaded files after an import has taken them over, and empty the field."""
    del st.session_state[_UPLOADED]
    st.session_state[_UPLOAD_ROUND] = st.session_state.get(_UPLOAD_ROUND, 0) + 1


def _choose_sample(workspace: Workspace) -> ImportChoice | None:
    samples = list_sample_datasets()
    sample: SampleDataset = st.radio(
        "Sample",
        samples,
        format_func=lambda sample: sample.name,
        captions=[formatting.escape(sample.description) for sample in samples],
        key="import_sample",
        label_visibility="collapsed",
    )
    st.caption(formatting.escape(f"Voices and licence: {sample.credit}."))
    source = LocalSource(sample.folder)
    return ImportChoice(source, sample.folder.name, _inspect(workspace, source, str(sample.folder)))


def _choose_upload(workspace: Workspace) -> ImportChoice | None:
    is_folder = st.toggle(
        "Upload a folder", key="import_is_folder", help="Includes all of its subfolders."
    )
    hint = "" if is_public() else " For files on this computer, choose the folder instead."
    uploads = st.file_uploader(
        "Corpus folder" if is_folder else "Audio files with their texts, or an archive",
        accept_multiple_files="directory" if is_folder else True,
        max_upload_size=_PUBLIC_UPLOAD_MB if is_public() else None,
        key=f"import_files_{is_folder}_{st.session_state.get(_UPLOAD_ROUND, 0)}",
        help=f"One archive ({', '.join(ENDINGS)}), or tables and audio files.{hint}",
    )
    if not uploads:
        return None
    source, problems = _saved_upload(workspace, uploads)
    show_problems(problems, "could not be uploaded", name="upload", key="upload_problems")
    name = PurePosixPath(uploads[0].name)
    title = name.parts[0] if len(name.parts) > 1 or len(uploads) == 1 else ""
    info = _inspect(workspace, source, ",".join(upload.file_id for upload in uploads))
    return ImportChoice(source, slug(title.split(".")[0]), info)


def _choose_folder(workspace: Workspace) -> ImportChoice | None:
    typed = st.text_input(
        "Folder or archive",
        key="import_path",
        placeholder="/home/ana/cv-corpus-17.0/sq",
        persist_state="session",
        help="The clips are copied; the original files are not changed.",
    ).strip()
    if not typed:
        return None
    path = Path(typed).expanduser()
    modified_ns = path.stat().st_mtime_ns if path.exists() else 0
    source = LocalSource(path)
    info = _inspect(workspace, source, f"{path} {modified_ns}")
    return ImportChoice(source, slug(path.name.split(".")[0]), info)


def _choose_voxlingua(workspace: Workspace) -> ImportChoice | None:
    st.caption(
        "Speech in 99 languages from public videos (CC BY 4.0), from a few hours to over a "
        "hundred hours per language. It has **no texts**: transcribe and correct the clips first."
    )
    names = languages()
    language = st.selectbox(
        "Language",
        list(names),
        index=None,
        format_func=names.__getitem__,
        placeholder="Albanian, for example",
        key="import_voxlingua",
        persist_state="session",
    )
    if not language:
        return None
    st.caption(
        "The download takes several gigabytes. If you stop it, the next import resumes from there."
    )
    source = VoxLinguaSource(language)
    return ImportChoice(source, f"voxlingua-{language}", inspect_source(workspace, source))


_KINDS: dict[str, tuple[str, Callable[[Workspace], ImportChoice | None]]] = {
    "Sample dataset": (":material/science:", _choose_sample),
    "Upload": (":material/upload:", _choose_upload),
    "Folder on this computer": (":material/folder_open:", _choose_folder),
    "VoxLingua107": (":material/language:", _choose_voxlingua),
}


def _saved_upload(
    workspace: Workspace, uploads: Sequence[UploadedFile]
) -> tuple[UploadedSource, tuple[ImportProblem, ...]]:
    """Save uploaded files in the workspace; a rerun with the same files reuses them."""
    ids = [upload.file_id for upload in uploads]
    if _UPLOADED not in st.session_state or st.session_state[_UPLOADED][0] != ids:
        if previous := st.session_state.pop(_UPLOADED, None):
            previous[1].staging.remove()
        source = UploadedSource(Staging(datasets_dir(workspace)))
        with st.spinner("Saving the files …"):
            problems = save_uploads(((upload.name, upload) for upload in uploads), source.folder)
        st.session_state[_UPLOADED] = ids, source, tuple(problems)
    _, source, problems = st.session_state[_UPLOADED]
    return source, problems


def _inspect(
    workspace: Workspace, source: Source, identity: str
) -> SourceInfo | UnknownCorpusError:
    """Detect the format of a source, once for each `identity`; raises LabError."""
    cached: tuple[str, SourceInfo | UnknownCorpusError] | None = st.session_state.get(_INSPECTED)
    if cached is None or cached[0] != identity:
        info: SourceInfo | UnknownCorpusError
        with st.spinner("Detecting the format …"):
            try:
                info = inspect_source(workspace, source)
            except UnknownCorpusError as error:
                info = error
        cached = st.session_state[_INSPECTED] = identity, info
    return cached[1]
