"""Cleaning of texts."""

import time
import unicodedata
from dataclasses import fields, replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lab.dataset.text_rules import RULES, Cleaning, clean

NOTHING = Cleaning(**{one.name: False for one in fields(Cleaning)})
# What the rules look for, so that combinations of it come up often.
AWKWARD = st.text(
    st.sampled_from(list("ae ëçËÇ.,!?()[]{}<>'\"“’«。1\n\r\t\u2028\u00a0\u0308\u0327\u200c\u200d"))
    | st.sampled_from(list("\ufeff\u200b\u00ad\ufe0f😀👍\U0001f3fdا\u0628क\u094d\x00\x0c\ufffd"))
    | st.characters()
)
SWITCHES = st.builds(Cleaning, **{one.name: st.booleans() for one in fields(Cleaning)})


@given(AWKWARD, SWITCHES)
@example("\u0627\u200c\ufe0f ", Cleaning())
@example("e\u200b\u0308", Cleaning())
@example("[ <a{> ]", Cleaning(brackets=False))
def test_cleaning_twice_changes_nothing_more(text: str, switches: Cleaning) -> None:
    once = clean(text, switches)
    twice = clean(once.text, switches)
    assert twice.text == once.text
    assert not any(twice.counts.values())
    assert (once.text != text) <= any(once.counts.values())


@given(AWKWARD)
def test_with_everything_switched_off_nothing_changes(text: str) -> None:
    assert clean(text, NOTHING).text == text
    assert clean(text, NOTHING).counts == {}


@given(st.text("aeËëçÇ\u0308\u0327 \u200b"))
def test_albanian_letters_stay_however_they_are_written(text: str) -> None:
    wanted = unicodedata.normalize("NFC", text.replace("\u200b", "")).split()
    assert clean(text).text.split() == wanted


def test_each_switch_has_a_rule_that_says_in_a_sentence_what_it_does() -> None:
    assert list(RULES) == [one.name for one in fields(Cleaning)]
    assert all(rule.about.endswith(".") for rule in RULES.values())


@pytest.mark.parametrize(
    ("rule", "text", "wanted", "count"),
    [
        ("characters", "\ufeffMirë\u200b\u00adse 👍🏽\x00", "Mirëse ", 6),
        ("characters", "می\u200cروم x\u200cy", "می\u200cروم xy", 1),
        ("unicode", "ne\u0308 c\u0327do dite\u0308 po", "në çdo ditë po", 3),
        ("quotes", "„S’ka“ «po» `", '"S\'ka" "po" \'', 6),
        ("notes", "Po [qesh], mirë <unk> {zhurmë}!", "Po, mirë!", 3),
        ("notes", "[a] po </b>\n[ jo {", "  po \n[ jo {", 2),
        ("notes", "3 < 5 > 2", "3 < 5 > 2", 0),
        ("brackets", "Po (mirë) ]", "Po  mirë   ", 3),
        ("sentences", "Mirë se erdhe. Ëndrra u bë! “Po?” J. Gjon, nr. 5", None, 1),
        ("sentences", "你好。再见！", "你好。\n再见！", 1),
        ("spaces", " a\u00a0b  c\r\n\r\n d\t", "a b c\nd", 5),
    ],
)
def test_a_rule_does_what_it_says(rule: str, text: str, wanted: str | None, count: int) -> None:
    cleaned = clean(text, replace(NOTHING, **{rule: True}))
    assert cleaned.text == (wanted or text.replace(". Ë", ".\nË"))
    assert cleaned.counts == {rule: count}
    assert cleaned.before == text


def test_numbers_and_lost_letters_are_reported_and_left() -> None:
    cleaned = clean("Më 12.5 dhe 3 dit�")
    assert cleaned.text == "Më 12.5 dhe 3 dit�"
    assert (cleaned.n_numbers, cleaned.n_damaged) == (2, 1)


@pytest.mark.parametrize(
    "piece", ["[", "<a", " ", "{ ", "a. ", "!", "1.", "\u200c", "ا\u200c", "\n"]
)
def test_a_long_text_takes_no_longer_than_its_length_explains(piece: str) -> None:
    text = piece * 200_000
    started = time.process_time()
    clean(text, Cleaning(sentences=True))
    assert time.process_time() - started < 10  # quadratic would be minutes
