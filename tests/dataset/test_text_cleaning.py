"""Rules that clean a text, and cleaning all texts of a dataset."""

import time
import unicodedata
from dataclasses import fields, replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lab import dataset
from lab.core.progress import Cancelled
from lab.core.workspace import Workspace
from lab.dataset import EXCLUDED, DatasetClip
from lab.dataset.text_cleaning import RULES, CleaningOptions, clean_text, clean_texts

NOTHING = CleaningOptions(**{one.name: False for one in fields(CleaningOptions)})
# Characters that the rules treat specially, so that combinations of them are frequent.
TEXTS = st.text(
    st.sampled_from(list("ae ëçËÇ.,!?()[]{}<>'\"“’«。1\n\r\t\u2028\u00a0\u0308\u0327\u200c\u200d"))
    | st.sampled_from(list("\ufeff\u200b\u00ad\ufe0f😀👍\U0001f3fdا\u0628क\u094d\x00\x0c\ufffd"))
    | st.characters()
)
OPTIONS = st.builds(CleaningOptions, **{one.name: st.booleans() for one in fields(CleaningOptions)})


@given(TEXTS, OPTIONS)
@example("\u0627\u200c\ufe0f ", CleaningOptions())
@example("e\u200b\u0308", CleaningOptions())
@example("[ <a{> ]", CleaningOptions(brackets=False))
def test_cleaning_is_idempotent(text: str, options: CleaningOptions) -> None:
    once = clean_text(text, options)
    twice = clean_text(once.text, options)
    assert twice.text == once.text
    assert not any(twice.counts.values())
    assert (once.text != text) <= any(once.counts.values())


@given(TEXTS)
def test_without_rules_nothing_changes(text: str) -> None:
    assert clean_text(text, NOTHING).text == text
    assert clean_text(text, NOTHING).counts == {}


@given(st.text("aeËëçÇ\u0308\u0327 \u200b"))
def test_albanian_letters_are_kept_composed_or_decomposed(text: str) -> None:
    wanted = unicodedata.normalize("NFC", text.replace("\u200b", "")).split()
    assert clean_text(text).text.split() == wanted


def test_each_option_has_a_rule_described_in_a_sentence() -> None:
    assert list(RULES) == [one.name for one in fields(CleaningOptions)]
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
    cleaned = clean_text(text, replace(NOTHING, **{rule: True}))
    assert cleaned.text == (wanted or text.replace(". Ë", ".\nË"))
    assert cleaned.counts == {rule: count}
    assert cleaned.before == text


def test_numbers_and_replacement_characters_are_counted_and_kept() -> None:
    cleaned = clean_text("Më 12.5 dhe 3 dit�")
    assert cleaned.text == "Më 12.5 dhe 3 dit�"
    assert (cleaned.n_numbers, cleaned.n_damaged) == (2, 1)


@pytest.mark.parametrize(
    "piece", ["[", "<a", " ", "{ ", "a. ", "!", "1.", "\u200c", "ا\u200c", "\n"]
)
def test_time_is_linear_in_the_length(piece: str) -> None:
    text = piece * 200_000
    started = time.process_time()
    clean_text(text, CleaningOptions(sentences=True))
    assert time.process_time() - started < 10  # minutes if it were quadratic


CLIPS = [
    DatasetClip("a", "Ai  tha: “Mirë”."),
    DatasetClip("b", "Është mirë."),
    DatasetClip("c", "[qesh]"),
    DatasetClip("d", "  12 ditë [zhurmë] [qesh]", status=EXCLUDED),
    DatasetClip("e", "Mir� se vini"),
    DatasetClip("f"),
]


def test_changes_and_clips_are_counted_and_clean_texts_are_not_listed() -> None:
    result = clean_texts(CLIPS)
    assert result.n_texts == 5
    assert [one.clip.file_name for one in result.changed] == ["a", "c", "d"]
    assert [one.cleaned.text for one in result.changed] == ['Ai tha: "Mirë".', "", "12 ditë"]
    assert (result.counts["notes"], result.clip_counts["notes"]) == (3, 2)
    assert (result.counts["quotes"], result.clip_counts["quotes"]) == (2, 1)
    assert set(result.counts) == set(RULES) - {"sentences"}
    assert [clip.file_name for clip in result.numbers] == ["d"]
    assert [clip.file_name for clip in result.damaged] == ["e"]
    assert [clip.file_name for clip in result.emptied] == ["c"]


def test_rules_that_are_off_change_nothing() -> None:
    off = CleaningOptions(False, False, False, False, False, False, False)
    assert clean_texts(CLIPS, off).changed == ()


def test_cleaning_is_one_action_that_can_be_undone(workspace: Workspace) -> None:
    made, _ = dataset.add(workspace, "a", [("1.wav", b"1"), ("2.wav", b"2")], language="sq")
    first, second = made.clips()
    made.change(
        [
            (first, replace(first, transcription="Mirë  dita")),
            (second, replace(second, transcription="“Po”")),
        ],
        what="corrected",
    )
    result = clean_texts(made.clips())
    action = made.change([one.edit for one in result.changed], what="cleaned")
    assert [clip.transcription for clip in made.clips()] == ["Mirë dita", '"Po"']
    assert action is not None
    assert len(action.changes) == 2
    made.undo(action)
    assert [clip.transcription for clip in made.clips()] == ["Mirë  dita", "“Po”"]


def test_cleaning_can_be_cancelled() -> None:
    def stop(*_: object) -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        clean_texts(CLIPS, on_progress=stop)
