"""Complete recipes on real and on difficult recordings."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from lab import audio
from lab.audio.levels import loudness_lufs
from lab.core.errors import AudioError
from lab.core.progress import Cancelled
from lab.preprocess import AS_IS, SOURCE_LAB, WHISPER, AudioArray, AudioFile, Recipe, apply
from lab.preprocess.recipe import (
    BitDepth,
    ReduceNoise,
    RemoveDCOffset,
    Split,
    Trim,
)
from lab.recordings.samples import list_samples
from tests.support.sounds import RATE, sine
from tests.support.spoken_passages import full_recipe

FULL = replace(full_recipe(22_050), bit_depth=BitDepth(24))


def test_the_unchanged_preset_changes_nothing() -> None:
    channels = np.stack([sine(300, level=0.9) + 0.05, 2 * sine(700)]).astype(np.float32)
    original = channels.copy()
    prepared = apply(AS_IS, AudioArray(channels, 44_100))
    np.testing.assert_array_equal(prepared.samples, original)
    assert (prepared.sample_rate, prepared.bits, prepared.start_s) == (44_100, 16, 0.0)
    (clip,) = prepared.clips
    np.testing.assert_array_equal(clip.samples, original)
    assert (clip.start_s, clip.end_s) == (0.0, len(channels[0]) / 44_100)


def test_the_whisper_preset_gives_what_the_engine_decodes() -> None:
    path = list_samples()[0].audio_path
    prepared = apply(WHISPER, AudioFile(path))
    reference = audio.decode(path)
    assert prepared.sample_rate == reference.sample_rate
    n = min(len(prepared.samples), len(reference.samples))
    assert n >= len(reference.samples) - 1
    difference = prepared.samples[:n] - reference.samples[:n]  # two resamplers, two slopes at 8 kHz
    assert np.std(difference) < 0.02 * np.std(reference.samples)


def test_the_input_is_not_modified() -> None:
    samples = (sine(300) + 0.1).astype(np.float32)
    original = samples.copy()
    apply(replace(FULL, resample=None, split=None), AudioArray(samples, RATE))
    np.testing.assert_array_equal(samples, original)


@pytest.mark.parametrize("sample", list_samples(), ids=lambda sample: sample.language)
def test_all_steps_preserve_the_times_of_speech(sample: object) -> None:
    silence = np.zeros(3 * 48_000, np.float32)
    spoken = audio.decode(sample.audio_path, sample_rate=48_000).samples
    sound = np.concatenate([silence, spoken, silence])
    prepared = apply(FULL, AudioArray(sound, 48_000))
    assert (prepared.sample_rate, prepared.bits, prepared.warnings) == (22_050, 24, ())
    # Trimmed, except for the kept silence and speech that fades in.
    assert 2.7 <= prepared.start_s <= 3.2
    assert len(prepared.samples) / 22_050 == pytest.approx(len(spoken) / 48_000 + 0.4, abs=0.5)
    loudness = loudness_lufs(prepared.samples, sample_rate=22_050)
    assert loudness == pytest.approx(-23.0, abs=0.01)
    assert len(prepared.clips) >= 4
    for clip in prepared.clips:
        assert 1.0 <= clip.end_s - clip.start_s <= 30.0
        assert clip.samples.dtype == np.float32
        # The same speech as at that time of the original, in spite of the filters.
        original = sound[round(clip.start_s * 48_000) : round(clip.end_s * 48_000)]
        ours = envelope(clip.samples, 22_050)
        theirs = envelope(original, 48_000)
        n = min(len(ours), len(theirs)) - 10
        likeness = [np.corrcoef(ours[5 : n + 5], theirs[lag : n + lag])[0, 1] for lag in range(11)]
        assert np.argmax(likeness) == 5
        assert max(likeness) > 0.94


def envelope(samples: np.ndarray, rate: int) -> np.ndarray:
    """The level in each hundredth of a second."""
    length = rate / 100
    borders = (np.arange(int(len(samples) / length) + 1) * length).astype(int)
    return np.sqrt(np.add.reduceat(np.square(samples), borders[:-1]) / length)


def test_a_dc_offset_is_removed_with_a_warning() -> None:
    shifted = AudioArray((sine(300) + 0.05).astype(np.float32), RATE)
    prepared = apply(Recipe(remove_dc_offset=RemoveDCOffset()), shifted)
    assert abs(prepared.samples.mean()) < 1e-6
    assert prepared.warnings == ("A DC offset of 5.0% of full scale was removed.",)
    assert (
        apply(Recipe(remove_dc_offset=RemoveDCOffset()), AudioArray(sine(300), RATE)).warnings == ()
    )


def test_a_long_recording_is_trimmed_block_by_block() -> None:
    sound = np.zeros(200 * RATE, np.float32)
    sound[70 * RATE : 72 * RATE] = sine(300)
    prepared = apply(Recipe(trim=Trim(keep_s=0.5)), AudioArray(sound, RATE))
    assert prepared.start_s == pytest.approx(69.5, abs=0.1)
    assert len(prepared.samples) / RATE == pytest.approx(3.0, abs=0.2)


@pytest.mark.parametrize(
    ("rate", "samples"),
    [
        (8_000, np.zeros(8_000)),
        (48_000, np.zeros((2, 96_000))),
        (8_000, np.full(4_000, 0.3)),
        (44_100, np.r_[np.zeros(44_100), 1.0, np.zeros(44_100)]),
        (1_000, np.sin(np.arange(2_000))),
        (192_000, np.sin(np.arange(192_000) / 20)),
        (16_000, 1e-20 * np.sin(np.arange(16_000))),
        (16_000, 1e6 * np.sin(np.arange(16_000))),
        (16_000, np.sin(np.arange(1_600))),
    ],
    ids=["silence", "stereo", "constant", "click", "slow", "fast", "faint", "huge", "shortest"],
)
@pytest.mark.parametrize("by", ["speech", "silence"])
@pytest.mark.parametrize("kind", ["steady", "changing"])
def test_difficult_recordings_give_finite_samples_and_warnings(
    rate: int, samples: np.ndarray, by: str, kind: str
) -> None:
    recipe = replace(FULL, split=Split(by), reduce_noise=ReduceNoise(kind))
    for tried in (recipe, replace(recipe, resample=None), replace(recipe, channel=None)):
        prepared = apply(tried, AudioArray(samples.astype(np.float32), rate))
        assert np.isfinite(prepared.samples).all()
        assert np.abs(prepared.samples).max(initial=0) <= 1
        assert prepared.clips or prepared.warnings


@pytest.mark.parametrize("n", [0, 1, 2, 100])
def test_too_short_is_an_audio_error(n: int) -> None:
    with pytest.raises(AudioError):
        apply(FULL, AudioArray(np.ones(n, np.float32), RATE))


def test_progress_is_monotonic_and_names_the_steps() -> None:
    calls: list[tuple[float, float, str]] = []
    apply(
        FULL,
        AudioArray(sine(300), RATE),
        on_progress=lambda done, total, note="": calls.append((done, total, note)),
    )
    assert [call[0] for call in calls] == sorted(call[0] for call in calls)
    assert {total for _, total, _ in calls} == {6}
    assert calls[-1][0] == 6
    assert "Reducing noise" in {note for *_, note in calls}


@pytest.mark.parametrize("n_calls", range(1, 8))
def test_it_can_be_cancelled_at_any_step(n_calls: int) -> None:
    left = n_calls

    def stop(_done: float, _total: float, _note: str = "") -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Cancelled

    with pytest.raises(Cancelled):
        apply(SOURCE_LAB if n_calls < 3 else FULL, AudioArray(sine(300), RATE), on_progress=stop)


def test_importing_it_loads_no_heavy_library() -> None:
    heavy = {"librosa", "scipy", "noisereduce", "pydub", "pyloudnorm", "soxr", "torch", "yaml"}
    code = f"import sys, lab.preprocess, lab.audio.quality; print({heavy} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
