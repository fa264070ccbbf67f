"""Recordings are read from an archive one by one; nothing hidden in it does any harm."""

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
from lab.core.archives import ArchiveError, ArchiveLimits, MemberError
from lab.recordings.archives import recordings_in

NOISE = np.random.default_rng(0).uniform(-0.5, 0.5, 8_000).astype(np.float32)
LIMITS = ArchiveLimits()
WAV = encode_wav(Waveform(NOISE, 8_000))


def packed(path: Path, members: dict[str | zipfile.ZipInfo, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content, zipfile.ZIP_DEFLATED)
    return path


def contents(path: Path, limits: ArchiveLimits = LIMITS) -> dict[str, bytes | str]:
    """The content of each recording, or the reason why it is refused."""
    found: dict[str, bytes | str] = {}
    for member in recordings_in(path, limits):
        try:
            found[member.name] = member.problem or member.read()
        except MemberError as error:
            found[member.name] = str(error)
    return found


def test_recordings_are_read_completely_and_other_files_skipped(tmp_path: Path) -> None:
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
    assert contents(path) == {"one.wav": WAV, "folder/zëri.MP3": b"mp3"}
    with path.open("rb") as file:
        assert [member.name for member in recordings_in(file)] == ["one.wav", "folder/zëri.MP3"]


def test_hostile_members_are_refused_and_the_others_read(tmp_path: Path) -> None:
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
            "good.wav": WAV,
        },
    )
    found = contents(path)
    assert list(found)[-1] == "good.wav"
    assert found.pop("good.wav") == WAV
    words = ["outside", "outside", "outside", "outside", "link", "archive inside", "end"]
    for problem, word in zip(found.values(), words, strict=True):
        assert isinstance(problem, str)
        assert word in problem
    assert {entry.name for entry in tmp_path.iterdir()} == {"a.zip"}


def test_limits_hold_for_each_file_and_for_all(tmp_path: Path) -> None:
    noise = os.urandom(3_000)
    path = packed(tmp_path / "a.zip", {f"{i}.wav": noise for i in range(4)})
    found = recordings_in(path, ArchiveLimits(total_bytes=7_000))
    assert [next(found).name, next(found).name] == ["0.wav", "1.wav"]
    with pytest.raises(ArchiveError, match="more than"):
        next(found)
    refused = contents(path, ArchiveLimits(member_bytes=2_999))
    assert all("per file" in str(problem) for problem in refused.values())
    with pytest.raises(ArchiveError, match="more than 3 files"):
        contents(path, ArchiveLimits(members=3))


def test_what_unpacks_to_far_more_than_its_size_is_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {f"{i}.wav": bytes(30_000_000) for i in range(5)})
    with pytest.raises(ArchiveError, match="more than"):
        contents(path)


def test_a_recording_is_read_in_chunks_or_at_once_without_a_copy(tmp_path: Path) -> None:
    n_bytes = 8_000_000
    path = packed(tmp_path / "a.zip", {f"{i}.wav": os.urandom(n_bytes) for i in range(3)})
    for read_all, limit in ((False, 0.5 * n_bytes), (True, 1.9 * n_bytes)):
        tracemalloc.start()
        for member in recordings_in(path):
            if read_all:
                assert len(member.read()) == n_bytes
            else:
                with member.open() as file:
                    assert sum(map(len, iter(lambda file=file: file.read(1 << 20), b""))) == n_bytes
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < limit


def test_a_false_size_does_not_lift_the_limit(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"bomb.wav": bytes(50_000_000), "good.wav": WAV})
    data = bytearray(path.read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = (1_000).to_bytes(4, "little")  # the unpacked size
    path.write_bytes(data)
    found = contents(path)
    assert found["good.wav"] == WAV
    assert "damaged" in str(found["bomb.wav"])


def test_encrypted_and_damaged_members_are_refused(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"secret.wav": WAV, "good.wav": WAV})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert "encrypted" in str(contents(path)["secret.wav"])
    path = packed(tmp_path / "b.zip", {"bad.wav": WAV, "good.wav": WAV})
    data = bytearray(path.read_bytes())
    data[200:220] = bytes(20)
    path.write_bytes(data)
    found = contents(path)
    assert "damaged" in str(found["bad.wav"])
    assert found["good.wav"] == WAV


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", WAV])
def test_what_is_not_an_archive_is_refused_in_a_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(content)
    with pytest.raises(ArchiveError, match=r"“a\.zip” cannot be read as a zip"):
        contents(tmp_path / "a.zip")
    with pytest.raises(ArchiveError):
        contents(tmp_path / "missing.zip")


@settings(deadline=None, max_examples=300)
@given(at=st.integers(0, 10_000), value=st.integers(0, 255), cut=st.integers(0, 10_000))
def test_any_damage_raises_an_archive_error(
    at: int, value: int, cut: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = packed(
        tmp_path_factory.mktemp("zip") / "a.zip", {"a.wav": WAV[:200], "zë.wav": WAV[:90]}
    )
    data = bytearray(path.read_bytes())
    data[at % len(data)] = value
    path.write_bytes(data[: len(data) - cut % 40 * (cut % 3 == 0)])
    try:
        members = contents(path)
    except ArchiveError:
        return
    assert len(members) <= 2
