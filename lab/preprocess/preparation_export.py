"""Export the clips of a preparation as a zip or as recordings of the workspace."""

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
    """The kept clips and their origins, as `lab.preprocess.prepare_files` lists them."""
    return [
        ManifestRow(
            name,
            *preparation.times_s(clip),
            preparation.duration_s(clip),
            preparation.recordings[clip.recording_index].name,
        )
        for name, clip in preparation.named_clips()
    ]


def write_zip(preparation: Preparation, file: BinaryIO) -> None:
    """Write a zip of the kept clips as WAV files, their manifest and the recipe.

    Raises WorkspaceError if a recording is missing.
    """
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr(MANIFEST_NAME, manifest_text(manifest_rows(preparation)))
        archive.write(preparation.folder / RECIPE_NAME, RECIPE_NAME)
        for name, clip in preparation.named_clips():
            archive.writestr(name, clip_wav(preparation, clip))


def save_as_recordings(
    workspace: Workspace, preparation: Preparation, *, on_progress: Progress = ignore
) -> list[Recording]:
    """Save each kept clip as a recording of the workspace."""
    named = list(preparation.named_clips())
    saved = []
    for number, (name, clip) in enumerate(named):
        on_progress(number, len(named), "Saving the clips")
        saved.append(recordings.add(workspace, name, clip_wav(preparation, clip)))
    return saved


def prompts_of_clips(workspace: Workspace, preparation: Preparation) -> dict[str, str]:
    """Sentences read aloud, by file name, of recordings of which exactly one clip is kept."""
    named = list(preparation.named_clips())
    n_clips = Counter(clip.recording_index for _, clip in named)
    prompts = {}
    for name, clip in named:
        with suppress(WorkspaceError):  # the recording may have been deleted
            recording_id = preparation.recordings[clip.recording_index].recording_id
            prompt = recordings.get(workspace, recording_id).prompt
            if prompt and n_clips[clip.recording_index] == 1:
                prompts[name] = prompt
    return prompts


def clip_wav(preparation: Preparation, clip: ClipSpan) -> bytes:
    """Return a clip as the bytes of a WAV file."""
    recording = preparation.recordings[clip.recording_index]
    samples = preparation.samples(clip.recording_index, clip.start, clip.end)
    return wav.encode(samples, sample_rate=recording.sample_rate, bits=recording.bits)
