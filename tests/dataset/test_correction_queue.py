"""The queue of clips to correct, and reservations."""

import pytest

from lab.dataset import CORRECTED, EXCLUDED, DatasetClip
from lab.dataset.correction_queue import (
    ORDERS,
    ClipReservations,
    CorrectionProgress,
    Order,
    correction_progress,
    correction_queue,
    initial_text,
)
from lab.dataset.predictions import Prediction

CLIPS = [
    DatasetClip("audio/a.wav", "mirë dita", speaker="Ana"),
    DatasetClip("audio/b.wav", ""),
    DatasetClip("audio/c.wav", "shumë mirë"),
    DatasetClip("audio/d.wav", "", status=EXCLUDED),
    DatasetClip("audio/e.wav", "po", status=CORRECTED),
    DatasetClip("audio/f.wav", "jo", speaker="Besa"),
]
PREDICTIONS = {
    "audio/a.wav": Prediction("mirë dita", 0.9, "sq"),
    "audio/b.wav": Prediction("faleminderit", 0.4, "sq"),
    "audio/c.wav": Prediction("shumë mire", 0.2, "sq"),
    "audio/d.wav": Prediction("x", 0.0, "sq"),
}


def queue(order: Order, *, search: str = "", include_corrected: bool = False) -> str:
    names = correction_queue(
        CLIPS,
        order=order,
        predictions=PREDICTIONS,
        search=search,
        include_corrected=include_corrected,
    )
    return "".join(name[6] for name in names)


@pytest.mark.parametrize(
    ("order", "expected"),
    [("no_text", "bacf"), ("confidence", "cbaf"), ("difference", "bcaf"), ("table", "abcf")],
)
def test_clips_most_in_need_come_first(order: Order, expected: str) -> None:
    assert queue(order) == expected
    assert set(queue(order, include_corrected=True)) == set("abcef")


def test_every_order_works_without_predictions() -> None:
    for order in ORDERS:
        assert len(correction_queue(CLIPS, order=order, predictions={})) == 4


def test_search_covers_text_name_and_speaker_case_insensitively() -> None:
    assert queue("table", search="MIRË") == "ac"
    assert queue("table", search="besa") == "f"
    assert queue("table", search="b.wav") == "b"
    assert queue("table", search="po") == ""
    assert queue("table", search="po", include_corrected=True) == "e"


def test_a_clip_without_text_starts_with_the_prediction() -> None:
    assert initial_text(CLIPS[1], PREDICTIONS["audio/b.wav"]) == "faleminderit"
    assert initial_text(CLIPS[2], PREDICTIONS["audio/c.wav"]) == "shumë mirë"
    assert initial_text(CLIPS[1], None) == ""


def test_progress_ignores_excluded_clips() -> None:
    assert correction_progress(CLIPS) == CorrectionProgress(1, 5)
    assert correction_progress([]) == CorrectionProgress(0, 0)


def test_a_reservation_ends_when_it_is_released_or_expires(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    here, elsewhere = (tmp_path_factory.mktemp("d") for _ in range(2))
    reservations = ClipReservations()
    reservations.reserve("1", here, "a")
    reservations.reserve("2", here, "b")
    assert reservations.reserved_by_others("1", here) == {"b"}
    assert reservations.reserved_by_others("1", elsewhere) == set()
    reservations.reserve("2", here, "c")
    assert reservations.reserved_by_others("1", here) == {"c"}
    reservations.release("2")
    assert reservations.reserved_by_others("1", here) == set()
    reservations.timeout_s = -1
    assert reservations.reserved_by_others("2", here) == set()
