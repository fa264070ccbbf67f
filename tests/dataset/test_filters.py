"""Filter expressions."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.core.errors import OptionsError
from lab.dataset import DatasetClip
from lab.dataset.filters import NUMBERS, TEXTS, FilterError, parse
from lab.dataset.predictions import Prediction
from lab.dataset.statistics import frame, with_predictions

CLIPS = [
    DatasetClip("audio/a.wav", "Mirë se vini", "train", "ana", "sq", "corrected", 2.0),
    DatasetClip("audio/b.wav", "Po", "test", "ben", "sq", "new", 12.5),
    DatasetClip("audio/c.wav", "", "", "", "sr", "excluded", None),
    DatasetClip("audio/d.wav", 'Ai tha: "C:\\d"', "test", "ana", "sq", "new", 0.0),
]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    predictions = {"audio/a.wav": Prediction("mire se vini", 0.9, "sq")}
    return with_predictions(frame(CLIPS), predictions)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("duration > 10", "b"),
        ('duration < 10 and "MIRË" in text', "a"),
        ('speaker == "ana"', "ad"),
        ('not status == "corrected"', "bcd"),
        ("words < 3", "bc"),
        ('split in ("train", "test")', "abd"),
        ('split not in ["train", "test"]', "c"),
        ("length(text) > 10 or length(text) == 0", "acd"),
        ("1 < duration < 3", "a"),
        ("not 1 < duration <= 12.5", "cd"),  # an unknown duration is in no range
        ("duration == duration", "abd"),
        ("characters / duration > 5", "ad"),  # 12 in 2 s; an infinite rate
        ("(duration + 1) * 2 - -1 == 7", "a"),
        ("wer > 0.3", "a"),
        ('prediction == ""', "bcd"),
        ('"ai" not in text and ("b" in clip or text == "")', "bc"),
        ("'\"' in text", "d"),
        (r'"c:\\d" in text', "d"),
        ("“ana” in speaker", "ad"),
        ("words in (1, 3)", "abd"),
        ("1 / 0 > 5", "abcd"),
        ('"a" == "b"', ""),
        ("  duration\n> 10", "b"),
    ],
)
def test_an_expression_selects_the_clips_it_describes(
    expression: str, expected: str, table: pd.DataFrame
) -> None:
    mask = parse(expression).mask(table)
    assert (mask.dtype, mask.shape) == (bool, (4,))
    assert "".join(np.array(list("abcd"))[mask]) == expected


@pytest.mark.parametrize(
    ("expression", "position", "message"),
    [
        ("", 1, "empty"),
        ("speaker == ana", 12, "quotes"),
        ("  duraton > 3", 3, "mean duration"),
        ('"ë" in text and lenght > 3', 17, "unknown"),
        ("speaker = 'ana'", 9, "=="),
        ("duration > 3 && words > 1", 15, "and"),
        ('duration > "3"', 12, "number"),
        ('duration == "3"', 13, "number"),
        ("text", 1, "comparison"),
        ("duration > 3 and words", 18, "comparison"),
        ("text < 3", 1, "number"),
        ("speaker in text", 1, "quotes"),
        ("duration in (1, 'a')", 17, "list"),
        ("duration is 3", 1, "=="),
        ("status == True", 11, "number or a text"),
        ('length("a") > 1', 8, "column"),
        (r"text == '\ud800'", 9, "surrogate"),
        ("words > 1" + 400 * "0", 9, "too large"),
        ("x" * 501, 501, "500"),
    ],
)
def test_an_error_is_located(expression: str, position: int, message: str) -> None:
    with pytest.raises(FilterError, match=f"At character {position}: .*{message}") as caught:
        parse(expression)
    assert caught.value.position == position


@pytest.mark.parametrize(
    "expression",
    [
        "__import__('os').system('true')",
        "text.__class__ == text",
        "(lambda: 1)() > 0",
        "[c for c in text] == text",
        "duration ** 9 ** 9 > 1",
        "f'{text}' == text",
        "(duration := 3) > 1",
        "length(length) > 1",
        "length(*text) > 1",
        "text[0] == 'a'",
        "duration > 1 if words else 2",
        "b'a' in text",
        "9j > 1",
        "..." + " == 1",
        "'\0' in text",
        "not " * 120 + "words > 1",
        "(" * 240 + "words > 1" + ")" * 240,
        "-" * 400 + "1 > 2",
        "\ud800",
    ],
)
def test_only_the_documented_syntax_is_accepted(expression: str) -> None:
    with pytest.raises(OptionsError):
        parse(expression)


_pieces = st.sampled_from(
    [
        *NUMBERS,
        *TEXTS,
        *"()<>=+-/*,'\"\\",
        "==",
        "in",
        "not",
        "and",
        "or",
        "1",
        "'ë'",
        "length(",
        " ",
    ]
)


@given(st.lists(_pieces, max_size=12).map(" ".join) | st.text(max_size=30))
def test_any_input_gives_a_mask_or_an_options_error(expression: str) -> None:
    table = with_predictions(frame(CLIPS), {})
    try:
        mask = parse(expression).mask(table)
    except OptionsError:
        return
    assert (mask.dtype, mask.shape) == (bool, (4,))


def test_predictions_are_unavailable_without_predictions() -> None:
    with pytest.raises(OptionsError, match="“cer” is unavailable: these clips have no predictions"):
        parse("cer > 1 and words > 1").mask(frame(CLIPS))
