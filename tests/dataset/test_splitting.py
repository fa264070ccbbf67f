"""Splits without leaks."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import dataset
from lab.core.errors import OptionsError
from lab.core.workspace import Workspace
from lab.dataset import EXCLUDED, SPLITS, Entry
from lab.dataset.splitting import SENTENCE, SPEAKER, leaks, sentence_key, split


def clips(n: int, *, n_speakers: int, duration_s: float = 3.0) -> list[Entry]:
    """Clips of different sentences, the speakers in turn."""
    return [
        Entry(f"audio/{n:05}.wav", f"Fjalia {n}", "", f"s{n % n_speakers}", duration_s=duration_s)
        for n in range(n)
    ]


def hours(entries: list[Entry]) -> list[float]:
    """The part of each split in all that is in one."""
    sums = [sum(e.duration_s or 0 for e in entries if e.split == name) for name in SPLITS]
    return [one / sum(sums) for one in sums]


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 19), st.sampled_from([None, 0.5, 2.0, 30.0])),
        min_size=1,
        max_size=60,
    ),
    st.integers(0, 5),
)
def test_no_sentence_is_in_two_splits_and_no_speaker_unless_it_is_said(
    rows: list[tuple[int, int, float | None]], seed: int
) -> None:
    made = [
        Entry(f"{n}.wav", f"Sentence {sentence}!", "", f"s{speaker}" * bool(speaker), "", "new", s)
        for n, (speaker, sentence, s) in enumerate(rows)
    ]
    if len({entry.transcription for entry in made}) < len(SPLITS):
        with pytest.raises(OptionsError, match="different sentences"):
            split(made, seed=seed)
        return
    proposal = split(made, seed=seed)
    kinds = {leak.kind for leak in proposal.leaks_after}
    assert kinds <= ({"speaker"} if proposal.note else set())
    assert all(size.n_clips for size in proposal.sizes)


def test_shares_are_hours_and_each_split_gets_its_own() -> None:
    chance = random.Random(1)
    made = [
        replace(entry, duration_s=chance.uniform(1, 20)) for entry in clips(2000, n_speakers=200)
    ]
    proposal = split(made, shares=(70, 10, 20), seed=3)
    after = [entry for _, entry in proposal.edits]
    assert hours(after) == pytest.approx([0.7, 0.1, 0.2], abs=0.02)
    assert [size.n_speakers for size in proposal.sizes] == [
        len({entry.speaker for entry in after if entry.split == name}) for name in SPLITS
    ]
    assert proposal.leaks_after == ()
    assert proposal.note == ""


def test_the_same_seed_gives_the_same_whatever_the_order_of_the_table() -> None:
    made = clips(300, n_speakers=30)
    shuffled = random.Random(0).sample(made, len(made))
    first, again, other = split(made, seed=7), split(shuffled, seed=7), split(made, seed=8)
    assert sorted(after.file_name + after.split for _, after in first.edits) == sorted(
        after.file_name + after.split for _, after in again.edits
    )
    assert first.edits != other.edits


def test_one_speaker_cannot_be_kept_apart_and_that_is_said() -> None:
    proposal = split(clips(30, n_speakers=1))
    assert proposal.note.startswith("One speaker has all of the speech")
    assert [size.n_clips for size in proposal.sizes] == [24, 3, 3]
    assert [leak.kind for leak in proposal.leaks_after] == ["speaker"]


def test_sentences_that_all_speakers_read_are_kept_apart() -> None:
    made = [
        Entry(f"{speaker}-{n}.wav", f"Fjalia {n}", "", f"s{speaker}", duration_s=2.0)
        for speaker in range(7)
        for n in range(50)
    ]
    proposal = split(made)
    assert "7 speakers, tied together" in proposal.note
    assert {leak.kind for leak in proposal.leaks_after} == {"speaker"}
    by_speaker = split(made, by=SPEAKER)
    assert by_speaker.note == ""
    assert {leak.kind for leak in by_speaker.leaks_after} == {"sentence"}
    assert split(made, by=SENTENCE).note == ""


def test_unknown_speakers_tie_nothing_together() -> None:
    made = [replace(entry, speaker="") for entry in clips(100, n_speakers=1)]
    proposal = split(made)
    assert proposal.note == ""
    assert [size.n_clips for size in proposal.sizes] == [80, 10, 10]


def test_clips_that_are_left_out_or_have_no_text_are_in_no_split() -> None:
    made = clips(40, n_speakers=10)
    made[0] = replace(made[0], status=EXCLUDED, split="test")
    made[1] = replace(made[1], transcription="", split="train")
    after = [entry for _, entry in split(made).edits]
    assert [entry.split for entry in after[:2]] == ["", ""]
    assert all(entry.split for entry in after[2:])


def test_an_imported_split_can_stay_and_only_the_rest_is_dealt_out() -> None:
    made = clips(100, n_speakers=20)
    made = [
        replace(entry, split="test" if entry.speaker in ("s0", "s1", "s2") else "")
        for entry in made[:60]
    ] + made[60:]
    after = [entry for _, entry in split(made, keep=True).edits]
    assert all(new.split == old.split for old, new in zip(made, after, strict=True) if old.split)
    # Who is in the test already is heard there only.
    assert {entry.split for entry in after if entry.speaker in ("s0", "s1", "s2")} == {"test"}
    assert leaks(after) == []
    assert {entry.split for entry in after} == set(SPLITS)


def test_leaks_name_who_where_and_in_which_clips() -> None:
    made = [
        Entry("a", "Mirë se vini!", "train", "Ana"),
        Entry("b", "mirë, se vini", "test", "Blerta"),
        Entry("c", "Tungjatjeta", "validation", "Ana"),
        Entry("d", "Tungjatjeta", "train", "", status=EXCLUDED),
        Entry("e", "Mirë se vini", "", "Ana"),
    ]
    found = [(one.kind, one.value, one.splits, one.file_names) for one in leaks(made)]
    assert found == [
        ("speaker", "Ana", ("train", "validation"), ("a", "c")),
        ("sentence", "Mirë se vini!", ("train", "test"), ("a", "b")),
    ]


@pytest.mark.parametrize(
    ("one", "other", "are_same"),
    [
        ("Ç’është kjo?", "ç'është KJO", True),
        ("e\u0308shtë", "ështe\u0308", True),
        ("pa", "pá", False),
        ("कि", "का", False),  # the vowels are marks, not letters
        ("?!", "…", True),
    ],
)
def test_sentences_are_the_same_where_they_sound_the_same(
    one: str, other: str, are_same: bool
) -> None:
    assert (sentence_key(one) == sentence_key(other)) == are_same


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"shares": (0, 1, 1)}, "train is 0"),
        ({"shares": (1, 1)}, "three shares"),
        ({"shares": (1, -1, 1)}, "three shares"),
        ({"shares": (1, float("nan"), 1)}, "three shares"),
        ({"by": "hair"}, "“hair”"),
    ],
)
def test_wrong_settings_are_refused(options: dict[str, object], said: str) -> None:
    with pytest.raises(OptionsError, match=said):
        split(clips(10, n_speakers=5), **options)  # type: ignore[arg-type]


def test_too_few_clips_are_refused_unless_fewer_splits_are_asked_for() -> None:
    with pytest.raises(OptionsError, match="No clip has a text"):
        split([Entry("a")])
    two = clips(2, n_speakers=2)
    with pytest.raises(OptionsError, match="2 different sentences"):
        split(two)
    assert [size.n_clips for size in split(two, shares=(1, 0, 1)).sizes] == [1, 0, 1]


def test_a_split_is_one_action_that_can_be_undone(workspace: Workspace) -> None:
    made, _ = dataset.add(
        workspace, "a", [(f"{n}.wav", b"%d" % n) for n in range(9)], language="sq"
    )
    texts = [
        (entry, replace(entry, transcription=f"Fjalia {n}", split="test"))
        for n, entry in enumerate(made.entries())
    ]
    made.change(texts, what="corrected")
    action = made.change(split(made.entries()).edits, what="split")
    assert action is not None
    assert {entry.split for entry in made.entries()} == set(SPLITS)
    made.undo(action)
    assert {entry.split for entry in made.entries()} == {"test"}
