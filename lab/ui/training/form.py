"""The training settings in the widgets, and as a `Config`."""

from collections.abc import Iterator
from typing import Any

import streamlit as st

from lab.core.settings import Settings
from lab.training.config import PRESETS, Architecture, Augmentation, Config

OWN, MODEL = "own", "model"
_SAVED = "train_settings"
_INITIAL = "defaults"
_UNITS = {"s": "(s)", "db": "(dB)", "mels": "(mels)", "snr": "SNR"}
# Where the name of a setting is not its usual name in running text.
_LABELS = {
    "trainable": "Trainable weights",
    "lora_rank": "LoRA rank",
    "max_grad_norm": "Gradient clipping (max norm)",
    "seed": "Random seed",
    "long_form_ratio": "Long-form ratio",
    "max_tokens": "Max text tokens",
    "validate_every_steps": "Validation interval (steps)",
    "patience": "Early stopping patience",
    "health": "Regression check",
    "num_nodes": "Nodes",
    "save_every_s": "Checkpoint interval (s)",
    "save_every_steps": "Checkpoint interval (steps)",
}


def set_config(config: Config) -> None:
    """Set the widgets to a config; call it before they are drawn, for example in a callback."""
    for path, value in flatten(config).items():
        st.session_state[key_of(path)] = value


def recall() -> None:
    """Restore the saved values of widgets, which Streamlit drops while they are not drawn."""
    saved = st.session_state.get(_SAVED) or flatten(PRESETS[_INITIAL])
    for path, value in saved.items():
        if key_of(path) not in st.session_state:
            st.session_state[key_of(path)] = value


def keep() -> None:
    """Save the values of the widgets for `recall`."""
    paths = flatten(Config())
    st.session_state[_SAVED] = {path: st.session_state[key_of(path)] for path in paths}


def config_of(dataset_name: str) -> Config:
    """Return the config that the widgets show; raises OptionsError if it is invalid."""

    def values(kind: type[Settings], prefix: str = "") -> dict[str, Any]:
        return {name: st.session_state[key_of(prefix + name)] for name in _simple_fields(kind)}

    is_own = st.session_state[key_of(OWN)]
    settings = values(Config) | ({"trainable": "everything"} if is_own else {})
    return Config(
        dataset=dataset_name,
        model=Config().model if is_own else st.session_state[key_of(MODEL)],
        architecture=Architecture(**values(Architecture, "architecture.")) if is_own else None,
        augmentation=Augmentation(**values(Augmentation, "augmentation.")),
        **settings,
    )


def flatten(config: Config) -> dict[str, Any]:
    """Return the values of the widgets by path, such as “augmentation.time_masks”."""
    values: dict[str, Any] = {MODEL: config.model, OWN: config.architecture is not None}
    groups: dict[str, Settings] = {
        "": config,
        "architecture.": config.architecture or Architecture(),
        "augmentation.": config.augmentation,
    }
    for prefix, group in groups.items():
        for name in _simple_fields(type(group)):
            values[prefix + name] = getattr(group, name)
    return values


def key_of(path: str) -> str:
    """Return the widget key of a setting, given its path."""
    return f"train_{path.replace('.', '_')}"


def label_of(name: str) -> str:
    """Return the label of a setting, given its name, such as “Warmup ratio”."""
    words = " ".join(_UNITS.get(word, word) for word in name.split("_"))
    return _LABELS.get(name, words[:1].upper() + words[1:])


def _simple_fields(kind: type[Settings]) -> Iterator[str]:
    """Names of the settings that have a widget of their own."""
    for name, info in kind.schema().items():
        if not info.is_text and not info.is_group:
            yield name
