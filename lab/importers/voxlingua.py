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
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from urllib.error import HTTPError, URLError

from filelock import FileLock, Timeout

from lab.core.archives import ArchiveError, ArchiveLimits, open_archive
from lab.core.errors import LabError, OptionsError, WorkspaceError, disk_errors
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
_CONNECTION_ERRORS = (URLError, http.client.HTTPException, ConnectionError, TimeoutError)


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
    WorkspaceError if writing fails.
    """
    download = _Download(
        url=address_of(code),
        path=target.with_name(f"{target.name}.part"),
        origin=target.with_name(f"{target.name}.json"),
        note=f"Downloading {LANGUAGES[code]}",
        on_progress=on_progress,
    )
    with disk_errors(target.parent):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(target.with_name(f".{target.name}.lock"), timeout=0):
                download.run()
                download.path.replace(target)
                download.origin.unlink(missing_ok=True)
        except Timeout:
            raise LabError(
                f"{LANGUAGES[code]} is already being downloaded. Wait until that has finished."
            ) from None


class _LostError(Exception):
    """The connection was lost or could not be made."""


@dataclass(frozen=True)
class _Download:
    """A download that can be resumed.

    path: what has been received
    origin: JSON file with the URL and the validator (ETag or date) of the version on the server
    note: for progress
    """

    url: str
    path: Path
    origin: Path
    note: str
    on_progress: Progress

    def run(self) -> None:
        """Download the whole file, reconnecting as long as that makes progress, and check it."""
        tries_left = _MAX_TRIES
        while True:
            before = self._n_bytes()
            try:
                self._connect()
                break
            except _LostError as error:
                n_bytes = self._n_bytes()
                tries_left = _MAX_TRIES if n_bytes > before else tries_left - 1
                if not n_bytes or not tries_left:
                    kept = f" The first {gigabytes(n_bytes)} are kept." if n_bytes else ""
                    raise LabError(
                        f"{self.url} cannot be downloaded ({error}).{kept} "
                        "Check the connection and try again."
                    ) from error
                self.on_progress(n_bytes, n_bytes + 1, f"{self.note}: reconnecting")
                time.sleep(_RETRY_DELAY_S)
        self._check_zip()

    def _n_bytes(self) -> int:
        return self.path.stat().st_size if self.path.is_file() else 0

    def _validator(self) -> str:
        """The validator of the version that was being downloaded; "" if unknown."""
        with suppress(WorkspaceError):
            origin = read_json(self.origin)
            if origin.get("url") == self.url:
                return str(origin.get("validator", ""))
        return ""

    def _discard(self) -> None:
        self.path.unlink(missing_ok=True)
        self.origin.unlink(missing_ok=True)

    def _connect(self) -> None:
        """Download the rest over one connection; raises _LostError if it breaks off."""
        have, validator = self._n_bytes(), self._validator()
        headers = {"Accept-Encoding": "identity"}
        if have and validator:
            headers |= {"Range": f"bytes={have}-", "If-Range": validator}
        request = urllib.request.Request(self.url, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
                self._receive(response, have)
        except HTTPError as error:
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and have:
                self._discard()  # more than the server has: the file has changed
                raise _LostError("the file has changed") from error
            raise OptionsError(
                f"{self.url} cannot be downloaded: the server answered “{error.code} "
                f"{error.reason}”. If VoxLingua107 has moved, set {ADDRESS_VARIABLE} to its new "
                "address."
            ) from error
        except _CONNECTION_ERRORS as lost:
            raise _LostError(str(getattr(lost, "reason", lost)) or type(lost).__name__) from lost

    def _receive(self, response: http.client.HTTPResponse, have: int) -> None:
        if response.headers.get_content_type() == "text/html":
            raise OptionsError(
                f"{self.url} is a web page instead of a zip. Check whether the network asks you to "
                f"log in, or whether VoxLingua107 has moved ({ADDRESS_VARIABLE})."
            )
        length = response.headers.get("Content-Length") or ""
        total = int(length) if length.isdecimal() else 0
        if response.status == http.HTTPStatus.PARTIAL_CONTENT:
            content_range = response.headers.get("Content-Range") or ""
            match = re.fullmatch(r"bytes ([0-9]+)-[0-9]+/([0-9]+)", content_range)
            if not match or int(match[1]) != have:
                self._discard()
                raise _LostError("the server sent another part than requested")
            total = int(match[2])
        else:
            self.path.write_bytes(b"")
            # For If-Range: a strong ETag, or else the date of the last change.
            etag = str(response.headers.get("ETag") or "")
            is_strong = etag and not etag.startswith("W/")
            validator = etag if is_strong else str(response.headers.get("Last-Modified") or "")
            write_json(self.origin, {"url": self.url, "validator": validator})
            have = 0
        free = shutil.disk_usage(self.path.parent).free
        needed = 2 * total - have  # the unpacked audio takes about as much again
        if needed > free:
            raise OptionsError(
                f"The download and its clips need {gigabytes(needed)}, but only {gigabytes(free)} "
                "are free on the disk. Free some space or choose another workspace."
            )
        with self.path.open("ab") as file:
            while chunk := _read(response):
                file.write(chunk)
                have += len(chunk)
                self.on_progress(have, max(total, have), self.note)
        if have < total:
            raise _LostError(
                f"the connection was lost after {gigabytes(have)} of {gigabytes(total)}"
            )

    def _check_zip(self) -> None:
        """Check that the download is a zip; unpacking verifies the checksums."""
        try:
            with open_archive(
                self.path, limits=ArchiveLimits(), is_wanted=lambda _name: True
            ) as members:
                is_valid = any(members)
        except ArchiveError:
            is_valid = False
        if not is_valid:
            self._discard()
            raise OptionsError(
                f"The file at {self.url} is not a zip or is damaged, and was discarded. Try again, "
                f"or check the address ({ADDRESS_VARIABLE})."
            )


def _read(response: http.client.HTTPResponse) -> bytes:
    try:
        return response.read(_CHUNK_BYTES)
    except (OSError, http.client.HTTPException) as error:
        raise _LostError(str(error) or type(error).__name__) from error
