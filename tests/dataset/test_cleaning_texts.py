"""Cleaning all texts of a dataset."""

from dataclasses import replace

import pytest

from lab import dataset
from lab.core.progress import Cancelled
from lab.core.workspace import Workspace
from lab.dataset import EXCLUDED, DatasetClip
from lab.dataset.text_cleaning import RULES, CleaningOptions, clean_texts

CLIPS = [
    DatasetClip("a", "Ai  tha: “Mirë”."),
    DatasetClip("b", "Është mirë."),
    DatasetClip("c", "[qesh]"),
    DatasetClip("d", "  12 ditë [zhurmë] [qesh]", status=EXCLUDED),
    DatasetClip("e", "Mir� se vini"),
    DatasetClip("f"),
]


def test_changes_and_clips_are_counted_and_clean_texts_are_not_listed() -> None:
    result = clean_texts(CLIPS)
    assert result.n_texts == 5
    assert [one.clip.file_name for one in result.changed] == ["a", "c", "d"]
    assert [one.cleaned.text for one in result.changed] == ['Ai tha: "Mirë".', "", "12 ditë"]
    assert (result.counts["notes"], result.clip_counts["notes"]) == (3, 2)
    assert (result.counts["quotes"], result.clip_counts["quotes"]) == (2, 1)
    assert set(result.counts) == set(RULES) - {"sentences"}
    assert [clip.file_name for clip in result.numbers] == ["d"]
    assert [clip.file_name for clip in result.damaged] == ["e"]
    assert [clip.file_name for clip in result.emptied] == ["c"]


def test_rules_that_are_off_change_nothing() -> None:
    off = CleaningOptions(False, False, False, False, False, False, False)
    assert clean_texts(CLIPS, off).changed == ()


def test_cleaning_is_one_action_that_can_be_undone(workspace: Workspace) -> None:
    made, _ = dataset.add(workspace, "a", [("1.wav", b"1"), ("2.wav", b"2")], language="sq")
    first, second = made.clips()
    made.change(
        [
            (first, replace(first, transcription="Mirë  dita")),
            (second, replace(second, transcription="“Po”")),
        ],
        what="corrected",
    )
    result = clean_texts(made.clips())
    action = made.change([one.edit for one in result.changed], what="cleaned")
    assert [clip.transcription for clip in made.clips()] == ["Mirë dita", '"Po"']
    assert action is not None
    assert len(action.changes) == 2
    made.undo(action)
    assert [clip.transcription for clip in made.clips()] == ["Mirë  dita", "“Po”"]


def test_cleaning_can_be_cancelled() -> None:
    def stop(*_: object) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        clean_texts(CLIPS, on_progress=stop)
