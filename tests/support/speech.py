"""Real speech with transcripts, from Debian's packages: fetched once, kept in `.cache/speech`.

The Asterisk prompts are recorded by professional speakers, one a language, and come with their
texts (CC-BY-SA-3.0; Italian and Russian: CC-BY-3.0). Raw G.722, 16 kHz, mono. What the pictures of
Tux Paint show is said in short phrases by volunteers (GPL-2), as Ogg Vorbis.
"""

import gzip
import hashlib
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

from lab import audio
from lab.audio import SAMPLE_RATE, Waveform
from tests.support.paths import ROOT

CACHE = ROOT / ".cache" / "speech"
PAUSE_S = 0.7
LANGUAGES = ("en", "fr", "es", "it", "ru")


class SpeechUnavailableError(Exception):
    """The packages cannot be fetched on this machine; the message says why."""


@dataclass(frozen=True)
class Utterance:
    """A clip and what is said in it."""

    audio_path: Path
    text: str

    def load(self) -> Waveform:
        return audio.decode(self.audio_path)


def prompts(language: str, *, min_words: int = 3) -> list[Utterance]:
    """The prompts of at least `min_words` words whose text says exactly what is spoken.

    Raises `SpeechUnavailableError` where Debian's packages are unavailable.
    """
    folder = CACHE / language
    if not folder.exists():
        names = [f"asterisk-core-sounds-{language}-g722", f"asterisk-core-sounds-{language}"]
        fetch(names, folder)
    (texts,) = folder.glob("usr/share/doc/*/core-sounds-*.txt*")
    (voice,) = folder.glob("usr/share/asterisk/sounds/*_*")
    opener = gzip.open if texts.suffix == ".gz" else open
    with opener(texts, "rt", encoding="utf-8") as lines:
        return list(_utterances(lines, voice, min_words))


def stamps(language: str) -> list[Utterance]:
    """What volunteers say about Tux Paint's pictures: "ro", "fr" or "es", a phrase each.

    Each recording and each phrase once; phrases with digits are left out, since those can be
    written in many right ways. Raises `SpeechUnavailableError` where Debian's packages cannot be
    had.
    """
    folder = CACHE / "tuxpaint"
    if not folder.exists():
        fetch(["tuxpaint-stamps-default"], folder)
    ending = f"_desc_{language}.ogg"
    found: dict[str, Utterance] = {}
    contents = set()
    for audio_path in sorted(folder.rglob(f"*{ending}")):
        text = _stamp_text(audio_path.with_name(audio_path.name.replace(ending, ".txt")), language)
        content = hashlib.sha256(audio_path.read_bytes()).digest()
        if text and content not in contents and not re.search(r"\d", text):
            found.setdefault(
                " ".join(re.findall(r"\w+", text.casefold())), Utterance(audio_path, text)
            )
        contents.add(content)
    return list(found.values())


def joined(utterances: list[Utterance], *, pause_s: float = PAUSE_S) -> tuple[Waveform, str]:
    """One long recording of the utterances with pauses between them, and its text."""
    pause = np.zeros(round(pause_s * SAMPLE_RATE), np.float32)
    pieces = [piece for utterance in utterances for piece in (utterance.load().samples, pause)]
    text = " ".join(utterance.text for utterance in utterances)
    return Waveform(np.concatenate(pieces), SAMPLE_RATE), text


def _utterances(lines: Iterator[str], voice: Path, min_words: int) -> Iterator[Utterance]:
    for line in lines:
        key, separator, text = line.strip().partition(":")
        text = text.strip()
        audio_path = voice / f"{key.strip()}.g722"
        if not separator or line.startswith(";") or not audio_path.exists():
            continue
        # Tones and pauses in brackets are not spoken; digits, keys and spelled letters can be
        # written in many right ways. Dots show where another prompt would go on.
        text = text.replace("...", " ").strip()
        if re.search(r"[\[\]<>()*#0-9]|\b[B-HJ-Z]\b", text):
            continue
        if len(text.split()) >= min_words:
            yield Utterance(audio_path, text)


def _stamp_text(path: Path, language: str) -> str:
    """The line of a picture's texts that is in a language, or nothing."""
    if not path.exists():
        return ""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    start = f"{language}.utf8="
    return next((line.removeprefix(start).strip() for line in lines if line.startswith(start)), "")


def fetch(packages: list[str], folder: Path) -> None:
    """Put what is in Debian's packages into a new folder; raises `SpeechUnavailableError`."""
    if not shutil.which("apt-get") or not shutil.which("dpkg"):
        raise SpeechUnavailableError("speech to test with comes from Debian's packages, by apt-get")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):  # tests run in several processes
        if folder.exists():
            return
        partial = folder.with_name(f"{folder.name}.part")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        try:
            subprocess.run(
                ["apt-get", "download", "-qq", *packages],
                cwd=partial,
                check=True,
                capture_output=True,
            )
            for archive in partial.glob("*.deb"):
                subprocess.run(["dpkg", "-x", archive.name, "."], cwd=partial, check=True)
        except (subprocess.CalledProcessError, OSError) as error:
            raise SpeechUnavailableError(f"{' '.join(packages)}: {error}") from error
        partial.replace(folder)


def prompts_or_skip(language: str, *, min_words: int = 3) -> list[Utterance]:
    """Real speech with its texts; the test is skipped where it is unavailable."""
    try:
        return prompts(language, min_words=min_words)
    except SpeechUnavailableError as error:
        pytest.skip(f"no speech to test with: {error}")
