"""Archives give the files of a corpus, and nothing that is hidden in them does any harm."""

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

from lab.core.errors import LabError, OptionsError, WorkspaceError
from lab.core.progress import Cancelled
from lab.importers import recognise
from lab.importers.archives import UnpackLimits, is_archive, sketch, unpack

SOUND = os.urandom(50_000)
CORPUS = {
    "cv-corpus/sq/validated.tsv": b"client_id\tpath\tsentence\na\ta.mp3\tMir\xc3\xab\n",
    "cv-corpus/sq/clips/a.mp3": SOUND,
    "cv-corpus/sq/clips/z\u00ebri 2.mp3": SOUND[:9],
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
def test_a_corpus_comes_out_whole_and_the_rest_is_passed_over(ending: str, tmp_path: Path) -> None:
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
def test_a_corpus_is_recognised_before_it_is_unpacked(ending: str, tmp_path: Path) -> None:
    sketch(packed(tmp_path / f"corpus.{ending}", CORPUS), tmp_path / "out")
    seen = recognise(tmp_path / "out")
    assert seen.kind.name == "common-voice"
    assert "cv-corpus/sq" in seen.reason
    assert contents(tmp_path / "out")["cv-corpus/sq/clips/a.mp3"] == b""


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_hostile_members_are_told_once_and_the_others_come_out(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{ending}"
    bad = {
        "../../evil.wav": SOUND,
        "/etc/evil.wav": SOUND,
        "a\\..\\evil.wav": SOUND,
        "C:evil.wav": SOUND,
        "inner.zip": SOUND,
        f"{'x' * 300}.wav": SOUND,
        "a.wav/b.wav": SOUND,
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


def test_a_name_that_is_there_twice_is_told_and_the_first_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.wav", b"first")
        with pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("a.wav", b"second")
    (problem,) = unpack(path, tmp_path / "out")
    assert "more than once" in problem.reason
    assert contents(tmp_path / "out") == {"a.wav": b"first"}


def claiming(path: Path, n_bytes: int) -> Path:
    """The zip, in which the first member claims to be so long."""
    data = bytearray(path.read_bytes())
    data[22:26] = data[(at := data.index(b"PK\x01\x02") + 24) : at + 4] = struct.pack("<I", n_bytes)
    path.write_bytes(data)
    return path


def zip64_claiming_50_gb(path: Path) -> Path:
    """A zip whose first member claims 50 GB, which takes the 64-bit form."""
    data = bytearray(packed(path, {"huge.wav": SOUND, "good.wav": b"1"}).read_bytes())
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


def test_a_claim_of_50_gb_is_told_once_and_the_rest_is_unpacked(tmp_path: Path) -> None:
    path = zip64_claiming_50_gb(tmp_path / "a.zip")
    (problem,) = unpack(path, tmp_path / "out")
    assert problem.name == "huge.wav"
    assert "50.0 GB" in problem.reason
    assert contents(tmp_path / "out") == {"good.wav": b"1"}


def test_a_claim_that_is_too_small_gives_no_half_file(tmp_path: Path) -> None:
    path = claiming(packed(tmp_path / "a.zip", {"a.wav": SOUND, "good.wav": b"1"}), 100)
    (problem,) = unpack(path, tmp_path / "out")
    assert "damaged" in problem.reason
    assert contents(tmp_path / "out") == {"good.wav": b"1"}


def test_what_unpacks_to_far_more_than_its_size_is_refused(tmp_path: Path) -> None:
    bomb = {f"{number}.wav": bytes(30_000_000) for number in range(5)}
    for ending in ("zip", "tar.gz"):
        path = packed(tmp_path / f"a.{ending}", bomb)
        with pytest.raises(OptionsError, match="more than"):
            unpack(path, tmp_path / ending)
    for limits in (UnpackLimits(total_bytes=100), UnpackLimits(spare_bytes=1 << 60)):
        path = packed(tmp_path / "b.zip", {"a.wav": SOUND})
        with pytest.raises(OptionsError, match="more than"):
            unpack(path, tmp_path / "b", limits=limits)
    with pytest.raises(OptionsError, match="more than 4 files"):
        unpack(tmp_path / "a.zip", tmp_path / "c", limits=UnpackLimits(members=4))


def test_a_header_of_a_tar_does_not_fill_the_memory(tmp_path: Path) -> None:
    member = tarfile.TarInfo("long")
    member.type, member.size = tarfile.GNUTYPE_LONGNAME, 1 << 30
    path = tmp_path / "a.tar.gz"
    path.write_bytes(gzip.compress(member.tobuf() + bytes(100_000)))
    with pytest.raises(OptionsError, match=f"header of {1 << 30} bytes"):
        unpack(path, tmp_path / "out")


@pytest.mark.parametrize("ending", ENDINGS)
def test_an_archive_that_breaks_off_or_is_none_is_told_in_a_sentence(
    ending: str, tmp_path: Path
) -> None:
    path = packed(tmp_path / f"a.{ending}", {"a.wav": SOUND, "b.wav": SOUND})
    path.write_bytes(path.read_bytes()[:60_000])
    with pytest.raises(OptionsError, match=r"“a\..*cannot be read as a zip or tar"):
        unpack(path, tmp_path / "out")
    path.write_bytes(b"Dear Sir or Madam" * 100)
    with pytest.raises(OptionsError, match="of another kind"):
        unpack(path, tmp_path / "out")
    path.unlink()
    with pytest.raises(OptionsError, match="cannot be read"):
        unpack(path, tmp_path / "out")


def test_a_password_is_told_in_a_sentence(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"a.wav": SOUND})
    data = bytearray(path.read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(OptionsError, match="protected by a password"):
        unpack(path, tmp_path / "out")


def test_names_that_macos_packed_are_read_as_it_meant_them(tmp_path: Path) -> None:
    path = packed(tmp_path / "a.zip", {"z\u00ebri.wav": b"1"})
    data = bytearray(path.read_bytes())
    for at in (6, data.index(b"PK\x01\x02") + 8):  # the flag that says UTF-8
        data[at + 1] &= ~0x08
    path.write_bytes(data)
    unpack(path, tmp_path / "out")
    assert contents(tmp_path / "out") == {"z\u00ebri.wav": b"1"}


def test_unpacking_can_be_stopped(tmp_path: Path) -> None:
    def stop(*_: object) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        unpack(packed(tmp_path / "a.zip", CORPUS), tmp_path / "out", on_progress=stop)


def test_a_disk_that_refuses_is_told_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("a file where the folder should be")
    with pytest.raises(WorkspaceError, match="cannot be written"):
        unpack(packed(tmp_path / "a.zip", CORPUS), tmp_path / "out")


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(ENDINGS), st.integers(0, 3000), st.integers(0, 255), st.integers(0, 200))
def test_any_damage_ends_in_words(
    tmp_path: Path, ending: str, at: int, value: int, cut: int
) -> None:
    path = packed(tmp_path / f"a.{ending}", {"a.wav": SOUND[:600], "b/c.txt": b"text" * 30})
    data = bytearray(path.read_bytes())
    data[at % len(data)] = value
    path.write_bytes(data[: len(data) - cut * (cut % 3 == 0)])
    with suppress(LabError):
        unpack(path, tmp_path / "out" / f"{ending}-{at}-{value}-{cut}")
    assert {one.name.split(".")[0] for one in tmp_path.iterdir()} <= {"a", "out"}
