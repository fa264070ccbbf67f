"""Quality checklist of prepared clips: what passes, what fails, and one-click fixes."""

from collections.abc import Callable
from functools import partial

import streamlit as st

from lab.audio.quality import QualityCheck, QualityCheckKey, check_quality
from lab.preprocess import clip_edits
from lab.preprocess.preparations import ClipSpan, Preparation
from lab.ui import formatting
from lab.ui.feedback import attempt
from lab.ui.recipe import switch_on

_RATES = {"Source lab (22,050 Hz)": 22_050, "Whisper (16,000 Hz)": 16_000}

# Actions by the label of their buttons.
Fixes = dict[str, Callable[[], None]]


def show_checklist(preparation: Preparation) -> dict[ClipSpan, list[str]]:
    """Show which checks pass; returns the titles of the checks that each clip fails."""
    named = dict(preparation.named_clips())
    rates = {recording.sample_rate for recording in preparation.recordings}
    with st.container(border=True, key="checklist"):
        row = st.container(horizontal=True, vertical_alignment="center")
        row.markdown("**Ready for training?**", width="stretch")
        target = row.selectbox(
            "Target",
            list(_RATES),
            index=1 if rates == {16_000} else 0,
            label_visibility="collapsed",
            width=220,
            key="checklist_target",
        )
        checks = check_quality(preparation.measured_clips(), sample_rate=_RATES[target])
        for number, check in enumerate(checks):
            _show_check(number, check, _fixes(preparation, named, check, _RATES[target]))
    failed: dict[ClipSpan, list[str]] = {clip: [] for clip in preparation.clips}
    for check in checks:
        for name in check.failing:
            failed[named[name]].append(check.title)
    return failed


def _show_check(number: int, check: QualityCheck, fixes: Fixes) -> None:
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    icon = ":green[:material/check_circle:]" if check.passed else ":red[:material/cancel:]"
    sentence = formatting.escape(check.sentence)
    row.markdown(f"{icon} **{formatting.escape(check.title)}** :gray[{sentence}]", width="stretch")
    if not check.passed:
        for label, fix in fixes.items():
            row.button(label, on_click=fix, key=f"fix_{number}_{label}")


def _fixes(
    preparation: Preparation, named: dict[str, ClipSpan], check: QualityCheck, sample_rate: int
) -> Fixes:
    failing = {named[name] for name in check.failing}
    drop: Fixes = {
        "Drop clips": partial(attempt, clip_edits.set_kept, preparation, failing, kept=False)
    }
    fixes: dict[QualityCheckKey, Fixes] = {
        "count": {},
        "format": {"Convert": partial(_enable, channel={}, bit_depth={"bits": 16})},
        "length": {
            "Split at pauses": partial(_enable, split={"min_s": 1.0, "max_s": 30.0}),
            **drop,
        },
        "rate": {"Resample": partial(_enable, resample={"sample_rate": sample_rate})},
        "noise": {"Reduce noise": partial(_enable, reduce_noise={}), **drop},
        "distortion": drop,
    }
    return fixes[check.key]


def _enable(**steps: dict[str, object]) -> None:
    """Enable steps of the recipe with some of their settings."""
    for name, settings in steps.items():
        switch_on(name, **settings)
    st.toast("Recipe updated. Prepare the recordings again.", icon=":material/receipt_long:")
