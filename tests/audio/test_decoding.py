"""Any recording is decoded to a waveform; other files are refused in a sentence."""

import ctypes
import io
import math
import os
import random
import socket
import struct
import sys
import tracemalloc
import wave
import zipfile
from pathlib import Path

import av
import librosa
import numpy as np
import pytest
import soundfile as sf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lab.audio import SAMPLE_RATE, Waveform, decode, encode_wav, probe
from lab.core.errors import AudioError
from lab.core.progress import Cancelled
from tests.support.media import media

TONE_HZ = 440.0
LEVEL = 0.5

# name → container, encoder, sample rate
COMPRESSED = {
    "tone.mp3": ("mp3", "libmp3lame", 44_100),
    "tone.m4a": ("mp4", "aac", 44_100),
    "tone.mp4": ("mp4", "aac", 48_000),
    "tone.flac": ("flac", "flac", 48_000),
    "tone.ogg": ("ogg", "libopus", 48_000),
    "tone.opus": ("opus", "libopus", 16_000),
    "tone.webm": ("webm", "libopus", 48_000),
    "tone.mkv": ("matroska", "flac", 32_000),
    "tone.aac": ("adts", "aac", 24_000),
    "tone.g722": ("g722", "g722", 16_000),
}


def tone(duration_s: float = 1.0, *, rate: int = SAMPLE_RATE, level: float = LEVEL) -> np.ndarray:
    """A sine of TONE_HZ: float32, shape (n,)."""
    t = np.arange(round(duration_s * rate)) / rate
    return (level * np.sin(2 * np.pi * TONE_HZ * t)).astype(np.float32)


def wav(samples: np.ndarray, *, rate: int = SAMPLE_RATE, subtype: str = "PCM_16") -> bytes:
    """A WAV file of samples of shape (n,) or (n, channels)."""
    buffer = io.BytesIO()
    sf.write(buffer, samples, rate, format="WAV", subtype=subtype)
    return buffer.getvalue()


def compressed(folder: Path, name: str, duration_s: float, **more: object) -> bytes:
    container, encoder, rate = COMPRESSED[name]
    sound = tone(duration_s, rate=rate)
    return media(folder, sound, container=container, encoder=encoder, rate=rate, **more)


def loudest_hz(waveform: Waveform) -> float:
    spectrum = np.abs(np.fft.rfft(waveform.samples * np.hanning(len(waveform.samples))))
    return float(np.argmax(spectrum) * waveform.sample_rate / len(waveform.samples))


def level(waveform: Waveform) -> float:
    """The amplitude of a sine in the middle half, unaffected by fades of the encoder."""
    n = len(waveform.samples)
    return float(np.sqrt(2 * np.mean(waveform.samples[n // 4 : 3 * n // 4] ** 2)))


def assert_is_the_tone(waveform: Waveform, *, duration_s: float = 1.0) -> None:
    assert waveform.samples.dtype == np.float32
    assert waveform.samples.ndim == 1
    assert waveform.sample_rate == SAMPLE_RATE
    assert waveform.duration_s == pytest.approx(duration_s, abs=0.07)  # AAC pads its last frame
    assert loudest_hz(waveform) == pytest.approx(TONE_HZ, abs=1.5)
    assert level(waveform) == pytest.approx(LEVEL, rel=0.05)
    assert waveform.missing_s == 0
    assert waveform.warning is None


# --- File formats ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMPRESSED)
def test_each_lossy_format_keeps_duration_pitch_and_level(name: str, tmp_path: Path) -> None:
    assert_is_the_tone(decode(compressed(tmp_path, name, 1.0), name=name))


@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_each_sample_rate_is_resampled_to_16_khz_with_the_right_number_of_samples(
    rate: int,
) -> None:
    waveform = decode(wav(tone(1.01, rate=rate), rate=rate))
    assert len(waveform.samples) == math.ceil(round(1.01 * rate) * SAMPLE_RATE / rate)
    assert_is_the_tone(waveform)


@pytest.mark.parametrize("rate", [8_000, 44_100, 48_000])
def test_resampling_agrees_with_librosa(rate: int) -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 2 * rate).astype(np.float32)
    speech_band = librosa.resample(noise, orig_sr=rate, target_sr=6_000)
    sound = librosa.resample(speech_band, orig_sr=6_000, target_sr=rate)
    ours = decode(wav(sound, rate=rate, subtype="FLOAT")).samples
    reference = librosa.resample(sound, orig_sr=rate, target_sr=SAMPLE_RATE)
    inner = slice(400, -400)
    np.testing.assert_allclose(ours[inner], reference[inner], atol=1e-3)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
def test_each_sample_format_is_decoded_like_by_soundfile(subtype: str) -> None:
    data = wav(tone(0.3), subtype=subtype)
    reference, _ = sf.read(io.BytesIO(data), dtype="float32")
    np.testing.assert_allclose(decode(data).samples, reference, atol=1e-7)


@pytest.mark.parametrize(("subtype", "kind"), [("PCM_24", "FLAC"), ("PCM_16", "AIFF")])
def test_other_lossless_formats_are_decoded_like_by_soundfile(subtype: str, kind: str) -> None:
    buffer = io.BytesIO()
    sf.write(buffer, tone(0.3), SAMPLE_RATE, format=kind, subtype=subtype)
    reference, _ = sf.read(io.BytesIO(buffer.getvalue()), dtype="float32")
    np.testing.assert_array_equal(decode(buffer.getvalue()).samples, reference)


@pytest.mark.parametrize("n_channels", range(1, 9))
def test_the_mono_mix_is_the_average_of_all_channels(n_channels: int) -> None:
    channels = np.random.default_rng(n_channels).uniform(-1, 1, (3_000, n_channels))
    waveform = decode(wav(channels, subtype="FLOAT"))
    np.testing.assert_allclose(waveform.samples, channels.mean(axis=1), atol=1e-6)


@pytest.mark.parametrize("layout", ["stereo", "5.1", "7.1"])
@pytest.mark.parametrize("encoder", ["flac", "libopus"])
def test_surround_sound_is_not_made_louder_or_softer(
    layout: str, encoder: str, tmp_path: Path
) -> None:
    sound = tone(1.0, rate=48_000)
    data = media(tmp_path, sound, container="matroska", encoder=encoder, rate=48_000, layout=layout)
    assert probe(data).channels == {"stereo": 2, "5.1": 6, "7.1": 8}[layout]
    waveform = decode(data)
    assert loudest_hz(waveform) == pytest.approx(TONE_HZ, abs=1.5)
    # Opus cuts off all but the bass of one channel in surround sound.
    assert level(waveform) == pytest.approx(LEVEL, rel=0.2 if encoder == "libopus" else 0.001)


def test_the_audio_of_a_video_is_decoded(tmp_path: Path) -> None:
    assert_is_the_tone(decode(compressed(tmp_path, "tone.mp4", 1.0, with_video=True)))


def test_g722_is_recognised_by_a_name_in_capitals_and_by_its_path(tmp_path: Path) -> None:
    data = compressed(tmp_path, "tone.g722", 1.0)
    path = tmp_path / "call.G722"
    path.write_bytes(data)
    assert_is_the_tone(decode(path))
    np.testing.assert_array_equal(decode(path).samples, decode(data, name="A.G722").samples)


def test_a_path_and_its_content_are_decoded_alike(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    path.write_bytes(wav(tone()))
    from_bytes = decode(path.read_bytes()).samples
    np.testing.assert_array_equal(decode(path).samples, from_bytes)
    np.testing.assert_array_equal(decode(str(path)).samples, from_bytes)


@pytest.mark.parametrize("name", ["tone.wav", "tone.txt", "tone.m3u8", "tone"])
def test_the_format_is_detected_by_content_not_by_extension(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(wav(tone()))
    assert_is_the_tone(decode(path))


@pytest.mark.parametrize("rate", [8_000, 16_000, 44_100, 192_000])
def test_a_single_sample_is_a_recording(rate: int) -> None:
    waveform = decode(wav(np.array([0.5], np.float32), rate=rate))
    assert len(waveform.samples) == math.ceil(SAMPLE_RATE / rate)


def test_another_sample_rate_can_be_requested() -> None:
    waveform = decode(wav(tone(1.0, rate=44_100), rate=44_100), sample_rate=44_100)
    assert waveform.sample_rate == 44_100
    assert len(waveform.samples) == 44_100


def test_a_title_in_an_old_encoding_is_tolerated() -> None:
    text = b"INAM" + struct.pack("<I", 4) + b"caf\xe9"
    info = b"LIST" + struct.pack("<I", 4 + len(text)) + b"INFO" + text
    plain = wav(tone())
    data = plain[:12] + info + plain[12:]
    data = data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
    assert_is_the_tone(decode(data))


def test_loud_float_samples_beyond_one_are_kept() -> None:
    loud = tone(level=3.0)
    np.testing.assert_array_equal(decode(wav(loud, subtype="FLOAT")).samples, loud)


# --- Damaged files --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["tone.mp3", "tone.m4a", "tone.flac", "tone.webm", "tone.mkv", "tone.wav"]
)
def test_a_truncated_recording_is_decoded_and_the_rest_reported_missing(
    name: str, tmp_path: Path
) -> None:
    if name == "tone.wav":
        data = wav(tone(10))
    else:
        more = {"options": {"movflags": "faststart"}} if name == "tone.m4a" else {}
        data = compressed(tmp_path, name, 10, **more)
    waveform = decode(data[: len(data) * 6 // 10], name=name)
    assert waveform.duration_s == pytest.approx(6, abs=0.9)
    assert waveform.duration_s + waveform.missing_s == pytest.approx(10, abs=0.05)
    assert waveform.warning is not None
    assert "of 10 seconds cannot be read" in waveform.warning
    assert loudest_hz(waveform) == pytest.approx(TONE_HZ, abs=1.5)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "FLOAT"])
def test_every_truncated_wav_is_detected(subtype: str) -> None:
    data = wav(tone(4), subtype=subtype)
    waveform = decode(data[: len(data) // 4])
    assert waveform.duration_s == pytest.approx(1, abs=0.01)
    assert waveform.missing_s == pytest.approx(3, abs=0.01)


@pytest.mark.parametrize("name", ["tone.ogg", "tone.aac", "tone.g722"])
def test_nothing_is_missing_from_formats_without_a_stored_duration(
    name: str, tmp_path: Path
) -> None:
    data = compressed(tmp_path, name, 10)
    waveform = decode(data[: len(data) // 2], name=name)
    assert waveform.duration_s == pytest.approx(5, abs=0.6)
    assert waveform.missing_s == 0


def test_an_mp3_without_a_frame_count_has_no_stated_duration(tmp_path: Path) -> None:
    data = compressed(tmp_path, "tone.mp3", 10, options={"write_xing": "0", "id3v2_version": "0"})
    assert decode(data[: len(data) // 2]).missing_s == 0


def test_the_frame_count_of_an_mp3_is_found_after_a_large_cover_picture(tmp_path: Path) -> None:
    data = compressed(tmp_path, "tone.mp3", 10, options={"id3v2_version": "0"})
    size = 200_000
    tag = b"ID3\x04\x00\x00" + bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    waveform = decode(tag + bytes(size) + data[: len(data) // 2])
    assert waveform.missing_s == pytest.approx(5, abs=0.2)


@pytest.mark.parametrize("size", [0, 0x7FFF_FFFF, 0xFFFF_FFFF])
def test_nothing_is_missing_from_a_wav_written_to_a_pipe(size: int) -> None:
    data = bytearray(wav(tone(2)))
    at = data.index(b"data") + 4
    data[at : at + 4] = struct.pack("<I", size)
    assert_is_the_tone(decode(bytes(data)), duration_s=2)


@pytest.mark.parametrize("name", ["tone.mp3", "tone.m4a", "tone.ogg", "tone.mkv"])
def test_a_damaged_part_is_skipped_and_counted(name: str, tmp_path: Path) -> None:
    data = bytearray(compressed(tmp_path, name, 20))
    middle = len(data) // 2
    damaged = slice(middle, middle + len(data) // 10)
    data[damaged] = random.Random(0).randbytes(damaged.stop - damaged.start)
    waveform = decode(bytes(data), name=name)
    assert waveform.duration_s > 10
    assert np.isfinite(waveform.samples).all()
    assert waveform.missing_s == pytest.approx(20 - waveform.duration_s, abs=0.7)


def test_an_m4a_without_its_end_is_explained(tmp_path: Path) -> None:
    data = compressed(tmp_path, "tone.m4a", 5)
    with pytest.raises(AudioError, match="table of contents is missing"):
        decode(data[: len(data) // 2], name="phone.m4a")


@pytest.mark.parametrize("n_bytes", [20, 44])
def test_a_header_without_audio_is_refused(n_bytes: int) -> None:
    with pytest.raises(AudioError, match=r"“a\.wav”"):
        decode(wav(tone())[:n_bytes], name="a.wav")


def test_a_wav_of_zero_samples_is_refused() -> None:
    with pytest.raises(AudioError, match="has no readable audio"):
        decode(wav(np.zeros(0, np.float32)), name="a.wav")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_invalid_samples_are_refused(value: float, subtype: str) -> None:
    sound = np.zeros((500, 2))
    sound[250, 1] = value
    with pytest.raises(AudioError, match=r"“a\.wav” contains invalid samples"):
        decode(wav(sound, subtype=subtype), name="a.wav")


def test_an_impossible_sample_rate_is_refused() -> None:
    data = bytearray(wav(tone()))
    data[24:28] = struct.pack("<I", 0x0FFF_FFFF)
    with pytest.raises(AudioError, match="its header is damaged"):
        decode(bytes(data))


def test_an_unknown_codec_is_refused() -> None:
    data = bytearray(wav(tone()))
    data[20:22] = b"\x99\x99"
    with pytest.raises(AudioError, match="codec"):
        decode(bytes(data), name="a.wav")


@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_random_damage_results_in_a_waveform_or_an_audio_error(
    subtype: str, tmp_path: Path
) -> None:
    chance = random.Random(0)
    originals = [wav(tone(0.2), subtype=subtype)]
    originals += [compressed(tmp_path, n, 0.2) for n in COMPRESSED if n != "tone.g722"]
    for original in originals:
        for _ in range(15):
            data = bytearray(original)
            for _ in range(chance.choice((1, 4, 16))):
                data[chance.randrange(min(len(data), 400))] = chance.randrange(256)
            try:
                waveform = decode(bytes(data[: chance.randrange(1, len(data))]))
            except AudioError:
                continue
            assert len(waveform.samples)
            assert np.isfinite(waveform.samples).all()


# --- Not a recording ------------------------------------------------------------------------


def zip_file() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("notes.txt", "x" * 1000)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "is empty"),
        (b"Dear all, this is no sound.\n" * 400, "is a text"),
        ("ɓ".encode() * 5_000, "is a text"),
        (b"<!DOCTYPE html><html><body>Not found</body></html>", "a web page"),
        (b"1\n00:00:01,000 --> 00:00:02,000\nHello\n", "is a text"),
        (b"\x89PNG\r\n\x1a\n" + bytes(500), "is a picture"),
        (b"\xff\xd8\xff\xe0" + bytes(500), "is a picture"),
        (b"%PDF-1.7\n" + bytes(500), "is a PDF"),
        (zip_file(), "is a zip archive"),
        (random.Random(1).randbytes(50_000), "damaged or of another type"),
        (bytes(50_000), "damaged or of another type"),
    ],
)
def test_other_files_are_refused_and_identified(data: bytes, kind: str) -> None:
    with pytest.raises(AudioError, match=kind) as caught:
        decode(data, name="speech.wav")
    assert str(caught.value).startswith("“speech.wav”")
    with pytest.raises(AudioError, match=kind):
        probe(data, name="speech.wav")


def test_a_real_picture_is_refused(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.png"), "w", format="image2pipe") as file:
        stream = file.add_stream("png", rate=1)
        stream.width = stream.height = 32
        stream.pix_fmt = "rgb24"
        file.mux(stream.encode(av.VideoFrame(32, 32, "rgb24")))
        file.mux(stream.encode(None))
    with pytest.raises(AudioError, match="is a picture"):
        decode(tmp_path / "a.png")


def test_a_video_without_sound_is_refused(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "silent.mp4"), "w") as file:
        stream = file.add_stream("mpeg4", rate=10)
        stream.width = stream.height = 32
        for _ in range(5):
            file.mux(stream.encode(av.VideoFrame(32, 32, "yuv420p")))
        file.mux(stream.encode(None))
    with pytest.raises(AudioError, match=r"“silent\.mp4” has no audio track"):
        decode(tmp_path / "silent.mp4")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="is a folder"):
        decode(tmp_path)


@pytest.mark.parametrize(
    "source",
    ["missing.wav", "http://127.0.0.1:9/a.wav", "concat:a.wav|b.wav", "a\0b.wav", "pipe:0"],
)
def test_urls_are_treated_as_paths(source: str) -> None:
    with pytest.raises(AudioError, match="does not exist"):
        decode(source)


def test_a_message_without_a_name_is_still_a_sentence() -> None:
    with pytest.raises(AudioError, match=r"^The recording is empty"):
        decode(b"")


# --- Hostile files --------------------------------------------------------------------------

PLAYLISTS = {
    "hls": (
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:10\n#EXT-X-MEDIA-SEQUENCE:0\n"
        "#EXTINF:2.0,\n{url}\n#EXT-X-ENDLIST\n"
    ),
    "ffconcat": "ffconcat version 1.0\nfile '{url}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=audio 9 RTP/AVP 0\n#{url}\n",
    "dash": (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static" '
        'profiles="urn:mpeg:dash:profile:isoff-main:2011"><Period><AdaptationSet>'
        '<Representation id="1" bandwidth="1"><BaseURL>{url}</BaseURL></Representation>'
        "</AdaptationSet></Period></MPD>"
    ),
}
ENDINGS = {"hls": ".m3u8", "ffconcat": ".ffconcat", "sdp": ".sdp", "dash": ".mpd"}


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_a_playlist_never_reaches_the_network(kind: str, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/secret.wav"
        path = tmp_path / f"playlist{ENDINGS[kind]}"
        path.write_text(PLAYLISTS[kind].format(url=url))
        for source in (path, path.read_bytes()):
            with pytest.raises(AudioError, match="playlist"):
                decode(source, name=path.name)
        with pytest.raises(BlockingIOError):  # no connection arrived
            server.accept()


@pytest.mark.skipif(sys.platform != "linux", reason="watches files with Linux's inotify")
@pytest.mark.parametrize("kind", ["hls", "ffconcat"])
def test_a_playlist_opens_no_other_file(kind: str, tmp_path: Path) -> None:
    secret = tmp_path / "secret.wav"
    secret.write_bytes(wav(tone()))
    path = tmp_path / f"playlist{ENDINGS[kind]}"
    path.write_text(PLAYLISTS[kind].format(url=secret.name))
    libc = ctypes.CDLL(None, use_errno=True)
    watch = libc.inotify_init1(os.O_NONBLOCK)
    try:
        assert libc.inotify_add_watch(watch, os.fsencode(secret), 0x20) > 0  # IN_OPEN
        for source in (path, path.read_bytes()):
            with pytest.raises(AudioError, match="playlist"):
                decode(source, name=path.name)
        with pytest.raises(BlockingIOError):
            os.read(watch, 4096)
        secret.read_bytes()
        assert os.read(watch, 4096)  # the watch works
    finally:
        os.close(watch)


# --- Limits, progress, memory ---------------------------------------------------------------


def test_a_recording_at_the_limit_is_allowed() -> None:
    assert decode(wav(tone(2.0)), max_duration_s=2.0).duration_s == 2.0


@pytest.mark.parametrize("name", ["tone.wav", "tone.mp3", "tone.aac", "tone.g722"])
def test_a_recording_over_the_limit_is_refused(name: str, tmp_path: Path) -> None:
    data = wav(tone(3)) if name == "tone.wav" else compressed(tmp_path, name, 3)
    with pytest.raises(AudioError, match=r"is longer than 2 seconds"):
        decode(data, name=name, max_duration_s=2)


def test_a_stated_duration_over_the_limit_is_refused_before_decoding() -> None:
    calls: list[float] = []
    with pytest.raises(AudioError, match="is longer than"):
        decode(
            wav(tone(30)),
            max_duration_s=20,
            on_progress=lambda done, _total, _note="": calls.append(done),
        )
    assert calls == []


def test_a_stated_duration_that_is_too_short_does_not_lift_the_limit(tmp_path: Path) -> None:
    data = bytearray(compressed(tmp_path, "tone.flac", 30))
    at = data.index(b"fLaC") + 8 + 14  # the last four bytes of STREAMINFO's count of samples
    data[at : at + 4] = struct.pack(">I", 48_000)
    assert probe(bytes(data)).duration_s == 1
    with pytest.raises(AudioError, match="is longer than 20 seconds"):
        decode(bytes(data), max_duration_s=20)


def test_progress_reaches_the_size_of_the_file() -> None:
    data = wav(tone(5))
    calls: list[tuple[float, float]] = []
    decode(data, on_progress=lambda done, total, _note="": calls.append((done, total)))
    assert len(calls) >= 4
    assert calls == sorted(calls)
    assert calls[-1] == (len(data), len(data))
    assert {total for _, total in calls} == {len(data)}


def test_cancelling_stops_decoding() -> None:
    n_calls = 0

    def stop_at_the_second(_done: float, _total: float, _note: str = "") -> None:
        nonlocal n_calls
        n_calls += 1
        if n_calls == 2:
            raise Cancelled

    with pytest.raises(Cancelled):
        decode(wav(tone(10)), on_progress=stop_at_the_second)
    assert n_calls == 2


def test_memory_peaks_near_the_size_of_the_result() -> None:
    data = wav(tone(600), subtype="PCM_U8")
    tracemalloc.start()
    waveform = decode(data)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert waveform.duration_s == 600
    assert peak_bytes < 1.6 * waveform.samples.nbytes


# --- Probing --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subtype", "codec", "bits"),
    [("PCM_U8", "pcm_u8", 8), ("PCM_24", "pcm_s24le", 24), ("DOUBLE", "pcm_f64le", 64)],
)
def test_probe_reads_the_properties_of_a_wav(subtype: str, codec: str, bits: int) -> None:
    info = probe(wav(np.zeros((4_410, 2)), rate=44_100, subtype=subtype))
    assert (info.container, info.codec, info.bits) == ("wav", codec, bits)
    assert (info.sample_rate, info.channels) == (44_100, 2)
    assert info.duration_s == pytest.approx(0.1)


@pytest.mark.parametrize("name", COMPRESSED)
def test_probe_reads_the_duration_of_each_lossy_format(name: str, tmp_path: Path) -> None:
    info = probe(compressed(tmp_path, name, 3), name=name)
    assert info.channels == 1
    assert info.duration_s == pytest.approx(3, abs=0.15)
    assert (info.bits is not None) == (info.codec == "flac")


def test_probe_reads_the_bit_depth_of_flac() -> None:
    buffer = io.BytesIO()
    sf.write(buffer, tone(), SAMPLE_RATE, format="FLAC", subtype="PCM_24")
    assert probe(buffer.getvalue()).bits == 24


# --- Waveform and encoding ------------------------------------------------------------------


@given(hnp.arrays(np.int16, st.integers(1, 3_000)))
def test_a_16_bit_recording_survives_encoding_and_decoding_exactly(levels: np.ndarray) -> None:
    samples = levels.astype(np.float32) / 32768
    np.testing.assert_array_equal(decode(encode_wav(Waveform(samples, 16_000))).samples, samples)


def test_samples_beyond_full_scale_are_clipped_not_wrapped() -> None:
    samples = np.array([1.0, 1.5, 1e9, -1.0, -1.5, -1e9], np.float32)
    encoded = decode(encode_wav(Waveform(samples, SAMPLE_RATE))).samples
    np.testing.assert_allclose(encoded, [1, 1, 1, -1, -1, -1], atol=1 / 32768)


def test_the_wav_is_16_bit_mono_at_the_sample_rate_of_the_waveform() -> None:
    with wave.open(io.BytesIO(encode_wav(Waveform(tone(), 22_050)))) as file:
        assert file.getparams()[:4] == (1, 2, 22_050, SAMPLE_RATE)


@pytest.mark.parametrize(
    ("start_s", "end_s", "expected"),
    [
        (1, 2, (100, 200)),
        (-5, 1, (0, 100)),
        (2.5, 99, (250, 300)),
        (2, 1, (200, 200)),
        (9, 10, (300, 300)),
    ],
)
def test_a_slice_is_clamped_to_the_recording(
    start_s: float, end_s: float, expected: tuple[int, int]
) -> None:
    samples = np.arange(300, dtype=np.float32)
    piece = Waveform(samples, 100, missing_s=7).slice(start_s, end_s)
    np.testing.assert_array_equal(piece.samples, samples[slice(*expected)])
    assert (piece.sample_rate, piece.missing_s) == (100, 0)


@pytest.mark.parametrize(
    ("missing_s", "words"),
    [
        (1.0, "About 1 second of 1 minute 1 second cannot"),
        (12.4, "About 12 seconds of 1 minute 12 seconds cannot"),
        (3540, "About 59 minutes of 1 hour cannot"),
        (7140.5, "About 1 hour 59 minutes of 2 hours cannot"),
    ],
)
def test_the_warning_says_how_much_is_missing(missing_s: float, words: str) -> None:
    warning = Waveform(np.zeros(60 * 100, np.float32), 100, missing_s=missing_s).warning
    assert warning is not None
    assert words in warning
