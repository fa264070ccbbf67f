"""Settings of a training: from files, from the command line, with all mistakes at once."""

import subprocess
import sys

import pytest

from lab.core.errors import OptionsError
from lab.training.advice import learning_rate, warnings
from lab.training.config import DEFAULTS, SOURCE_LAB, Architecture, Config


def test_settings_come_back_from_yaml_as_they_were() -> None:
    config = DEFAULTS.with_set(
        ["learning_rate=1e-5", "patience=null", "augmentation.noise=0.3", "architecture.layers=2"]
    )
    assert Config.from_yaml(config.to_yaml()) == config
    assert (config.learning_rate, config.patience, config.augmentation.noise) == (1e-5, None, 0.3)
    assert config.architecture == Architecture(layers=2)
    assert Config.from_yaml("epochs: 2\nlearning_rate: 3e-6") == DEFAULTS.with_set(
        ["epochs=2", "learning_rate=3e-6"]
    )


def test_a_name_that_looks_like_a_number_stays_a_name() -> None:
    assert DEFAULTS.with_set(["dataset=2024", "model=1e5"]).model == "1e5"


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(OptionsError) as caught:
        DEFAULTS.with_set(
            [
                *("epochs=0", "learning_rate=x", "trains=all", "foo=1", "augmentation.noise=7"),
                *("architecture=3", "nothing", "a.b.c=1", "epochs.x=1"),
            ]
        )
    for wrong in (
        "epochs is 0",
        "learning_rate is 'x'",
        "trains is 'all'",
        "'foo' is unknown",
        "augmentation.noise is 7",
        "architecture is 3",
        "'nothing' is no",
        "'a.b.c=1' is no",
        "'epochs' has no settings of its own",
    ):
        assert wrong in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "[1]", "{", "epochs: [", "&a [*a]", "model: 3", "augmentation: none", "1: 2"]
)
def test_a_file_that_holds_no_settings_is_refused(text: str) -> None:
    with pytest.raises(OptionsError):
        Config.from_yaml(text)


def test_what_cannot_go_together_is_refused() -> None:
    with pytest.raises(OptionsError, match="no even multiple of heads"):
        Architecture(heads=5)
    with pytest.raises(OptionsError, match="all new"):
        DEFAULTS.with_set(["architecture.layers=2", "trains=lora"])


def test_the_preset_of_the_source_lab_has_its_constants() -> None:
    lab = SOURCE_LAB
    assert (lab.batch_size, lab.train_share, lab.max_samples, lab.max_tokens, lab.seed) == (
        *(2, 0.8, 480_000, 120, 3407),
    )


def test_larger_models_learn_more_slowly_and_haste_is_warned_of() -> None:
    widths = (384, 512, 768, 1024, 1280)
    rates = [learning_rate(DEFAULTS, width) for width in widths]
    assert rates == sorted(rates, reverse=True)
    assert learning_rate(DEFAULTS, 512) == 2e-5
    assert warnings(DEFAULTS, 512) == []
    (warning,) = warnings(DEFAULTS.with_set(["learning_rate=3e-3"]), 512)
    assert "150 times" in warning
    (warning,) = warnings(DEFAULTS.with_set(["learning_rate=1e-7"]), 512)
    assert "hardly learn" in warning


def test_runs_are_looked_at_without_loading_torch() -> None:
    code = (
        "import sys, lab.training.config, lab.training.runs, lab.training.metrics, "
        "lab.training.advice, lab.training.estimate, lab.cli; assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
