"""Sentences for a speaker to read."""

import pytest

from lab.core.errors import OptionsError
from lab.recordings.prompts import read_prompts


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_sentence_a_line_whatever_the_editor(encoding: str) -> None:
    text = "Mirëdita, si jeni?\r\n\r\n  Çfarë dite e bukur!  \r\n"
    assert read_prompts(text.encode(encoding)) == ["Mirëdita, si jeni?", "Çfarë dite e bukur!"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "no sentence"),
        (b"\n \n", "no sentence"),
        (b"\xff\xff\x00", "readable text"),
        (b"fine\n" + b"a" * 301, "Line 2 is too long"),
        (b"fine\nbell \x07", "Line 2 is no plain text"),
        (b"a\n" * 10_001, "at most 10000"),
    ],
)
def test_what_is_no_list_of_sentences_is_refused(data: bytes, said: str) -> None:
    with pytest.raises(OptionsError, match=said):
        read_prompts(data)
