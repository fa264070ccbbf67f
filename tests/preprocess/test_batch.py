"""Batches: one failing recording does not affect the others."""

import weakref
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from lab.core.errors import WorkspaceError
from lab.core.progress import Cancelled
from lab.preprocess import AudioArray, AudioFile, Recipe, prepare_files
from lab.preprocess.recipe import Channel, Split
from tests.support.sounds import RATE, sine

RECIPE = Recipe(channel=Channel(), split=Split("silence", min_pause_s=0.3))


def two_tones() -> np.ndarray:
    return np.concatenate([sine(300), np.zeros(RATE, np.float32), sine(500)])


def test_good_recordings_are_prepared_and_failures_have_a_reason(tmp_path: Path) -> None:
    sf.write(tmp_path / "voice.wav", two_tones(), RATE)
    (tmp_path / "broken.mp3").write_bytes(b"this is no sound")
    report = prepare_files(
        [
            AudioFile(tmp_path / "voice.wav"),
            AudioFile(tmp_path / "broken.mp3"),
            AudioFile(tmp_path / "missing.wav"),
            AudioArray(np.zeros(RATE, np.float32), RATE, name="silent.wav"),
            AudioFile((tmp_path / "voice.wav").read_bytes(), name="Voice.wav"),
        ],
        RECIPE,
        tmp_path / "out",
    )
    assert [one.name for one in report.failed] == ["broken.mp3", "missing.wav"]
    assert "is a text" in report.failed[0].reason
    assert [(one.name, len(one.clips)) for one in report.prepared] == [
        ("voice.wav", 2),
        ("silent.wav", 0),
        ("Voice.wav", 2),
    ]
    assert report.prepared[1].warnings
    names = {row.file_name for row in report.rows}
    assert names == {
        "voice-0001.wav",
        "voice-0002.wav",
        "voice-2-0001.wav",
        "voice-2-0002.wav",
    }
    found = {path.name for path in (tmp_path / "out").iterdir()}
    assert found == names | {"manifest.csv", "recipe.yaml"}
    assert not report.cancelled


def test_stopping_keeps_what_is_finished(tmp_path: Path) -> None:
    calls: list[float] = []

    def stop_in_the_second(done: float, total: float, _note: str = "") -> None:
        assert total == 3
        calls.append(done)
        if done > 1.1:
            raise Cancelled

    sources = [AudioArray(two_tones(), RATE, name=f"{name}.wav") for name in "abc"]
    report = prepare_files(sources, RECIPE, tmp_path / "out", on_progress=stop_in_the_second)
    assert report.cancelled
    assert [one.name for one in report.prepared] == ["a.wav"]
    assert calls == sorted(calls)
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "a-0001.wav",
        "a-0002.wav",
        "manifest.csv",
        "recipe.yaml",
    }


def test_of_lazy_sources_only_one_is_in_memory(tmp_path: Path) -> None:
    given: list[weakref.ref[AudioArray]] = []

    def one_by_one() -> Iterator[AudioArray]:
        for name in "abc":
            assert not any(one() for one in given)
            sound = AudioArray(two_tones() if name != "b" else np.zeros(0), RATE, name=name)
            given.append(weakref.ref(sound))
            yield sound
            del sound

    calls: list[tuple[float, float]] = []
    report = prepare_files(
        one_by_one(),
        RECIPE,
        tmp_path,
        on_progress=lambda done, total, _note="": calls.append((done, total)),
    )
    assert [one.name for one in report.prepared] == ["a", "c"]
    assert [one.name for one in report.failed] == ["b"]
    assert all(total - 1 <= done <= total for done, total in calls)
    assert calls[-1] == (3, 3)


def test_a_folder_without_clips_can_be_reused(tmp_path: Path) -> None:
    assert not prepare_files([AudioFile(tmp_path / "typo.wav")], RECIPE, tmp_path).rows
    assert prepare_files([AudioArray(two_tones(), RATE)], RECIPE, tmp_path).rows


def test_a_folder_with_clips_is_rejected(tmp_path: Path) -> None:
    prepare_files([AudioArray(two_tones(), RATE)], RECIPE, tmp_path)
    with pytest.raises(WorkspaceError, match="already contains prepared clips"):
        prepare_files([AudioArray(two_tones(), RATE)], RECIPE, tmp_path)
