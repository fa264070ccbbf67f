"""VoxLingua107 by the name of a language, fetched from where it is published.

A zip for each language, called by its code: Albanian is sq.zip (sr.zip, mistaken for it now and
then, is Serbian). There are no texts in it: it is sound to be transcribed and corrected.
https://cs.taltech.ee/staff/tanel.alumae/data/voxlingua107/
"""

import http.client
import os
import re
import shutil
import time
import urllib.error
import urllib.request
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path

from filelock import FileLock, Timeout

from lab.core.errors import LabError, OptionsError, WorkspaceError
from lab.core.languages import LANGUAGES
from lab.core.progress import Progress, ignore
from lab.core.workspace import read_json, write_json
from lab.importers.source import whisper_code
from lab.preprocess.archive import gigabytes

ADDRESS_VARIABLE = "LAB_VOXLINGUA_URL"
DEFAULT_ADDRESS = "https://cs.taltech.ee/staff/tanel.alumae/data/voxlingua107"

# Whisper's code → its own, where they differ. Whisper learned its languages from VoxLingua107, so
# that both know the same 99; Cantonese came later.
_OWN_CODES = {"he": "iw"}
_NOT_THERE = ("yue",)

_TIMEOUT_S = 30
_CHUNK_BYTES = 1 << 18
_TRIES = 5  # in a row that bring nothing
_PAUSE_S = 2.0


def languages() -> dict[str, str]:
    """The languages that VoxLingua107 and Whisper share: name by Whisper's code, sorted by name."""
    shared = {code: name for code, name in LANGUAGES.items() if code not in _NOT_THERE}
    return dict(sorted(shared.items(), key=lambda item: item[1]))


def language_named(name: str) -> str:
    """Whisper's code for a language that a person calls by name or code; raises OptionsError."""
    by_name = {known.casefold(): code for code, known in languages().items()}
    wanted = " ".join(name.casefold().split())
    code = by_name.get(wanted) or whisper_code(wanted if len(wanted) <= 3 else "")
    if code in languages():
        return code
    near = get_close_matches(wanted, by_name, 3)
    hint = ", ".join(f"“{LANGUAGES[by_name[one]]}”" for one in near) or "“Albanian” or “sq”"
    raise OptionsError(
        f"“{name[:40]}” is no language that both VoxLingua107 and Whisper know. "
        f"Write its English name or its code, such as {hint}."
    )


def address_of(code: str) -> str:
    """Where the zip of a language lies. code: Whisper's. Raises OptionsError."""
    base = os.environ.get(ADDRESS_VARIABLE) or DEFAULT_ADDRESS
    if not re.match("https?://", base):
        raise OptionsError(
            f"{ADDRESS_VARIABLE} is “{base[:80]}”, which does not begin with https:// or http://."
        )
    return f"{base.rstrip('/')}/{_OWN_CODES.get(code, code)}.zip"


def download(code: str, target: Path, *, on_progress: Progress = ignore) -> None:
    """Fetch the zip of a language into the file `target`.

    code: one of `languages`
    on_progress: called in bytes; raising `Cancelled` from it stops

    What came before a stop, a cut or the end of the program stays beside `target`, and is gone on
    from if the file there is still the same. `target` appears when all of it has come and can be
    read as a zip. Raises OptionsError where the address or the disk is not right, LabError where
    the connection is not, WorkspaceError when the disk refuses.
    """
    url = address_of(code)
    part = _Part(target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.json"))
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f".{target.name}.lock"), timeout=0):
            _fetch(url, part, on_progress, f"Downloading {LANGUAGES[code]}")
            _check(url, part)
            part.path.replace(target)
            part.origin.unlink(missing_ok=True)
    except Timeout:
        raise LabError(
            f"{LANGUAGES[code]} is being downloaded already. Wait until that has ended."
        ) from None
    except OSError as error:
        raise WorkspaceError(
            f"{target.parent} cannot be written ({error.strerror or error}). Free some space."
        ) from error


@dataclass(frozen=True)
class _Part:
    """What has come of a file.

    origin: beside it; tells the address and which state of the file it is a part of
    """

    path: Path
    origin: Path

    def n_bytes(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def validator(self, url: str) -> str:
        """What the server called the state of the file at `url`; "" where it is not known."""
        with suppress(WorkspaceError):
            origin = read_json(self.origin)
            if origin.get("url") == url:
                return str(origin.get("validator", ""))
        return ""

    def forget(self) -> None:
        self.path.unlink(missing_ok=True)
        self.origin.unlink(missing_ok=True)

    def begin(self, url: str, validator: str) -> None:
        self.path.write_bytes(b"")
        write_json(self.origin, {"url": url, "validator": validator})


class _CutError(Exception):
    """The connection was lost, or there was none."""


def _fetch(url: str, part: _Part, on_progress: Progress, note: str) -> None:
    """Bring all of a file, connecting anew for as long as that brings something."""
    tries_left = _TRIES
    while True:
        before = part.n_bytes()
        try:
            _connect(url, part, on_progress, note)
            return
        except _CutError as error:
            came = part.n_bytes()
            tries_left = _TRIES if came > before else tries_left - 1
            if not came or not tries_left:
                kept = f" {gigabytes(came)} have come and are kept." if came else ""
                raise LabError(
                    f"{url} cannot be downloaded ({error}).{kept} "
                    "Check the connection and try again."
                ) from error
            on_progress(came, came + 1, f"{note}: connecting again")
            time.sleep(_PAUSE_S)


def _connect(url: str, part: _Part, on_progress: Progress, note: str) -> None:
    """Bring what the server gives in one go; raises _CutError where that is not the rest."""
    have, validator = part.n_bytes(), part.validator(url)
    headers = {"Accept-Encoding": "identity"}
    if have and validator:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_S
        ) as response:
            _receive(response, url, part, have, on_progress, note)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            part.forget()  # more than there is: it was another file
            raise _CutError("the file has changed") from error
        raise OptionsError(
            f"{url} cannot be downloaded: the server answers “{error.code} {error.reason}”. "
            f"If VoxLingua107 has moved, set {ADDRESS_VARIABLE} to its new address."
        ) from error
    except (
        urllib.error.URLError,
        http.client.HTTPException,
        ConnectionError,
        TimeoutError,
    ) as lost:
        raise _CutError(str(getattr(lost, "reason", lost)) or type(lost).__name__) from lost


def _receive(
    response: http.client.HTTPResponse,
    url: str,
    part: _Part,
    have: int,
    on_progress: Progress,
    note: str,
) -> None:
    if response.headers.get_content_type() == "text/html":
        raise OptionsError(
            f"At {url} there is a web page and no zip. Check whether the network asks you to log "
            f"in, or whether VoxLingua107 has moved ({ADDRESS_VARIABLE})."
        )
    length = response.headers.get("Content-Length") or ""
    total = int(length) if length.isdecimal() else 0
    range_given = re.fullmatch(
        r"bytes ([0-9]+)-[0-9]+/([0-9]+)", response.headers.get("Content-Range") or ""
    )
    if response.status == http.HTTPStatus.PARTIAL_CONTENT:
        if not range_given or int(range_given[1]) != have:
            part.forget()
            raise _CutError("the server gave another part than was asked for")
        total = int(range_given[2])
    else:
        part.begin(url, _validator(response))
        have = 0
    _check_room(part, have, total)
    with part.path.open("ab") as file:
        while chunk := _read(response):
            file.write(chunk)
            have += len(chunk)
            on_progress(have, max(total, have), note)
    if have < total:
        raise _CutError(f"the connection was lost after {gigabytes(have)} of {gigabytes(total)}")


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read(_CHUNK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise _CutError(str(error) or type(error).__name__) from error


def _validator(response: http.client.HTTPResponse) -> str:
    """What If-Range takes: a strong ETag, or else the date of the last change."""
    etag = str(response.headers.get("ETag") or "")
    if etag and not etag.startswith("W/"):
        return etag
    return str(response.headers.get("Last-Modified") or "")


def _check_room(part: _Part, have: int, total: int) -> None:
    free = shutil.disk_usage(part.path.parent).free
    needed = 2 * total - have  # unpacked, sound takes about as much again
    if needed > free:
        raise OptionsError(
            f"The download and its clips take {gigabytes(needed)}, and {gigabytes(free)} are free "
            "on the disk. Free some space or choose another workspace."
        )


def _check(url: str, part: _Part) -> None:
    """See that what has come is a zip; its checksums are compared as it is unpacked."""
    try:
        with zipfile.ZipFile(part.path) as archive:
            is_right = bool(archive.infolist())
    except (zipfile.BadZipFile, ValueError, EOFError):
        is_right = False
    if not is_right:
        part.forget()
        raise OptionsError(
            f"What lies at {url} is no zip or is damaged, and was thrown away. Try again, or check "
            f"the address ({ADDRESS_VARIABLE})."
        )
