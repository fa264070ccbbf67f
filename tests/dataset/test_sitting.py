"""A person corrects clip after clip, and others do the same."""

from collections.abc import Mapping

import pytest

from lab.core.errors import WorkspaceError
from lab.core.workspace import Workspace
from lab.dataset import CORRECTED, EXCLUDED, Dataset, journal, store
from lab.dataset.correcting import Desks, queue
from lab.dataset.predictions import Prediction
from lab.dataset.sitting import Sitting
from tests.support.correcting_on_disk import correct, made, texts


@pytest.fixture
def dataset(workspace: Workspace) -> Dataset:
    return made(workspace, 4)


def sit(
    dataset: Dataset,
    desks: Desks | None = None,
    *,
    heard: Mapping[str, Prediction] | None = None,
    again: bool = False,
) -> Sitting:
    names = queue(dataset.entries(), order="table", heard={}, again=again)
    return Sitting(dataset, names, desks or Desks(), heard or {}, again)


def clip(sitting: Sitting) -> str:
    return sitting.entry.file_name if sitting.entry else ""


def test_a_text_is_on_the_disk_before_the_next_clip_comes(dataset: Dataset) -> None:
    sitting = sit(dataset)
    page = sitting.page
    sitting.accept("  Mirë \n dita ", by="Ana")
    assert clip(sitting) == "audio/001.wav"
    assert sitting.page != page
    (action,) = journal.read(dataset.folder)
    assert action.by == "Ana"
    first = dataset.entries()[0]
    assert (first.transcription, first.status) == ("Mirë dita", CORRECTED)


def test_to_the_end_back_and_undone(dataset: Dataset) -> None:
    sitting = sit(dataset)
    assert not sitting.can_go_back
    for text in "abcd":
        sitting.accept(text)
    assert sitting.entry is None
    sitting.back()
    assert (clip(sitting), sitting.text) == ("audio/003.wav", "d")
    sitting.back()
    sitting.accept("c2")
    assert sitting.entry is None  # the last one has been corrected already
    sitting.undo()
    assert (clip(sitting), sitting.text) == ("audio/002.wav", "c")
    sitting.undo()
    assert (clip(sitting), sitting.text) == ("audio/003.wav", "")
    assert texts(dataset) == ["a", "b", "c", ""]


def test_a_clip_that_is_left_out_comes_no_more(dataset: Dataset) -> None:
    sitting = sit(dataset)
    sitting.leave_out(by="Ana")
    assert clip(sitting) == "audio/001.wav"
    assert dataset.entries()[0].status == EXCLUDED
    assert "audio/000.wav" not in sit(dataset, again=True).names


def test_an_empty_text_is_not_taken_for_a_correction(dataset: Dataset) -> None:
    sitting = sit(dataset)
    sitting.accept(" \n ")
    assert "no text" in sitting.problem
    assert clip(sitting) == "audio/000.wav"
    assert dataset.history() == []
    sitting.skip()
    assert sitting.problem == ""


def test_what_another_has_written_meanwhile_is_settled_before_anything_is_lost(
    dataset: Dataset,
) -> None:
    sitting = sit(dataset)
    page = sitting.page
    correct(dataset, 0, "theirs", by="Besa")
    sitting.accept("mine")
    assert sitting.theirs == dataset.entries()[0]
    assert (clip(sitting), sitting.page) == ("audio/000.wav", page)  # the field stays as it is
    assert texts(dataset)[0] == "theirs"
    sitting.accept("mine")
    assert texts(dataset)[0] == "mine"
    assert clip(sitting) == "audio/001.wav"
    assert sitting.theirs is None


def test_a_corrected_clip_that_another_has_changed_is_not_passed_over(dataset: Dataset) -> None:
    correct(dataset, 0, "first")
    sitting = sit(dataset, again=True)
    correct(dataset, 0, "second", by="Besa")
    sitting.accept("first")  # nothing differs from what was seen, but from what there is
    assert sitting.theirs == dataset.entries()[0]
    sitting.skip()
    assert clip(sitting) == "audio/001.wav"
    assert texts(dataset)[0] == "second"


def test_a_disk_that_refuses_keeps_the_clip_and_says_so(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    sitting = sit(dataset)
    page = sitting.page

    def refuse(*_: object) -> int:
        raise WorkspaceError("There is no space left.")

    with monkeypatch.context() as patch:
        patch.setattr(journal, "append", refuse)
        sitting.accept("mirë")
    assert (clip(sitting), sitting.page) == ("audio/000.wav", page)
    assert sitting.problem == "There is no space left."
    sitting.accept("mirë")
    assert sitting.problem == ""
    assert texts(dataset)[0] == "mirë"


def test_two_at_once_get_different_clips_and_all_are_corrected(dataset: Dataset) -> None:
    desks = Desks()
    ana = sit(dataset, desks)
    besa = sit(dataset, desks)
    assert (clip(ana), clip(besa)) == ("audio/000.wav", "audio/001.wav")
    besa.accept("b1", by="Besa")
    ana.accept("a1", by="Ana")
    assert (clip(ana), clip(besa)) == ("audio/003.wav", "audio/002.wav")
    besa.accept("b2", by="Besa")
    assert besa.entry is None  # the last one is with Ana
    ana.accept("a2", by="Ana")
    assert texts(dataset) == ["a1", "b1", "b2", "a2"]


def test_what_cannot_be_undone_any_more_is_said(dataset: Dataset) -> None:
    sitting = sit(dataset)
    sitting.accept("mine")
    correct(dataset, 0, "theirs", by="Besa")
    sitting.undo()
    assert "changed again" in sitting.problem
    assert texts(dataset)[0] == "theirs"
    assert not sitting.done


def test_undoing_something_elsewhere_leaves_the_clip_and_its_text_alone(dataset: Dataset) -> None:
    correct(dataset, 0, "before")
    (action,) = dataset.history()
    sitting = sit(dataset)
    page = sitting.page
    sitting.undo(action)
    assert texts(dataset)[0] == ""
    assert sitting.page == page


def test_clips_that_are_gone_are_passed_over(dataset: Dataset) -> None:
    sitting = sit(dataset)
    seen = dataset.entries()
    store.write(dataset, [seen[0], seen[3]])
    sitting.accept("a")
    assert clip(sitting) == "audio/003.wav"
    sitting.back()
    assert clip(sitting) == "audio/000.wav"


def test_it_begins_with_what_whisper_heard(dataset: Dataset) -> None:
    heard = {"audio/000.wav": Prediction("mire", 0.5, "sq")}
    sitting = sit(dataset, heard=heard)
    assert sitting.text == "mire"


def test_it_begins_where_one_was_although_that_clip_is_taken_or_done(dataset: Dataset) -> None:
    desks = Desks()
    before = sit(dataset, desks)
    names = before.names
    again = Sitting(dataset, names, desks, first=names[0])
    assert clip(again) == names[0]
    again.accept("a")
    later = Sitting(dataset, names[1:], Desks(), first=names[0])
    assert (clip(later), later.text) == (names[0], "a")
    later.skip()
    assert clip(later) == names[1]
    assert clip(Sitting(dataset, names[1:], Desks(), first="../x")) == names[1]
