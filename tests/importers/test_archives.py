"""Unpacking an archive yields the files of a corpus; nothing hidden in it does any harm."""

import gzip
import io
import os
import struct
import tarfile
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lab.core.archives import ArchiveError, ArchiveLimits
from lab.core.errors import LabError, WorkspaceError
from lab.core.progress import Cancelled
from lab.importers import detect_format
from lab.importers.archives import is_archive, sketch, unpack

AUDIO = os.urandom(50_000)
CORPUS = {
    "cv-corpus/sq/validated.tsv": b"client_id\tpath\tsentence\na\ta.mp3\tMir\xc3\xab\n",
    "cv-corpus/sq/clips/a.mp3": AUDIO,
    "cv-corpus/sq/clips/z\u00ebri 2.mp3": AUDIO[:9],
}
ENDINGS = ["zip", "tar", "tar.gz", "tar.bz2"]


def packed(path: Path, files: Mapping[str, bytes]) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content)
        return path
    mode = {".gz": "w:gz", ".bz2": "w:bz2"}.get(path.suffix, "w")
    with tarfile.open(path, mode) as tar:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if not path.is_dir()
    }


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_corpus_is_unpacked_completely_and_other_files_are_skipped(
    ending: str, tmp_path: Path
) -> None:
    junk = {
        "__MACOSX/cv-corpus/sq/clips/._a.mp3": b"x",
        "cv-corpus/sq/.DS_Store": b"x",
        "cv-corpus/sq/.hidden/b.mp3": b"x",
        "cv-corpus/sq/cover.png": b"x",
        "./cv-corpus/sq/clips/program.exe": b"x",
    }
    path = packed(tmp_path / f"corpus.{ending}", {**CORPUS, **junk})
    assert is_archive(path.name)
    shares: list[float] = []
    found = unpack(path, tmp_path / "out", on_progress=lambda n, of, _="": shares.append(n / of))
    assert found == []
    assert contents(tmp_path / "out") == CORPUS
    assert all(0 <= share <= 1 for share in shares)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_format_is_detected_without_unpacking(ending: str, tmp_path: Path) -> None:
    sketch(packed(tmp_path / f"corpus.{ending}", CORPUS), tmp_path / "out")
    corpus = detect_format(tmp_path / "out")
    assert corpus.format.name == "common-voice"
    assert "cv-corpus/sq" in corpus.reason
    assert contents(tmp_path / "out")["cv-corpus/sq/clips/a.mp3"] == b""


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_hostile_members_are_reported_once_and_the_others_unpacked(
    ending: str, tmp_path: Path
) -> None:
    path = tmp_path / f"a.{ending}"
    bad = {
        "../../evil.wav": AUDIO,
        "/etc/evil.wav": AUDIO,
        "a\\..\\evil.wav": AUDIO,
        "C:evil.wav": AUDIO,
        "inner.zip": AUDIO,
        f"{'x' * 300}.wav": AUDIO,
        "a.wav/b.wav": AUDIO,
    }
    packed(path, {"a.wav": b"1", **bad, "line\nbreak.wav": b"2"})
    found = unpack(path, tmp_path / "out")
    assert len(found) == len(set(found)) == len(bad)
    assert all(one.name.isprintable() and one.reason for one in found)
    assert contents(tmp_path / "out") == {"a.wav": b"1", "line_break.wav": b"2"}
    assert {one.name for one in tmp_path.iterdir()} == {path.name, "out"}


def test_links_and_devices_in_a_tar_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as tar:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE):
            member = tarfile.TarInfo(f"link{kind.decode()}.wav")
            member.type, member.linkname = kind, "/etc/passwd"
            tar.addfile(member)
        tar.addfile(tarfile.TarInfo("good.wav"))
    assert len(unpack(path, tmp_path / "out")) == 4
    assert contents(tmp_path / "out") == {"good.wav": b""}


def test_a_duplicate_name_is_reported_and_the_first_file_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.wav", b"first")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.wav", b"second")
    (problem,) = unpack(path, tmp_path / "out")
    assert "more than once" in problem.reason
    assert contents(tmp_path / "out") == {"a.wav": b"first"}


def declare_size(path: Path, n_bytes: int) -> Path:
    """Change the declared size of the zip's first member."""
    data = bytearray(path.read_bytes())
    data[22:26] = data[(at := data.index(b"PK\x01\x02") + 24) : at + 4] = struct.pack("<I", n_bytes)
    path.write_bytes(data)
    return path


def zip64_declaring_50_gb(path: Path) -> Path:
    """A zip whose first member declares 50 GB, for which the 64-bit form is needed."""
    data = bytearray(packed(path, {"huge.wav": AUDIO, "good.wav": b"1"}).read_bytes())
    at = data.index(b"PK\x01\x02")
    data[at + 24 : at + 28] = b"\xff" * 4
    extra = struct.pack("<HHQ", 1, 8, 50 << 30)
    (name_length,) = struct.unpack("<H", data[at + 28 : at + 30])
    data[at + 30 : at + 32] = struct.pack("<H", len(extra))
    data[at + 46 + name_length : at + 46 + name_length] = extra
    end = data.index(b"PK\x05\x06")
    (size,) = struct.unpack("<I", data[end + 12 : end + 16])
    data[end + 12 : end + 16] = struct.pack("<I", size + len(extra))
    path.write_bytes(data)
    return path


def test_a_declared_size_of_50_gb_is_reported_and_the_rest_unpacked(tmp_path: Path) -> None:
    path = zip64_declaring_50_gb(tmp_path / "a.zip")
    (problem,) = unpack(path, tmp_path / "out")
    assert problem.name == "huge.wav"
    assert "50.0 GB" in problem.reason
    assert contents(tmp_path / "out") == {"good.wav": b"1"}


def test_a_declared_size_that_is_too_small_leaves_no_partial_file(tmp_path: Path) -> None:
    path = declare_size(packed(tmp_path / "a.zip", {"a.wav": AUDIO, "good.wav": b"1"}), 100)
    (problem,) = unpack(path, tmp_path / "out")
    assert "damaged" in problem.reason
    assert contents(tmp_path / "out") == {"good.wav": b"1"}


def test_what_unpacks_to_far_more_than_its_size_is_refused(tmp_path: Path) -> None:
    bomb = {f"{number}.wav": bytes(30_000_000) for number in range(5)}
    for ending in ("zip", "tar.gz"):
        path = packed(tmp_path / f"a.{ending}", bomb)
        with pytest.raises(ArchiveError, match="more than"):
            unpack(path, tmp_path / ending)
    for limits in (ArchiveLimits(total_bytes=100), ArchiveLimits(spare_bytes=1 << 60)):
        path = packed(tmp_path / "b.zip", {"a.wav": AUDIO})
        with pytest.raises(ArchiveError, match="more than"):
            unpack(path, tmp_path / "b", limits=limits)
    with pytest.raises(ArchiveError, match="more than 4 files"):
        unpack(tmp_path / "a.zip", tmp_path / "c", limits=ArchiveLimits(members=4))


def test_a_header_of_a_tar_does_not_fill_the_memory(tmp_path: Path) -> None:
    member = tarfile.TarInfo("long")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(member.tobuf() + bytes(100_000)))
    with pytest.raises(ArchiveError, match=f"header of {1 << 30} bytes"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_truncated_or_missing_archive_or_another_file_is_refused_in_a_sentence(
    ending: str, tmp_path: Path
) -> None:
    path = packed(tmp_path / f"a.{ending}", {"a.wav": AUDIO, "b.wav": AUDIO})
    path.write_bytes(path.read_bytes()[:60_000])
    with pytest.raises(ArchiveError, match=r"“a\..*cannot be read as a zip or tar"):
        unpack(path, tmp_path / "out")
    path.write_bytes(b"Dear Sir or Madam" * 100)
    with pytest.raises(ArchiveError, match="of another type"):
        unpack(path, tmp_path / "out")
    path.unlink()
    with pytest.raises(ArchiveError, match="cannot be read"):
        unpack(path, tmp_path / "out")


def test_a_password_protected_archive_is_refused_in_a_sentence(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.wav": AUDIO})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="protected by a password"):
        unpack(path, tmp_path / "out")


def test_utf8_names_in_zips_of_macos_are_decoded(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"z\u00ebri.wav": b"1"})
    data = bytearray(path.read_bytes())
    for at in (6, data.index(b"PK\x01\x02") + 8):  # the flag that says UTF-8
        data[at + 1] &= ~0x08
    path.write_bytes(data)
    unpack(path, tmp_path / "out")
    assert contents(tmp_path / "out") == {"z\u00ebri.wav": b"1"}


def test_unpacking_can_be_cancelled(tmp_path: Path) -> None:
    def stop(*_: object) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        unpack(packed(tmp_path / "a.zip", CORPUS), tmp_path / "out", on_progress=stop)


def test_a_disk_error_is_reported_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where the folder should be")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        unpack(packed(tmp_path / "a.zip", CORPUS), tmp_path / "out")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(ENDINGS), st.integers(0, 3000), st.integers(0, 255), st.integers(0, 200))
def test_any_damage_raises_a_lab_error(
    tmp_path: Path, ending: str, at: int, value: int, cut: int
) -> None:
    path = packed(tmp_path / f"a.{ending}", {"a.wav": AUDIO[:600], "b/c.txt": b"text" * 30})
    data = bytearray(path.read_bytes())
    data[at % len(data)] = value
    path.write_bytes(data[: len(data) - cut * (cut % 3 == 0)])
    with suppress(LabError):
        unpack(path, tmp_path / "out" / f"{ending}-{at}-{value}-{cut}")
    assert {one.name.split(".")[0] for one in tmp_path.iterdir()} <= {"a", "out"}
