"""The texts of a dataset cleaned at once."""

from dataclasses import replace

import pytest

from lab import dataset
from lab.core.progress import Cancelled
from lab.core.workspace import Workspace
from lab.dataset import EXCLUDED, Entry
from lab.dataset.cleaning import clean_texts
from lab.dataset.text_rules import RULES, Cleaning

ENTRIES = [
    Entry("a", "Ai  tha: “Mirë”."),
    Entry("b", "Është mirë."),
    Entry("c", "[qesh]"),
    Entry("d", "  12 ditë [zhurmë] [qesh]", status=EXCLUDED),
    Entry("e", "Mir� se vini"),
    Entry("f"),
]


def test_counts_are_of_places_and_of_clips_and_clean_texts_are_not_listed() -> None:
    found = clean_texts(ENTRIES)
    assert found.n_texts == 5
    assert [one.entry.file_name for one in found.changed] == ["a", "c", "d"]
    assert [one.cleaned.text for one in found.changed] == ['Ai tha: "Mirë".', "", "12 ditë"]
    assert (found.places["notes"], found.clips["notes"]) == (3, 2)
    assert (found.places["quotes"], found.clips["quotes"]) == (2, 1)
    assert set(found.places) == set(RULES) - {"sentences"}
    assert [entry.file_name for entry in found.numbers] == ["d"]
    assert [entry.file_name for entry in found.damaged] == ["e"]
    assert [entry.file_name for entry in found.emptied] == ["c"]


def test_rules_that_are_off_change_nothing() -> None:
    off = Cleaning(False, False, False, False, False, False, False)
    assert clean_texts(ENTRIES, off).changed == ()


def test_cleaning_is_one_action_that_can_be_undone(workspace: Workspace) -> None:
    made, _ = dataset.add(workspace, "a", [("1.wav", b"1"), ("2.wav", b"2")], language="sq")
    first, second = made.entries()
    made.change(
        [
            (first, replace(first, transcription="Mirë  dita")),
            (second, replace(second, transcription="“Po”")),
        ],
        what="corrected",
    )
    found = clean_texts(made.entries())
    action = made.change([one.edit for one in found.changed], what="cleaned")
    assert [entry.transcription for entry in made.entries()] == ["Mirë dita", '"Po"']
    assert action is not None
    assert len(action.changes) == 2
    made.undo(action)
    assert [entry.transcription for entry in made.entries()] == ["Mirë  dita", "“Po”"]


def test_cleaning_can_be_stopped() -> None:
    def stop(*_: object) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        clean_texts(ENTRIES, on_progress=stop)
