"""Which clips come to be corrected, and in which order."""

import pytest

from lab.dataset import CORRECTED, EXCLUDED, Entry
from lab.dataset.correcting import (
    ORDERS,
    Desks,
    Order,
    Progress,
    first_text,
    place_after,
    progress,
    queue,
)
from lab.dataset.predictions import Prediction

ENTRIES = [
    Entry("audio/a.wav", "mirë dita", speaker="Ana"),
    Entry("audio/b.wav", ""),
    Entry("audio/c.wav", "shumë mirë"),
    Entry("audio/d.wav", "", status=EXCLUDED),
    Entry("audio/e.wav", "po", status=CORRECTED),
    Entry("audio/f.wav", "jo", speaker="Besa"),
]
HEARD = {
    "audio/a.wav": Prediction("mirë dita", 0.9, "sq"),
    "audio/b.wav": Prediction("faleminderit", 0.4, "sq"),
    "audio/c.wav": Prediction("shumë mire", 0.2, "sq"),
    "audio/d.wav": Prediction("x", 0.0, "sq"),
}


def letters(order: Order, *, search: str = "", again: bool = False) -> str:
    names = queue(ENTRIES, order=order, heard=HEARD, search=search, again=again)
    return "".join(name[6] for name in names)


@pytest.mark.parametrize(
    ("order", "expected"),
    [("textless", "bacf"), ("unsure", "cbaf"), ("different", "bcaf"), ("table", "abcf")],
)
def test_what_is_most_in_need_comes_first(order: Order, expected: str) -> None:
    assert letters(order) == expected
    assert set(letters(order, again=True)) == set("abcef")


def test_every_order_does_without_predictions() -> None:
    for order in ORDERS:
        assert len(queue(ENTRIES, order=order, heard={})) == 4


def test_a_search_looks_at_text_name_and_speaker_whatever_the_capitals() -> None:
    assert letters("table", search="MIRË") == "ac"
    assert letters("table", search="besa") == "f"
    assert letters("table", search="b.wav") == "b"
    assert letters("table", search="po") == ""
    assert letters("table", search="po", again=True) == "e"


def test_a_clip_without_text_begins_with_what_whisper_heard() -> None:
    assert first_text(ENTRIES[1], HEARD["audio/b.wav"]) == "faleminderit"
    assert first_text(ENTRIES[2], HEARD["audio/c.wav"]) == "shumë mirë"
    assert first_text(ENTRIES[1], None) == ""


def test_progress_leaves_out_what_was_left_out() -> None:
    assert progress(ENTRIES) == Progress(1, 5)
    assert progress([]) == Progress(0, 0)


def test_the_next_place_passes_over_what_is_not_wanted() -> None:
    assert place_after("abcd", -1, lambda _: False) == 0
    assert place_after("abcd", 0, lambda name: name in "bc") == 3
    assert place_after("abcd", 3, lambda _: False) == 4
    assert place_after("", -1, lambda _: False) == 0


def test_a_desk_is_free_again_when_its_person_leaves_or_stays_away(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    here, elsewhere = (tmp_path_factory.mktemp("d") for _ in range(2))
    desks = Desks()
    desks.take("1", here, "a")
    desks.take("2", here, "b")
    assert desks.taken(here, apart_from="1") == {"b"}
    assert desks.taken(elsewhere, apart_from="1") == set()
    desks.take("2", here, "c")
    assert desks.taken(here, apart_from="1") == {"c"}
    desks.leave("2")
    assert desks.taken(here, apart_from="1") == set()
    desks.kept_s = -1
    assert desks.taken(here, apart_from="2") == set()
