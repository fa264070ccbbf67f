"""The checklist of a set of clips: what is right, what is not, and the mend one click away."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import streamlit as st

from lab import clip_edits
from lab.errors import LabError
from lab.preparations import ClipSpan, Preparation
from lab.quality import Check, verdict
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
    mono = Mend("Set the recipe", _make_mono_16_bit)
    rate = Mend("Set the recipe", partial(switch_on, "resample", sample_rate=sample_rate))
    noise = Mend("Reduce noise in the recipe", partial(switch_on, "reduce_noise"))
    split = Mend("Split in the recipe", partial(switch_on, "split", min_s=1.0, max_s=30.0))
    by_title = {"16-bit mono PCM WAV": [mono], "Little noise": [noise, drop]}
    if check.title in by_title:
        return by_title[check.title]
    if check.title.endswith("samples a second"):
        return [rate]
    if check.title.endswith("seconds each"):
        return [split, drop]
    return [drop] if failing else []


def _drop(preparation: Preparation, clips: set[ClipSpan]) -> None:
    try:
        clip_edits.keep(preparation, clips, kept=False)
    except LabError as error:
        st.toast(words.plain(str(error)), icon=":material/error:")


def _make_mono_16_bit() -> None:
    switch_on("channel")
    switch_on("bit_depth", bits=16)
