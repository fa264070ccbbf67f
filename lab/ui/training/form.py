"""The settings of a run as the widgets hold them, and as `Config` does."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any, get_args, get_type_hints

import streamlit as st

from lab.training.config import PRESETS, Architecture, Augmentation, Config

OWN, MODEL = "own", "model"
_KEPT = "train_settings"
_AT_FIRST = "defaults"


def set_config(config: Config) -> None:
    """Put settings into the widgets; to be called before they are drawn, as a callback is."""
    for path, value in flat(config).items():
        st.session_state[key_of(path)] = value


def recall() -> None:
    """Give each widget the value that it had, for Streamlit forgets what was not drawn."""
    kept = st.session_state.get(_KEPT) or flat(PRESETS[_AT_FIRST])
    for path, value in kept.items():
        if key_of(path) not in st.session_state:
            st.session_state[key_of(path)] = value


def keep() -> None:
    """Remember what the widgets say, for `recall`."""
    st.session_state[_KEPT] = {path: st.session_state[key_of(path)] for path in flat(Config())}


def config_of(dataset_name: str) -> Config:
    """What the widgets say; raises OptionsError."""

    def of(kind: type, prefix: str = "") -> dict[str, Any]:
        return {name: st.session_state[key_of(prefix + name)] for name, _ in _plain_fields(kind)}

    is_own = st.session_state[key_of(OWN)]
    settings = of(Config) | ({"trains": "everything"} if is_own else {})
    return Config(
        dataset=dataset_name,
        model=Config().model if is_own else st.session_state[key_of(MODEL)],
        architecture=Architecture(**of(Architecture, "architecture.")) if is_own else None,
        augmentation=Augmentation(**of(Augmentation, "augmentation.")),
        **settings,
    )


def flat(config: Config) -> dict[str, Any]:
    """Settings by the paths of their widgets."""
    values: dict[str, Any] = {MODEL: config.model, OWN: config.architecture is not None}
    groups = {
        "": config,
        "architecture.": config.architecture or Architecture(),
        "augmentation.": config.augmentation,
    }
    for prefix, group in groups.items():
        for name, hint in _plain_fields(type(group)):
            value = getattr(group, name)
            if value is not None and float in (hint, *get_args(hint)):
                value = float(value)  # a file may say 1 where the field shows 1.0
            values[prefix + name] = value
    return values


def key_of(path: str) -> str:
    """The key of the widget of a setting; those of groups are “augmentation.noise” and so on."""
    return f"train_{path.replace('.', '_')}"


def lines_of(kind: type) -> dict[str, str]:
    """What the docstring of a dataclass says about each of its fields, a sentence each.

    None, as a file has it, is an empty field here.
    """
    found: dict[str, str] = {}
    known, name = {one.name for one in fields(kind)}, ""
    for line in (kind.__doc__ or "").splitlines():
        begins = re.match(r"\s*(\w+): (.+)", line)
        if begins and begins[1] in known:
            name, said = begins[1], begins[2]
            found[name] = f"{said[:1].upper()}{said[1:]}"
        elif name and line.strip():
            found[name] += f" {line.strip()}"
        else:
            name = ""
    return {name: f"{line.replace('None', 'empty')}." for name, line in found.items()}


def _plain_fields(kind: type) -> Iterator[tuple[str, Any]]:
    """Fields with widgets of their own, and their types."""
    for name, hint in get_type_hints(kind).items():
        is_group = any(is_dataclass(one) for one in (hint, *get_args(hint)))
        if hint is not str and not is_group:
            yield name, hint
