"""Preparation in the background, and editing and exporting the prepared clips."""

import csv
import io
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest

from lab import audio, recordings
from lab.audio import Waveform
from lab.core.errors import OptionsError, WorkspaceError
from lab.core.workspace import Workspace
from lab.jobs.preparation import PreparationJob, PreparationQueue
from lab.preprocess import SOURCE_LAB, AudioFile, Recipe, clip_edits, preparations, prepare_files
from lab.preprocess.preparation_export import save_as_recordings, write_zip
from lab.preprocess.preparations import ClipSpan, Preparation
from lab.preprocess.recipe import Channel, Level, Resample, Split
from lab.recordings import Recording
from lab.recordings.samples import list_samples
from tests.support.waiting import wait_for

SHORT = Recipe(
    channel=Channel(),
    resample=Resample(16_000),
    level=Level(),
    split=Split(by="silence", max_s=6, min_pause_s=0.3),
)


@pytest.fixture
def queue() -> PreparationQueue:
    return PreparationQueue()


@pytest.fixture
def speech(workspace: Workspace) -> list[Recording]:
    return [
        recordings.add(workspace, sample.audio_path.name, sample.audio_path.read_bytes())
        for sample in list_samples()[:2]
    ]


@pytest.fixture
def preparation(
    queue: PreparationQueue, workspace: Workspace, speech: list[Recording]
) -> Preparation:
    job = wait_for(queue, workspace, queue.submit(PreparationJob(workspace, tuple(speech), SHORT)))
    assert (job.state, job.n_done, job.n_failed) == ("done", 2, 0)
    (preparation,) = preparations.list_all(workspace)
    assert preparation.id == job.preparation_id
    assert len(preparation.clips) > 5
    return preparation


def reread(preparation: Preparation) -> Preparation:
    return preparations.read(preparation.folder)


def test_the_zip_equals_the_output_of_the_command_line(
    preparation: Preparation, speech: list[Recording], tmp_path: Path
) -> None:
    sources = [AudioFile(recording.audio_path, recording.name) for recording in speech]
    prepare_files(sources, SHORT, tmp_path / "out")
    buffer = io.BytesIO()
    write_zip(preparation, buffer)
    with zipfile.ZipFile(buffer) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    assert found == {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}


def test_failed_recordings_have_a_reason_and_the_others_are_kept(
    queue: PreparationQueue, workspace: Workspace, speech: list[Recording]
) -> None:
    bad = recordings.add(workspace, "letter.wav", b"Dear Sir or Madam, this is a letter.")
    number = queue.submit(PreparationJob(workspace, (bad, *speech), SHORT))
    job = wait_for(queue, workspace, number)
    assert (job.state, job.n_done, job.n_failed) == ("done", 2, 1)
    (preparation,) = preparations.list_all(workspace)
    (failure,) = preparation.failures
    assert failure.name == "letter.wav"
    assert "letter.wav" in failure.reason


def test_stopping_keeps_finished_recordings(
    queue: PreparationQueue, workspace: Workspace, speech: list[Recording]
) -> None:
    number = queue.submit(PreparationJob(workspace, tuple(speech * 40), SHORT))
    wait_for(queue, workspace, number, until=lambda job: job.n_done >= 2 or job.is_finished)
    queue.stop(workspace, number)
    job = wait_for(queue, workspace, number)
    assert job.state == "stopped"
    (preparation,) = preparations.list_all(workspace)
    assert 2 <= len(preparation.recordings) == job.n_done < 80
    assert {clip.recording_index for clip in preparation.clips} == set(range(job.n_done))


def test_a_job_stopped_before_its_first_recording_saves_nothing(
    queue: PreparationQueue, workspace: Workspace
) -> None:
    long = Waveform(np.tile(audio.decode(list_samples()[0].audio_path).samples, 40), 16_000)
    recording = recordings.add(workspace, "long.wav", audio.encode_wav(long))
    number = queue.submit(PreparationJob(workspace, (recording,), SOURCE_LAB))
    wait_for(queue, workspace, number, until=lambda job: job.progress > 0 or job.is_finished)
    queue.stop(workspace, number)
    assert wait_for(queue, workspace, number).preparation_id is None
    assert preparations.list_all(workspace) == []
    assert list((workspace.root / "prepared").iterdir()) == []


def test_figures_of_silence_survive_saving(queue: PreparationQueue, workspace: Workspace) -> None:
    silence = Waveform(np.zeros(32_000, np.float32), 16_000)
    recording = recordings.add(workspace, "silence.wav", audio.encode_wav(silence))
    wait_for(queue, workspace, queue.submit(PreparationJob(workspace, (recording,), Recipe())))
    (preparation,) = preparations.list_all(workspace)
    (clip,) = preparation.clips
    assert clip.metrics.peak_dbfs == -np.inf
    assert "silent" in " ".join(preparation.recordings[0].warnings)


def test_clip_times_are_those_of_the_original_recording(
    preparation: Preparation, speech: list[Recording]
) -> None:
    original = audio.decode(speech[0].audio_path)
    clip = preparation.clips[1]
    start_s, end_s = preparation.times_s(clip)
    cut = preparation.samples(clip.recording_index, clip.start, clip.end)
    expected = original.slice(start_s, end_s).samples
    assert np.corrcoef(cut, expected)[0, 1] > 0.999


# --- edits ---


def test_excluded_clips_are_not_exported_until_restored(preparation: Preparation) -> None:
    dropped = {preparation.clips[0], preparation.clips[3]}
    clip_edits.set_kept(preparation, dropped, kept=False)
    after = reread(preparation)
    assert len(after.kept) == len(preparation.clips) - 2
    # Names are numbered without gaps.
    names = [name for name, clip in after.named_clips() if clip.recording_index == 0]
    assert names == [f"english-{number + 1:04d}.wav" for number in range(len(names))]
    clip_edits.set_kept(after, {clip for clip in after.clips if not clip.kept}, kept=True)
    assert reread(preparation).clips == preparation.clips


def test_a_merged_clip_spans_both_clips(preparation: Preparation) -> None:
    first, second = preparation.clips[:2]
    after = clip_edits.merge_with_next(preparation, first)
    assert len(after.clips) == len(preparation.clips) - 1
    merged = after.clips[0]
    assert (merged.start, merged.end) == (first.start, second.end)
    assert merged.metrics.duration_s == pytest.approx((second.end - first.start) / 16_000)
    assert reread(preparation) == after
    assert clip_edits.restore(preparation).clips == preparation.clips


def test_the_last_clip_of_a_recording_cannot_be_merged(preparation: Preparation) -> None:
    last = next(
        a
        for a, b in zip(preparation.clips, preparation.clips[1:], strict=False)
        if a.recording_index != b.recording_index
    )
    for clip in (last, preparation.clips[-1]):
        with pytest.raises(OptionsError, match="cannot be merged"):
            clip_edits.merge_with_next(preparation, clip)


def test_boundaries_move_as_far_as_the_neighbours(preparation: Preparation) -> None:
    clip = preparation.clips[1]
    lowest_s, highest_s = clip_edits.allowed_range_s(preparation, clip)
    assert lowest_s == preparation.times_s(preparation.clips[0])[1]
    after = clip_edits.move_boundaries(preparation, clip, lowest_s, highest_s)
    assert after.times_s(after.clips[1]) == pytest.approx((lowest_s, highest_s), abs=1e-4)
    for start_s, end_s in ((lowest_s - 0.5, highest_s), (lowest_s, highest_s + 0.5)):
        with pytest.raises(OptionsError, match="would overlap"):
            clip_edits.move_boundaries(after, after.clips[1], start_s, end_s)
    with pytest.raises(OptionsError, match=r"must last 0\.1 s or more"):
        clip_edits.move_boundaries(after, after.clips[1], lowest_s, lowest_s + 0.01)
    assert reread(preparation) == after


def test_an_edit_of_a_clip_changed_in_another_tab_is_refused(preparation: Preparation) -> None:
    clip_edits.merge_with_next(preparation, preparation.clips[0])
    with pytest.raises(WorkspaceError, match="another tab"):
        clip_edits.move_boundaries(preparation, preparation.clips[0], 0, 1)


def test_edits_from_many_tabs_are_all_kept(preparation: Preparation) -> None:
    def drop(clip: ClipSpan) -> None:
        clip_edits.set_kept(preparation, {clip}, kept=False)

    threads = [threading.Thread(target=drop, args=(clip,)) for clip in preparation.clips]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert reread(preparation).kept == []


# --- export ---


def test_clips_become_recordings(preparation: Preparation, workspace: Workspace) -> None:
    clip_edits.set_kept(preparation, {preparation.clips[0]}, kept=False)
    saved = save_as_recordings(workspace, reread(preparation))
    assert len(saved) == len(preparation.clips) - 1
    info = audio.probe(saved[0].audio_path)
    assert (info.codec, info.sample_rate, info.channels) == ("pcm_s16le", 16_000, 1)
    assert info.duration_s == pytest.approx(preparation.duration_s(preparation.clips[1]))


def test_names_in_the_manifest_are_not_formulas(
    queue: PreparationQueue, workspace: Workspace
) -> None:
    sound = list_samples()[0].audio_path.read_bytes()
    recording = recordings.add(workspace, "=HYPERLINK(1).ogg", sound)
    wait_for(queue, workspace, queue.submit(PreparationJob(workspace, (recording,), Recipe())))
    buffer = io.BytesIO()
    write_zip(preparations.list_all(workspace)[0], buffer)
    with zipfile.ZipFile(buffer) as archive:
        rows = list(csv.DictReader(io.StringIO(archive.read("manifest.csv").decode())))
    assert [row["source"] for row in rows] == ["'=HYPERLINK(1).ogg"]


def test_a_deleted_preparation_is_gone(preparation: Preparation, workspace: Workspace) -> None:
    preparations.delete(preparation)
    assert preparations.list_all(workspace) == []
    with pytest.raises(WorkspaceError):
        preparations.read(preparation.folder)
