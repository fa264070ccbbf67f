"""Transcriptions one after the other, in the background of the app.

A job outlives the page that started it: leaving the page or reloading the tab harms nothing, and
what is finished lies in the workspace. One worker, because two transcriptions at once are no
faster than one after the other.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count
from queue import SimpleQueue
from typing import TYPE_CHECKING, Literal

from lab import audio, recordings
from lab.asr.options import TranscribeOptions
from lab.asr.pool import EnginePool
from lab.errors import LabError
from lab.progress import Cancelled
from lab.recordings import Recording
from lab.transcript import Segment
from lab.workspace import Workspace

if TYPE_CHECKING:
    from lab.asr.transcription import Transcription

log = logging.getLogger(__name__)

_NO_MEMORY = (
    "The memory of this machine is not enough for this recording and model. "
    "Choose a smaller model or split the recording."
)
_OUR_FAULT = (
    "Something went wrong inside the program; its log says what. The other recordings go on."
)

State = Literal["waiting", "running", "done", "stopped", "failed"]


@dataclass(frozen=True)
class Job:
    """What is known of one transcription at this moment.

    note: what it is doing, in a few words
    share: how much is finished, 0 to 1
    seconds_left: an estimate, None where there is none yet
    warning: what is wrong with the recording although it could be read
    error: why it failed
    transcript_id: where the result lies in the workspace (also of a stopped job, if it got so far)
    """

    id: int
    workspace: Workspace
    recording: Recording
    model: str
    options: TranscribeOptions
    state: State = "waiting"
    note: str = "Waiting"
    share: float = 0.0
    seconds_left: float | None = None
    segments: tuple[Segment, ...] = ()
    warning: str | None = None
    error: str | None = None
    transcript_id: str | None = None

    @property
    def is_over(self) -> bool:
        return self.state in ("done", "stopped", "failed")


@dataclass
class _Entry:
    job: Job
    stop: threading.Event = field(default_factory=threading.Event)


class TranscriptionQueue:
    """Jobs of all workspaces in the order they came; each sees its own only."""

    def __init__(self, pool: EnginePool) -> None:
        self._pool = pool
        self._lock = threading.Lock()
        self._entries: dict[int, _Entry] = {}
        self._numbers = count(1)
        self._work: SimpleQueue[Callable[[], None]] = SimpleQueue()
        threading.Thread(target=self._run, name="transcriptions", daemon=True).start()

    def prepare(self, workspace: Workspace, model: str) -> None:
        """Load `model` when the worker is free, so that the first job need not wait for it."""

        def load() -> None:
            try:
                self._pool.get(model, models_dir=workspace.models_dir)
            except LabError as error:  # the job that needs the model will say so
                log.info("cannot prepare %s: %s", model, error)

        self._work.put(load)

    def submit(
        self, workspace: Workspace, recording: Recording, model: str, options: TranscribeOptions
    ) -> int:
        """Line up a transcription; returns the number of its job."""
        with self._lock:
            number = next(self._numbers)
            self._entries[number] = _Entry(Job(number, workspace, recording, model, options))
        self._work.put(lambda: self._transcribe(number))
        return number

    def jobs(self, workspace: Workspace) -> list[Job]:
        """The jobs of `workspace`, the first one first."""
        with self._lock:
            entries = list(self._entries.values())
        return [entry.job for entry in entries if entry.job.workspace == workspace]

    def stop(self, workspace: Workspace, number: int) -> None:
        """Stop a job of `workspace`; what it has decoded is kept."""
        with self._lock:
            entry = self._entries.get(number)
            if entry is None or entry.job.workspace != workspace:
                return
            entry.stop.set()
            if entry.job.state == "waiting":
                entry.job = replace(entry.job, state="stopped", note="Stopped before it began")

    def clear(self, workspace: Workspace) -> None:
        """Forget the jobs of `workspace` that are over; their transcripts stay."""
        with self._lock:
            for number, entry in list(self._entries.items()):
                if entry.job.workspace == workspace and entry.job.is_over:
                    del self._entries[number]

    def _run(self) -> None:
        while True:
            work = self._work.get()
            try:
                work()
            except Exception:
                # Whatever goes wrong with one job, the next ones are done.
                log.exception("a transcription failed unexpectedly")

    def _transcribe(self, number: int) -> None:
        with self._lock:
            entry = self._entries.get(number)
            if entry is None or entry.stop.is_set():
                return
            entry.job = replace(entry.job, state="running", note="Reading the recording")
        try:
            self._work_on(entry)
        except LabError as error:
            self._update(entry, state="failed", note="Failed", error=str(error))
        except MemoryError:
            self._update(entry, state="failed", note="Failed", error=_NO_MEMORY)
        except Exception:
            self._update(entry, state="failed", note="Failed", error=_OUR_FAULT)
            raise

    def _work_on(self, entry: _Entry) -> None:
        """Do the job. However it ends, what was decoded until then is kept."""
        transcription: Transcription | None = None
        try:
            transcription = self._start(entry)
            for segment in transcription:
                self._update(entry, segments=(*entry.job.segments, segment))
        except Cancelled:
            self._keep(entry, transcription)
            self._update(entry, state="stopped", note="Stopped")
        except Exception:
            self._keep(entry, transcription)
            raise
        else:
            self._keep(entry, transcription, even_empty=True)
            self._update(entry, state="done", note="Done", share=1.0)

    def _start(self, entry: _Entry) -> "Transcription":
        job = entry.job
        watch = _Watch(entry, self._update)
        waveform = audio.decode(
            job.recording.audio_path,
            name=job.recording.name,
            on_progress=watch.phase("Reading the recording"),
        )
        self._update(entry, warning=waveform.warning)
        engine = self._pool.get(
            job.model,
            models_dir=job.workspace.models_dir,
            on_progress=watch.phase(f"Loading the model {job.model}"),
        )
        return engine.transcribe(waveform, job.options, on_progress=watch.phase())

    def _keep(
        self, entry: _Entry, transcription: "Transcription | None", *, even_empty: bool = False
    ) -> None:
        if transcription is not None and (even_empty or entry.job.segments):
            saved = recordings.save_transcript(entry.job.recording, transcription.so_far())
            self._update(entry, transcript_id=saved.id)

    def _update(self, entry: _Entry, **changes: object) -> None:
        with self._lock:
            entry.job = replace(entry.job, **changes)  # type: ignore[arg-type]


class _Watch:
    """Turns the progress of a job's phases into its share and time left, and stops it."""

    def __init__(self, entry: _Entry, update: Callable[..., None]) -> None:
        self._entry, self._update = entry, update

    def phase(self, name: str = "") -> Callable[..., None]:
        """A progress callback; `name` stands in for the notes that it is given."""
        began = time.monotonic()

        def on_progress(done: float, total: float, note: str = "") -> None:
            if self._entry.stop.is_set():
                raise Cancelled
            share = min(done / total, 1.0) if total > 0 else 0.0
            seconds = time.monotonic() - began
            self._update(
                self._entry,
                note=name or note,
                share=share,
                # The first moments say nothing about the rest.
                seconds_left=seconds * (1 - share) / share
                if share > 0.02 and seconds > 1
                else None,
            )

        return on_progress
