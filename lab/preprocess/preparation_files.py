"""What leaves a preparation: a zip of its clips, or recordings of the workspace."""

import io
import zipfile
from collections import Counter
from contextlib import suppress
from typing import BinaryIO

from lab import recordings
from lab.audio import wav
from lab.core.errors import WorkspaceError
from lab.core.progress import Progress, ignore
from lab.core.workspace import Workspace
from lab.preprocess.export import MANIFEST_NAME, RECIPE_NAME, ManifestRow, manifest_text
from lab.preprocess.preparations import ClipSpan, Preparation
from lab.recordings import Recording


def manifest_rows(preparation: Preparation) -> list[ManifestRow]:
    """The kept clips and where they come from, as `lab.preprocess.prepare_files` lists them."""
    return [
        ManifestRow(
            name,
            *preparation.times_s(clip),
            preparation.length_s(clip),
            preparation.wholes[clip.whole].name,
        )
        for name, clip in preparation.named()
    ]


def write_zip(preparation: Preparation, file: BinaryIO) -> None:
    """Pack the kept clips as WAV files, their manifest and the recipe.

    Raises WorkspaceError if a recording is gone.
    """
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(MANIFEST_NAME, manifest_text(manifest_rows(preparation)))
        archive.write(preparation.folder / RECIPE_NAME, RECIPE_NAME)
        for name, clip in preparation.named():
            archive.writestr(name, clip_wav(preparation, clip))


def save_as_recordings(
    workspace: Workspace, preparation: Preparation, *, on_progress: Progress = ignore
) -> list[Recording]:
    """Bring the kept clips into the workspace, a recording each."""
    named = list(preparation.named())
    saved = []
    for number, (name, clip) in enumerate(named):
        on_progress(number, len(named), "Saving the clips")
        saved.append(recordings.add(workspace, name, clip_wav(preparation, clip)))
    return saved


def prompts_read(workspace: Workspace, preparation: Preparation) -> dict[str, str]:
    """The sentences that were read aloud, by the names of the kept clips they are all of."""
    named = list(preparation.named())
    n_clips = Counter(clip.whole for _, clip in named)
    found = {}
    for name, clip in named:
        with suppress(WorkspaceError):  # the recording may be gone by now
            whole = preparation.wholes[clip.whole]
            prompt = recordings.get(workspace, whole.recording_id).prompt
            if prompt and n_clips[clip.whole] == 1:
                found[name] = prompt
    return found


def clip_wav(preparation: Preparation, clip: ClipSpan) -> bytes:
    """A clip as the bytes of a WAV file."""
    whole = preparation.wholes[clip.whole]
    samples = preparation.samples(clip.whole, clip.start, clip.end)
    buffer = io.BytesIO()
    wav.write(buffer, samples, sample_rate=whole.sample_rate, bits=whole.bits)
    return buffer.getvalue()
