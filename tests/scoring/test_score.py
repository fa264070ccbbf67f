"""Error rates, compared with jiwer and computed by hand."""

import jiwer
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.core.errors import OptionsError
from lab.scoring import (
    BASIC,
    Confusion,
    Counts,
    WordAccuracy,
    align,
    confusions,
    differences,
    score,
    score_each,
    word_accuracy,
)

# Few words, so that they repeat; some differ by one letter.
texts = st.lists(st.sampled_from(["po", "jo", "mirë", "mire", "ç", "një", "一"]), max_size=12).map(
    " ".join
)


@given(st.lists(st.tuples(texts, texts), min_size=1, max_size=6))
def test_rates_and_counts_are_those_of_jiwer(pairs: list[tuple[str, str]]) -> None:
    references, hypotheses = map(list, zip(*pairs, strict=True))
    ours = score(references, hypotheses)
    for counts, theirs, rate in (
        (ours.words, jiwer.process_words(references, hypotheses), ours.wer),
        (ours.characters, jiwer.process_characters(references, hypotheses), ours.cer),
    ):
        assert counts.hits == theirs.hits
        assert counts.substitutions == theirs.substitutions
        assert counts.insertions == theirs.insertions
        assert counts.deletions == theirs.deletions
        assert rate == pytest.approx(
            theirs.wer if isinstance(theirs, jiwer.WordOutput) else theirs.cer
        )


@given(texts, texts)
def test_an_alignment_contains_both_texts_completely(reference: str, hypothesis: str) -> None:
    alignment = align(reference, hypothesis)
    pairs = list(alignment.pairs())
    assert "".join(left for _, left, _ in pairs) == reference
    assert "".join(right for _, _, right in pairs) == hypothesis
    assert all((kind == "equal") == (left == right) for kind, left, right in pairs)
    assert sum(kind != "equal" for kind, *_ in pairs) == alignment.counts.errors


def test_a_set_is_scored_by_words_not_by_clips() -> None:
    references, hypotheses = ["a", "b c d e f g h i j"], ["x", "b c d e f g h i j"]
    assert score(references, hypotheses).wer == pytest.approx(1 / 10)
    assert [clip.wer for clip in score_each(references, hypotheses)] == [1, 0]


def test_each_word_inserted_into_silence_counts() -> None:
    assert score([""], ["a b"]).words == Counts(insertions=2)
    assert score([""], ["a b"]).wer == 2
    assert score([""], [""]).wer == 0
    assert score(["", "a b c d"], ["x", "a b c d"]).wer == pytest.approx(1 / 4)


def test_cer_is_useful_without_spaces_between_words() -> None:
    found = score(["我想去北京"], ["我想去南京"])
    assert (found.wer, found.cer) == (1, pytest.approx(1 / 5))


def test_references_without_hypotheses_are_refused() -> None:
    with pytest.raises(OptionsError, match="2 references and 1 hypotheses"):
        score(["a", "b"], ["a"])


def test_a_replaced_word_is_compared_by_character() -> None:
    found = differences("ai është mirë tani", "është mire tani sot")
    assert [(word.kind, word.reference, word.hypothesis) for word in found] == [
        ("delete", "ai", ""),
        ("equal", "është", "është"),
        ("replace", "mirë", "mire"),
        ("equal", "tani", "tani"),
        ("insert", "", "sot"),
    ]
    assert [character.kind for character in found[2].characters] == [
        "equal",
        "equal",
        "equal",
        "replace",
    ]
    assert (found[2].characters[3].reference, found[2].characters[3].hypothesis) == ("ë", "e")


def test_confused_letters_are_counted() -> None:
    pairs = [("është mirë", "eshte mirë"), ("ç’ bën", "c’ bën"), ("një", "njëri")]
    assert confusions(pairs, unit="character")[:2] == [
        Confusion("ë", "e", 2),
        Confusion("ç", "c", 1),
    ]
    assert Confusion("", "r", 1) in confusions(pairs, unit="character")
    assert Confusion("është", "eshte", 1) in confusions(pairs, unit="word")


def test_words_missed_most_come_first() -> None:
    pairs = [(BASIC("Po, po, jo."), BASIC("po jo")), ("shqip", "ship"), ("shqip", "")]
    assert word_accuracy(pairs) == [
        WordAccuracy("shqip", 2, 0),
        WordAccuracy("po", 2, 1),
        WordAccuracy("jo", 1, 1),
    ]
