"""View state of correcting texts: the queue of one person, and the clip they are editing.

Each edit is on disk before the next clip is shown. If it cannot be saved, or somebody else has
changed the clip, the person stays at the clip and sees why.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lab.core.errors import LabError
from lab.dataset.correction_queue import ClipReservations, initial_text, needs_correction
from lab.dataset.journal import Action
from lab.dataset.predictions import Prediction
from lab.dataset.store import Dataset, EditConflictError
from lab.dataset.table import CORRECTED, EXCLUDED, DatasetClip


@dataclass
class CorrectionSession:
    """One person's way through a queue of clips.

    queue: file names, in order
    reservations: shared by all sessions
    predictions: by file name
    include_corrected: whether clips that are already corrected are shown as well
    start_at: file name of the first clip, whatever its status; "" for the first in the queue
    index: of the current clip in the queue; its length at the end
    clip: as the person sees it; None at the end of the queue
    text: the initial text of the editor
    version: changes whenever the editor has to load `text`
    conflict: the clip as somebody else has changed it, until the person decides
    error: why the last action failed; "" if it did not
    actions: the session's edits that can be undone, oldest first
    """

    dataset: Dataset
    queue: tuple[str, ...]
    reservations: ClipReservations
    predictions: Mapping[str, Prediction] = field(default_factory=dict)
    include_corrected: bool = False
    start_at: str = ""
    index: int = -1
    clip: DatasetClip | None = None
    text: str = ""
    version: str = ""
    conflict: DatasetClip | None = None
    error: str = ""
    actions: list[Action] = field(default_factory=list)
    _id: str = field(default_factory=lambda: secrets.token_hex(8))

    def __post_init__(self) -> None:
        if self.start_at in self.dataset.clips_by_name():
            others = (name for name in self.queue if name != self.start_at)
            self.queue = (self.start_at, *others)
            self._show(0)
        else:
            self.skip()

    @property
    def can_go_back(self) -> bool:
        return self.index > 0

    def accept(self, text: str, *, by: str = "") -> None:
        """Save the text as corrected, and show the next clip."""
        text = " ".join(text.split())
        if not text:
            self.error = "There is no text. Type what is said, or exclude the clip."
        elif self.clip is not None:
            wanted = replace(self.clip, transcription=text, status=CORRECTED)
            self._change(wanted, what="corrected", by=by)

    def exclude(self, *, by: str = "") -> None:
        """Exclude the clip, and show the next one."""
        if self.clip is not None:
            self._change(replace(self.clip, status=EXCLUDED), what="excluded", by=by)

    def skip(self) -> None:
        """Show the next clip that needs correction and is not reserved by somebody else."""
        clips = self.dataset.clips_by_name()
        reserved = self.reservations.reserved_by_others(self._id, self.dataset.folder)

        def is_next(name: str) -> bool:
            clip = clips.get(name)
            if clip is None or clip.status == EXCLUDED or name in reserved:
                return False
            return self.include_corrected or needs_correction(clip)

        later = range(self.index + 1, len(self.queue))
        self._show(next((i for i in later if is_next(self.queue[i])), len(self.queue)))

    def back(self) -> None:
        """Show the previous clip, whatever its status."""
        clips = self.dataset.clips_by_name()
        earlier = range(self.index - 1, -1, -1)
        index = next((i for i in earlier if self.queue[i] in clips), None)
        if index is not None:
            self._show(index)

    def undo(self, action: Action | None = None, *, by: str = "") -> None:
        """Undo an action, by default the session's last one, and show its clip."""
        action = action or (self.actions[-1] if self.actions else None)
        if action is None:
            return
        undone = self.dataset.undo(action, by=by)
        self.actions = [one for one in self.actions if one.id != action.id]
        if undone is None:
            self.error = "The clip has been changed since, so this cannot be undone. See History."
            return
        name = undone.changes[0].file_name
        if name in self.queue:
            self._show(self.queue.index(name))

    def _change(self, wanted: DatasetClip, *, what: str, by: str) -> None:
        self.error = ""
        try:
            action = self.dataset.change([(self.clip or wanted, wanted)], what=what, by=by)
            current = self.dataset.clips_by_name().get(wanted.file_name, wanted)
        except EditConflictError as error:
            # The person now sees the other text, so accepting again overwrites it.
            self.clip = self.conflict = error.current
        except LabError as error:
            self.error = str(error)
        else:
            if action:
                self.actions.append(action)
            if action is None and current.transcription != wanted.transcription:
                self.clip = self.conflict = current
            else:
                self.skip()

    def _show(self, index: int) -> None:
        self.index, self.error, self.conflict = index, "", None
        self.version = secrets.token_hex(4)
        self.clip, self.text = None, ""
        if index < len(self.queue):
            name = self.queue[index]
            self.clip = self.dataset.clips_by_name()[name]
            self.text = initial_text(self.clip, self.predictions.get(name))
            self.reservations.reserve(self._id, self.dataset.folder, name)
        else:
            self.reservations.release(self._id)
