"""The settings of a run: what matters at once, the rest under Advanced, each with its line."""

from collections.abc import Mapping
from dataclasses import fields

import streamlit as st

from lab.asr.checkpoints import hidden_size, list_models
from lab.core.errors import LabError, OptionsError
from lab.core.settings import Settings
from lab.core.workspace import Workspace
from lab.training import advice
from lab.training.config import PRESETS, Architecture, Augmentation, Config
from lab.training.device import device_for, precisions
from lab.ui import formatting
from lab.ui.controls import control
from lab.ui.downloads import download_button
from lab.ui.models import choose_model
from lab.ui.training.augmenting import show_augmentation
from lab.ui.training.form import (
    MODEL,
    OWN,
    config_of,
    flatten,
    keep,
    key_of,
    recall,
    set_config,
)

_TITLES = {"defaults": "Defaults", "source-lab": "Source lab"}
_TRAINS = {"everything": "Everything", "decoder": "Decoder only", "lora": "LoRA"}
_ADVANCED: Mapping[str, tuple[str, ...]] = {
    "Learning": (
        *(
            "gradient_accumulation_steps",
            "warmup_ratio",
            "weight_decay",
            "max_grad_norm",
            "label_smoothing",
        ),
        *("lora_rank", "seed"),
    ),
    "Clips": (
        "long_form_ratio",
        "timestamp_ratio",
        "max_audio_samples",
        "max_tokens",
        "train_ratio",
    ),
    "Validation": ("validate_every_steps", "patience", "max_validation_clips", "health"),
    "Machine": (
        *("precision", "accelerator", "devices", "num_nodes", "strategy"),
        *("save_every_s", "save_every_steps"),
    ),
}
ADVANCED = "train_advanced"
_WORDS = {"s": "(s)", "db": "(dB)", "mels": "(mels)", "snr": "SNR", "lora": "LoRA"}
# What a number means that is not given.
_EMPTY = {"validate_every_steps": "an epoch", "patience": "never", "save_every_steps": "by time"}
_WIDTH = 140


def choose_config(workspace: Workspace, dataset_name: str) -> Config | None:
    """Let the person set a run up; None while the settings contradict each other."""
    recall()
    presets = st.container(horizontal=True, gap="xsmall", key="train_presets")
    st.markdown("**Start from**")
    if not st.session_state[key_of(OWN)]:
        choose_model(workspace, key=key_of(MODEL), label="Model to start from")
    st.toggle(
        "An architecture of my own, trained from nothing",
        key=key_of(OWN),
        persist_state="session",
        help="To see how a network learns. Without many hundred hours of speech it stays far "
        "behind a model that has been trained before.",
    )
    if st.session_state[key_of(OWN)]:
        _row(Architecture, [one.name for one in fields(Architecture)], "architecture.")
    st.markdown("**How it learns**")
    row = st.container(horizontal=True, gap="small", vertical_alignment="bottom")
    with row:
        _setting(Config, "epochs")
        _setting(Config, "batch_size")
        _learning_rate(workspace)
        if not st.session_state[key_of(OWN)]:
            _trains()
    problem_slot = st.container()
    with st.expander("Augmentation", icon=":material/blur_on:", on_change="rerun") as shown:
        if shown.open:
            _augmentation(workspace, dataset_name)
    # Which precisions there are only torch knows, which the page does not wait for otherwise.
    with st.expander(
        "Advanced", icon=":material/tune:", key=ADVANCED, on_change="rerun"
    ) as advanced:
        if advanced.open:
            for title, names in _ADVANCED.items():
                st.markdown(f"**{title}**")
                _row(Config, names)
    keep()
    try:
        config = config_of(dataset_name)
    except OptionsError as error:
        problem_slot.error(formatting.plain(str(error)), icon=":material/error:")
        config = None
    with presets:
        _presets(config)
        _file(workspace, config)
    if config and (width := _width(workspace, config)):
        for sentence in advice.warnings(config, width):
            problem_slot.warning(formatting.plain(sentence), icon=":material/warning:")
    return config


def _row(kind: type[Settings], names: tuple[str, ...] | list[str], prefix: str = "") -> None:
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        for name in names:
            _setting(kind, name, prefix)


def _setting(kind: type[Settings], name: str, prefix: str = "") -> None:
    title = " ".join(_WORDS.get(word, word) for word in name.split("_"))
    control(
        kind,
        name,
        key=key_of(prefix + name),
        label=f"{title[:1].upper()}{title[1:]}",
        choices=precisions() if name == "precision" else (),
        placeholder=_EMPTY.get(name, ""),
        width=_WIDTH,
    )


def _learning_rate(workspace: Workspace) -> None:
    usual = ""
    if st.session_state[key_of(OWN)]:
        width: int | None = st.session_state[key_of("architecture.hidden_size")]
        setting = Config(architecture=Architecture())
    else:
        width = hidden_size(st.session_state[key_of(MODEL)], models_dir=workspace.models_dir)
        setting = Config(trainable=st.session_state[key_of("trainable")])
    if width:
        usual = f"{advice.recommended_learning_rate(setting, width):g}"
    st.number_input(
        "Learning rate",
        min_value=1e-9,
        max_value=1.0,
        step=1e-6,
        format="%.2e",
        placeholder=usual or "by the model",
        key=key_of("learning_rate"),
        help=Config.schema()["learning_rate"].help_text,
        persist_state="session",
        width=_WIDTH,
    )


def _trains() -> None:
    st.selectbox(
        "What is trained",
        list(_TRAINS),
        format_func=_TRAINS.__getitem__,
        key=key_of("trainable"),
        help=Config.schema()["trainable"].help_text,
        persist_state="session",
        width=_WIDTH,
    )


def _width(workspace: Workspace, config: Config) -> int | None:
    if config.architecture:
        return config.architecture.hidden_size
    return hidden_size(config.model, models_dir=workspace.models_dir)


def _augmentation(workspace: Workspace, dataset_name: str) -> None:
    _row(Augmentation, [one.name for one in fields(Augmentation)], "augmentation.")
    prefix = "augmentation."
    values = {one.name: st.session_state[key_of(prefix + one.name)] for one in fields(Augmentation)}
    try:
        show_augmentation(workspace, dataset_name, Augmentation(**values))
    except LabError as error:
        st.error(formatting.plain(str(error)), icon=":material/error:")


def _presets(config: Config | None) -> None:
    for name, preset in PRESETS.items():
        is_this = config is not None and flatten(config) == flatten(preset)
        st.button(
            _TITLES.get(name, name),
            type="primary" if is_this else "secondary",
            on_click=set_config,
            args=(preset,),
            key=f"train_preset_{name}",
        )


def _file(workspace: Workspace, config: Config | None) -> None:
    with st.popover("config.yaml", icon=":material/receipt_long:"):
        st.markdown("Keep these settings, or use those of another run.")
        download_button(
            config.to_yaml() if config else "",
            "config.yaml",
            mime="application/yaml",
            label="Download these settings",
            disabled=config is None,
        )
        st.file_uploader(
            "Use settings",
            type=["yaml", "yml"],
            key="train_file",
            on_change=_load_file,
            args=(workspace,),
        )
        if problem := st.session_state.get("train_file_problem"):
            st.error(formatting.plain(problem), icon=":material/error:")


def _load_file(workspace: Workspace) -> None:
    uploaded = st.session_state["train_file"]
    st.session_state["train_file_problem"] = ""
    if uploaded is None:
        return
    try:
        config = Config.from_yaml(uploaded.getvalue().decode("utf-8", "replace"))
        known = [info.name for info in list_models(workspace.models_dir)]
        if config.model not in known:
            raise OptionsError(
                f"The settings start from the model “{config.model[:40]}”, which is not here. "
                f"There are {', '.join(known)}."
            )
        device_for(config)
    except LabError as error:
        st.session_state["train_file_problem"] = str(error)
    else:
        set_config(config)
