"""Recipes survive YAML, and all mistakes in a file are reported at once."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.core.errors import OptionsError
from lab.preprocess.recipe import (
    AS_IS,
    PRESETS,
    BitDepth,
    HighPass,
    Level,
    Recipe,
    ReduceNoise,
    RemoveDCOffset,
    RemoveHum,
    Resample,
    Split,
)

# Each line is ten times as long as the one before, once written out: a billion items.
BILLION_LAUGHS = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n"
    for before, name in pairwise("abcdefghijkl")
)


@pytest.mark.parametrize("name", PRESETS)
def test_each_preset_survives_yaml(name: str) -> None:
    assert Recipe.from_yaml(PRESETS[name].to_yaml()) == PRESETS[name]


@settings(deadline=None, max_examples=60)
@given(
    st.builds(
        Recipe,
        resample=st.none() | st.builds(Resample, st.integers(4_000, 192_000)),
        high_pass=st.none() | st.builds(HighPass, st.floats(10, 500)),
        remove_hum=st.none() | st.builds(RemoveHum, st.sampled_from([50, 60]), st.integers(1, 20)),
        level=st.none()
        | st.builds(Level, st.sampled_from(["peak", "loudness"]), st.floats(-60, 0)),
        bit_depth=st.none() | st.builds(BitDepth, st.sampled_from([16, 24])),
    )
)
def test_each_recipe_survives_yaml(recipe: Recipe) -> None:
    assert Recipe.from_yaml(recipe.to_yaml()) == recipe


def test_a_step_without_settings_has_the_defaults() -> None:
    assert Recipe.from_yaml("split: {}\nlevel: null") == Recipe(split=Split())


def test_all_problems_are_reported_at_once() -> None:
    with pytest.raises(OptionsError) as caught:
        Recipe.from_yaml(
            "resample: {sample_rate: 1}\n"
            "splitt: {}\n"
            "high_pass: {cutoff_hz: high}\n"
            "remove_hum: {mains_hz: 55, loud: yes}\n"
            "channel: {number: true}\n"
            "level: 3\n"
            "reduce_noise: {noise_start_s: 2.0, noise_end_s: 1.0}\n"
            "split: {max_s: 1}\n"
        )
    for part in (
        "unknown: 'splitt' (known: channel,",
        "resample: sample_rate must be a whole number between 4000 and 192000, not 1",
        "high_pass: cutoff_hz must be a number between 10 and 500, not 'high'",
        "remove_hum: mains_hz must be 50 or 60, not 55",
        "remove_hum: unknown: 'loud'",
        "channel: number must be a whole number between 1 and 64, not True",
        "level must be a group of settings, such as {}, not 3",
        "reduce_noise: noise_end_s must be at least 0.25 s after noise_start_s",
        "split: max_s is 1, but without both margins",
    ):
        assert part in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "- a\n- b",
        "just words",
        "a: [unclosed",
        "? [a]\n: b",
        "a: &a [*a]",
        "high_pass: {cutoff_hz: .nan}",
        "high_pass: {cutoff_hz: .inf}",
        "{[1]: 2}",
        "resample: !!python/object/apply:os.system ['true']",
        "[" * 2_000,
        "split: {1: 2, null: 3}",
        "level: {target_db: 1e400}",
        f"reduce_noise: {{noise_start_s: 0, noise_end_s: {'9' * 400}}}",
        f"split: {{max_s: {'9' * 5_000}}}",
        f"{'x' * 100_000}: 1",
        BILLION_LAUGHS + "level: *l\n",
        BILLION_LAUGHS + "level: {target_db: *l}\n",
        "level: {target_db: 2026-01-01}",
    ],
)
def test_an_invalid_recipe_is_an_options_error(text: str) -> None:
    with pytest.raises(OptionsError) as caught:
        Recipe.from_yaml(text)
    assert len(str(caught.value)) < 1_000


@pytest.mark.parametrize(
    ("step", "settings"),
    [
        (Resample, {"sample_rate": 16_000.0}),
        (Split, {"min_s": 20.0, "max_s": 30.0}),
        (ReduceNoise, {"noise_start_s": 1.0}),
        (ReduceNoise, {"kind": "changing", "noise_start_s": 1.0, "noise_end_s": 2.0}),
        (BitDepth, {"bits": 16.0}),
    ],
)
def test_a_step_rejects_invalid_settings(step: type, settings: dict[str, object]) -> None:
    with pytest.raises(OptionsError, match="Invalid settings"):
        step(**settings)


def test_each_step_and_setting_has_a_help_text_and_a_valid_default() -> None:
    for step in Recipe.schema().values():
        step.type()
        for info in (step, *step.type.schema().values()):
            assert info.help_text.endswith(".")


def test_a_recipe_of_an_earlier_version_is_read() -> None:
    text = "resample: {sample_rate: 22050}\nremove_offset: {}\ntrim: null"
    assert Recipe.from_yaml(text) == Recipe(
        resample=Resample(22_050), remove_dc_offset=RemoveDCOffset()
    )


def test_the_unchanged_preset_has_no_steps() -> None:
    assert AS_IS.steps() == []
    assert PRESETS["whisper"].steps()[1] == Resample(16_000)
