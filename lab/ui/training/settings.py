"""The settings of a run: the important ones at once, the others under Advanced."""

from collections.abc import Iterable, Mapping
from functools import partial

import streamlit as st

from lab.asr.checkpoints import hidden_size, list_models
from lab.core.errors import OptionsError
from lab.core.settings import Settings
from lab.core.workspace import Workspace
from lab.training import advice
from lab.training.config import PRESETS, Architecture, Augmentation, Config
from lab.training.device import device_for, precisions
from lab.ui import formatting
from lab.ui.controls import control
from lab.ui.feedback import errors_shown, show_error
from lab.ui.models import choose_model
from lab.ui.settings_file import settings_file
from lab.ui.training.augmentation_preview import show_augmentation
from lab.ui.training.form import (
    MODEL,
    OWN,
    config_of,
    flatten,
    keep,
    key_of,
    label_of,
    recall,
    set_config,
)

ADVANCED = "train_advanced"
_PRESET_LABELS = {"defaults": "Defaults", "source-lab": "Source lab"}
_TRAINABLE = {"everything": "All weights", "decoder": "Decoder only", "lora": "LoRA"}
_ADVANCED: Mapping[str, tuple[str, ...]] = {
    "Optimization": (
        "gradient_accumulation_steps",
        "warmup_ratio",
        "weight_decay",
        "max_grad_norm",
        "label_smoothing",
        "lora_rank",
        "seed",
    ),
    "Data": (
        "long_form_ratio",
        "timestamp_ratio",
        "max_audio_samples",
        "max_tokens",
        "train_ratio",
    ),
    "Validation": ("validate_every_steps", "patience", "max_validation_clips", "health"),
    "Hardware and checkpoints": (
        "precision",
        "accelerator",
        "devices",
        "num_nodes",
        "strategy",
        "save_every_s",
        "save_every_steps",
    ),
}
# What an empty number field means.
_IF_EMPTY = {"validate_every_steps": "epoch", "patience": "off", "save_every_steps": "off"}
_WIDTH = 140


def choose_config(workspace: Workspace, dataset_name: str) -> Config | None:
    """Let the person choose the settings of a run; None while they are invalid."""
    recall()
    presets = st.container(horizontal=True, gap="xsmall", key="train_presets")
    st.markdown("**Model**")
    if not st.session_state[key_of(OWN)]:
        choose_model(workspace, key=key_of(MODEL), label="Base model")
    is_own = st.toggle(
        "Custom architecture, trained from scratch",
        key=key_of(OWN),
        persist_state="session",
        help="To see how a network learns. Without many hundreds of hours of speech, it stays far "
        "behind a model that has been pretrained.",
    )
    if is_own:
        _controls(Architecture, Architecture.schema(), "architecture.")
    st.markdown("**Training**")
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        _control(Config, "epochs")
        _control(Config, "batch_size")
        _learning_rate(workspace, is_own=is_own)
        if not is_own:
            st.selectbox(
                label_of("trainable"),
                list(_TRAINABLE),
                format_func=_TRAINABLE.__getitem__,
                key=key_of("trainable"),
                help=Config.schema()["trainable"].help_text,
                persist_state="session",
                width=_WIDTH,
            )
    problem_slot = st.container()
    with st.expander("Augmentation", icon=":material/blur_on:", on_change="rerun") as expander:
        if expander.open:
            _augmentation(workspace, dataset_name)
    # Only when open: the precisions available are found by torch, which takes long to load.
    with st.expander(
        "Advanced", icon=":material/tune:", key=ADVANCED, on_change="rerun"
    ) as expander:
        if expander.open:
            for title, names in _ADVANCED.items():
                st.markdown(f"**{title}**")
                _controls(Config, names)
    keep()
    try:
        config = config_of(dataset_name)
    except OptionsError as error:
        with problem_slot:
            show_error(error)
        config = None
    with presets:
        _presets(config)
        settings_file(
            Config,
            config,
            file_name="config.yaml",
            about="Save these settings, or load the settings of another run.",
            on_load=partial(_use_config, workspace),
        )
    if config and (size := _hidden_size(workspace, config)):
        for warning in advice.warnings(config, size):
            problem_slot.warning(formatting.escape(warning), icon=":material/warning:")
    return config


def _controls(kind: type[Settings], names: Iterable[str], prefix: str = "") -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        for name in names:
            _control(kind, name, prefix)


def _control(kind: type[Settings], name: str, prefix: str = "") -> None:
    control(
        kind,
        name,
        key=key_of(prefix + name),
        label=label_of(name),
        choices=precisions() if name == "precision" else (),
        placeholder=_IF_EMPTY.get(name, ""),
        width=_WIDTH,
    )


def _learning_rate(workspace: Workspace, *, is_own: bool) -> None:
    # Only what the recommendation depends on: the other settings may be invalid.
    if is_own:
        size: int | None = st.session_state[key_of("architecture.hidden_size")]
        config = Config(architecture=Architecture())
    else:
        size = hidden_size(st.session_state[key_of(MODEL)], models_dir=workspace.models_dir)
        config = Config(trainable=st.session_state[key_of("trainable")])
    st.number_input(
        label_of("learning_rate"),
        min_value=1e-9,
        max_value=1.0,
        step=1e-6,
        format="%.2e",
        placeholder=f"{advice.recommended_learning_rate(config, size):g}" if size else "by model",
        key=key_of("learning_rate"),
        help=Config.schema()["learning_rate"].help_text,
        persist_state="session",
        width=_WIDTH,
    )


def _hidden_size(workspace: Workspace, config: Config) -> int | None:
    if config.architecture:
        return config.architecture.hidden_size
    return hidden_size(config.model, models_dir=workspace.models_dir)


def _augmentation(workspace: Workspace, dataset_name: str) -> None:
    prefix, names = "augmentation.", list(Augmentation.schema())
    _controls(Augmentation, names, prefix)
    values = {name: st.session_state[key_of(prefix + name)] for name in names}
    with errors_shown():
        show_augmentation(workspace, dataset_name, Augmentation(**values))


def _presets(config: Config | None) -> None:
    for name, preset in PRESETS.items():
        is_active = config is not None and flatten(config) == flatten(preset)
        st.button(
            _PRESET_LABELS.get(name, name),
            type="primary" if is_active else "secondary",
            on_click=set_config,
            args=(preset,),
            key=f"train_preset_{name}",
        )


def _use_config(workspace: Workspace, config: Config) -> None:
    """Set the widgets to an uploaded config; raises OptionsError if it cannot be used here."""
    models = [info.name for info in list_models(workspace.models_dir)]
    if config.model not in models:
        raise OptionsError(
            f"The settings use the model “{config.model[:40]}”, which does not exist here. "
            f"Choose one of: {', '.join(models)}."
        )
    device_for(config)
    set_config(config)
