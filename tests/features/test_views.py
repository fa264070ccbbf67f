"""Features equal those of librosa or Whisper, and so does the generated Python code."""

import re
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import librosa
import numpy as np
import pytest
import whisper
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from lab import audio
from lab.audio import Waveform
from lab.core.errors import AudioError, OptionsError
from lab.features import SOURCE_LAB, VIEWS, FeatureSettings, compute, frames, view_problems
from lab.features.code import python_code
from lab.features.settings import ALL_FIELDS
from lab.features.tracks import non_silent_range
from lab.recordings.samples import FOLDER
from tests.support.voices import RATE, silence, voice

ANY_SETTINGS = st.builds(
    FeatureSettings,
    n_fft=st.sampled_from([64, 255, 400, 512, 1024, 2048]),
    hop_length=st.integers(16, 800),
    window=st.sampled_from(["hann", "hamming", "blackman", "bartlett", "boxcar"]),
    n_mels=st.integers(1, 128),
    fmin=st.floats(0, 2000),
    fmax=st.none() | st.floats(1000, 8000),
    mel_scale=st.sampled_from(["slaney", "htk"]),
    mel_norm=st.sampled_from(["slaney", "none"]),
    n_mfcc=st.integers(1, 40),
    top_db=st.floats(10, 120),
    silence_db=st.floats(5, 80),
)


@pytest.fixture(scope="module")
def english() -> Waveform:
    return audio.decode(FOLDER / "english.ogg")


def same(ours: np.ndarray, reference: np.ndarray, *, within: float = 1e-5) -> None:
    """Equal to 1e-5 of the largest value."""
    assert ours.dtype == np.float32
    assert ours.shape == reference.shape
    scale = max(float(np.nanmax(np.abs(reference), initial=0)), 1e-30)
    np.testing.assert_allclose(ours, reference, rtol=1e-5, atol=within * scale)


def ran(lines: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(lines, names)
    return names


@pytest.mark.parametrize("view", VIEWS)
@given(values=ANY_SETTINGS)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_python_code_computes_the_same_array(
    view: str, values: FeatureSettings, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "voice.wav"
    if not path.exists():
        path.write_bytes(audio.encode_wav(voice()))
    recording = audio.decode(path)
    assume(not view_problems(view, recording, values))
    shown = ran(python_code(view, values, sample_rate=RATE, path=str(path)))
    same(compute(view, recording, values).array, shown["array"])
    if view == "waveform":
        start_s, end_s = non_silent_range(recording, values)
        assert (round(start_s * RATE), round(end_s * RATE)) == (shown["start"], shown["end"])


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("rate", [22_050, 48_000])
def test_the_python_code_computes_the_same_array_at_other_sample_rates(
    view: str, rate: int, tmp_path: Path
) -> None:
    path = tmp_path / "voice.wav"
    path.write_bytes(audio.encode_wav(voice(rate=rate)))
    recording = audio.decode(path, sample_rate=rate)
    shown = ran(python_code(view, SOURCE_LAB, sample_rate=rate, path=str(path)))
    same(compute(view, recording, SOURCE_LAB).array, shown["array"])


@pytest.mark.parametrize("view", VIEWS)
def test_many_blocks_give_the_same_result_as_one(
    view: str, english: Waveform, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = compute(view, english, SOURCE_LAB).array
    monkeypatch.setattr(frames, "_BLOCK_VALUES", 100_000)
    monkeypatch.setattr("lab.features.spectra._WHISPER_BLOCK_FRAMES", 77)
    same(compute(view, english, SOURCE_LAB).array, whole)


@pytest.mark.parametrize("n_mels", [80, 128])
def test_the_whisper_view_equals_log_mel_spectrogram_of_whisper(
    english: Waveform, n_mels: int
) -> None:
    click = np.zeros(50_000, np.float32)
    click[[0, 30_000]] = 1.0
    loud_end = np.concatenate([0.001 * english.samples[:40_000], np.ones(1000, np.float32)])
    for samples in (english.samples, click, silence().samples, english.samples[:201], loud_end):
        expected = whisper.log_mel_spectrogram(samples, n_mels).numpy()
        values = FeatureSettings(whisper_mels=n_mels)  # type: ignore[arg-type]
        heard = compute("whisper", Waveform(samples, RATE), values)
        np.testing.assert_allclose(heard.array, expected, rtol=0, atol=1e-5)


def test_the_log_mel_spectrogram_equals_that_of_the_source_lab(english: Waveform) -> None:
    mel = librosa.feature.melspectrogram(
        y=english.samples, sr=RATE, n_fft=1024, hop_length=320, n_mels=64, fmin=0
    )
    expected = librosa.power_to_db(mel, ref=np.max)
    feature = compute("log_mel", english, SOURCE_LAB)
    same(feature.array, expected)
    assert feature.array.max() == 0
    assert feature.array.min() == -80


@pytest.mark.parametrize("view", VIEWS)
def test_digital_silence_gives_finite_values_and_a_note(view: str) -> None:
    feature = compute(view, silence(), SOURCE_LAB)
    assert view == "pitch" or np.isfinite(feature.array).all()
    if view in ("power_db", "log_mel", "spectrum", "pitch"):
        assert "silence" in feature.notes[0]


def test_digital_silence_is_not_trimmed() -> None:
    assert non_silent_range(silence(1.0), SOURCE_LAB) == (0.0, 1.0)


@pytest.mark.parametrize("hz", [80.0, 120.0, 250.0])
def test_pitch_is_estimated_in_speech_and_blank_in_pauses(hz: float) -> None:
    sound = voice(2.0, hz=hz).samples
    recording = Waveform(np.concatenate([sound, np.zeros_like(sound)]), RATE)
    feature = compute("pitch", recording, SOURCE_LAB)
    times = feature.axes[0].values()
    assert np.median(feature.array[(times > 0.1) & (times < 1.9)]) == pytest.approx(hz, rel=0.01)
    assert np.isnan(feature.array[times > 2.1]).all()


@pytest.mark.parametrize("view", VIEWS)
def test_axes_and_description_match_the_shape_of_the_array(view: str) -> None:
    feature = compute(view, voice(), SOURCE_LAB)
    assert feature.array.shape == tuple(axis.n for axis in feature.axes)
    assert feature.array.shape == tuple(len(axis.values()) for axis in feature.axes)
    for n in feature.array.shape:
        assert f"{n:,}" in feature.shape_description


def test_times_and_frequencies_equal_those_of_librosa() -> None:
    rows, columns = compute("mel", voice(), SOURCE_LAB).axes
    np.testing.assert_allclose(rows.values(), librosa.mel_frequencies(66, fmax=8000)[1:-1])
    np.testing.assert_allclose(columns.values(), np.arange(101) * 0.02)
    bins, _ = compute("power", voice(), SOURCE_LAB).axes
    np.testing.assert_allclose(bins.values(), librosa.fft_frequencies(sr=RATE, n_fft=1024))
    assert columns.values(3, 5).tolist() == pytest.approx([0.06, 0.08])


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS)
def test_each_view_is_explained_in_two_sentences_and_has_controls(view: Any) -> None:
    assert len(re.findall(r"\.(?:\s|$)", view.explanation)) == 2
    assert view.formula
    assert set(view.controls) <= ALL_FIELDS


@pytest.mark.parametrize("view", VIEWS)
def test_only_its_controls_change_a_view(view: str) -> None:
    changed = {
        "n_fft": 512, "hop_length": 200, "window": "hamming", "n_mels": 40, "fmin": 50.0,
        "fmax": 7000.0, "mel_scale": "htk", "mel_norm": "none", "n_mfcc": 10, "top_db": 40.0,
        "silence_db": 20.0, "whisper_mels": 128,
    }  # fmt: skip
    assert changed.keys() == ALL_FIELDS
    others = {name: value for name, value in changed.items() if name not in VIEWS[view].controls}
    ours = compute(view, voice(), SOURCE_LAB).array
    theirs = compute(view, voice(), FeatureSettings(**others)).array  # type: ignore[arg-type]
    np.testing.assert_array_equal(ours, theirs)


def test_unsuitable_settings_are_rejected_with_all_reasons() -> None:
    with pytest.raises(OptionsError) as caught:
        compute("mel", voice(0.05), FeatureSettings(fmax=9000.0))
    assert "8000 Hz" in str(caught.value)
    assert "longer than the recording" in str(caught.value)
    with pytest.raises(OptionsError, match="Unknown view"):
        compute("cepstrum", voice(), SOURCE_LAB)
    with pytest.raises(OptionsError, match="Unknown view"):
        python_code("cepstrum", SOURCE_LAB, sample_rate=RATE)
    for n in (0, 31):
        with pytest.raises(AudioError, match="at least 32"):
            compute("power", Waveform(np.zeros(n, np.float32), RATE), SOURCE_LAB)
    with pytest.raises(AudioError, match="Whisper needs"):
        compute("whisper", Waveform(np.zeros(200, np.float32), RATE), SOURCE_LAB)


def test_an_array_beyond_the_memory_limit_is_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames, "MAX_ARRAY_BYTES", 1_000_000)
    compute("power", voice(), SOURCE_LAB)
    with pytest.raises(OptionsError, match="hop"):
        compute("power", voice(), FeatureSettings(hop_length=10))


def test_importing_the_views_loads_no_heavy_library() -> None:
    program = "import sys, lab.features, lab.features.save; print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    heavy = {"librosa", "matplotlib", "torch", "whisper", "scipy.signal", "streamlit", "numba"}
    assert not heavy & set(done.stdout.split())
