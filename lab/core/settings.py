"""One way to declare, validate and store settings.

A group of settings is a frozen dataclass derived from `Settings`. Its fields, declared with
`setting`, are an `int`, `float`, `str`, a `Literal` or another group, each of them or None.
"""

import math
import reprlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from types import NoneType
from typing import Any, ClassVar, Literal, Self, cast, get_args, get_origin, get_type_hints

from lab.core.errors import OptionsError
from lab.core.renamed_keys import current_name, current_names

_MAX_UNKNOWN = 5  # names listed in an error
_NUMBERS = {int: "a whole number", float: "a number"}

# Keys and values of a hostile file may be huge once they are written out.
_repr = reprlib.Repr()
_repr.maxlevel = 1


class SettingsError(OptionsError):
    """Settings that are invalid or contradict each other; `problems` has a phrase for each."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("Invalid settings: " + "; ".join(problems) + ".")
        self.problems = problems


def setting(
    default: Any, help_text: str = "", *, low: float = -math.inf, high: float = math.inf
) -> Any:
    """Declare a field of a `Settings` dataclass.

    help_text: a sentence for the person who sets it; for a group, its docstring by default
    low, high: lowest and highest value allowed; for text, `high` is its maximum length
    """
    return field(default=default, metadata={"help_text": help_text, "low": low, "high": high})


@dataclass(frozen=True)
class SettingInfo:
    """What a field of a `Settings` dataclass accepts.

    type: int, float, str or a `Settings` class
    choices: the allowed values of a `Literal`; otherwise empty
    optional: whether None is allowed
    """

    type: type[Any]
    choices: tuple[Any, ...]
    optional: bool
    help_text: str
    low: float
    high: float

    @property
    def is_group(self) -> bool:
        return issubclass(self.type, Settings)

    @property
    def is_text(self) -> bool:
        """Whether the value is free text."""
        return self.type is str and not self.choices

    def expected(self, value: object) -> str | None:
        """What `value` must be; None if it is valid."""
        if value is None and self.optional:
            return None
        if self.choices:
            # True equals 1, and 50.0 equals 50: the type has to match too.
            if any(value == choice and type(value) is type(choice) for choice in self.choices):
                return None
            return " or ".join(map(str, self.choices))
        if self.is_group:
            return None if isinstance(value, self.type) else "a group of settings, such as {}"
        if self.is_text:
            fits = isinstance(value, str) and len(value) <= self.high
            return None if fits else f"text of up to {self.high:g} characters"
        allowed = int | float if self.type is float else int
        # Not `isfinite`, which fails for integers too large for a float.
        is_number = isinstance(value, allowed) and not isinstance(value, bool)
        if is_number and self.low <= cast(float, value) <= min(self.high, sys.float_info.max):
            return None
        is_bounded = math.isfinite(self.high)
        span = f"between {self.low:g} and {self.high:g}" if is_bounded else f"≥ {self.low:g}"
        return f"{_NUMBERS[self.type]} {span}"


@dataclass(frozen=True)
class Settings:
    """Base of frozen dataclasses that validate their fields; raises SettingsError.

    stored_as: key of `lab.core.renamed_keys.RENAMED` under which earlier names of fields are listed
    """

    stored_as: ClassVar[str] = ""

    @classmethod
    @cache
    def schema(cls) -> dict[str, SettingInfo]:
        """Return the fields by name."""
        hints, found = get_type_hints(cls), {}
        for declared in fields(cls):
            hint = hints[declared.name]
            choices = get_args(hint) if get_origin(hint) is Literal else ()
            types = [type(choices[0])] if choices else list(get_args(hint) or (hint,))
            kind = next(one for one in types if one is not NoneType)
            info = SettingInfo(kind, choices, NoneType in types, **declared.metadata)
            if info.is_group and not info.help_text:
                info = replace(info, help_text=kind.__doc__ or "")
            found[declared.name] = info
        return found

    def __post_init__(self) -> None:
        if problems := _problems(type(self), vars(self)) or self.contradictions():
            raise SettingsError(problems)

    def contradictions(self) -> list[str]:
        """A phrase for each combination of valid values that makes no sense."""
        return []

    def to_yaml(self) -> str:
        """Return the settings as YAML that a person can edit; `from_yaml` reads it back."""
        import yaml  # type: ignore[import-untyped]

        return str(yaml.safe_dump(asdict(self), sort_keys=False, allow_unicode=True))

    @classmethod
    def from_yaml(cls, text: str) -> Self:
        """Read settings from YAML or JSON; those that are missing have their defaults.

        Raises SettingsError naming every problem, OptionsError for text that is not YAML.
        """
        import yaml

        try:
            content = yaml.safe_load(text)
        except (yaml.YAMLError, ValueError, RecursionError) as error:
            raise OptionsError(f"The settings are not valid YAML: {error}.") from error
        if not isinstance(content, dict):
            raise OptionsError(
                f"The settings must be “name: value” lines ({_names(cls)}). Download a file with "
                "the current settings and edit that."
            )
        return cls._from_mapping(content)

    def with_overrides(self, assignments: Iterable[str]) -> Self:
        """Return a copy changed by assignments such as `epochs=2` or `augmentation.time_masks=2`.

        Raises SettingsError naming every problem.
        """
        import yaml

        content: dict[str, Any] = asdict(self)
        problems = []
        for assignment in assignments:
            path, equals, text = assignment.partition("=")
            group, _, name = path.strip().rpartition(".")
            kind, values = type(self), content
            if group:
                info = kind.schema().get(group)
                if info is None or not info.is_group:
                    problems.append(f"{brief(group)} has no settings of its own")
                    continue
                kind = info.type
                if not isinstance(content[group], dict):
                    content[group] = {}
                values = content[group]
            name = current_name(kind.stored_as, name)
            if not equals or not name:
                problems.append(f"{brief(assignment)} is not of the form “setting=value”")
                continue
            is_text = name in kind.schema() and kind.schema()[name].is_text
            try:
                values[name] = text if is_text else yaml.safe_load(text)
            except (yaml.YAMLError, ValueError, RecursionError):
                problems.append(f"{name} is {brief(text)}, which is not a value")
        try:
            changed = self._from_mapping(content)
        except SettingsError as error:
            problems += error.problems
        if problems:
            raise SettingsError(problems)
        return changed

    @classmethod
    def _from_mapping(cls, content: Mapping[Any, Any]) -> Self:
        values, problems = current_names(cls.stored_as, content), []
        for name, info in cls.schema().items():
            value = values.get(name)
            if info.is_group and isinstance(value, Mapping):
                del values[name]
                try:
                    values[name] = info.type._from_mapping(value)
                except SettingsError as error:
                    problems += [f"{name}: {problem}" for problem in error.problems]
            elif info.type is float and name in values:
                values[name] = _as_float(value)
        if problems := _problems(cls, values) + problems:
            raise SettingsError(problems)
        return cls(**values)


def brief(value: object) -> str:
    """Return the `repr` of a value for a message, shortened if it is long."""
    return _repr.repr(value)


def _problems(kind: type[Settings], values: Mapping[Any, Any]) -> list[str]:
    known = kind.schema()
    unknown = [brief(key) for key in values if key not in known]
    problems = [f"unknown: {', '.join(unknown[:_MAX_UNKNOWN])} ({_names(kind)})"] if unknown else []
    for name, info in known.items():
        if name in values and (expected := info.expected(values[name])):
            problems.append(f"{name} must be {expected}, not {brief(values[name])}")
    return problems


def _names(kind: type[Settings]) -> str:
    return f"known: {', '.join(kind.schema()) or 'none'}"


def _as_float(value: object) -> object:
    """YAML reads 1e-5 as text and 1 as an integer; only 1.0e-5 is a float to it."""
    try:
        return float(value) if type(value) in (str, int) else value  # type: ignore[arg-type]
    except (ValueError, OverflowError):
        return value
