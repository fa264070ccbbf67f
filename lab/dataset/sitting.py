"""A person corrects clip after clip: which one is before them, and what becomes of it.

Everything they do is on the disk before the next clip comes. What cannot be written, or what
somebody else has changed meanwhile, leaves them where they are, with the reason.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from lab.core.errors import LabError
from lab.dataset.correcting import Desks, first_text, is_waiting, place_after
from lab.dataset.journal import Action
from lab.dataset.predictions import Prediction
from lab.dataset.store import ChangedMeanwhileError, Dataset
from lab.dataset.table import CORRECTED, EXCLUDED, Entry


@dataclass
class Sitting:
    """One person with a queue of clips; it is changed by what they do.

    names: the queue, by file name
    desks: who else works, and on what
    heard: what a model made of clips, by file name
    again: corrected clips come as well
    first: the clip to begin with, whatever has become of it; "" for the first that waits
    place: of the clip in the queue; its length when all are done
    entry: the clip as the person sees it, None when all are done
    text: what they begin with
    page: another one whenever the text is to be shown anew
    theirs: the clip as somebody else has made it, where that has to be settled first
    problem: why the last thing could not be done
    """

    dataset: Dataset
    names: tuple[str, ...]
    desks: Desks
    heard: Mapping[str, Prediction] = field(default_factory=dict)
    again: bool = False
    first: str = ""
    place: int = -1
    entry: Entry | None = None
    text: str = ""
    page: str = ""
    theirs: Entry | None = None
    problem: str = ""
    done: list[Action] = field(default_factory=list)
    _id: str = field(default_factory=lambda: secrets.token_hex(8))

    def __post_init__(self) -> None:
        if self.first in self.dataset.by_name():
            others = (name for name in self.names if name != self.first)
            self.names = (self.first, *others)
            self._turn_to(0)
        else:
            self.skip()

    @property
    def can_go_back(self) -> bool:
        return self.place > 0

    def accept(self, text: str, *, by: str = "") -> None:
        """The text is right as it is now; then comes the next clip."""
        text = " ".join(text.split())
        if not text:
            self.problem = "There is no text. Type what is said, or leave the clip out."
        elif self.entry is not None:
            wanted = replace(self.entry, transcription=text, status=CORRECTED)
            self._change(wanted, what="corrected", by=by)

    def leave_out(self, *, by: str = "") -> None:
        """The clip is of no use; then comes the next one."""
        if self.entry is not None:
            self._change(replace(self.entry, status=EXCLUDED), what="left out", by=by)

    def skip(self) -> None:
        """On to the next clip that still waits and that nobody else has before them."""
        clips = self.dataset.by_name()
        taken = self.desks.taken(self.dataset.folder, apart_from=self._id)

        def is_passed_over(name: str) -> bool:
            entry = clips.get(name)
            if entry is None or entry.status == EXCLUDED or name in taken:
                return True
            return not self.again and not is_waiting(entry)

        self._turn_to(place_after(self.names, self.place, is_passed_over))

    def back(self) -> None:
        """To the clip before, whatever has become of it."""
        clips = self.dataset.by_name()
        before = range(self.place - 1, -1, -1)
        place = next((one for one in before if self.names[one] in clips), None)
        if place is not None:
            self._turn_to(place)

    def undo(self, action: Action | None = None, *, by: str = "") -> None:
        """Take an action back, the last one of this sitting if none is named, and show its clip."""
        action = action or (self.done[-1] if self.done else None)
        if action is None:
            return
        undone = self.dataset.undo(action, by=by)
        self.done = [one for one in self.done if one.id != action.id]
        if undone is None:
            self.problem = "This was changed again since, so it cannot be undone. See its history."
            return
        name = undone.changes[0].file_name
        if name in self.names:
            self._turn_to(self.names.index(name))

    def _change(self, wanted: Entry, *, what: str, by: str) -> None:
        self.problem = ""
        try:
            action = self.dataset.change([(self.entry or wanted, wanted)], what=what, by=by)
            now = self.dataset.by_name().get(wanted.file_name, wanted)
        except ChangedMeanwhileError as error:
            # From here on the person has seen what the other one wrote.
            self.entry = self.theirs = error.entry
        except LabError as error:
            self.problem = str(error)
        else:
            if action:
                self.done.append(action)
            if action is None and now.transcription != wanted.transcription:
                self.entry = self.theirs = now
            else:
                self.skip()

    def _turn_to(self, place: int) -> None:
        self.place, self.problem, self.theirs = place, "", None
        self.page = secrets.token_hex(4)
        self.entry, self.text = None, ""
        if place < len(self.names):
            name = self.names[place]
            self.entry = self.dataset.by_name()[name]
            self.text = first_text(self.entry, self.heard.get(name))
            self.desks.take(self._id, self.dataset.folder, name)
        else:
            self.desks.leave(self._id)
