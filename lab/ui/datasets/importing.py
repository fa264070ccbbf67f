"""Import: a corpus comes in, from wherever it is, after the person has confirmed what it is."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from lab import dataset as datasets
from lab.core.errors import LabError
from lab.core.languages import LANGUAGES
from lab.core.staging import Staging
from lab.core.workspace import Workspace, slug
from lab.dataset.sources import OnDisk, Seen, Source, Uploaded, VoxLingua, look
from lab.dataset.store import datasets_dir
from lab.importers import KINDS, Kind, Problem, UnknownCorpusError
from lab.importers.archives import ENDINGS, UnpackLimits
from lab.importers.corpora import VOXLINGUA
from lab.importers.uploads import lay_out
from lab.importers.voxlingua import languages
from lab.jobs.imports import ImportJob
from lab.recordings.samples import SampleDataset, list_sample_datasets
from lab.ui import words
from lab.ui.datasets.choosing import open_dataset
from lab.ui.datasets.listening import warn_of_language
from lab.ui.datasets.problems import show_problems
from lab.ui.datasets.shared import entries
from lab.ui.queue import show_queue
from lab.ui.state import guard_queue, import_queue
from lab.ui.visitors import is_public

_ICONS = {
    "Sample": ":material/science:",
    "Files or archive": ":material/upload:",
    "Folder on this machine": ":material/folder_open:",
    "VoxLingua107": ":material/language:",
}
# What a visitor of a public server may bring: its disk and memory are for all of them.
_PUBLIC_UPLOAD_MB = 200
_PUBLIC_LIMITS = UnpackLimits(members=20_000, member_bytes=1 << 30, total_bytes=2 << 30)

_SEEN, _STAGED, _ROUND = "import_seen", "import_staged", "import_round"


@dataclass(frozen=True)
class _Chosen:
    """What a person has chosen to import.

    name: what the dataset could be called
    seen: what the source seems to be; why it is nothing that is known, where it is not
    """

    source: Source
    name: str
    seen: Seen | UnknownCorpusError


def show_import(workspace: Workspace) -> None:
    """The ways in, the imports that run, and what came of those that have ended."""
    queue = import_queue()
    show_queue(
        workspace,
        queue,
        key="import_queue",
        title=lambda job: words.plain(job.name),
        details=lambda _: None,
        on_end=lambda _: None,
    )
    for job in reversed(queue.jobs(workspace)):
        if job.dataset:
            _show_result(workspace, job, job.dataset)
    show_queue(
        workspace,
        guard_queue(),
        key="import_guard",
        title=lambda job: f"Is it the right language? {words.plain(job.dataset.name)}",
        details=lambda _: None,
        on_end=lambda _: None,
    )
    ways = _ways()
    way = st.segmented_control(
        "Where from",
        ways,
        default=ways[0],
        required=True,
        format_func=lambda one: f"{_ICONS[one]} {one}",
        key="import_way",
        persist_state="session",
    )
    try:
        chosen = _CHOOSE[way](workspace)
    except LabError as error:
        st.error(words.plain(str(error)), icon=":material/error:")
        return
    if chosen:
        _confirm(workspace, chosen)


def _ways() -> list[str]:
    """Where a corpus can come from, here and now."""
    offered = ["Sample"] if list_sample_datasets() else []
    offered.append("Files or archive")
    # Nobody reads the folders of a public server, or fills its disk with gigabytes.
    return offered if is_public() else [*offered, "Folder on this machine", "VoxLingua107"]


def _choose_sample(workspace: Workspace) -> _Chosen | None:
    samples = list_sample_datasets()
    sample: SampleDataset = st.radio(
        "Sample",
        samples,
        format_func=lambda one: one.name,
        captions=[words.plain(one.about) for one in samples],
        key="import_sample",
        label_visibility="collapsed",
    )
    st.caption(words.plain(f"Voices and licence: {sample.credit}."))
    source = OnDisk(sample.folder)
    return _Chosen(source, sample.folder.name, _seen(workspace, source, str(sample.folder)))


def _choose_files(workspace: Workspace) -> _Chosen | None:
    whole_folder = st.toggle(
        "A whole folder", key="import_whole_folder", help="All that is in it and below it."
    )
    uploads = st.file_uploader(
        "The folder of a corpus" if whole_folder else "Sound and its texts, or an archive",
        accept_multiple_files="directory" if whole_folder else True,
        max_upload_size=_PUBLIC_UPLOAD_MB if is_public() else None,
        key=f"import_files_{whole_folder}_{st.session_state.get(_ROUND, 0)}",
        help=f"One archive ({', '.join(ENDINGS)}), or the tables and the sound themselves."
        + ("" if is_public() else " What is on this machine already need not be uploaded."),
    )
    if not uploads:
        return None
    source, problems = _staged(workspace, uploads)
    show_problems(problems, "could not be kept", name="files", key="import_refused")
    name = PurePosixPath(uploads[0].name)
    title = name.parts[0] if len(name.parts) > 1 or len(uploads) == 1 else ""
    seen = _seen(workspace, source, ",".join(one.file_id for one in uploads))
    return _Chosen(source, slug(title.split(".")[0]), seen)


def _choose_folder(workspace: Workspace) -> _Chosen | None:
    typed = st.text_input(
        "Folder or archive",
        key="import_path",
        placeholder="/home/ana/cv-corpus-17.0/sq",
        persist_state="session",
        help="Nothing in it is changed: the clips are copied.",
    ).strip()
    if not typed:
        return None
    path = Path(typed).expanduser()
    changed = path.stat().st_mtime_ns if path.exists() else 0
    seen = _seen(workspace, OnDisk(path), f"{path} {changed}")
    return _Chosen(OnDisk(path), slug(path.name.split(".")[0]), seen)


def _choose_voxlingua(workspace: Workspace) -> _Chosen | None:
    st.caption(
        "Speech in 99 languages from public videos, under CC BY 4.0, a few hours to more than a "
        "hundred each. There are **no texts**: it is sound to be transcribed and corrected."
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
        "Such a zip has some gigabytes. What has come stays when the download is stopped, and the "
        "next import goes on from there."
    )
    source = VoxLingua(language)
    return _Chosen(source, f"voxlingua-{language}", look(workspace, source))


_CHOOSE: dict[str, Callable[[Workspace], _Chosen | None]] = {
    "Sample": _choose_sample,
    "Files or archive": _choose_files,
    "Folder on this machine": _choose_folder,
    "VoxLingua107": _choose_voxlingua,
}


def _staged(
    workspace: Workspace, uploads: Sequence[UploadedFile]
) -> tuple[Uploaded, tuple[Problem, ...]]:
    """The uploads in a folder of ours; a rerun of the page hands in the same ones again."""
    ids = [one.file_id for one in uploads]
    if _STAGED not in st.session_state or st.session_state[_STAGED][0] != ids:
        _unstage()
        source = Uploaded(Staging(datasets_dir(workspace)))
        with st.spinner("Bringing the files …"):
            problems = lay_out(((one.name, one) for one in uploads), source.folder)
        st.session_state[_STAGED] = ids, source, tuple(problems)
    _, source, problems = st.session_state[_STAGED]
    return source, problems


def _unstage() -> None:
    """Remove what was uploaded before, unless it has become an import's."""
    if staged := st.session_state.pop(_STAGED, None):
        staged[1].staging.remove()


def _seen(workspace: Workspace, source: Source, identity: str) -> Seen | UnknownCorpusError:
    """What a source seems to be, looked at once; raises LabError where it cannot be looked at."""
    known: tuple[str, Seen | LabError] | None = st.session_state.get(_SEEN)
    if known is None or known[0] != identity:
        with st.spinner("Looking at what it is …"):
            try:
                found: Seen | LabError = look(workspace, source)
            except LabError as error:
                found = error
        known = st.session_state[_SEEN] = identity, found
    found = known[1]
    if isinstance(found, Seen | UnknownCorpusError):
        return found
    raise found


def _confirm(workspace: Workspace, chosen: _Chosen) -> None:
    """Show what the source seems to be, let the person correct it, and import it."""
    seen = chosen.seen
    if isinstance(seen, Seen):
        st.info(words.plain(seen.reason), icon=":material/search:")
        kind, language = seen.kind, seen.language
    else:
        st.warning(words.plain(str(seen)), icon=":material/help:")
        kind, language = None, ""
    # Another source has other defaults.
    key = f"{kind.name if kind else ''}_{chosen.name}_{language}"
    kinds = [VOXLINGUA] if isinstance(chosen.source, VoxLingua) else KINDS
    left, middle, right = st.columns([2, 1, 1])
    read_as: Kind | None = left.selectbox(
        "Read it as",
        kinds,
        index=kinds.index(kind) if kind else None,
        format_func=lambda one: one.about,
        placeholder="Choose one",
        key=f"import_kind_{key}",
    )
    name = middle.text_input(
        "Name of the dataset", value=chosen.name, max_chars=40, key=f"import_name_{key}"
    ).strip()
    codes = sorted(LANGUAGES, key=LANGUAGES.__getitem__)
    spoken = right.selectbox(
        "Spoken language",
        codes,
        index=codes.index(language) if language else None,
        format_func=LANGUAGES.__getitem__,
        placeholder="Choose one",
        key=f"import_language_{key}",
    )
    if language and spoken and spoken != language:
        st.warning(
            f"The corpus itself says {LANGUAGES[language]}; clips of which it says so keep that.",
            icon=":material/warning:",
        )
    dataset_id = slug(name)
    if name and not dataset_id:
        st.caption("The name needs letters (a to z) or digits.")
    elif dataset_id in {one.name for one in datasets.list_all(workspace)}:
        st.caption(f"The clips are added to **{words.plain(dataset_id)}**, which is there already.")
    elif dataset_id and dataset_id != name:
        st.caption(f"It becomes the dataset **{words.plain(dataset_id)}**.")
    st.button(
        "Import",
        type="primary",
        icon=":material/download:",
        disabled=not (dataset_id and read_as and spoken),
        on_click=_start,
        args=(workspace, chosen.source, key),
    )


def _start(workspace: Workspace, source: Source, key: str) -> None:
    # As the fields stand now: a name typed just before the click has not been drawn yet.
    name = str(st.session_state[f"import_name_{key}"]).strip()
    kind, language = (st.session_state[f"import_{field}_{key}"] for field in ("kind", "language"))
    limits = _PUBLIC_LIMITS if is_public() else None
    import_queue().submit(workspace, name, source, kind=kind, language=language, limits=limits)
    if isinstance(source, Uploaded):
        del st.session_state[_STAGED]  # it is the job's now
        st.session_state[_ROUND] = st.session_state.get(_ROUND, 0) + 1


def _show_result(workspace: Workspace, job: ImportJob, name: str) -> None:
    with st.container(border=True, key=f"import_result_{job.id}"):
        row = st.container(horizontal=True, vertical_alignment="center")
        known = f", {job.n_known} were there before" if job.n_known else ""
        row.markdown(
            f":green[:material/check_circle:] **{words.plain(name)}**: "
            f"{words.count(job.n_new, 'clip')} came in{known}.",
            width="stretch",
        )
        row.button(
            "Open",
            key=f"import_open_{job.id}",
            icon=":material/arrow_forward:",
            type="primary",
            on_click=open_dataset,
            args=(name,),
        )
        with suppress(LabError):  # it may be deleted by now
            dataset = datasets.find(workspace, name)
            warn_of_language(dataset, entries(dataset))
        show_problems(job.problems, "to look at", name=name, key=f"import_problems_{job.id}")
