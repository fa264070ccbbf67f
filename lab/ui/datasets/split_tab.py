"""Split: assign clips to train, validation and test without leaks."""

from collections import Counter
from collections.abc import Sequence

import streamlit as st

from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.dataset import Dataset, DatasetClip
from lab.dataset.splitting import (
    DEFAULT_RATIOS,
    GROUP_BY,
    SplitLeak,
    SplitProposal,
    SplitSize,
    split,
    split_sizes,
)
from lab.ui import formatting
from lab.ui.controls import choose_view
from lab.ui.datasets.bulk_edit import change_clips, show_undo
from lab.ui.datasets.shared import DATASET_HASH, load_clips
from lab.ui.tables import show_table

_WHAT = "split"
_MAX_LEAKS = 200
_GROUP_NAMES = dict(zip(GROUP_BY, ("Speakers and sentences", "Speakers", "Sentences"), strict=True))
_REASSIGN, _KEEP = "Reassign all clips", "Assign only clips without a split"


def show_split(workspace: Workspace, dataset: Dataset) -> None:  # noqa: ARG001 - as all tabs
    """Let the person split the dataset; raises LabError if it cannot be read."""
    st.markdown(
        "A model is trained on **train**; **validation** picks the best checkpoint; **test** is "
        "scored once, at the end. Test scores are only meaningful if neither the speakers nor the "
        "sentences occur in the other splits."
    )
    clips = load_clips(dataset)
    show_undo(dataset, _WHAT)
    ratios, seed, group_by = _choose_options()
    keep_existing = _choose_scope(dataset, clips)
    try:
        proposal = _propose(dataset, ratios, seed, group_by, keep_existing)
    except LabError as error:
        st.warning(formatting.escape(str(error)), icon=":material/info:")
        return
    _show_sizes(split_sizes(clips), proposal)
    if proposal.note:
        st.warning(proposal.note, icon=":material/info:")
    n_changed = proposal.n_changed
    _show_leaks("Current split", proposal.leaks_before)
    if n_changed:
        _show_leaks("Proposed split", proposal.leaks_after)
    st.button(
        f"Split {formatting.count(n_changed, 'clip')}" if n_changed else "Already split this way",
        type="primary",
        icon=":material/call_split:",
        disabled=not n_changed,
        on_click=change_clips,
        args=(dataset, proposal.edits, _WHAT),
    )


def _choose_options() -> tuple[tuple[float, ...], int, str]:
    """Ask for the ratios, the seed and what to group by, as `split` takes them."""
    row = st.columns([1, 1, 1, 1, 2])
    ratios = tuple(
        column.number_input(
            f"{name} (%)",
            min_percent,
            100,
            round(ratio * 100),
            key=f"split_{name}",
            persist_state="session",
        )
        for column, name, min_percent, ratio in zip(
            row[:3], ("Train", "Validation", "Test"), (1, 0, 0), DEFAULT_RATIOS, strict=True
        )
    )
    seed = row[3].number_input(
        "Seed",
        0,
        999_999,
        0,
        key="split_seed",
        persist_state="session",
        help="The same seed always gives the same split; change it for another random split.",
    )
    group_by = row[4].selectbox(
        "Keep together",
        GROUP_BY,
        format_func=_GROUP_NAMES.__getitem__,
        key="split_group_by",
        persist_state="session",
        help="All clips of a speaker, or with the same sentence, are assigned to the same split.",
    )
    return ratios, int(seed), str(group_by)


def _choose_scope(dataset: Dataset, clips: Sequence[DatasetClip]) -> bool:
    """Ask whether clips stay in their split; by default if there are splits already."""
    scope = choose_view(
        "Clips to assign",
        [_REASSIGN, _KEEP],
        key=f"split_scope_{dataset.name}",
        initial=int(any(clip.split for clip in clips)),
        persist_state="session",
        help="Keep the splits of a published corpus, so that your scores are comparable.",
    )
    return scope == _KEEP


def _show_sizes(current: Sequence[SplitSize], proposal: SplitProposal) -> None:
    total_s = sum(size.duration_s for size in proposal.sizes)
    sizes = proposal.sizes
    show_table(
        {
            "Split": [size.split for size in sizes],
            "Current clips": [size.n_clips for size in current],
            "Proposed clips": [size.n_clips for size in sizes],
            "Duration": [formatting.duration(size.duration_s) for size in sizes],
            "Ratio": [f"{size.duration_s / total_s:.0%}" if total_s else "–" for size in sizes],
            "Speakers": [size.n_speakers for size in sizes],
        }
    )
    n_unassigned = len(proposal.edits) - sum(size.n_clips for size in proposal.sizes)
    if n_unassigned:
        st.caption(
            f"Not assigned: {formatting.count(n_unassigned, 'clip')} excluded or without a text."
        )


def _show_leaks(title: str, leaks: Sequence[SplitLeak]) -> None:
    if not leaks:
        st.markdown(f":green[:material/check:] {title}: no leaks between splits.")
        return
    kinds = Counter(leak.kind for leak in leaks)
    counts = [
        formatting.count(kinds[kind], kind) for kind in ("speaker", "sentence") if kinds[kind]
    ]
    with st.expander(
        f"{title}: {' and '.join(counts)} in more than one split", icon=":material/warning:"
    ):
        shown = leaks[:_MAX_LEAKS]
        show_table(
            {
                "Type": [leak.kind for leak in shown],
                "Value": [leak.value for leak in shown],
                "Splits": [", ".join(leak.splits) for leak in shown],
                "Clips": [len(leak.file_names) for leak in shown],
            }
        )
        if len(leaks) > len(shown):
            st.caption(f"Showing the first {_MAX_LEAKS}.")


@st.cache_resource(max_entries=4, show_spinner="Splitting …", hash_funcs=DATASET_HASH)
def _propose(
    dataset: Dataset, ratios: tuple[float, ...], seed: int, group_by: str, keep_existing: bool
) -> SplitProposal:
    clips = load_clips(dataset)
    return split(clips, ratios=ratios, seed=seed, group_by=group_by, keep_existing=keep_existing)
