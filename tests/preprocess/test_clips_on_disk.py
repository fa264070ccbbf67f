"""WAV files are exact, and the manifest and recipe match them."""

import csv
import wave
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lab.audio import decode
from lab.core import workspace
from lab.core.errors import WorkspaceError
from lab.preprocess.export import (
    clip_stem,
    write_clips,
    write_manifest,
    write_recipe,
    write_wav,
)
from lab.preprocess.pipeline import PreparedAudio, PreparedClip
from lab.preprocess.recipe import SOURCE_LAB, Recipe


@settings(deadline=None, max_examples=60)
@given(levels=hnp.arrays(np.int16, st.tuples(st.integers(1, 3), st.integers(1, 500))))
def test_16_bit_wav_round_trips_exactly(
    levels: np.ndarray, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("wav") / "a.wav"
    write_wav(path, (levels / 32768).astype(np.float32), sample_rate=22_050)
    back, rate = sf.read(path, dtype="int16", always_2d=True)
    np.testing.assert_array_equal(back.T, levels)
    assert rate == 22_050
    if len(levels) == 1:
        np.testing.assert_array_equal(decode(path, sample_rate=22_050).samples * 32768, levels[0])


def test_24_bit_wav_round_trips_exactly(tmp_path: Path) -> None:
    levels = np.random.default_rng(0).integers(-(2**23), 2**23, 1_000)
    levels[:3] = -(2**23), 2**23 - 1, 1
    write_wav(tmp_path / "a.wav", (levels / 2**23).astype(np.float32), sample_rate=8_000, bits=24)
    back, _ = sf.read(tmp_path / "a.wav", dtype="int32")
    np.testing.assert_array_equal(back >> 8, levels)
    assert sf.info(tmp_path / "a.wav").subtype == "PCM_24"


@pytest.mark.parametrize("bits", [16, 24])
def test_samples_beyond_full_scale_are_clipped_not_wrapped(bits: int, tmp_path: Path) -> None:
    write_wav(
        tmp_path / "a.wav", np.array([1, 9, -1, -9], np.float32), sample_rate=8_000, bits=bits
    )
    back, _ = sf.read(tmp_path / "a.wav")
    np.testing.assert_allclose(back, [1, 1, -1, -1], atol=2 ** (1 - bits))


def prepared(*durations_s: float) -> PreparedAudio:
    noise = np.random.default_rng(0)
    clips, start_s = [], 1.5
    for duration_s in durations_s:
        samples = noise.uniform(-0.5, 0.5, round(duration_s * 16_000)).astype(np.float32)
        clips.append(PreparedClip(start_s, start_s + duration_s, samples))
        start_s += duration_s + 0.5
    return PreparedAudio(np.zeros(16_000, np.float32), 16_000, 16, 0.0, tuple(clips), ())


def test_clips_manifest_and_recipe_belong_together(tmp_path: Path) -> None:
    rows = write_clips(tmp_path / "out", prepared(1.0, 2.5), source="Zëri im (1).m4a")
    assert [row.file_name for row in rows] == ["zeri-im-1-0001.wav", "zeri-im-1-0002.wav"]
    write_manifest(tmp_path / "out", rows)
    write_recipe(tmp_path / "out", SOURCE_LAB)
    with (tmp_path / "out" / "manifest.csv").open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert table[1] == {
        "file_name": "zeri-im-1-0002.wav",
        "start_s": "3.000",
        "end_s": "5.500",
        "duration_s": "2.500",
        "source": "Zëri im (1).m4a",
    }
    for line in table:
        with wave.open(str(tmp_path / "out" / line["file_name"])) as file:
            assert file.getnframes() / 16_000 == float(line["duration_s"])
    text = (tmp_path / "out" / "recipe.yaml").read_text(encoding="utf-8")
    assert Recipe.from_yaml(text) == SOURCE_LAB


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "C:\\x\\y.wav", "/", "..", "", "\0.wav", "a\nb.wav", "=1+1.wav"]
)
def test_no_source_name_escapes_the_folder(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    rows = write_clips(folder, prepared(1.0), source=name)
    write_manifest(folder, rows)
    assert {path.name for path in folder.iterdir()} == {"manifest.csv", rows[0].file_name}
    assert clip_stem(name).replace("-", "").isalnum()
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert not row["source"].startswith("=")


def test_a_full_disk_leaves_no_clips_of_a_recording(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = 2

    def full(_descriptor: int) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(workspace.os, "fsync", full)
    with pytest.raises(WorkspaceError, match="No space left"):
        write_clips(tmp_path / "out", prepared(1.0, 1.0, 1.0), source="a.wav")
    assert list((tmp_path / "out").iterdir()) == []
