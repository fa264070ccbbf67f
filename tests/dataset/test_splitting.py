"""Splitting without leaks."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab import dataset
from lab.core.errors import OptionsError
from lab.core.workspace import Workspace
from lab.dataset import EXCLUDED, SPLITS, DatasetClip
from lab.dataset.splitting import SENTENCE, SPEAKER, find_leaks, sentence_key, split


def clips(n_clips: int, *, n_speakers: int, duration_s: float = 3.0) -> list[DatasetClip]:
    """Clips with different sentences, by alternating speakers."""
    return [
        DatasetClip(
            f"audio/{n:05}.wav", f"Fjalia {n}", "", f"s{n % n_speakers}", duration_s=duration_s
        )
        for n in range(n_clips)
    ]


def hour_ratios(clips: list[DatasetClip]) -> list[float]:
    """The ratio of each split of the total duration in splits."""
    sums = [sum(c.duration_s or 0 for c in clips if c.split == name) for name in SPLITS]
    return [one / sum(sums) for one in sums]


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 19), st.sampled_from([None, 0.5, 2.0, 30.0])),
        min_size=1,
        max_size=60,
    ),
    st.integers(0, 5),
)
def test_no_sentence_is_in_two_splits_and_no_speaker_unless_noted(
    rows: list[tuple[int, int, float | None]], seed: int
) -> None:
    made = [
        DatasetClip(
            f"{n}.wav", f"Sentence {sentence}!", "", f"s{speaker}" * bool(speaker), "", "new", s
        )
        for n, (speaker, sentence, s) in enumerate(rows)
    ]
    if len({clip.transcription for clip in made}) < len(SPLITS):
        with pytest.raises(OptionsError, match="different sentences"):
            split(made, seed=seed)
        return
    proposal = split(made, seed=seed)
    kinds = {leak.kind for leak in proposal.leaks_after}
    assert kinds <= ({"speaker"} if proposal.note else set())
    assert all(size.n_clips for size in proposal.sizes)


def test_ratios_are_of_the_hours() -> None:
    rng = random.Random(1)
    made = [replace(clip, duration_s=rng.uniform(1, 20)) for clip in clips(2000, n_speakers=200)]
    proposal = split(made, ratios=(70, 10, 20), seed=3)
    after = [clip for _, clip in proposal.edits]
    assert hour_ratios(after) == pytest.approx([0.7, 0.1, 0.2], abs=0.02)
    assert [size.n_speakers for size in proposal.sizes] == [
        len({clip.speaker for clip in after if clip.split == name}) for name in SPLITS
    ]
    assert proposal.leaks_after == ()
    assert proposal.note == ""


def test_the_same_seed_gives_the_same_split_in_any_order_of_clips() -> None:
    made = clips(300, n_speakers=30)
    shuffled = random.Random(0).sample(made, len(made))
    first, again, other = split(made, seed=7), split(shuffled, seed=7), split(made, seed=8)
    assert sorted(after.file_name + after.split for _, after in first.edits) == sorted(
        after.file_name + after.split for _, after in again.edits
    )
    assert first.edits != other.edits


def test_a_single_speaker_cannot_be_kept_apart_which_is_noted() -> None:
    proposal = split(clips(30, n_speakers=1))
    assert proposal.note.startswith("One speaker has all of the speech")
    assert [size.n_clips for size in proposal.sizes] == [24, 3, 3]
    assert [leak.kind for leak in proposal.leaks_after] == ["speaker"]


def test_sentences_read_by_all_speakers_are_kept_apart() -> None:
    made = [
        DatasetClip(f"{speaker}-{n}.wav", f"Fjalia {n}", "", f"s{speaker}", duration_s=2.0)
        for speaker in range(7)
        for n in range(50)
    ]
    proposal = split(made)
    assert "7 speakers, connected by" in proposal.note
    assert {leak.kind for leak in proposal.leaks_after} == {"speaker"}
    by_speaker = split(made, group_by=SPEAKER)
    assert by_speaker.note == ""
    assert {leak.kind for leak in by_speaker.leaks_after} == {"sentence"}
    assert split(made, group_by=SENTENCE).note == ""


def test_unknown_speakers_are_not_grouped() -> None:
    made = [replace(clip, speaker="") for clip in clips(100, n_speakers=1)]
    proposal = split(made)
    assert proposal.note == ""
    assert [size.n_clips for size in proposal.sizes] == [80, 10, 10]


def test_excluded_clips_and_clips_without_text_are_in_no_split() -> None:
    made = clips(40, n_speakers=10)
    made[0] = replace(made[0], status=EXCLUDED, split="test")
    made[1] = replace(made[1], transcription="", split="train")
    after = [clip for _, clip in split(made).edits]
    assert [clip.split for clip in after[:2]] == ["", ""]
    assert all(clip.split for clip in after[2:])


def test_existing_splits_can_be_kept_and_only_the_rest_assigned() -> None:
    made = clips(100, n_speakers=20)
    made = [
        replace(clip, split="test" if clip.speaker in ("s0", "s1", "s2") else "")
        for clip in made[:60]
    ] + made[60:]
    after = [clip for _, clip in split(made, keep_existing=True).edits]
    assert all(new.split == old.split for old, new in zip(made, after, strict=True) if old.split)
    # Speakers of the existing test split are in no other split.
    assert {clip.split for clip in after if clip.speaker in ("s0", "s1", "s2")} == {"test"}
    assert find_leaks(after) == []
    assert {clip.split for clip in after} == set(SPLITS)


def test_leaks_name_the_value_the_splits_and_the_clips() -> None:
    made = [
        DatasetClip("a", "Mirë se vini!", "train", "Ana"),
        DatasetClip("b", "mirë, se vini", "test", "Blerta"),
        DatasetClip("c", "Tungjatjeta", "validation", "Ana"),
        DatasetClip("d", "Tungjatjeta", "train", "", status=EXCLUDED),
        DatasetClip("e", "Mirë se vini", "", "Ana"),
    ]
    found = [(one.kind, one.value, one.splits, one.file_names) for one in find_leaks(made)]
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
def test_sentences_that_sound_the_same_have_the_same_key(
    one: str, other: str, are_same: bool
) -> None:
    assert (sentence_key(one) == sentence_key(other)) == are_same


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"ratios": (0, 1, 1)}, "train is 0"),
        ({"ratios": (1, 1)}, "three ratios"),
        ({"ratios": (1, -1, 1)}, "three ratios"),
        ({"ratios": (1, float("nan"), 1)}, "three ratios"),
        ({"group_by": "hair"}, "“hair”"),
    ],
)
def test_invalid_options_are_rejected(options: dict[str, object], message: str) -> None:
    with pytest.raises(OptionsError, match=message):
        split(clips(10, n_speakers=5), **options)  # type: ignore[arg-type]


def test_too_few_clips_are_rejected_unless_fewer_splits_are_wanted() -> None:
    with pytest.raises(OptionsError, match="No clip has a text"):
        split([DatasetClip("a")])
    two = clips(2, n_speakers=2)
    with pytest.raises(OptionsError, match="2 different sentences"):
        split(two)
    assert [size.n_clips for size in split(two, ratios=(1, 0, 1)).sizes] == [1, 0, 1]


def test_a_split_is_one_action_that_can_be_undone(workspace: Workspace) -> None:
    made, _ = dataset.add(
        workspace, "a", [(f"{n}.wav", b"%d" % n) for n in range(9)], language="sq"
    )
    texts = [
        (clip, replace(clip, transcription=f"Fjalia {n}", split="test"))
        for n, clip in enumerate(made.clips())
    ]
    made.change(texts, what="corrected")
    action = made.change(split(made.clips()).edits, what="split")
    assert action is not None
    assert {clip.split for clip in made.clips()} == set(SPLITS)
    made.undo(action)
    assert {clip.split for clip in made.clips()} == {"test"}
