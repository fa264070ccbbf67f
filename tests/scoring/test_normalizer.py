"""Normalisation before texts are compared."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from whisper.normalizers import BasicTextNormalizer

from lab.core.errors import OptionsError
from lab.scoring import BASIC, RAW, Normalizer
from lab.scoring.normalizer import parse_normalizer


@given(st.text(alphabet=st.characters(codec="utf-8")))
def test_basic_equals_whispers_where_no_marks_are_removed(text: str) -> None:
    plain = "".join(
        char
        for char in text
        if not any(
            unicodedata.category(part)[0] == "M"
            for part in unicodedata.normalize("NFKC", char.lower()).lower()
        )
    )
    assert BASIC(plain) == " ".join(BasicTextNormalizer()(plain).split())


def test_basic_keeps_letters_and_vowel_signs() -> None:
    assert BASIC("Është, ÇFARË?") == "është çfarë"
    assert BASIC("e\u0308shte\u0308") == "është"
    assert BASIC("हिन्दी") == "हिन्दी"


def test_raw_changes_only_spaces() -> None:
    assert RAW(" Po,\n  “Jo” [qesh] ") == "Po, “Jo” [qesh]"


def test_each_option_does_what_it_says() -> None:
    text = "S’e di [qesh] – ABC-në, Çast!"
    assert Normalizer(punctuation=True)(text) == "S'e di qesh ABC-në Çast"
    assert Normalizer(punctuation=True, apostrophes="join", hyphens="split")(text) == (
        "Se di qesh ABC në Çast"
    )
    assert Normalizer(apostrophes="split", notes=True)(text) == "S e di – ABC-në, Çast!"
    assert Normalizer(diacritics=True, case=True)("Është çast") == "eshte cast"
    assert Normalizer(punctuation=True)("'tis rock-'n'-roll --") == "tis rock n roll"


def test_replacements_are_applied_in_one_pass() -> None:
    assert Normalizer(replacements=(("w", "v"), ("v", "w"), ("ww", "u")))("wv wwv") == "vw uw"


@pytest.mark.parametrize("pair", [("", "a"), ("a" * 51, "a"), ("a", "a" * 51)])
def test_replacements_that_could_grow_without_bound_are_refused(pair: tuple[str, str]) -> None:
    with pytest.raises(OptionsError, match="cannot be replaced"):
        Normalizer(replacements=(pair,))


@pytest.mark.parametrize("text", ["(" * 200_000, "<" * 200_000, "]" + "[" * 200_000])
def test_unclosed_brackets_take_no_time(text: str) -> None:
    assert BASIC(text) == ""


def test_a_normalizer_is_parsed_from_a_line() -> None:
    line = "case, punctuation,hyphens = join, w>v, ë > e,"
    assert parse_normalizer(line) == Normalizer(
        case=True, punctuation=True, hyphens="join", replacements=(("w", "v"), ("ë", "e"))
    )
    assert parse_normalizer("") == RAW
    for wrong in ("cases", "hyphens=away", "case=yes"):
        with pytest.raises(OptionsError, match="Choose from case"):
            parse_normalizer(wrong)
