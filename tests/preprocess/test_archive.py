"""A zip gives its recordings, one by one, and nothing that is hidden in it does any harm."""

import io
import os
import stat
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.audio import Waveform, encode_wav
from lab.core.errors import AudioError
from lab.preprocess.archive import ZipLimits, ZipMember, read_zip

NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 8_000).astype(np.float32)
WAV = encode_wav(Waveform(NOISE, 8_000))


def packed(path: Path, members: dict[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content, zipfile.ZIP_DEFLATED)
    return path


def problems(path: Path, limits: ZipLimits | None = None) -> dict[str, str | None]:
    return {member.name: member.problem for member in read_zip(path, limits)}


def test_recordings_come_out_whole_and_the_rest_is_passed_over(tmp_path: Path) -> None:
    path = packed(
        tmp_path / "a.zip",
        {
            "one.wav": WAV,
            "folder/": b"",
            "folder/zëri.MP3": b"mp3",
            "__MACOSX/._one.wav": b"x",
            "folder/.DS_Store": b"x",
            "manifest.csv": b"x",
        },
    )
    assert list(read_zip(path)) == [
        ZipMember("one.wav", WAV),
        ZipMember("folder/zëri.MP3", b"mp3"),
    ]


def test_hostile_members_are_refused_and_the_others_go_on(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.wav")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("x.wav", WAV)
    path = packed(
        tmp_path / "a.zip",
        {
            "../../evil.wav": WAV,
            "/etc/evil.wav": WAV,
            "a\\..\\evil.wav": WAV,
            "C:evil.wav": WAV,
            link: b"/etc/passwd",
            "inner.zip": inner.getvalue(),
            "notes.txt": b"hello",
            "silence.wav": bytes(5_000_000),
            "good.wav": WAV,
        },
    )
    found = problems(path)
    assert list(found)[-1] == "good.wav"
    assert found.pop("good.wav") is None
    words = ["outside", "outside", "outside", "outside", "link", "inside the zip", "end", "large"]
    for problem, word in zip(found.values(), words, strict=True):
        assert problem is not None
        assert word in problem
    assert {entry.name for entry in tmp_path.iterdir()} == {"a.zip"}


def test_limits_hold_for_each_file_and_for_all(tmp_path: Path) -> None:
    noise = os.urandom(3_000)
    path = packed(tmp_path / "a.zip", {f"{i}.wav": noise for i in range(4)})
    assert list(problems(path, ZipLimits(total_bytes=7_000)).values())[1:3] != [None, None]
    assert [p is None for p in problems(path, ZipLimits(total_bytes=7_000)).values()] == [
        True,
        True,
        False,
        False,
    ]
    assert all(problems(path, ZipLimits(member_bytes=2_999)).values())
    with pytest.raises(AudioError, match="4 files; at most 3"):
        list(read_zip(path, ZipLimits(members=3)))


def test_a_large_zip_needs_memory_for_one_file(tmp_path: Path) -> None:
    n_bytes = 8_000_000
    path = packed(tmp_path / "a.zip", {f"{i}.wav": os.urandom(n_bytes) for i in range(3)})
    tracemalloc.start()
    for member in read_zip(path):
        assert len(member.content) == n_bytes
        del member
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.9 * n_bytes


def test_a_size_that_lies_does_not_lift_the_limit(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"bomb.wav": bytes(50_000_000), "good.wav": WAV})
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = (1_000).to_bytes(4, "little")  # the unpacked size
    path.write_bytes(data)
    found = problems(path)
    assert found["good.wav"] is None
    assert found["bomb.wav"] is not None


def test_encrypted_and_damaged_members_are_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"secret.wav": WAV, "good.wav": WAV})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert "encrypted" in (problems(path)["secret.wav"] or "")
    path = packed(tmp_path / "b.zip", {"bad.wav": WAV, "good.wav": WAV})
    data = bytearray(path.read_bytes())
    data[200:220] = bytes(20)
    path.write_bytes(data)
    found = problems(path)
    assert "damaged" in (found["bad.wav"] or "")
    assert found["good.wav"] is None


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", WAV])
def test_what_is_no_zip_is_an_audio_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(AudioError, match=r"“a\.zip” cannot be read as a zip"):
        list(read_zip(tmp_path / "a.zip"))
    with pytest.raises(AudioError):
        list(read_zip(tmp_path / "missing.zip"))


@settings(deadline=None, max_examples=300)
@given(at=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.integers(0, 10_000))
def test_any_damage_ends_in_words(
    at: int, value: int, cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = packed(
        tmp_path_factory.mktemp("zip") / "a.zip", {"a.wav": WAV[:200], "zë.wav": WAV[:90]}
    )
    data = bytearray(path.read_bytes())
    data[at % len(data)] = value
    path.write_bytes(data[: len(data) - cut % 40 * (cut % 3 == 0)])
    try:
        members = list(read_zip(path))
    except AudioError:
        return
    assert len(members) <= 2
