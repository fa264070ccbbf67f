"""Recordings prepared in the background, and what a person then does with the clips."""

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
def made(queue: PreparationQueue, workspace: Workspace, speech: list[Recording]) -> Preparation:
    job = wait_for(queue, workspace, queue.submit(PreparationJob(workspace, tuple(speech), SHORT)))
    assert (job.state, job.n_done, job.n_failed) == ("done", 2, 0)
    (preparation,) = preparations.list_all(workspace)
    assert preparation.id == job.preparation_id
    assert len(preparation.clips) > 5
    return preparation


def again(preparation: Preparation) -> Preparation:
    return preparations.read(preparation.folder)


def test_the_zip_holds_exactly_what_the_command_line_writes(
    made: Preparation, speech: list[Recording], tmp_path: Path
) -> None:
    sources = [AudioFile(recording.audio_path, recording.name) for recording in speech]
    prepare_files(sources, SHORT, tmp_path / "out")
    buffer = io.BytesIO()
    write_zip(made, buffer)
    with zipfile.ZipFile(buffer) as archive:
        found = {name: archive.read(name) for name in archive.namelist()}
    assert found == {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}


def test_those_that_fail_have_a_reason_and_the_others_are_kept(
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


def test_stopping_keeps_the_recordings_that_are_finished(
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


def test_a_job_that_finished_nothing_leaves_nothing(
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


def test_silence_survives_its_file(queue: PreparationQueue, workspace: Workspace) -> None:
    silence = Waveform(np.zeros(32_000, np.float32), 16_000)
    recording = recordings.add(workspace, "silence.wav", audio.encode_wav(silence))
    wait_for(queue, workspace, queue.submit(PreparationJob(workspace, (recording,), Recipe())))
    (preparation,) = preparations.list_all(workspace)
    (clip,) = preparation.clips
    assert clip.metrics.peak_dbfs == -np.inf
    assert "silent" in " ".join(preparation.recordings[0].warnings)


def test_clips_lie_where_the_original_says_them(made: Preparation, speech: list[Recording]) -> None:
    original = audio.decode(speech[0].audio_path)
    clip = made.clips[1]
    start_s, end_s = made.times_s(clip)
    heard = made.samples(clip.recording_index, clip.start, clip.end)
    there = original.slice(start_s, end_s).samples
    assert np.corrcoef(heard, there)[0, 1] > 0.999


# --- edits ---


def test_dropped_clips_leave_the_zip_and_come_back(made: Preparation) -> None:
    dropped = {made.clips[0], made.clips[3]}
    clip_edits.set_kept(made, dropped, kept=False)
    after = again(made)
    assert len(after.kept) == len(made.clips) - 2
    # No gaps in the names.
    names = [name for name, clip in after.named_clips() if clip.recording_index == 0]
    assert names == [f"english-{number + 1:04d}.wav" for number in range(len(names))]
    clip_edits.set_kept(after, {clip for clip in after.clips if not clip.kept}, kept=True)
    assert again(made).clips == made.clips


def test_a_merged_clip_goes_from_the_first_start_to_the_second_end(made: Preparation) -> None:
    first, second = made.clips[:2]
    after = clip_edits.merge_with_next(made, first)
    assert len(after.clips) == len(made.clips) - 1
    merged = after.clips[0]
    assert (merged.start, merged.end) == (first.start, second.end)
    assert merged.metrics.duration_s == pytest.approx((second.end - first.start) / 16_000)
    assert again(made) == after
    assert clip_edits.restore(made).clips == made.clips


def test_the_last_clip_of_a_recording_merges_with_none(made: Preparation) -> None:
    last = next(
        a
        for a, b in zip(made.clips, made.clips[1:], strict=False)
        if a.recording_index != b.recording_index
    )
    for clip in (last, made.clips[-1]):
        with pytest.raises(OptionsError, match="cannot be merged"):
            clip_edits.merge_with_next(made, clip)


def test_borders_move_as_far_as_the_neighbours(made: Preparation) -> None:
    clip = made.clips[1]
    lowest_s, highest_s = clip_edits.allowed_range_s(made, clip)
    assert lowest_s == made.times_s(made.clips[0])[1]
    after = clip_edits.move_boundaries(made, clip, lowest_s, highest_s)
    assert after.times_s(after.clips[1]) == pytest.approx((lowest_s, highest_s), abs=1e-4)
    for start_s, end_s in ((lowest_s - 0.5, highest_s), (lowest_s, highest_s + 0.5)):
        with pytest.raises(OptionsError, match="would overlap"):
            clip_edits.move_boundaries(after, after.clips[1], start_s, end_s)
    with pytest.raises(OptionsError, match=r"must last 0\.1 s or more"):
        clip_edits.move_boundaries(after, after.clips[1], lowest_s, lowest_s + 0.01)
    assert again(made) == after


def test_an_edit_of_what_another_tab_changed_is_refused(made: Preparation) -> None:
    clip_edits.merge_with_next(made, made.clips[0])
    with pytest.raises(WorkspaceError, match="another tab"):
        clip_edits.move_boundaries(made, made.clips[0], 0, 1)


def test_edits_from_many_tabs_are_all_kept(made: Preparation) -> None:
    def drop(clip: ClipSpan) -> None:
        clip_edits.set_kept(made, {clip}, kept=False)

    threads = [threading.Thread(target=drop, args=(clip,)) for clip in made.clips]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert again(made).kept == []


# --- ways out ---


def test_clips_become_recordings(made: Preparation, workspace: Workspace) -> None:
    clip_edits.set_kept(made, {made.clips[0]}, kept=False)
    saved = save_as_recordings(workspace, again(made))
    assert len(saved) == len(made.clips) - 1
    info = audio.probe(saved[0].audio_path)
    assert (info.codec, info.sample_rate, info.channels) == ("pcm_s16le", 16_000, 1)
    assert info.duration_s == pytest.approx(made.duration_s(made.clips[1]))


def test_names_in_the_manifest_are_no_formulas(
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


def test_a_deleted_preparation_is_gone(made: Preparation, workspace: Workspace) -> None:
    preparations.delete(made)
    assert preparations.list_all(workspace) == []
    with pytest.raises(WorkspaceError):
        preparations.read(made.folder)
