"""Corpora in archives (zip, tar, tar.gz, tar.bz2), unpacked with care.

Nothing that an archive says is believed: names stay below the target, no link and no device is
made, and what is written is counted. Only sound and text tables come out.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import NoReturn, TypeVar

from lab.core.errors import OptionsError, WorkspaceError
from lab.core.progress import Progress, ignore
from lab.importers.members import Member, opened
from lab.importers.names import NameRefusedError, parts_of, safe_path
from lab.importers.source import Problem, Problems
from lab.preprocess.archive import ARCHIVES, BESIDE_NAMES, DAMAGED, SUFFIXES, gigabytes

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2")

# The tables and texts that an importer may read; Kaldi's have no ending.
_TEXT_SUFFIXES = frozenset({".csv", ".tsv", ".json", ".jsonl", ".txt", ".scp"})
_TEXT_NAMES = frozenset({"text", "utt2spk", "segments"})

_CHUNK_BYTES = 1 << 20
_ALWAYS_ALLOWED_BYTES = 100 << 20
# Enough to recognise a corpus by.
_SKETCH_SOUNDS, _SKETCH_TEXT_BYTES = 20_000, 16 << 20

T = TypeVar("T")


@dataclass(frozen=True)
class UnpackLimits:
    """What is unpacked at most.

    members: files in the archive, whatever they are
    member_bytes, total_bytes: of one file and of all, unpacked
    ratio: unpacked to packed, beyond 100 MB; texts reach 10, digital silence in WAV 1000
    spare_bytes: what stays free on the disk
    """

    members: int = 1_000_000
    member_bytes: int = 4 << 30
    total_bytes: int = 500 << 30
    ratio: float = 100.0
    spare_bytes: int = 1 << 30


class _RefusedError(Exception):
    """One member cannot be used; the message says why."""


def is_archive(name: str) -> bool:
    """Whether a file is called like an archive that can be unpacked here."""
    return name.lower().endswith(ENDINGS)


def unpack(
    archive: Path,
    target: Path,
    *,
    limits: UnpackLimits | None = None,
    on_progress: Progress = ignore,
) -> list[Problem]:
    """Unpack the sound and the texts of an archive into the folder `target`, which is empty.

    on_progress: called in bytes of the archive; raising `Cancelled` from it stops

    Returns the files that were refused, each once; the rest is there. What systems leave beside
    the files, and what is neither sound nor text, is passed over.
    Raises OptionsError for what is no archive, is damaged, protected by a password or too large,
    and WorkspaceError when the disk refuses; what was unpacked until then stays in `target`.
    """
    problems = Problems()
    with opened(archive, max_members=(limits or UnpackLimits()).members) as members:
        for member, path in _wanted(members, archive, target, limits, problems, on_progress):
            with _noted(member, problems):
                _write(member, path, member.n_bytes, _at(member, archive, on_progress))
    return problems.all()


def sketch(archive: Path, target: Path, *, on_progress: Progress = ignore) -> None:
    """Lay out what `recognise` needs of an archive: its texts, and empty files for its sound.

    Takes a moment for a zip of many gigabytes. Raises as `unpack`.
    """
    n_sounds, problems = 0, Problems()
    with opened(archive, max_members=UnpackLimits().members) as members:
        for member, path in _wanted(members, archive, target, None, problems, on_progress):
            is_sound = path.suffix.lower() in SUFFIXES
            n_sounds += is_sound
            if not is_sound or n_sounds <= _SKETCH_SOUNDS:
                n_bytes = 0 if is_sound else min(member.n_bytes, _SKETCH_TEXT_BYTES)
                with _noted(member, problems):
                    _write(member, path, n_bytes, _at(member, archive, on_progress))


def _wanted(
    members: Iterator[Member],
    archive: Path,
    target: Path,
    limits: UnpackLimits | None,
    problems: Problems,
    on_progress: Progress,
) -> Iterator[tuple[Member, Path]]:
    """The members that are sound or text, with their places; what is wrong is noted.

    Of none of them more is written than it claims, so that the claims bound what is written.
    """
    limits = limits or UnpackLimits()
    room, claimed = _room(archive, target, limits), 0
    for member in members:
        _at(member, archive, on_progress)()
        parts = parts_of(member.name)
        if not parts or _is_passed_over(parts):
            continue
        path = None
        with _noted(member, problems):
            path = target / _path(member, limits)
        if path:
            claimed += member.n_bytes
            if claimed > room:
                _refuse_size(archive, room)
            yield member, path


@contextmanager
def _noted(member: Member, problems: Problems) -> Iterator[None]:
    try:
        yield
    except _RefusedError as reason:
        problems.add(member.name, str(reason))


def _at(member: Member, archive: Path, on_progress: Progress) -> Callable[[], None]:
    size = _size(archive)
    return lambda: on_progress(min(member.packed_bytes, size), size, "Unpacking")


def _is_passed_over(parts: list[str]) -> bool:
    name = PurePosixPath(parts[-1])
    is_junk = parts[0] == "__MACOSX" or name.name in BESIDE_NAMES
    is_hidden = any(part.startswith(".") and part != ".." for part in parts)
    is_of_use = (
        name.suffix.lower() in SUFFIXES | _TEXT_SUFFIXES | ARCHIVES or name.name in _TEXT_NAMES
    )
    return is_junk or is_hidden or not is_of_use


def _path(member: Member, limits: UnpackLimits) -> PurePosixPath:
    """Where a member goes, below the target; raises _RefusedError."""
    if member.refusal:
        raise _RefusedError(member.refusal)
    if PurePosixPath(member.name).suffix.lower() in ARCHIVES:
        raise _RefusedError("it is an archive inside the archive; unpack it first")
    if member.n_bytes > limits.member_bytes:
        raise _RefusedError(
            f"unpacked it would take {gigabytes(member.n_bytes)}; at most "
            f"{gigabytes(limits.member_bytes)} are unpacked of one file"
        )
    try:
        return safe_path(member.name)
    except NameRefusedError as error:
        raise _RefusedError(str(error)) from error


def _write(member: Member, path: Path, n_bytes: int, on_chunk: Callable[[], None]) -> None:
    """Write the first `n_bytes` of a member at most.

    Raises _RefusedError where it is damaged or there is such a file, with nothing left of it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("xb")
    except (FileExistsError, NotADirectoryError):
        raise _RefusedError("is there more than once; the first one is used") from None
    except OSError as error:
        raise _disk(path, error) from error
    try:
        with file:
            for chunk in _chunks(member, n_bytes):
                file.write(chunk)
                on_chunk()
    except OSError as error:  # what cannot be read of the archive ends as another one
        raise _disk(path, error) from error
    except _RefusedError:
        path.unlink()
        raise


def _chunks(member: Member, n_bytes: int) -> Iterator[bytes]:
    left = n_bytes
    source = _or_refused(member.open) if left else None
    while source and left > 0:
        chunk = _or_refused(partial(source.read, min(left, _CHUNK_BYTES)))
        if not chunk:
            return
        left -= len(chunk)
        yield chunk


def _or_refused(read: Callable[[], T]) -> T:
    """What is read of a member; raises _RefusedError where it is damaged."""
    try:
        return read()
    except DAMAGED as error:
        raise _RefusedError(f"it is damaged ({error}); pack it again") from error


def _room(archive: Path, target: Path, limits: UnpackLimits) -> int:
    """How many bytes may be written."""
    try:
        target.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(target).free - limits.spare_bytes
    except OSError as error:
        raise _disk(target, error) from error
    by_ratio = max(int(limits.ratio * _size(archive)), _ALWAYS_ALLOWED_BYTES)
    return min(limits.total_bytes, by_ratio, free)


def _size(archive: Path) -> int:
    try:
        return max(archive.stat().st_size, 1)
    except OSError as error:
        raise OptionsError(
            f"“{archive.name}” cannot be read ({error.strerror}). Check the name and the disk."
        ) from error


def _refuse_size(archive: Path, room: int) -> NoReturn:
    raise OptionsError(
        f"“{archive.name}” takes more than {gigabytes(max(room, 0))} unpacked, which is what the "
        "disk has room for, or far more than its size promises. Free some space, or unpack it "
        "yourself and choose the folder."
    )


def _disk(path: Path, error: OSError) -> WorkspaceError:
    return WorkspaceError(
        f"{path} cannot be written ({error.strerror or error}). "
        "Free some space or choose another workspace."
    )
