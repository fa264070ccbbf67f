"""The checklist of a set of clips: what is right, what is not, and the mend one click away."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import streamlit as st

from lab.audio.quality import Check, CheckKey, verdict
from lab.core.errors import LabError
from lab.preprocess import clip_edits
from lab.preprocess.preparations import ClipSpan, Preparation
from lab.ui import words
from lab.ui.recipe import switch_on

_RATES = {"Source lab (22,050 Hz)": 22_050, "Whisper (16,000 Hz)": 16_000}


@dataclass(frozen=True)
class Mend:
    """A button beside a check that failed. action: called before the page is drawn again."""

    label: str
    action: Callable[[], None]


def show_checklist(preparation: Preparation) -> dict[ClipSpan, list[str]]:
    """Each check green or red; returns what each kept clip fails."""
    named = dict(preparation.named())
    rates = {whole.sample_rate for whole in preparation.wholes}
    with st.container(border=True, key="checklist"):
        row = st.container(horizontal=True, vertical_alignment="center")
        row.markdown("**Ready to learn from?**", width="stretch")
        wanted = row.selectbox(
            "For",
            list(_RATES),
            index=1 if rates == {16_000} else 0,
            label_visibility="collapsed",
            width=220,
            key="checklist_for",
        )
        checks = verdict(preparation.examined(), sample_rate=_RATES[wanted])
        for number, check in enumerate(checks):
            _line(number, check, _mends(preparation, named, check, _RATES[wanted]))
    failed: dict[ClipSpan, list[str]] = {clip: [] for clip in preparation.clips}
    for check in checks:
        for name in check.failing:
            failed[named[name]].append(check.title)
    return failed


def _line(number: int, check: Check, mends: list[Mend]) -> None:
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    icon = ":green[:material/check_circle:]" if check.passed else ":red[:material/cancel:]"
    sentence = words.plain(check.sentence)
    row.markdown(f"{icon} **{words.plain(check.title)}** :gray[{sentence}]", width="stretch")
    if not check.passed:
        for mend in mends:
            row.button(mend.label, on_click=mend.action, key=f"mend_{number}_{mend.label}")


def _mends(
    preparation: Preparation, named: dict[str, ClipSpan], check: Check, sample_rate: int
) -> list[Mend]:
    failing = {named[name] for name in check.failing}
    drop = Mend("Drop them", partial(_drop, preparation, failing))
    mends: dict[CheckKey, list[Mend]] = {
        "count": [],
        "format": [Mend("Set the recipe", partial(_set, channel={}, bit_depth={"bits": 16}))],
        "length": [
            Mend("Split in the recipe", partial(_set, split={"min_s": 1.0, "max_s": 30.0})),
            drop,
        ],
        "rate": [Mend("Set the recipe", partial(_set, resample={"sample_rate": sample_rate}))],
        "noise": [Mend("Reduce noise in the recipe", partial(_set, reduce_noise={})), drop],
        "distortion": [drop],
    }
    return mends[check.key]


def _set(**steps: dict[str, object]) -> None:
    """Switch steps of the recipe on, with some of their settings."""
    for name, settings in steps.items():
        switch_on(name, **settings)
    st.toast("The recipe is set. Now prepare the recordings again.", icon=":material/receipt_long:")


def _drop(preparation: Preparation, clips: set[ClipSpan]) -> None:
    try:
        clip_edits.keep(preparation, clips, kept=False)
    except LabError as error:
        st.toast(words.plain(str(error)), icon=":material/error:")
