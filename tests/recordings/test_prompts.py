"""Sentences for a speaker to read aloud."""

import pytest

from lab.core.errors import OptionsError
from lab.recordings.prompts import read_prompts


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_sentences_are_read_in_each_encoding(encoding: str) -> None:
    text = "Mirëdita, si jeni?\r\n\r\n  Çfarë dite e bukur!  \r\n"
    assert read_prompts(text.encode(encoding)) == ["Mirëdita, si jeni?", "Çfarë dite e bukur!"]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "no sentence"),
        (b"\n \n", "no sentence"),
        (b"\xff\xff\x00", "readable text"),
        (b"fine\n" + b"a" * 301, "Line 2 is longer than 300 characters"),
        (b"fine\nbell \x07", "Line 2 is not plain text"),
        (b"a\n" * 10_001, "at most 10000"),
    ],
)
def test_other_files_are_refused(data: bytes, problem: str) -> None:
    with pytest.raises(OptionsError, match=problem):
        read_prompts(data)
