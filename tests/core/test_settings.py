"""Settings: declaration, validation, and files; recipes and training settings test the rest."""

from dataclasses import dataclass
from typing import ClassVar, Literal

import pytest

from lab.core.errors import OptionsError
from lab.core.settings import Settings, SettingsError, setting


@dataclass(frozen=True)
class Inner(Settings):
    stored_as: ClassVar[str] = "config.yaml, augmentation"
    max_speed_change: float = setting(0.0, low=0.0, high=0.5)


@dataclass(frozen=True)
class Outer(Settings):
    name: str = setting("", "Any name.", high=5)
    kind: Literal["a", "b"] = setting("a")
    count: int | None = setting(None, low=1)
    inner: Inner = setting(Inner())
    other: Inner | None = setting(None)


def test_the_schema_lists_type_choices_limits_and_help() -> None:
    fields = Outer.schema()
    assert list(fields) == ["name", "kind", "count", "inner", "other"]
    assert (fields["name"].help_text, fields["name"].high) == ("Any name.", 5)
    assert fields["kind"].choices == ("a", "b")
    assert (fields["count"].type, fields["count"].optional, fields["count"].low) == (int, True, 1)
    assert fields["other"].is_group
    assert fields["other"].optional


@pytest.mark.parametrize("value", [True, 1.0, "1", 0, [1], float("nan"), 10**400])
def test_invalid_values_are_rejected(value: object) -> None:
    with pytest.raises(SettingsError, match="count must be a whole number ≥ 1"):
        Outer(count=value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text", ["inner: null", "inner: 3", "name: too long", "name: 3", "kind: c"]
)
def test_invalid_files_are_rejected(text: str) -> None:
    with pytest.raises(SettingsError, match=f"{text.split(':')[0]} must be"):
        Outer.from_yaml(text)


def test_json_integers_and_earlier_names_are_read() -> None:
    assert Outer.from_yaml('{"name": "x", "inner": {"max_speed_change": 0}}') == Outer(name="x")
    read = Outer.from_yaml("other: {speed: 1e-1}")
    assert read == Outer(other=Inner(max_speed_change=0.1))
    assert isinstance(Outer.from_yaml("inner: {speed: 0}").inner.max_speed_change, float)


def test_overrides_may_use_groups_and_earlier_names() -> None:
    changed = Outer().with_overrides(["name=1", "inner.speed=0.1", "other.max_speed_change=2e-1"])
    assert changed == Outer("1", inner=Inner(0.1), other=Inner(0.2))
    with pytest.raises(OptionsError, match="'name' has no settings of its own"):
        Outer().with_overrides(["name.x=1"])
