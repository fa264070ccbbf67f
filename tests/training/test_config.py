"""Training settings from files and from the command line; all mistakes are reported at once."""

import subprocess
import sys

import pytest

from lab.core.errors import OptionsError
from lab.training.advice import learning_rate, warnings
from lab.training.config import DEFAULTS, SOURCE_LAB, Architecture, Augmentation, Config


def test_settings_survive_yaml() -> None:
    config = DEFAULTS.with_overrides(
        [
            "learning_rate=1e-5",
            "patience=null",
            "augmentation.noise_probability=0.3",
            "architecture.layers=2",
        ]
    )
    assert Config.from_yaml(config.to_yaml()) == config
    assert (config.learning_rate, config.patience, config.augmentation.noise_probability) == (
        1e-5,
        None,
        0.3,
    )
    assert config.architecture == Architecture(layers=2)
    assert Config.from_yaml("epochs: 2\nlearning_rate: 3e-6") == DEFAULTS.with_overrides(
        ["epochs=2", "learning_rate=3e-6"]
    )


def test_a_name_that_looks_like_a_number_remains_text() -> None:
    assert DEFAULTS.with_overrides(["dataset=2024", "model=1e5"]).model == "1e5"


def test_earlier_names_are_read_from_files_and_from_the_command_line() -> None:
    changed = DEFAULTS.with_overrides(
        [
            *("accumulate=4", "clip_norm=2", "full_share=0.3", "max_samples=16000", "nodes=2"),
            *("timestamp_share=0", "train_share=0.7", "trains=lora", "validation_clips=5"),
            *("warmup_share=0.2", "augmentation.gain_db=3", "augmentation.noise=0.5"),
            *("augmentation.noise_snr_db=10", "augmentation.speed=0.1"),
        ]
    )
    assert changed == Config(
        gradient_accumulation_steps=4,
        max_grad_norm=2.0,
        long_form_ratio=0.3,
        max_audio_samples=16_000,
        num_nodes=2,
        timestamp_ratio=0.0,
        train_ratio=0.7,
        trainable="lora",
        max_validation_clips=5,
        warmup_ratio=0.2,
        augmentation=Augmentation(
            max_gain_db=3.0, noise_probability=0.5, min_snr_db=10.0, max_speed_change=0.1
        ),
    )
    text = "accumulate: 4\narchitecture: {width: 96}\naugmentation: {speed: 0.1}\n"
    read = Config.from_yaml(text)
    assert read.gradient_accumulation_steps == 4
    assert read.architecture == Architecture(hidden_size=96)
    assert read.augmentation == Augmentation(max_speed_change=0.1)
    # If a file has both names, the current one counts, in whatever order they come.
    for text in (
        "accumulate: 4\ngradient_accumulation_steps: 2",
        "gradient_accumulation_steps: 2\naccumulate: 4",
    ):
        assert Config.from_yaml(text).gradient_accumulation_steps == 2


def test_all_mistakes_are_reported_at_once() -> None:
    with pytest.raises(OptionsError) as caught:
        DEFAULTS.with_overrides(
            [
                *("epochs=0", "learning_rate=x", "trainable=all", "foo=1", "augmentation.speed=7"),
                *("architecture=3", "nothing", "a.b.c=1", "epochs.x=1"),
            ]
        )
    for wrong in (
        "epochs must be a whole number between 1 and 1000, not 0",
        "learning_rate must be a number between 1e-09 and 1, not 'x'",
        "trainable must be everything or decoder or lora, not 'all'",
        "unknown: 'foo' (known: dataset,",
        "augmentation: max_speed_change must be a number between 0 and 0.3, not 7",
        "architecture must be a group of settings, such as {}, not 3",
        "'nothing' is not of the form",
        "'a.b' has no settings of its own",
        "'epochs' has no settings of its own",
    ):
        assert wrong in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "[1]", "{", "epochs: [", "&a [*a]", "model: 3", "augmentation: none", "1: 2"]
)
def test_a_file_without_settings_is_rejected(text: str) -> None:
    with pytest.raises(OptionsError):
        Config.from_yaml(text)


def test_contradicting_settings_are_rejected() -> None:
    with pytest.raises(OptionsError, match="must be a multiple of 2 × heads"):
        Architecture(heads=5)
    with pytest.raises(OptionsError, match="trained from scratch"):
        DEFAULTS.with_overrides(["architecture.layers=2", "trainable=lora"])


def test_the_preset_of_the_source_lab_has_its_constants() -> None:
    lab = SOURCE_LAB
    assert (lab.batch_size, lab.train_ratio, lab.max_audio_samples, lab.max_tokens, lab.seed) == (
        *(2, 0.8, 480_000, 120, 3407),
    )


def test_larger_models_get_lower_rates_and_extreme_rates_are_warned_about() -> None:
    widths = (384, 512, 768, 1024, 1280)
    rates = [learning_rate(DEFAULTS, width) for width in widths]
    assert rates == sorted(rates, reverse=True)
    assert learning_rate(DEFAULTS, 512) == 2e-5
    assert warnings(DEFAULTS, 512) == []
    (warning,) = warnings(DEFAULTS.with_overrides(["learning_rate=3e-3"]), 512)
    assert "150 times" in warning
    (warning,) = warnings(DEFAULTS.with_overrides(["learning_rate=1e-7"]), 512)
    assert "barely learn" in warning


def test_reading_runs_does_not_load_torch() -> None:
    code = (
        "import sys, lab.training.config, lab.training.runs, lab.training.metrics, "
        "lab.training.advice, lab.training.estimate, lab.cli; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
