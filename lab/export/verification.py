"""Verification of an export: the target library transcribes clips, compared with the lab.

Both sides decode greedily, without temperature fallback, in windows of 30 s. Remaining differences
come from rounding and from padding: silence, or, in `whisper.transcribe` and faster-whisper,
spectrogram values of 0, which amount to faint noise.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from lab.core.errors import WorkspaceError
from lab.core.progress import Progress, ignore, part
from lab.core.renamed_keys import current_name, current_names
from lab.core.workspace import read_json, write_json
from lab.evaluation import reference_clips
from lab.evaluation.reference_clips import ReferenceClip
from lab.export.formats import FORMATS, check_target, export
from lab.export.verification_process import REQUEST_NAME
from lab.scoring import BASIC, Counts, score

if TYPE_CHECKING:
    from whisper.model import Whisper

FILE_NAME = "proof.json"

_ROOT = Path(__file__).resolve().parent.parent.parent
# Accepted differences between the two transcripts: other decoding code changes one word in a
# hundred, also with weights rounded to 8 bits. Words that are wrong in the lab's transcript may
# differ more often, because each library errs in its own way.
_MAX_DIFFERENCE, _MAX_DIFFERENCE_OF_ERRORS = 0.03, 0.5
# Accepted difference in the number of errors, on top of `_MAX_DIFFERENCE` of the words.
_MAX_ERROR_CHANGE = 0.1
# A model with a higher WER guesses, so other words say nothing about the export.
_GUESSING_WER = 0.5

Outcome = Literal["verified", "differs", "inconclusive"]


@dataclass(frozen=True)
class VerifiedClip:
    """The reference text of a clip, and the transcripts of the lab and of the library."""

    reference: str
    lab: str
    library: str


@dataclass(frozen=True)
class Verification:
    """How well a library's transcripts with an exported model agree with the lab's.

    library: its name and version
    outcome: "inconclusive" if no clip could be transcribed, or if the model guesses
    sentence: the result for people
    lab_wer, library_wer: word error rates on the same clips, without case and punctuation; None if
        no clip could be transcribed
    n_differing: number of clips with different words
    """

    file_format: str
    library: str
    outcome: Outcome
    sentence: str
    lab_wer: float | None = None
    library_wer: float | None = None
    n_differing: int = 0
    clips: tuple[VerifiedClip, ...] = ()


def export_and_verify(
    load: "Callable[[Progress], Whisper]",
    target: Path,
    clips: Sequence[ReferenceClip],
    *,
    file_format: str,
    precision: str = "float32",
    card: str = "",
    weights_fingerprint: str = "",
    on_progress: Progress = ignore,
) -> Verification:
    """Export a model to the folder `target` and verify it on `clips`.

    load: loads the model, which is released before the library loads the export
    clips: without any, the outcome is "inconclusive"
    The other parameters are those of `export`.

    Raises what `export` raises. If `on_progress` stops the verification, the export is kept.
    """
    check_target(target, file_format=file_format, precision=precision)
    model = load(part(on_progress, 0, 3))
    export(
        model,
        target,
        file_format=file_format,
        precision=precision,
        card=card,
        weights_fingerprint=weights_fingerprint,
    )
    lab_texts = transcribe(model, clips, part(on_progress, 1, 3))
    del model
    verification = verify(
        target, clips, lab_texts, file_format=file_format, on_progress=part(on_progress, 2, 3)
    )
    write_json(target / FILE_NAME, asdict(verification))
    return verification


def transcribe(
    model: "Whisper", clips: Sequence[ReferenceClip], on_progress: Progress = ignore
) -> list[str]:
    """The lab's transcripts of `clips` with `model`, on the CPU in float32.

    Raises OptionsError for a clip in a language that the model does not support.
    """
    from lab.asr.devices import cpu_device
    from lab.asr.engine import Engine

    engine = Engine(model, name="export", device=cpu_device())
    return reference_clips.transcribe(engine, clips, on_progress=on_progress)


def verify(
    exported: Path,
    clips: Sequence[ReferenceClip],
    lab_texts: Sequence[str],
    *,
    file_format: str,
    on_progress: Progress = ignore,
) -> Verification:
    """Transcribe `clips` with the target library and the model in the folder `exported`.

    lab_texts: transcripts of the same clips from `transcribe`

    Failures of the library do not raise: the outcome is then "inconclusive" and says why.
    """
    library = FORMATS[file_format].library

    def inconclusive(reason: str) -> Verification:
        return Verification(file_format, library, "inconclusive", f"Not verified: {reason}")

    if not clips:
        return inconclusive("there are no clips to transcribe. Choose a dataset with texts.")
    texts: list[str] = []
    try:
        for response in _run_library(exported, clips, file_format, on_progress):
            if "missing" in response:
                return inconclusive(
                    f"{library} is not installed. Install it (pip install {library}) and export "
                    "again."
                )
            if "version" in response:
                library = f"{library} {response['version']}"
            if "text" in response:
                texts.append(str(response["text"]).strip())
                on_progress(len(texts), len(clips), f"Transcribing with {library}")
    except _LibraryError as error:
        return inconclusive(f"{library} could not use the model ({error}).")
    return _compare(file_format, library, clips, lab_texts, texts)


def read_verification(folder: Path) -> Verification:
    """Read the verification of the export in `folder`; raises WorkspaceError if it has none."""
    path = folder / FILE_NAME
    content = current_names(FILE_NAME, read_json(path))
    try:
        clips = tuple(
            VerifiedClip(**current_names(f"{FILE_NAME}, clips", clip))
            for clip in content.pop("clips")
        )
        outcome = current_name(f"{FILE_NAME}, outcome", content.pop("outcome"))
        return Verification(**content, outcome=outcome, clips=clips)  # type: ignore[arg-type]
    except (KeyError, TypeError) as error:
        raise WorkspaceError(f"{path} is not a verification of an export: {error}.") from error


class _LibraryError(Exception):
    """The library exited before all clips were transcribed; the message says how."""


def _run_library(
    exported: Path, clips: Sequence[ReferenceClip], file_format: str, on_progress: Progress
) -> Iterator[Mapping[str, Any]]:
    """Responses of `lab.export.verification_process`, as they arrive."""
    library = FORMATS[file_format].library
    on_progress(0, len(clips), f"Loading the model with {library}")
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "PYTHONIOENCODING": "utf-8"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for index, clip in enumerate(clips):
            np.save(folder / f"{index}.npy", clip.waveform.samples)
        request = {
            "format": file_format,
            "library": library,
            "model": str(exported.resolve()),
            "languages": [clip.language for clip in clips],
        }
        write_json(folder / REQUEST_NAME, request)
        with (
            (folder / "messages.txt").open("w+b") as messages,
            subprocess.Popen(
                [sys.executable, "-m", "lab.export.verification_process", name],
                cwd=_ROOT,
                env={**os.environ, **offline},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=messages,
            ) as process,
        ):
            assert process.stdout is not None
            try:
                yield from map(json.loads, process.stdout)
                process.wait()
            finally:  # also when the caller stops early
                process.kill()
            if process.returncode:
                messages.seek(0)
                raise _LibraryError(_last_line(messages.read(), process.returncode))


def _last_line(messages: bytes, code: int) -> str:
    lines = messages.decode("utf-8", "replace").strip().splitlines()
    if code < 0:  # killed by a signal; the system sends SIGKILL when memory runs out
        return "the system ended it, probably because memory ran out"
    return lines[-1][:200] if lines else f"it exited with code {code}"


def _compare(
    file_format: str,
    library: str,
    clips: Sequence[ReferenceClip],
    lab_texts: Sequence[str],
    library_texts: Sequence[str],
) -> Verification:
    references = [clip.text for clip in clips]
    lab, other = (score(references, texts, BASIC).words for texts in (lab_texts, library_texts))
    between = score(lab_texts, library_texts, BASIC).words
    pairs = list(zip(lab_texts, library_texts, strict=True))
    n_differing = sum(BASIC(one) != BASIC(another) for one, another in pairs)
    outcome = _outcome(lab, other, between)
    verdict = {
        "verified": f"Verified: {library} loads the model and its transcripts agree with the lab's",
        "differs": f"{library} loads the model, but its transcripts differ from the lab's",
        "inconclusive": f"Not verified: {library} loads the model, but the WER is so high that "
        "differences between the transcripts say nothing about the export",
    }[outcome]
    differences = f"{n_differing} differ, in {100 * between.rate:.1f} % of all words"
    sentence = (
        f"{verdict}. WER {100 * other.rate:.1f} % (lab: {100 * lab.rate:.1f} %) on {len(clips)} "
        f"clip{'s' if len(clips) > 1 else ''}; "
        f"{differences if n_differing else 'all words are the same'}."
    )
    return Verification(
        file_format,
        library,
        outcome,
        sentence,
        lab.rate,
        other.rate,
        n_differing,
        tuple(VerifiedClip(text, *pair) for text, pair in zip(references, pairs, strict=True)),
    )


def _outcome(lab: Counts, library: Counts, between: Counts) -> Outcome:
    """lab, library: errors against the references; between: of the library against the lab."""
    max_differing = _MAX_DIFFERENCE * between.n_reference + _MAX_DIFFERENCE_OF_ERRORS * lab.errors
    max_change = _MAX_DIFFERENCE * lab.n_reference + _MAX_ERROR_CHANGE * lab.errors
    if between.errors <= max_differing and abs(library.errors - lab.errors) <= max_change:
        return "verified"
    return "inconclusive" if lab.rate > _GUESSING_WER else "differs"
