"""Correction sessions of one person, and of several at once."""

from collections.abc import Mapping

import pytest

from lab.core.errors import WorkspaceError
from lab.core.workspace import Workspace
from lab.dataset import CORRECTED, EXCLUDED, Dataset, journal, snapshot
from lab.dataset.correction_queue import ClipReservations, correction_queue
from lab.dataset.predictions import Prediction
from lab.ui.datasets.correction_session import CorrectionSession
from tests.support.correcting_on_disk import correct, made, texts


@pytest.fixture
def dataset(workspace: Workspace) -> Dataset:
    return made(workspace, 4)


def start_session(
    dataset: Dataset,
    reservations: ClipReservations | None = None,
    *,
    predictions: Mapping[str, Prediction] | None = None,
    include_corrected: bool = False,
) -> CorrectionSession:
    queue = correction_queue(
        dataset.clips(), order="table", predictions={}, include_corrected=include_corrected
    )
    return CorrectionSession(
        dataset, queue, reservations or ClipReservations(), predictions or {}, include_corrected
    )


def clip(session: CorrectionSession) -> str:
    return session.clip.file_name if session.clip else ""


def test_a_text_is_on_disk_before_the_next_clip_is_shown(dataset: Dataset) -> None:
    session = start_session(dataset)
    version = session.version
    session.accept("  Mirë \n dita ", by="Ana")
    assert clip(session) == "audio/001.wav"
    assert session.version != version
    (action,) = journal.read(dataset.folder)
    assert action.by == "Ana"
    first = dataset.clips()[0]
    assert (first.transcription, first.status) == ("Mirë dita", CORRECTED)


def test_to_the_end_back_and_undone(dataset: Dataset) -> None:
    session = start_session(dataset)
    assert not session.can_go_back
    for text in "abcd":
        session.accept(text)
    assert session.clip is None
    session.back()
    assert (clip(session), session.text) == ("audio/003.wav", "d")
    session.back()
    session.accept("c2")
    assert session.clip is None  # the last one has been corrected already
    session.undo()
    assert (clip(session), session.text) == ("audio/002.wav", "c")
    session.undo()
    assert (clip(session), session.text) == ("audio/003.wav", "")
    assert texts(dataset) == ["a", "b", "c", ""]


def test_an_excluded_clip_is_not_shown_again(dataset: Dataset) -> None:
    session = start_session(dataset)
    session.exclude(by="Ana")
    assert clip(session) == "audio/001.wav"
    assert dataset.clips()[0].status == EXCLUDED
    assert "audio/000.wav" not in start_session(dataset, include_corrected=True).queue


def test_an_empty_text_is_not_saved(dataset: Dataset) -> None:
    session = start_session(dataset)
    session.accept(" \n ")
    assert "no text" in session.error
    assert clip(session) == "audio/000.wav"
    assert dataset.history() == []
    session.skip()
    assert session.error == ""


def test_a_conflict_is_shown_before_anything_is_overwritten(
    dataset: Dataset,
) -> None:
    session = start_session(dataset)
    version = session.version
    correct(dataset, 0, "theirs", by="Besa")
    session.accept("mine")
    assert session.conflict == dataset.clips()[0]
    assert (clip(session), session.version) == (
        "audio/000.wav",
        version,
    )  # the editor keeps its text
    assert texts(dataset)[0] == "theirs"
    session.accept("mine")
    assert texts(dataset)[0] == "mine"
    assert clip(session) == "audio/001.wav"
    assert session.conflict is None


def test_a_corrected_clip_that_another_has_changed_is_not_passed_over(dataset: Dataset) -> None:
    correct(dataset, 0, "first")
    session = start_session(dataset, include_corrected=True)
    correct(dataset, 0, "second", by="Besa")
    session.accept("first")  # nothing differs from what was seen, but from what there is
    assert session.conflict == dataset.clips()[0]
    session.skip()
    assert clip(session) == "audio/001.wav"
    assert texts(dataset)[0] == "second"


def test_a_failed_write_keeps_the_clip_and_shows_the_error(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = start_session(dataset)
    version = session.version

    def refuse(*_: object) -> int:
        raise WorkspaceError("There is no space left.")

    with monkeypatch.context() as patch:
        patch.setattr(journal, "append", refuse)
        session.accept("mirë")
    assert (clip(session), session.version) == ("audio/000.wav", version)
    assert session.error == "There is no space left."
    session.accept("mirë")
    assert session.error == ""
    assert texts(dataset)[0] == "mirë"


def test_two_people_get_different_clips_and_all_are_corrected(dataset: Dataset) -> None:
    reservations = ClipReservations()
    ana = start_session(dataset, reservations)
    besa = start_session(dataset, reservations)
    assert (clip(ana), clip(besa)) == ("audio/000.wav", "audio/001.wav")
    besa.accept("b1", by="Besa")
    ana.accept("a1", by="Ana")
    assert (clip(ana), clip(besa)) == ("audio/003.wav", "audio/002.wav")
    besa.accept("b2", by="Besa")
    assert besa.clip is None  # Ana has reserved the last one
    ana.accept("a2", by="Ana")
    assert texts(dataset) == ["a1", "b1", "b2", "a2"]


def test_an_action_that_cannot_be_undone_is_reported(dataset: Dataset) -> None:
    session = start_session(dataset)
    session.accept("mine")
    correct(dataset, 0, "theirs", by="Besa")
    session.undo()
    assert "been changed since" in session.error
    assert texts(dataset)[0] == "theirs"
    assert not session.actions


def test_undoing_an_action_of_another_clip_keeps_the_current_one(dataset: Dataset) -> None:
    correct(dataset, 0, "before")
    (action,) = dataset.history()
    session = start_session(dataset)
    version = session.version
    session.undo(action)
    assert texts(dataset)[0] == ""
    assert session.version == version


def test_deleted_clips_are_skipped(dataset: Dataset) -> None:
    session = start_session(dataset)
    seen = dataset.clips()
    snapshot.write(dataset.folder, [seen[0], seen[3]])
    session.accept("a")
    assert clip(session) == "audio/003.wav"
    session.back()
    assert clip(session) == "audio/000.wav"


def test_the_initial_text_is_the_prediction(dataset: Dataset) -> None:
    predictions = {"audio/000.wav": Prediction("mire", 0.5, "sq")}
    session = start_session(dataset, predictions=predictions)
    assert session.text == "mire"


def test_a_linked_clip_is_shown_even_if_reserved_or_corrected(dataset: Dataset) -> None:
    reservations = ClipReservations()
    before = start_session(dataset, reservations)
    names = before.queue
    again = CorrectionSession(dataset, names, reservations, start_at=names[0])
    assert clip(again) == names[0]
    again.accept("a")
    later = CorrectionSession(dataset, names[1:], ClipReservations(), start_at=names[0])
    assert (clip(later), later.text) == (names[0], "a")
    later.skip()
    assert clip(later) == names[1]
    assert (
        clip(CorrectionSession(dataset, names[1:], ClipReservations(), start_at="../x")) == names[1]
    )
