"""Split: which clips are learned from, which choose the checkpoint, which are scored once."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from lab.core.errors import LabError
from lab.core.workspace import Workspace
from lab.dataset import Dataset, Entry
from lab.dataset.splitting import BY, SHARES, Leak, Proposal, SplitSize, sizes, split
from lab.ui import words
from lab.ui.datasets.shared import entries
from lab.ui.datasets.undoing import change_all, show_undo

_WHAT = "split"
_LEAKS_SHOWN = 200
_BY = dict(zip(BY, ("Speakers and sentences", "Speakers", "Sentences"), strict=True))
_ANEW, _REST = "All clips anew", "Only clips in no split yet"


def show_split(workspace: Workspace, dataset: Dataset) -> None:  # noqa: ARG001 - as all rooms
    """Split a dataset without leaks; raises LabError where it cannot be read."""
    st.markdown(
        "A model learns from **train**; **validation** says when to stop; **test** is scored once, "
        "at the end. The score is honest only if the model has heard neither the people nor the "
        "sentences of the test before."
    )
    clips = entries(dataset)
    show_undo(dataset, _WHAT)
    shares, seed, by = _choices()
    keep = _is_kept(dataset, clips)
    try:
        proposal = _proposal(
            dataset.folder, dataset.name, dataset.revision(), shares, seed, by, keep
        )
    except LabError as error:
        st.warning(words.plain(str(error)), icon=":material/info:")
        return
    _sizes(sizes(clips), proposal)
    if proposal.note:
        st.warning(proposal.note, icon=":material/info:")
    _leaks("As it is", proposal.leaks_before)
    if proposal.n_changed:
        _leaks("As proposed", proposal.leaks_after)
    n_changed = proposal.n_changed
    st.button(
        f"Split {words.count(n_changed, 'clip')}" if n_changed else "It is split like this",
        type="primary",
        icon=":material/call_split:",
        disabled=not n_changed,
        on_click=change_all,
        args=(dataset, proposal.edits, _WHAT),
    )


def _choices() -> tuple[tuple[float, ...], int, str]:
    row = st.columns([1, 1, 1, 1, 2])
    shares = tuple(
        float(
            column.number_input(
                f"{name}, %",
                0 if number else 1,
                100,
                round(share * 100),
                key=f"split_{name}",
                persist_state="session",
            )
        )
        for number, (column, name, share) in enumerate(
            zip(row, ("Train", "Validation", "Test"), SHARES, strict=False)
        )
    )
    seed = row[3].number_input(
        "Seed",
        0,
        999_999,
        0,
        key="split_seed",
        persist_state="session",
        help="Another number deals the clips out differently; the same one in the same way.",
    )
    by = row[4].selectbox(
        "Kept apart", BY, format_func=_BY.__getitem__, key="split_by", persist_state="session"
    )
    return shares, int(seed), str(by)


def _is_kept(dataset: Dataset, clips: Sequence[Entry]) -> bool:
    """Whether clips stay in the split that they are in; at first so where there is one."""
    scope = st.segmented_control(
        "What is split",
        [_ANEW, _REST],
        default=_REST if any(clip.split for clip in clips) else _ANEW,
        required=True,
        key=f"split_scope_{dataset.name}",
        persist_state="session",
        label_visibility="collapsed",
        help="A corpus that comes with splits is best left as it is, so that scores can be "
        "compared with those of others.",
    )
    return bool(scope == _REST)


def _sizes(now: Sequence[SplitSize], proposal: Proposal) -> None:
    total = sum(one.duration_s for one in proposal.sizes)
    table = pd.DataFrame(
        {
            "Split": [one.split for one in proposal.sizes],
            "Clips now": [one.n_clips for one in now],
            "Proposed": [one.n_clips for one in proposal.sizes],
            "Length": [words.length(one.duration_s) for one in proposal.sizes],
            "Share": [f"{one.duration_s / total:.0%}" if total else "–" for one in proposal.sizes],
            "Speakers": [one.n_speakers for one in proposal.sizes],
        }
    )
    st.dataframe(table, hide_index=True)
    n_without = len(proposal.edits) - sum(one.n_clips for one in proposal.sizes)
    if n_without:
        st.caption(
            f"{words.count(n_without, 'clip')} without a text, or left out, "
            f"{'is' if n_without == 1 else 'are'} in no split."
        )


def _leaks(title: str, found: Sequence[Leak]) -> None:
    if not found:
        st.markdown(f":green[:material/check:] {title}: nothing is in two splits.")
        return
    n_speakers = sum(leak.kind == "speaker" for leak in found)
    kinds = [
        words.count(count, kind)
        for kind, count in (("speaker", n_speakers), ("sentence", len(found) - n_speakers))
        if count
    ]
    verb = "is" if len(found) == 1 else "are"
    with st.expander(
        f"{title}: {' and '.join(kinds)} {verb} in two splits", icon=":material/warning:"
    ):
        shown = found[:_LEAKS_SHOWN]
        st.dataframe(
            pd.DataFrame(
                {
                    "What": [leak.kind for leak in shown],
                    "Which": [leak.value for leak in shown],
                    "Splits": [", ".join(leak.splits) for leak in shown],
                    "Clips": [len(leak.file_names) for leak in shown],
                }
            ),
            hide_index=True,
        )
        if len(found) > len(shown):
            st.caption(f"The first {_LEAKS_SHOWN} are shown.")


# Nobody changes what it gives.
@st.cache_resource(max_entries=4, show_spinner="Splitting …")
def _proposal(
    folder: Path,
    name: str,
    revision: tuple[int, int, int],  # noqa: ARG001 - a key
    shares: tuple[float, ...],
    seed: int,
    by: str,
    keep: bool,
) -> Proposal:
    return split(entries(Dataset(name, folder)), shares=shares, seed=seed, by=by, keep=keep)
