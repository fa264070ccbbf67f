"""Before and after: charts, players and measurements of a minute of a recording."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import streamlit as st

from lab import audio
from lab.audio import AudioInfo, Samples, Waveform, wav
from lab.audio.quality import measure
from lab.features.reduce import overview, waveform_envelope
from lab.features.settings import FeatureSettings
from lab.features.spectra import in_decibels
from lab.preprocess import AudioArray, AudioFile, PreparedAudio, Recipe, apply
from lab.preprocess.source import excerpt
from lab.recordings import Recording
from lab.ui import charts, formatting
from lab.ui.audio_picker import choose_one
from lab.ui.recipe import switch_on
from lab.ui.tables import show_table

_SHOWN_S = 60.0
_PIECES = 1200
_COLUMNS, _ROWS = 500, 128
_RANGE_DB = 80.0


def show_comparison(chosen: list[Recording], recipe: Recipe) -> None:
    """Show one of the chosen recordings before and after the recipe; raises LabError."""
    recording = choose_one(chosen, "Recording to compare", key="compared")
    info = _info(recording.audio_path, recording.name)
    start_s = _start_s(recording, info)
    before = _excerpt(recording.audio_path, recording.name, start_s)
    shown = _for_excerpt(recipe, start_s, before.samples.shape[1] / before.sample_rate)
    after = _applied(recording.audio_path, recording.name, start_s, shown.to_yaml())
    if shown != recipe:
        st.info(
            "The noise sample is outside this minute. Here, the quietest passage is used instead.",
            icon=":material/info:",
        )
    for warning in after.warnings:
        st.warning(formatting.escape(warning), icon=":material/warning:")
    left, right = st.columns(2, gap="medium")
    # The same axis for both, so that they can be compared.
    peak = max(float(np.abs(one.samples).max(initial=0.0)) for one in (before, after))
    with left:
        st.markdown("**Before**")
        _before(before, start_s, peak, key=f"before_wave_{recording.id}_{start_s:.0f}")
    with right:
        st.markdown("**After**")
        _after(after, start_s, peak, top_hz=before.sample_rate / 2)
    first = _measurements(before.samples, before.sample_rate, info.bits)
    second = _measurements(after.samples, after.sample_rate, after.bits)
    show_table(
        {"": list(first), "Before": list(first.values()), "After": list(second.values())},
        key="compared_figures",
    )


def _start_s(recording: Recording, info: AudioInfo) -> float:
    if not info.duration_s or info.duration_s <= _SHOWN_S:
        return 0.0
    return float(
        st.slider(
            "Minute starting at",
            0,
            int(info.duration_s - _SHOWN_S),
            format="%d s",
            key=f"compared_from_{recording.id}",
            help="The comparison covers one minute; the whole recording will be prepared.",
        )
    )


def _for_excerpt(recipe: Recipe, start_s: float, duration_s: float) -> Recipe:
    """The recipe with the times of its noise sample relative to the excerpt."""
    step = recipe.reduce_noise
    if step is None or step.noise_start_s is None or step.noise_end_s is None:
        return recipe
    begin_s, end_s = step.noise_start_s - start_s, step.noise_end_s - start_s
    if begin_s < 0 or end_s > duration_s:
        return replace(recipe, reduce_noise=replace(step, noise_start_s=None, noise_end_s=None))
    return replace(recipe, reduce_noise=replace(step, noise_start_s=begin_s, noise_end_s=end_s))


def _before(excerpt: AudioArray, start_s: float, peak: float, *, key: str) -> None:
    mono = Waveform(_one_channel(excerpt.samples), excerpt.sample_rate)
    envelope = waveform_envelope(mono, width=_PIECES)
    figure = charts.waveform(envelope, start_s=start_s, peak=peak, selectable=True)
    span = charts.select_span(figure, key=key)
    _spectrogram(mono, start_s, excerpt.sample_rate / 2, key="before_spectrogram")
    st.audio(wav.encode(excerpt.samples, sample_rate=excerpt.sample_rate))
    if span is None:
        st.caption("To reduce noise, drag over a part of the waveform that contains only noise.")
        return
    begin_s, end_s = span
    st.button(
        f"Reduce noise like that from {begin_s:.1f} to {end_s:.1f} s",
        icon=":material/noise_control_on:",
        on_click=switch_on,
        args=("reduce_noise",),
        kwargs={
            "kind": "steady",
            "noise_start_s": round(max(begin_s, 0.0), 2),
            "noise_end_s": round(end_s, 2),
        },
    )


def _after(prepared: PreparedAudio, start_s: float, peak: float, *, top_hz: float) -> None:
    mono = Waveform(_one_channel(prepared.samples), prepared.sample_rate)
    spans = [(start_s + clip.start_s, start_s + clip.end_s) for clip in prepared.clips]
    figure = charts.waveform(
        waveform_envelope(mono, width=_PIECES),
        start_s=start_s + prepared.start_s,
        spans_s=spans if len(spans) != 1 else (),
        peak=peak,
    )
    charts.show(figure, key="after_wave")
    _spectrogram(mono, start_s + prepared.start_s, top_hz, key="after_spectrogram")
    st.audio(wav.encode(prepared.samples, sample_rate=prepared.sample_rate))
    duration_s = sum(clip.end_s - clip.start_s for clip in prepared.clips)
    st.caption(
        f"{formatting.count(len(prepared.clips), 'clip')}, "
        f"{formatting.duration(duration_s)} in total."
    )


def _spectrogram(mono: Waveform, start_s: float, top_hz: float, *, key: str) -> None:
    # About 23 ms, whatever the rate.
    n_fft = 2 ** round(np.log2(0.023 * mono.sample_rate))
    settings = FeatureSettings(n_fft=n_fft, hop_length=n_fft // 2)
    power = overview(mono, settings, "power", max_frames=_COLUMNS, max_bins=_ROWS)
    feature = in_decibels(power, view="power_db", top_db=_RANGE_DB)
    figure = charts.feature(
        feature, scale=(-_RANGE_DB, 0.0), height=180, start_s=start_s, compact=True
    )
    figure.update_yaxes(range=[0, top_hz])
    charts.show(figure, key=key)


def _measurements(samples: Samples, sample_rate: int, bits: int | None) -> dict[str, str]:
    metrics = measure(_one_channel(samples), sample_rate)
    return {
        "Duration": formatting.duration(metrics.duration_s),
        "Sample rate": f"{sample_rate:,} Hz",
        "Bit depth": f"{bits} bits" if bits else "compressed",
        "Channels": str(len(np.atleast_2d(samples))),
        "Peak": formatting.decibels(metrics.peak_dbfs, "dBFS"),
        "Loudness": formatting.decibels(metrics.loudness_lufs, "LUFS"),
        "Estimated SNR": formatting.decibels(metrics.snr_db, "dB"),
        "Clipped samples": f"{metrics.clipped_samples:,}",
        "Silence": f"{metrics.silent_share:.0%}",
    }


def _one_channel(samples: Samples) -> Samples:
    """The channel to display: the loudest, since channels may cancel each other in a mix."""
    channels = np.atleast_2d(samples)
    loudest: Samples = channels[int(np.argmax(np.square(channels).sum(axis=1)))]
    return loudest


# Cached as resources, since data would be copied on each rerun. Paths contain the id of the
# recording and, on a public server, the folder of the visitor.
@st.cache_resource(max_entries=64, show_spinner=False)
def _info(path: Path, name: str) -> AudioInfo:
    return audio.probe(path, name=name)


@st.cache_resource(max_entries=4, show_spinner="Reading the recording …")
def _excerpt(path: Path, name: str, start_s: float) -> AudioArray:
    return excerpt(AudioFile(path, name), start_s=start_s, duration_s=_SHOWN_S)


@st.cache_resource(max_entries=4, show_spinner="Applying the recipe …")
def _applied(path: Path, name: str, start_s: float, recipe: str) -> PreparedAudio:
    return apply(Recipe.from_yaml(recipe), _excerpt(path, name, start_s))
