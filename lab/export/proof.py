"""The proof that an exported model is the same model: its library transcribes clips with it.

Both sides take the likeliest token at each step, hear 30 s and try nothing twice. What is left of a
difference is rounding, and what the libraries put after the end of a clip: silence, or, as
`whisper.transcribe` and faster-whisper do, spectrogram values of 0, which are a faint noise.
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
from lab.core.workspace import read_json, write_json
from lab.evaluation import reference_clips
from lab.evaluation.reference_clips import Spoken
from lab.export.formats import FORMATS, check, export
from lab.export.hearing import REQUEST_NAME
from lab.scoring import BASIC, Counts, score

if TYPE_CHECKING:
    from whisper.model import Whisper

PROOF_NAME = "proof.json"

_ROOT = Path(__file__).resolve().parent.parent.parent
# Of the words of both sides, so many may differ: other decoding costs one in a hundred, also where
# weights are rounded to 8 bits. Of those that are wrong here more may, since what a model guesses,
# every library guesses in its own way.
_ALLOWED_SHARE, _ALLOWED_GUESSES = 0.03, 0.5
# Nor may it be better or worse by more than that, and by more than a tenth of the errors.
_ALLOWED_ERRORS = 0.1
# Who gets more than half of the words wrong guesses: then other words say nothing about an export.
_GUESSED_WER = 0.5

Outcome = Literal["proven", "differs", "not proven"]


@dataclass(frozen=True)
class ProofRow:
    """A clip: what is said in it, what the lab heard, and what the library heard."""

    text: str
    here: str
    there: str


@dataclass(frozen=True)
class Proof:
    """What the library `library` (its name and version) made of an export.

    outcome: "not proven" where nothing could be tried, or the model guesses
    wer_here, wer_there: word error rates of the lab and of the library on the same clips, with
        capitals and punctuation left out; None where nothing could be tried
    n_differing: clips whose words differ
    sentence: all of that for people
    """

    file_format: str
    library: str
    outcome: Outcome
    sentence: str
    wer_here: float | None = None
    wer_there: float | None = None
    n_differing: int = 0
    rows: tuple[ProofRow, ...] = ()


def export_with_proof(
    load: "Callable[[Progress], Whisper]",
    target: Path,
    clips: Sequence[Spoken],
    *,
    file_format: str,
    precision: str = "float32",
    card: str = "",
    origin: str = "",
    on_progress: Progress = ignore,
) -> Proof:
    """Write a model into the folder `target`, and prove it with `clips`.

    load: gives the model; it is let go before the library loads the export
    The other parameters are those of `export`; without clips it says that nothing was proven.

    Raises what `export` raises. Stopped from `on_progress` while it is proven, the export stays,
    for it is complete, without a proof.
    """
    check(target, file_format=file_format, precision=precision)
    model = load(part(on_progress, 0, 3))
    settings = {"file_format": file_format, "precision": precision}
    export(model, target, **settings, card=card, origin=origin)
    heard = listen(model, clips, part(on_progress, 1, 3))
    del model
    proof = prove(
        target, clips, heard, file_format=file_format, on_progress=part(on_progress, 2, 3)
    )
    write_json(target / PROOF_NAME, asdict(proof))
    return proof


def listen(model: "Whisper", clips: Sequence[Spoken], on_progress: Progress = ignore) -> list[str]:
    """What the lab hears in `clips` with `model`, computed exactly (float32).

    Raises OptionsError for a clip in a language that the model does not know.
    """
    from lab.asr.devices import processor
    from lab.asr.engine import Engine

    engine = Engine(model, name="export", device=processor())
    return reference_clips.texts(engine, clips, on_progress=on_progress)


def prove(
    exported: Path,
    clips: Sequence[Spoken],
    heard_here: Sequence[str],
    *,
    file_format: str,
    on_progress: Progress = ignore,
) -> Proof:
    """Let the real library transcribe `clips` with the model in the folder `exported`.

    heard_here: what `listen` gave for the same clips
    on_progress: called with clips; raising from it stops the library

    Never raises for what the library does: a proof that failed says why.
    """
    library = FORMATS[file_format].library

    def not_proven(reason: str) -> Proof:
        return Proof(file_format, library, "not proven", f"Not proven: {reason}")

    if not clips:
        return not_proven("there was no clip to try the model on. Choose a dataset with texts.")
    texts: list[str] = []
    try:
        for answer in _answers(exported, clips, file_format, on_progress):
            if "missing" in answer:
                return not_proven(
                    f"{library} is not installed here. Install it (pip install {library}) and "
                    "export once more."
                )
            if "version" in answer:
                library = f"{library} {answer['version']}"
            if "text" in answer:
                texts.append(str(answer["text"]).strip())
                on_progress(len(texts), len(clips), f"Transcribing with {library}")
    except _LibraryError as error:
        return not_proven(f"{library} could not use the model ({error}).")
    return _judged(file_format, library, clips, heard_here, texts)


def read_proof(folder: Path) -> Proof:
    """The proof in the folder of an export; raises WorkspaceError where there is none."""
    content = read_json(folder / PROOF_NAME)
    try:
        rows = tuple(ProofRow(**row) for row in content.pop("rows"))
        return Proof(**content, rows=rows)
    except (KeyError, TypeError) as error:
        raise WorkspaceError(f"{folder / PROOF_NAME} holds no proof: {error}.") from error


class _LibraryError(Exception):
    """The library ended before all clips were transcribed; the message says how."""


def _answers(
    exported: Path, clips: Sequence[Spoken], file_format: str, on_progress: Progress
) -> Iterator[Mapping[str, Any]]:
    """What `lab.export.hearing` says, a clip at a time."""
    library = FORMATS[file_format].library
    on_progress(0, len(clips), f"Loading the model with {library}")
    offline = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "PYTHONIOENCODING": "utf-8"}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for number, clip in enumerate(clips):
            np.save(folder / f"{number}.npy", clip.waveform.samples)
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
                [sys.executable, "-m", "lab.export.hearing", name],
                cwd=_ROOT,
                env={**os.environ, **offline},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=messages,
            ) as program,
        ):
            assert program.stdout is not None
            try:
                yield from filter(None, map(_answer, program.stdout))
                program.wait()
            finally:  # also where the one who asked has had enough
                program.kill()
            if program.returncode:
                messages.seek(0)
                raise _LibraryError(_last_line(messages.read(), program.returncode))


def _answer(line: bytes) -> Mapping[str, Any]:
    content = json.loads(line)
    return content if isinstance(content, dict) else {}


def _last_line(messages: bytes, code: int) -> str:
    lines = messages.decode("utf-8", "replace").strip().splitlines()
    if code < 0:  # a signal; the system sends 9 when the memory is used up
        return "it was ended by the system, probably for want of memory"
    return lines[-1][:200] if lines else f"it ended with the code {code}"


def _judged(
    file_format: str,
    library: str,
    clips: Sequence[Spoken],
    heard_here: Sequence[str],
    heard_there: Sequence[str],
) -> Proof:
    texts = [clip.text for clip in clips]
    here, there = (score(texts, heard, BASIC).words for heard in (heard_here, heard_there))
    between = score(heard_here, heard_there, BASIC).words
    pairs = list(zip(heard_here, heard_there, strict=True))
    n_differing = sum(BASIC(one) != BASIC(other) for one, other in pairs)
    outcome = _outcome(here, there, between)
    beginning = {
        "proven": f"{library} loads the model and hears the same",
        "differs": f"{library} loads the model but does not hear the same",
        "not proven": f"Not proven: {library} loads the model, but what the model does not know, "
        "every library guesses in its own way",
    }[outcome]
    sentence = (
        f"{beginning}: of 100 words it gets {100 * there.rate:.1f} wrong, and the lab "
        f"{100 * here.rate:.1f}, in {len(clips)} clip{'s' if len(clips) > 1 else ''}. "
    ) + (
        f"In {n_differing} of them words differ, {100 * between.rate:.1f} of 100."
        if n_differing
        else "The words are the same in all of them."
    )
    return Proof(
        file_format,
        library,
        outcome,
        sentence,
        here.rate,
        there.rate,
        n_differing,
        tuple(ProofRow(text, one, other) for text, (one, other) in zip(texts, pairs, strict=True)),
    )


def _outcome(here: Counts, there: Counts, between: Counts) -> Outcome:
    """here, there: what was heard beside what was said; between: there beside here."""
    may_differ = _ALLOWED_SHARE * between.n_reference + _ALLOWED_GUESSES * here.errors
    may_be_wrong = _ALLOWED_SHARE * here.n_reference + _ALLOWED_ERRORS * here.errors
    if between.errors <= may_differ and abs(there.errors - here.errors) <= may_be_wrong:
        return "proven"
    return "not proven" if here.rate > _GUESSED_WER else "differs"
