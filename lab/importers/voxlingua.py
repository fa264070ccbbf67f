"""Download VoxLingua107, language by language.

There is one zip per language, named by its code: Albanian is sq.zip (sr.zip is Serbian). It has
no transcriptions: the audio is meant to be transcribed and corrected.
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

from lab.core.errors import LabError, OptionsError, WorkspaceError, disk_error
from lab.core.files import gigabytes
from lab.core.languages import LANGUAGES
from lab.core.progress import Progress, ignore
from lab.core.workspace import read_json, write_json
from lab.importers.source import whisper_code

ADDRESS_VARIABLE = "LAB_VOXLINGUA_URL"
DEFAULT_ADDRESS = "https://cs.taltech.ee/staff/tanel.alumae/data/voxlingua107"

# Whisper's code → that of VoxLingua107, where they differ. Whisper took its 99 languages from
# VoxLingua107; Cantonese came later.
_VOXLINGUA_CODES = {"he": "iw"}
_MISSING_LANGUAGES = ("yue",)

_TIMEOUT_S = 30
_CHUNK_BYTES = 1 << 18
_MAX_TRIES = 5  # in a row without progress
_RETRY_DELAY_S = 2.0


def languages() -> dict[str, str]:
    """The languages of both VoxLingua107 and Whisper: name by Whisper's code, sorted by name."""
    shared = {code: name for code, name in LANGUAGES.items() if code not in _MISSING_LANGUAGES}
    return dict(sorted(shared.items(), key=lambda item: item[1]))


def language_named(name: str) -> str:
    """Whisper's code for the English name or the code of a language; raises OptionsError."""
    by_name = {known.casefold(): code for code, known in languages().items()}
    wanted = " ".join(name.casefold().split())
    code = by_name.get(wanted) or whisper_code(wanted if len(wanted) <= 3 else "")
    if code in languages():
        return code
    near = get_close_matches(wanted, by_name, 3)
    hint = ", ".join(f"“{LANGUAGES[by_name[match]]}”" for match in near) or "“Albanian” or “sq”"
    raise OptionsError(
        f"“{name[:40]}” is not a language of VoxLingua107 and Whisper. "
        f"Enter its English name or its code, such as {hint}."
    )


def address_of(code: str) -> str:
    """The URL of a language's zip. code: Whisper's. Raises OptionsError."""
    base = os.environ.get(ADDRESS_VARIABLE) or DEFAULT_ADDRESS
    if not re.match("https?://", base):
        raise OptionsError(
            f"{ADDRESS_VARIABLE} is “{base[:80]}”; it must begin with https:// or http://."
        )
    return f"{base.rstrip('/')}/{_VOXLINGUA_CODES.get(code, code)}.zip"


def download(code: str, target: Path, *, on_progress: Progress = ignore) -> None:
    """Download the zip of a language to the file `target`.

    code: one of `languages`
    on_progress: called with bytes; raising `Cancelled` from it stops the download

    A partial download stays next to `target` and is resumed if the file on the server is still the
    same. `target` appears once the download is complete and can be read as a zip. Raises
    OptionsError for a wrong address or too little disk space, LabError for a lost connection, and
    WorkspaceError when the disk refuses.
    """
    url = address_of(code)
    partial = _PartialFile(
        target.with_name(f"{target.name}.part"), target.with_name(f"{target.name}.json")
    )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f".{target.name}.lock"), timeout=0):
            _download_all(url, partial, on_progress, f"Downloading {LANGUAGES[code]}")
            _check_zip(url, partial)
            partial.path.replace(target)
            partial.origin.unlink(missing_ok=True)
    except Timeout:
        raise LabError(
            f"{LANGUAGES[code]} is already being downloaded. Wait until that has finished."
        ) from None
    except OSError as error:
        raise disk_error(target.parent, error) from error


@dataclass(frozen=True)
class _PartialFile:
    """A partial download.

    origin: JSON file with the URL and the validator (ETag or date) of the version on the server
    """

    path: Path
    origin: Path

    def n_bytes(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def validator(self, url: str) -> str:
        """The validator of the version that was being downloaded from `url`; "" if unknown."""
        with suppress(WorkspaceError):
            origin = read_json(self.origin)
            if origin.get("url") == url:
                return str(origin.get("validator", ""))
        return ""

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self.origin.unlink(missing_ok=True)

    def start(self, url: str, validator: str) -> None:
        self.path.write_bytes(b"")
        write_json(self.origin, {"url": url, "validator": validator})


class _LostError(Exception):
    """The connection was lost or could not be made."""


def _download_all(url: str, partial: _PartialFile, on_progress: Progress, note: str) -> None:
    """Download a whole file, reconnecting as long as that makes progress."""
    tries_left = _MAX_TRIES
    while True:
        before = partial.n_bytes()
        try:
            _download_once(url, partial, on_progress, note)
            return
        except _LostError as error:
            n_bytes = partial.n_bytes()
            tries_left = _MAX_TRIES if n_bytes > before else tries_left - 1
            if not n_bytes or not tries_left:
                kept = f" The first {gigabytes(n_bytes)} are kept." if n_bytes else ""
                raise LabError(
                    f"{url} cannot be downloaded ({error}).{kept} "
                    "Check the connection and try again."
                ) from error
            on_progress(n_bytes, n_bytes + 1, f"{note}: reconnecting")
            time.sleep(_RETRY_DELAY_S)


def _download_once(url: str, partial: _PartialFile, on_progress: Progress, note: str) -> None:
    """Download the rest over one connection; raises _LostError if it breaks off."""
    have, validator = partial.n_bytes(), partial.validator(url)
    headers = {"Accept-Encoding": "identity"}
    if have and validator:
        headers |= {"Range": f"bytes={have}-", "If-Range": validator}
    try:
        with urllib.request.urlopen(
            urllib.request.Request(url, headers=headers), timeout=_TIMEOUT_S
        ) as response:
            _receive(response, url, partial, have, on_progress, note)
    except urllib.error.HTTPError as error:
        if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
            partial.discard()  # more than the server has: the file has changed
            raise _LostError("the file has changed") from error
        raise OptionsError(
            f"{url} cannot be downloaded: the server answered “{error.code} {error.reason}”. "
            f"If VoxLingua107 has moved, set {ADDRESS_VARIABLE} to its new address."
        ) from error
    except (
        urllib.error.URLError,
        http.client.HTTPException,
        ConnectionError,
        TimeoutError,
    ) as lost:
        raise _LostError(str(getattr(lost, "reason", lost)) or type(lost).__name__) from lost


def _receive(
    response: http.client.HTTPResponse,
    url: str,
    partial: _PartialFile,
    have: int,
    on_progress: Progress,
    note: str,
) -> None:
    if response.headers.get_content_type() == "text/html":
        raise OptionsError(
            f"{url} is a web page instead of a zip. Check whether the network asks you to log in, "
            f"or whether VoxLingua107 has moved ({ADDRESS_VARIABLE})."
        )
    length = response.headers.get("Content-Length") or ""
    total = int(length) if length.isdecimal() else 0
    content_range = re.fullmatch(
        r"bytes ([0-9]+)-[0-9]+/([0-9]+)", response.headers.get("Content-Range") or ""
    )
    if response.status == http.HTTPStatus.PARTIAL_CONTENT:
        if not content_range or int(content_range[1]) != have:
            partial.discard()
            raise _LostError("the server sent another part than requested")
        total = int(content_range[2])
    else:
        partial.start(url, _validator(response))
        have = 0
    _check_disk_space(partial, have, total)
    with partial.path.open("ab") as file:
        while chunk := _read(response):
            file.write(chunk)
            have += len(chunk)
            on_progress(have, max(total, have), note)
    if have < total:
        raise _LostError(f"the connection was lost after {gigabytes(have)} of {gigabytes(total)}")


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read(_CHUNK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise _LostError(str(error) or type(error).__name__) from error


def _validator(response: http.client.HTTPResponse) -> str:
    """The value for If-Range: a strong ETag, or else the date of the last change."""
    etag = str(response.headers.get("ETag") or "")
    if etag and not etag.startswith("W/"):
        return etag
    return str(response.headers.get("Last-Modified") or "")


def _check_disk_space(partial: _PartialFile, have: int, total: int) -> None:
    free = shutil.disk_usage(partial.path.parent).free
    needed = 2 * total - have  # the unpacked audio takes about as much again
    if needed > free:
        raise OptionsError(
            f"The download and its clips need {gigabytes(needed)}, but only {gigabytes(free)} are "
            "free on the disk. Free some space or choose another workspace."
        )


def _check_zip(url: str, partial: _PartialFile) -> None:
    """Check that the download is a zip; unpacking verifies the checksums."""
    try:
        with zipfile.ZipFile(partial.path) as archive:
            is_valid = bool(archive.infolist())
    except (zipfile.BadZipFile, ValueError, EOFError):
        is_valid = False
    if not is_valid:
        partial.discard()
        raise OptionsError(
            f"The file at {url} is not a zip or is damaged, and was discarded. Try again, or check "
            f"the address ({ADDRESS_VARIABLE})."
        )
